package json

import "github.com/deltaic/deltaic/batch"

// decimal appends the number at p, or the number in the string at p, where
// commas are passed over as Spark does.
func (d *Decoder) decimal(f *node, s []byte, p, end int) int {
	scale, precision := int(f.typ.Scale), int(f.typ.Precision)
	if s[p] == '"' {
		text, q := d.text(s, p+1, end)
		if q < 0 {
			return q
		}
		if len(text) > d.o.MaxNumber {
			return d.misfit(f, reasonNumberLength, p)
		}
		text = d.withoutCommas(text)
		v, ok := batch.ParseDecimal(text, precision, scale)
		if !ok {
			return d.misfit(f, reasonType, p)
		}
		f.b.Decimal(v)
		return q
	}
	if v, q, ok := shortDecimal(s, p, end, precision, scale); ok {
		f.b.Decimal(batch.Int128From(v))
		return q
	}
	q, ok := number(s, p, end)
	if !ok || q-p > d.o.MaxNumber {
		return d.misfit(f, reasonType, p)
	}
	v, ok := batch.ParseDecimal(s[p:q], precision, scale)
	if !ok {
		return d.misfit(f, reasonRange, p)
	}
	f.b.Decimal(v)
	return q
}

// shortDecimal reads a number without exponent, of at most 18 digits when
// written with scale digits behind the point, and without rounding.
func shortDecimal(s []byte, p, end, precision, scale int) (v int64, q int, ok bool) {
	at := p
	if s[p] == '-' {
		p++
	}
	u, q := digits(s, p, end)
	n, behind := q-p, 0
	if n == 0 || n > 18 || s[p] == '0' && n > 1 {
		return 0, p, false
	}
	if q < end && s[q] == '.' {
		f, r := digits(s, q+1, end)
		if behind = r - q - 1; behind == 0 || behind > scale || n+behind > 18 {
			return 0, p, false
		}
		u, q = u*pow10[behind]+f, r
	}
	if q < end && s[q]|0x20 == 'e' || n+scale > 18 {
		return 0, p, false
	}
	u *= pow10[scale-behind]
	if precision < 19 && u >= pow10[precision] {
		return 0, p, false
	}
	if p != at {
		return -int64(u), q, true
	}
	return int64(u), q, true
}

func (d *Decoder) withoutCommas(text []byte) []byte {
	for i, c := range text {
		if c != ',' {
			continue
		}
		kept := append([]byte(nil), text[:i]...)
		for _, c := range text[i:] {
			if c != ',' {
				kept = append(kept, c)
			}
		}
		return kept
	}
	return text
}
