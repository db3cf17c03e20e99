package delta

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/delta/log"
)

// ClassProperty is the class of the error of a table property with a value that it cannot have.
const ClassProperty = "DELTA_VIOLATE_TABLE_PROPERTY_VALIDATION_FAILED"

// forever is a retention that ends for no table.
const forever = time.Duration(math.MaxInt64)

// intervalUnits are those of Spark's calendar intervals that are always equally long, in microseconds.
var intervalUnits = map[string]uint64{"week": 7 * 86400e6, "day": 86400e6, "hour": 3600e6, "minute": 60e6, "second": 1e6, "millisecond": 1e3, "microsecond": 1}

// parseInterval reads a length of time as properties of tables have it: a calendar interval of Spark's, such as
// "interval 52 weeks 1 day". Months and years are none, since they are not equally long. One of more than 292 years is forever.
func parseInterval(text string) (time.Duration, error) {
	words := strings.Fields(strings.ToLower(text))
	if len(words) > 0 && words[0] == "interval" {
		words = words[1:]
	}
	if len(words) == 0 {
		return 0, fmt.Errorf("it is no interval")
	}
	var plus, minus uint64
	for len(words) > 0 {
		sign, number := "", words[0]
		if number[0] == '-' || number[0] == '+' {
			if sign, number = number[:1], number[1:]; number == "" && len(words) > 1 { // the sign may stand apart
				words = words[1:]
				number = words[0]
			}
		}
		if len(words) < 2 {
			return 0, fmt.Errorf("there is no unit after %q", words[0])
		}
		n, err := micros(number, words[1])
		if err != nil {
			return 0, err
		}
		into := &plus
		if sign == "-" {
			into = &minus
		}
		if *into += n; *into < n {
			*into = math.MaxUint64
		}
		words = words[2:]
	}
	switch {
	case minus > plus:
		return 0, fmt.Errorf("it is less than nothing")
	case plus-minus > uint64(forever/time.Microsecond):
		return forever, nil
	}
	return time.Duration(plus-minus) * time.Microsecond, nil
}

// micros is so many of a unit. Only seconds may have a fraction, of nine digits at most.
func micros(number, word string) (uint64, error) {
	name := strings.TrimSuffix(word, "s")
	unit, ok := intervalUnits[name]
	switch {
	case name == "month" || name == "year":
		return 0, fmt.Errorf("%ss are not equally long: say it in days or weeks", name)
	case !ok:
		return 0, fmt.Errorf("%q is no unit: want weeks, days, hours, minutes, seconds, milliseconds or microseconds", word)
	}
	whole, part, fraction := strings.Cut(number, ".")
	if !allDigits(whole) || fraction && (name != "second" || len(part) > 9 || !allDigits(part)) {
		return 0, fmt.Errorf("%q is no number of %ss", number, name)
	}
	n, err := strconv.ParseUint(whole, 10, 64)
	if err != nil {
		return math.MaxUint64, nil // too large to be told from forever
	}
	high, low := bits.Mul64(n, unit)
	if high > 0 {
		return math.MaxUint64, nil
	}
	if fraction {
		below, _ := strconv.ParseUint((part + "000000")[:6], 10, 64)
		if low += below; low < below {
			return math.MaxUint64, nil
		}
	}
	return low, nil
}

// allDigits reports whether a text is digits and nothing else.
func allDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// retained returns how long the table keeps something: what the property says, the default where it says nothing, and
// forever where what it says cannot be read, since what is deleted does not come back.
func retained(m *log.Metadata, property string, otherwise time.Duration) time.Duration {
	text, said := m.Configuration[property]
	if !said {
		return otherwise
	}
	d, err := parseInterval(text)
	if err != nil {
		return forever
	}
	return d
}
