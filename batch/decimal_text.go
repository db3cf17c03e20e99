package batch

import "strconv"

// AppendDecimal appends the plain text of an unscaled value with exactly scale
// digits behind the point: "-0.50".
func AppendDecimal(dst []byte, v Int128, scale int) []byte {
	var digits [40]byte
	n := len(digits)
	a := v.Abs()
	for {
		var part Int128
		a, part = quoRemUnsigned(a, Int128{Lo: 1e18})
		u := part.Lo
		last := a == Int128{}
		for i := 0; i < 18 && (u != 0 || !last); i++ {
			n--
			digits[n] = byte('0' + u%10)
			u /= 10
		}
		if last {
			break
		}
	}
	if v.Hi < 0 {
		dst = append(dst, '-')
	}
	text := digits[n:]
	if len(text) <= scale {
		dst = append(dst, '0')
		if scale > 0 {
			dst = append(dst, '.')
		}
		for i := len(text); i < scale; i++ {
			dst = append(dst, '0')
		}
		return append(dst, text...)
	}
	whole := len(text) - scale
	dst = append(dst, text[:whole]...)
	if scale > 0 {
		dst = append(dst, '.')
		dst = append(dst, text[whole:]...)
	}
	return dst
}

// ParseDecimal reads a number such as "12", "-0.5", ".5", "1e-3" and returns its unscaled value at
// the scale, halves rounded away from zero. It reports false if the text is
// not a number or the value has more digits than precision. It does not trim space.
func ParseDecimal(text []byte, precision, scale int) (Int128, bool) {
	i, negative := 0, false
	if i < len(text) && (text[i] == '-' || text[i] == '+') {
		negative = text[i] == '-'
		i++
	}
	mantissa, point, seen := i, -1, 0
	for ; i < len(text); i++ {
		if text[i] == '.' && point < 0 {
			point = i
			continue
		}
		if text[i] < '0' || text[i] > '9' {
			break
		}
		seen++
	}
	end, exponent := i, 0
	if seen == 0 {
		return Int128{}, false
	}
	if i < len(text) {
		var ok bool
		if exponent, ok = parseExponent(text[i:]); !ok {
			return Int128{}, false
		}
	}
	if point >= 0 {
		exponent -= end - point - 1
	}
	v, ok := shiftDigits(text[mantissa:end], exponent+scale)
	if !ok || !v.FitsPrecision(precision) {
		return Int128{}, false
	}
	if negative {
		v = v.Neg()
	}
	return v, true
}

// parseExponent reads "e-3". What is beyond any decimal is cut, so that sums
// with text lengths cannot overflow.
func parseExponent(text []byte) (int, bool) {
	if len(text) < 2 || text[0] != 'e' && text[0] != 'E' {
		return 0, false
	}
	text = text[1:]
	for i, c := range text {
		if (c < '0' || c > '9') && (i > 0 || len(text) == 1 || c != '-' && c != '+') {
			return 0, false
		}
	}
	e, err := strconv.Atoi(string(text))
	if err != nil { // out of range, since the form is right
		e = 1 << 40
		if text[0] == '-' {
			e = -e
		}
	}
	return min(max(e, -1<<40), 1<<40), true
}

// shiftDigits returns the number made of the digits (points skipped) times
// 10^shift, rounded half up.
func shiftDigits(digits []byte, shift int) (Int128, bool) {
	count := 0
	for _, c := range digits {
		if c != '.' {
			count++
		}
	}
	keep := count + min(shift, 0) // digits in front of the cut
	var v Int128
	small, held, ok := uint64(0), 0, true
	flush := func() {
		v, ok = v.Mul(pow10[held])
		v = v.Add(Int128{Lo: small})
		small, held = 0, 0
	}
	for _, c := range digits {
		if c == '.' {
			continue
		}
		if keep <= 0 {
			flush()
			if ok && keep == 0 && c >= '5' {
				v = v.Add(Int128{Lo: 1})
			}
			return v, ok
		}
		small, held = small*10+uint64(c-'0'), held+1
		if held == 18 {
			if flush(); !ok || !v.FitsPrecision(MaxPrecision) {
				return v, false
			}
		}
		keep--
	}
	flush()
	if !ok || shift <= 0 || v == (Int128{}) {
		return v, ok
	}
	if shift > MaxPrecision {
		return v, false
	}
	return v.Mul(pow10[shift])
}
