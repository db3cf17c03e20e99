package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The kinds of values in the two low bits of a variant's first byte.
const (
	variantPrimitive = iota
	variantShortString
	variantObject
	variantArray
)

// The primitives of variants, as the format numbers them.
const (
	variantNull = iota
	variantTrue
	variantFalse
	variantInt8
	variantInt16
	variantInt32
	variantInt64
	variantDouble
	variantDecimal4
	variantDecimal8
	variantDecimal16
	variantDate
	variantTimestamp
	variantTimestampNTZ
	variantFloat
	variantBinary
	variantString
	variantTime
	variantTimestampNanos
	variantTimestampNTZNanos
	variantUUID
)

// variantBytes holds the bytes of each primitive; binaries and strings have their length in front.
var variantBytes = [...]int{variantInt8: 1, variantInt16: 2, variantInt32: 4, variantInt64: 8, variantDouble: 8,
	variantDecimal4: 5, variantDecimal8: 9, variantDecimal16: 17, variantDate: 4, variantTimestamp: 8, variantTimestampNTZ: 8,
	variantFloat: 4, variantBinary: 4, variantString: 4, variantTime: 8, variantTimestampNanos: 8, variantTimestampNTZNanos: 8, variantUUID: 16}

var errVariantShort = errors.New("a variant is cut off")

func unsigned(b []byte, width int) int {
	n := 0
	for i := width - 1; i >= 0; i-- {
		n = n<<8 | int(b[i])
	}
	return n
}

// container is the head of an object or an array.
type container struct {
	count    int
	ids      []byte // objects: of the names
	idWidth  int
	offsets  []byte // of the values, and of the end
	offWidth int
	values   []byte
}

// containerOf reads the head of the object or array at the head of b.
func containerOf(b []byte) (c container, err error) {
	if len(b) == 0 {
		return c, errVariantShort
	}
	head := int(b[0] >> 2)
	c.offWidth = head&3 + 1
	large := head>>2&1 == 1
	if b[0]&3 == variantObject {
		c.idWidth = head>>2&3 + 1
		large = head>>4&1 == 1
	}
	width := 1
	if large {
		width = 4
	}
	if len(b) < 1+width {
		return c, errVariantShort
	}
	c.count = unsigned(b[1:], width)
	rest := b[1+width:]
	if need := int64(c.count)*int64(c.idWidth) + int64(c.count+1)*int64(c.offWidth); need > int64(len(rest)) {
		return c, errVariantShort
	}
	c.ids, rest = rest[:c.count*c.idWidth], rest[c.count*c.idWidth:]
	c.offsets, c.values = rest[:(c.count+1)*c.offWidth], rest[(c.count+1)*c.offWidth:]
	if size := c.offset(c.count); size > len(c.values) {
		return c, errVariantShort
	}
	c.values = c.values[:c.offset(c.count)]
	return c, nil
}

func (c *container) offset(i int) int { return unsigned(c.offsets[i*c.offWidth:], c.offWidth) }
func (c *container) id(i int) int     { return unsigned(c.ids[i*c.idWidth:], c.idWidth) }

// value returns the i-th value. Values need not lie in the order of their names, so its own head says where it ends.
func (c *container) value(i int) ([]byte, error) {
	at := c.offset(i)
	if at > len(c.values) {
		return nil, errVariantShort
	}
	return variantAt(c.values[at:])
}

// variantAt returns the value at the head of b.
func variantAt(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, errVariantShort
	}
	head, size := int(b[0]>>2), 1
	switch b[0] & 3 {
	case variantPrimitive:
		if head >= len(variantBytes) {
			return nil, fmt.Errorf("a variant has a primitive of the unknown type %d", head)
		}
		size += variantBytes[head]
		if head == variantBinary || head == variantString {
			if len(b) < 5 {
				return nil, errVariantShort
			}
			size += unsigned(b[1:], 4)
		}
	case variantShortString:
		size += head
	default:
		c, err := containerOf(b)
		if err != nil {
			return nil, err
		}
		size = containerSize(b, &c)
	}
	if size > len(b) {
		return nil, errVariantShort
	}
	return b[:size], nil
}

// containerSize returns the bytes of a container whose head lies at the head of b.
func containerSize(b []byte, c *container) int {
	width := 1
	if large := b[0] >> 4 & 1; b[0]&3 == variantArray && large == 1 || b[0]&3 == variantObject && b[0]>>6&1 == 1 {
		width = 4
	}
	return 1 + width + len(c.ids) + len(c.offsets) + len(c.values)
}

// widthFor returns the bytes that a number takes.
func widthFor(n int) int {
	switch {
	case n < 1<<8:
		return 1
	case n < 1<<16:
		return 2
	case n < 1<<24:
		return 3
	}
	return 4
}

func appendUnsigned(b []byte, v, width int) []byte {
	for range width {
		b = append(b, byte(v))
		v >>= 8
	}
	return b
}

// metadataNames is the dictionary of names in a variant's metadata.
type metadataNames struct {
	of    []byte
	names []string
	ids   map[string]int
}

// read makes the dictionary that of m. Rows mostly share theirs.
func (d *metadataNames) read(m []byte) error {
	if d.ids != nil && string(d.of) == string(m) {
		return nil
	}
	d.of, d.names, d.ids = append(d.of[:0], m...), d.names[:0], map[string]int{}
	if len(m) < 1 || m[0]&15 != 1 {
		d.ids = nil
		return errors.New("a variant's metadata is not of version 1")
	}
	width := int(m[0]>>6) + 1
	fail := func() error { d.ids = nil; return errors.New("a variant's metadata is cut off") }
	if len(m) < 1+width {
		return fail()
	}
	count, table := unsigned(m[1:], width), m[1+width:]
	if int64(count+1)*int64(width) > int64(len(table)) {
		return fail()
	}
	text := table[(count+1)*width:]
	for i := range count {
		from, to := unsigned(table[i*width:], width), unsigned(table[(i+1)*width:], width)
		if from > to || to > len(text) {
			return fail()
		}
		name := string(text[from:to])
		d.names = append(d.names, name)
		d.ids[name] = i
	}
	return nil
}

func appendPrimitive(b []byte, kind int) []byte { return append(b, byte(kind<<2|variantPrimitive)) }

func appendText(b []byte, text []byte) []byte {
	if len(text) < 64 {
		return append(append(b, byte(len(text)<<2|variantShortString)), text...)
	}
	b = binary.LittleEndian.AppendUint32(appendPrimitive(b, variantString), uint32(len(text)))
	return append(b, text...)
}
