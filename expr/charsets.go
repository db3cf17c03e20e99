package expr

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// charset turns a text into bytes and back; false: there is no such character in the set, or no such bytes.
type charset struct {
	encode, decode func(dst, s []byte) ([]byte, bool)
}

var charsets = map[string]charset{
	"utf-8":      {asTheyAre, func(dst, s []byte) ([]byte, bool) { return append(dst, s...), utf8.Valid(s) }},
	"utf8":       {asTheyAre, func(dst, s []byte) ([]byte, bool) { return append(dst, s...), utf8.Valid(s) }},
	"us-ascii":   oneByte(0x7f),
	"iso-8859-1": oneByte(0xff),
	"utf-16be":   utf16In(binary.BigEndian, false),
	"utf-16le":   utf16In(binary.LittleEndian, false),
	"utf-16":     utf16In(binary.BigEndian, true),
	"utf-32":     {encode32, decode32},
}

func init() {
	define("encode", "encode(x, charset)", "The bytes of a text in a character set: UTF-8, UTF-16, UTF-16BE, UTF-16LE, UTF-32, US-ASCII or ISO-8859-1.", "string(encode('ab', 'utf-8'))", "ab", 2, 2,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			set, err := b.charset(c, args)
			if err != nil {
				return nil, err
			}
			return recoded(batch.StringType, batch.BinaryType, set.encode)(b, c, args[:1])
		})
	define("decode", "decode(x, charset) or decode(x, search, result, ...[, default])", "The text of bytes in a character set; or the result behind the first value that x equals, nulls too.",
		"string(decode('ab', 'utf-8'))", "ab", 2, -1, func(b *binder, c *parse.Call, args []*node) (*node, error) {
			if len(args) > 2 {
				return b.decodeValues(c, args)
			}
			if args[1].t.Kind == batch.Void {
				return b.implicit(args[1], batch.StringType, c)
			}
			set, err := b.charset(c, args)
			if err != nil {
				return nil, err
			}
			return recoded(batch.BinaryType, batch.StringType, set.decode)(b, c, args[:1])
		})
}

func (b *binder) charset(c *parse.Call, args []*node) (charset, error) {
	name, _ := stringConstant(args[1])
	set, ok := charsets[strings.ToLower(name)]
	if !ok {
		return set, b.fail(c.Args[1], "INVALID_PARAMETER_VALUE.CHARSET", "%s knows the character sets iso-8859-1, us-ascii, utf-16, utf-16be, utf-16le, utf-32 and utf-8, not %q", strings.ToLower(c.Name), clip(name))
	}
	return set, nil
}

// decodeValues binds decode(x, search, result, ..., default).
func (b *binder) decodeValues(c *parse.Call, args []*node) (*node, error) {
	var conditions, values []*node
	k := 1
	for ; k+1 < len(args); k += 2 {
		same, err := b.compare("<=>", args[0], args[k], c)
		if err != nil {
			return nil, err
		}
		conditions, values = append(conditions, same), append(values, args[k+1])
	}
	return b.branches(c, conditions, append(values, args[k:]...))
}

func recoded(from, to batch.Type, f func(dst, s []byte) ([]byte, bool)) func(*binder, *parse.Call, []*node) (*node, error) {
	return func(b *binder, c *parse.Call, args []*node) (*node, error) {
		if err := b.to(from, c, args, 0); err != nil {
			return nil, err
		}
		n := b.callStrict(strings.ToLower(c.Name), to, strict(to, func(x *rows, i int) {
			s, ok := f(x.buf[:0], x.str(0, i))
			if !ok {
				x.fail(i, "MALFORMED_CHARACTER_CODING", "the value does not go with the character set", x.str(0, i))
				return
			}
			x.bytes(s)
		}), args...)
		n.nullable, n.fails = true, true
		return b.intern(n, parse.Render(c.Args[1])), nil
	}
}

func asTheyAre(dst, s []byte) ([]byte, bool) { return append(dst, s...), true }

// oneByte is a set of the characters up to last, one byte each.
func oneByte(last rune) charset {
	return charset{func(dst, s []byte) ([]byte, bool) {
		for _, r := range string(s) {
			if r > last {
				return dst, false
			}
			dst = append(dst, byte(r))
		}
		return dst, true
	}, func(dst, s []byte) ([]byte, bool) {
		for _, c := range s {
			if rune(c) > last {
				return dst, false
			}
			dst = utf8.AppendRune(dst, rune(c))
		}
		return dst, true
	}}
}

// byteOrder is the order of the bytes of a character.
type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// utf16In is UTF-16; marked: a mark stands in front, and says which order the bytes have.
func utf16In(order byteOrder, marked bool) charset {
	return charset{func(dst, s []byte) ([]byte, bool) {
		if marked && len(s) > 0 {
			dst = order.AppendUint16(dst, 0xfeff)
		}
		for _, r := range string(s) {
			if r > 0xffff {
				high, low := utf16.EncodeRune(r)
				dst = order.AppendUint16(order.AppendUint16(dst, uint16(high)), uint16(low))
			} else {
				dst = order.AppendUint16(dst, uint16(r))
			}
		}
		return dst, true
	}, func(dst, s []byte) ([]byte, bool) {
		in := order
		if marked && len(s) >= 2 {
			switch binary.BigEndian.Uint16(s) {
			case 0xfeff:
				s = s[2:]
			case 0xfffe:
				in, s = binary.LittleEndian, s[2:]
			}
		}
		return decode16(dst, s, in)
	}}
}

func decode16(dst, s []byte, order byteOrder) ([]byte, bool) {
	if len(s)%2 != 0 {
		return dst, false
	}
	for ; len(s) > 0; s = s[2:] {
		r := rune(order.Uint16(s))
		if utf16.IsSurrogate(r) {
			if len(s) < 4 {
				return dst, false
			}
			if r = utf16.DecodeRune(r, rune(order.Uint16(s[2:]))); r == utf8.RuneError {
				return dst, false
			}
			s = s[2:]
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst, true
}

func encode32(dst, s []byte) ([]byte, bool) {
	for _, r := range string(s) {
		dst = binary.BigEndian.AppendUint32(dst, uint32(r))
	}
	return dst, true
}

func decode32(dst, s []byte) ([]byte, bool) {
	var order byteOrder = binary.BigEndian
	if len(s) >= 4 {
		switch binary.BigEndian.Uint32(s) {
		case 0xfeff:
			s = s[4:]
		case 0xfffe0000:
			order, s = binary.LittleEndian, s[4:]
		}
	}
	if len(s)%4 != 0 {
		return dst, false
	}
	for ; len(s) > 0; s = s[4:] {
		r := order.Uint32(s)
		if r > utf8.MaxRune || !utf8.ValidRune(rune(r)) {
			return dst, false
		}
		dst = utf8.AppendRune(dst, rune(r))
	}
	return dst, true
}
