package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// javaText appends a text by a width and a precision; Java counts two characters for each beyond the first 65,536.
func javaText(dst []byte, spec, s string) []byte {
	beyond := 0
	for _, r := range s {
		if r > 0xffff {
			beyond++
		}
	}
	width, precision, cut := strings.Cut(spec, ".")
	if w, err := strconv.Atoi(strings.TrimLeft(width, "-")); err == nil && beyond > 0 && !cut {
		width = width[:len(width)-len(strings.TrimLeft(width, "-"))] + strconv.Itoa(max(w-beyond, 0))
		return fmt.Appendf(dst, "%"+width+"s", s)
	}
	if cut {
		width += "." + precision
	}
	return fmt.Appendf(dst, "%"+width+"s", s)
}

// javaUnbounded is the text of a float that has no digits.
func javaUnbounded(f float64, spec string) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case f < 0:
		return "-Infinity"
	case strings.Contains(spec, "+"):
		return "+Infinity"
	}
	return "Infinity"
}

// javaGeneral returns how Java writes %g of a float: with all of its digits, by a power of ten only below 0.0001 and from 10 to the
// power of the precision on.
func javaGeneral(f float64, spec string) (string, byte) {
	width, text, _ := strings.Cut(spec, ".")
	digits, err := strconv.Atoi(text)
	if err != nil {
		digits = 6
	}
	digits = max(digits, 1)
	_, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', digits-1, 64), "e")
	power, _ := strconv.Atoi(exponent) // digits that FormatFloat wrote
	if f != 0 && (power < -4 || power >= digits) {
		return fmt.Sprintf("%s.%d", width, digits-1), 'e'
	}
	return fmt.Sprintf("%s.%d", width, digits-1-power), 'f'
}
