package expr

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	define("format_number", "format_number(x, digits)", "A number with commas between thousands, and so many digits behind the point, halves to the even one.", "format_number(12332.123456, 4)", "12,332.1235", 2, 2, formatNumber)
	define("format_string", "format_string(format, x, ...)", "The arguments by a format of Java's Formatter.", `format_string('Hello World %d %s', 100, 'days')`, "Hello World 100 days", 1, -1, formatString)
	also("format_string", "printf")
}

func formatNumber(b *binder, c *parse.Call, args []*node) (*node, error) {
	x, err := b.number(args[0], c.Args[0])
	if err != nil || interval(args[0].t.Kind) || args[0].t.Kind == batch.String {
		return nil, b.mismatch(c.Args[0], "format_number needs a number, not %s", clip(args[0].t.String()))
	}
	if args[1].t.Kind == batch.String {
		return nil, b.fail(c.Args[1], "NOT_IMPLEMENTED", "format_number takes the number of digits; patterns are not supported")
	}
	d, err := b.implicit(args[1], batch.IntType, c.Args[1])
	if err != nil {
		return nil, err
	}
	kind, scale := x.t.Kind, int(x.t.Scale)
	n := b.callStrict("format_number", batch.StringType, strict(batch.StringType, func(x *rows, i int) {
		digits := int(x.i32(1, i))
		if digits < 0 || digits > 1000 {
			x.b.Null()
			return
		}
		col, at := x.a[0].c, i&x.a[0].mask()
		var v *big.Rat
		switch {
		case kind == batch.Decimal:
			v = new(big.Rat).SetFrac(col.I128[at].Big(), tenTo(scale))
		case kind == batch.Float || kind == batch.Double:
			f := 0.0
			if kind == batch.Float {
				f = float64(col.F32[at])
			} else {
				f = col.F64[at]
			}
			if math.IsNaN(f) || math.IsInf(f, 0) {
				x.b.String(map[bool]string{true: "NaN", false: strings.TrimPrefix(fmt.Sprintf("%c∞", "+-"[int(math.Copysign(0.5, -f)+0.5)]), "+")}[math.IsNaN(f)])
				return
			}
			v, _ = new(big.Rat).SetString(strconv.FormatFloat(f, 'f', -1, 64))
		default:
			v = new(big.Rat).SetInt64(x.whole(0, i))
		}
		x.bytes(commas(x.buf[:0], halfEven(v, digits)))
	}), x, d)
	n.nullable = true
	return b.intern(n, ""), nil
}

// halfEven writes a number with so many digits behind the point, halves to the even one.
func halfEven(v *big.Rat, digits int) string {
	scaled := new(big.Rat).Mul(v, new(big.Rat).SetInt(tenTo(digits)))
	q, r := new(big.Int).QuoRem(scaled.Num(), scaled.Denom(), new(big.Int))
	twice := new(big.Int).Abs(new(big.Int).Lsh(r, 1))
	if c := twice.Cmp(scaled.Denom()); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(int64(v.Sign())))
	}
	s := new(big.Int).Abs(q).String()
	for len(s) <= digits {
		s = "0" + s
	}
	if digits > 0 {
		s = s[:len(s)-digits] + "." + s[len(s)-digits:]
	}
	if v.Sign() < 0 {
		s = "-" + s
	}
	return s
}

// commas puts commas between thousands.
func commas(dst []byte, s string) []byte {
	if strings.HasPrefix(s, "-") {
		dst, s = append(dst, '-'), s[1:]
	}
	whole, rest, point := strings.Cut(s, ".")
	for i := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, whole[i])
	}
	if point {
		dst = append(append(dst, '.'), rest...)
	}
	return dst
}

func formatString(b *binder, c *parse.Call, args []*node) (*node, error) {
	if args[0].t.Kind != batch.String && args[0].t.Kind != batch.Void {
		return nil, b.mismatch(c.Args[0], "the format is a string, not %s", clip(args[0].t.String()))
	}
	if err := b.to(batch.StringType, c, args, 0); err != nil {
		return nil, err
	}
	n := b.call("format_string", batch.StringType, rowsOf(batch.StringType, func(x *rows, i int) {
		if x.a[0].null(i) {
			x.b.Null()
			return
		}
		out, problem := javaFormat(x.buf[:0], string(x.str(0, i)), x, i)
		if problem != "" {
			x.fail(i, "JAVA:IllegalFormatException", problem, x.str(0, i))
			return
		}
		x.bytes(out)
	}), args...)
	n.nullable, n.fails = true, true
	return b.intern(n, ""), nil
}

