package expr

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
	"github.com/deltaic/deltaic/expr/parse"
)

// literal makes a constant of a literal's text.
func (b *binder) literal(l *parse.Literal) (*node, error) {
	t := batch.Type{Kind: l.Kind}
	if l.Kind == batch.Decimal {
		t = decimalOf(l.Text)
	}
	if interval(l.Kind) {
		t = batch.IntervalType(l.Kind, l.From, l.To)
	}
	c := batch.NewBuilder(t, nil)
	ok := true
	switch l.Kind {
	case batch.Void:
		c.Null()
	case batch.Boolean:
		c.Bool(l.Text == "true")
	case batch.TinyInt, batch.SmallInt, batch.Int:
		v, err := strconv.ParseInt(l.Text, 10, 32)
		c.Int32(int32(v))
		ok = err == nil
	case batch.BigInt:
		v, err := strconv.ParseInt(l.Text, 10, 64)
		c.Int64(v)
		ok = err == nil
	case batch.Float:
		v, err := strconv.ParseFloat(l.Text, 32)
		c.Float32(float32(v))
		ok = err == nil
	case batch.Double:
		v, err := strconv.ParseFloat(l.Text, 64)
		c.Float64(v)
		ok = err == nil
	case batch.Decimal:
		var v batch.Int128
		v, ok = batch.ParseDecimal([]byte(l.Text), int(t.Precision), int(t.Scale))
		c.Decimal(v)
	case batch.String, batch.Binary:
		c.String(l.Text)
	case batch.YearMonth:
		c.Int32(l.Months)
	case batch.DayTime:
		c.Int64(l.Micros)
	default:
		ok = b.datetimeLiteral(c, l)
	}
	switch {
	case ok:
	case l.Kind == batch.Decimal:
		return nil, b.fail(l, "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION", "the number %s has more than 38 digits; use a double: %se0", clip(l.Text), clip(l.Text))
	case numeric(l.Kind):
		return nil, b.fail(l, "INVALID_NUMERIC_LITERAL_RANGE", "the number %s does not fit %s", clip(l.Text), t)
	default:
		return nil, b.fail(l, "INVALID_TYPED_LITERAL", "the value %q is none of type %s", clip(l.Text), t)
	}
	n := b.constant(c.Finish(), fmt.Sprintf("%q %d %d", l.Text, l.Months, l.Micros))
	return n, nil
}

func (b *binder) datetimeLiteral(c *batch.Builder, l *parse.Literal) bool {
	if l.Kind == batch.Date {
		days, ok := datetime.ParseDate([]byte(strings.TrimSpace(l.Text)))
		c.Int32(days)
		return ok
	}
	micros, ok := datetime.ParseTimestamp([]byte(strings.TrimSpace(l.Text)), b.o.zone(), l.Kind == batch.TimestampNTZ)
	c.Int64(micros)
	return ok
}

// decimalOf returns the least decimal type that holds the digits.
func decimalOf(text string) batch.Type {
	text = strings.TrimLeft(text, "+-")
	mantissa, exponent, hasExponent := strings.Cut(strings.ToUpper(text), "E")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	whole = strings.TrimLeft(whole, "0")
	scale, digits := len(fraction), len(whole)+len(fraction)
	if whole == "" {
		digits = len(strings.TrimLeft(fraction, "0"))
	}
	if hasExponent {
		e, err := strconv.Atoi(exponent)
		if err != nil || e > 100 || e < -100 {
			return batch.DecimalType(38, 0)
		}
		scale -= e
		if scale < 0 {
			digits, scale = digits-scale, 0
		}
	}
	scale = min(scale, 38)
	return batch.DecimalType(uint8(min(38, max(digits, scale, 1))), uint8(scale))
}
