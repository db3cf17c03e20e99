package expr

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	define("to_char", "to_char(x, format)", "A number by a format of 0 9 . D , G $ S MI PR; a date or time by Java's letters; bytes as base64, hex or utf-8.",
		"to_char(-12454.8, '99G999D9S')", "12,454.8-", 2, 2, toChar)
	also("to_char", "to_varchar")
	define("to_number", "to_number(s, format)", "The decimal that a text is by a format of 0 9 . D , G $ S MI PR.", "to_number('$78.12', '$99.99')", "78.12", 2, 2, toNumber(false))
	define("try_to_number", "try_to_number(s, format)", "As to_number, null where the text does not fit the format.", "try_to_number('1x', '99')", "NULL", 2, 2, toNumber(true))
}

// numberFormatOf returns the compiled format that the argument is: nil for null.
func (b *binder) numberFormatOf(c *parse.Call, args []*node) (*numberFormat, error) {
	if err := b.to(batch.StringType, c, args, 1); err != nil {
		return nil, err
	}
	if args[1].literal == nil {
		return nil, b.mismatch(c.Args[1], "the format of %s is a constant", strings.ToLower(c.Name))
	}
	text, ok := stringConstant(args[1])
	if !ok {
		return nil, nil
	}
	f, problem := newNumberFormat(text)
	if problem != "" {
		return nil, b.fail(c.Args[1], "INVALID_FORMAT", "%q is no format of numbers: %s", clip(text), problem)
	}
	return f, nil
}

func toChar(b *binder, c *parse.Call, args []*node) (*node, error) {
	switch k := args[0].t.Kind; {
	case instantKind(k):
		return dateFormat(b, c, args)
	case k == batch.Binary:
		return bytesToChar(b, c, args)
	case numeric(k) || k == batch.String || k == batch.Void:
	default:
		return nil, b.mismatch(c.Args[0], "to_char takes a number, a date or time, or bytes, not %s", clip(args[0].t.String()))
	}
	f, err := b.numberFormatOf(c, args)
	if err != nil {
		return nil, err
	}
	t := decimalFor(args[0].t)
	switch t.Kind {
	case batch.Float:
		t = batch.DecimalType(14, 7)
	case batch.Double:
		t = batch.DecimalType(30, 15)
	case batch.String, batch.Void:
		t = batch.DecimalType(38, 18)
	}
	x, err := b.implicit(args[0], t, c.Args[0])
	if err != nil {
		return nil, err
	}
	if f == nil {
		return b.implicit(b.constant(nullColumn(batch.VoidType), "null"), batch.StringType, c)
	}
	n := b.callStrict("to_char", batch.StringType, strict(batch.StringType, func(x *rows, i int) {
		x.bytes(f.write(x.buf[:0], x.a[0].c.I128[i&x.a[0].mask()], int(t.Scale)))
	}), x)
	text, _ := stringConstant(args[1])
	return b.intern(n, text), nil
}

func bytesToChar(b *binder, c *parse.Call, args []*node) (*node, error) {
	format, ok := stringConstant(args[1])
	if !ok {
		return nil, b.fail(c.Args[1], "INVALID_PARAMETER_VALUE", "the format of bytes is a constant: base64, hex or utf-8")
	}
	switch strings.ToLower(strings.TrimSpace(format)) {
	case "base64":
		return functions["base64"].bind(b, c, args[:1])
	case "hex":
		return functions["hex"].bind(b, c, args[:1])
	case "utf-8":
		return functions["decode"].bind(b, c, []*node{args[0], b.stringLiteral("utf-8")})
	}
	return nil, b.fail(c.Args[1], "INVALID_PARAMETER_VALUE", "there is no format %q for bytes; there are base64, hex and utf-8", clip(format))
}

func toNumber(try bool) bindFunction {
	return func(b *binder, c *parse.Call, args []*node) (*node, error) {
		if k := args[0].t.Kind; k != batch.String && k != batch.Void && !flatKind(k) {
			return nil, b.mismatch(c.Args[0], "%s takes a text, not %s", strings.ToLower(c.Name), clip(args[0].t.String()))
		}
		f, err := b.numberFormatOf(c, args)
		if err != nil {
			return nil, err
		}
		if err := b.to(batch.StringType, c, args, 0); err != nil {
			return nil, err
		}
		if f == nil {
			return b.implicit(b.constant(nullColumn(batch.VoidType), "null"), batch.DecimalType(10, 0), c)
		}
		t := batch.DecimalType(uint8(f.whole+f.scale), uint8(f.scale))
		format, _ := stringConstant(args[1])
		n := b.callStrict(strings.ToLower(c.Name), t, strict(t, func(x *rows, i int) {
			v, ok := f.read(x.str(0, i))
			switch {
			case ok:
				x.b.Decimal(v)
			case try:
				x.b.Null()
			default:
				x.fail(i, "INVALID_FORMAT", fmt.Sprintf("%.200q is no number of the format %s. Use try_to_number to get NULL instead.", x.str(0, i), clip(format)), x.str(0, i))
			}
		}), args[0])
		n.nullable, n.fails = true, !try
		return b.intern(n, format), nil
	}
}

// flatKind reports whether values of the kind have texts of their own.
func flatKind(k batch.Kind) bool {
	return !(batch.Type{Kind: k}).Nested() && k != batch.Variant && k != batch.Binary
}