// javaFormat formats the arguments from 1 on of row i as java.util.Formatter does: s d x X o c b e f g h and %%, n.
func javaFormat(dst []byte, format string, x *rows, i int) (out []byte, problem string) {
	next := 1
	for format != "" {
		at := strings.IndexByte(format, '%')
		if at < 0 {
			return append(dst, format...), ""
		}
		dst, format = append(dst, format[:at]...), format[at+1:]
		end := strings.IndexFunc(format, func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '%' })
		if end < 0 {
			return dst, "a % stands without a conversion"
		}
		spec, verb := format[:end], format[end]
		if len(strings.Trim(spec, "$0+-, #(")) > 5 {
			return dst, "the width %" + clip(spec) + " is too large"
		}
		format = format[end+1:]
		if verb == '%' || verb == 'n' {
			dst = append(dst, map[byte]byte{'%': '%', 'n': '\n'}[verb])
			continue
		}
		k := next
		if n, rest, ok := strings.Cut(spec, "$"); ok {
			if v, err := strconv.Atoi(n); err == nil {
				k, spec = v, rest
			}
		} else {
			next++
		}
		if k < 1 || k >= len(x.a) {
			return dst, "there is no argument for %" + spec + string(verb)
		}
		if dst, problem = javaArgument(dst, spec, verb, x, k, i); problem != "" {
			return dst, problem
		}
	}
	return dst, ""
}

func javaArgument(dst []byte, spec string, verb byte, x *rows, k, i int) ([]byte, string) {
	grouped := strings.Contains(spec, ",")
	spec = strings.ReplaceAll(spec, ",", "")
	width, _, _ := strings.Cut(spec, ".")
	col, at := x.a[k].c, i&x.a[k].mask()
	kind := col.Type.Kind
	text := func(s string) []byte {
		if verb < 'a' {
			s = strings.ToUpper(s)
		}
		return javaText(dst, strings.TrimLeft(spec, "0+ "), s)
	}
	if kind == batch.Void || x.a[k].null(i) {
		if verb|0x20 == 'b' {
			return text("false"), ""
		}
		return text("null"), ""
	}
	bad := fmt.Sprintf("%%%s%c does not go with a value of type %s", spec, verb, col.Type)
	switch verb | 0x20 {
	case 's':
		return text(string(appendValue(nil, col, at, x.r.zone))), ""
	case 'b':
		return text(strconv.FormatBool(kind != batch.Boolean || col.Bool(at))), ""
	case 'c':
		if integral(kind) {
			return text(string(rune(x.whole(k, i)))), ""
		}
	case 'd', 'x', 'o':
		if !integral(kind) {
			return dst, bad
		}
		v := x.whole(k, i)
		if verb == 'd' && grouped {
			return fmt.Appendf(dst, "%"+width+"s", commas(nil, strconv.FormatInt(v, 10))), ""
		}
		if verb != 'd' && v < 0 {
			if kind != batch.BigInt {
				return fmt.Appendf(dst, "%"+spec+string(verb), uint32(v)), ""
			}
			return fmt.Appendf(dst, "%"+spec+string(verb), uint64(v)), ""
		}
		return fmt.Appendf(dst, "%"+spec+string(verb), v), ""
	case 'f', 'e', 'g':
		var f float64
		switch kind {
		case batch.Float, batch.Double:
			f = float(col, at)
		case batch.Decimal:
			f = col.I128[at].Float64(int(col.Type.Scale))
		default:
			return dst, bad
		}
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return text(javaUnbounded(f, spec)), ""
		}
		if verb == 'g' {
			spec, verb = javaGeneral(f, spec)
		}
		if grouped && verb == 'f' {
			precision := 6
			if _, p, ok := strings.Cut(spec, "."); ok {
				precision, _ = strconv.Atoi(p)
			}
			return fmt.Appendf(dst, "%"+width+"s", commas(nil, strconv.FormatFloat(f, 'f', precision, 64))), ""
		}
		return fmt.Appendf(dst, "%"+spec+string(verb), f), ""
	}
	return dst, bad
}
