package batch

// Microseconds of longer units.
const (
	MicrosPerSecond = 1_000_000
	MicrosPerDay    = 86_400 * MicrosPerSecond
)

// CivilDate returns the proleptic Gregorian date of a day counted from
// 1970-01-01; year 0 is 1 BC.
func CivilDate(days int64) (year int64, month, day int) {
	// Years begin in March here, so that the leap day is the last; eras are 400 years.
	z := days + 719468
	era := floorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	m := (5*doy + 2) / 153
	day = int(doy - (153*m+2)/5 + 1)
	month = int(m + 3)
	if month > 12 {
		month -= 12
	}
	year = yoe + era*400
	if month <= 2 {
		year++
	}
	return year, month, day
}

// DaysFromCivil is the inverse of [CivilDate]. month is 1..12; day may be any
// number and counts on from the first.
func DaysFromCivil(year int64, month, day int) int64 {
	if month <= 2 {
		year--
	}
	era := floorDiv(year, 400)
	yoe := year - era*400
	doy := int64((153*((month+9)%12) + 2) / 5)
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy + int64(day) - 1 - 719468
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// AppendDate appends a date as ISO 8601: four digits of the year, more with a
// sign beyond 9999, "-0001-01-01" before year 0.
func AppendDate(dst []byte, days int64) []byte {
	year, month, day := CivilDate(days)
	switch {
	case year < 0:
		dst, year = append(dst, '-'), -year
	case year > 9999:
		dst = append(dst, '+')
	}
	dst = appendPadded(dst, year, 4)
	dst = append(dst, '-', byte('0'+month/10), byte('0'+month%10))
	return append(dst, '-', byte('0'+day/10), byte('0'+day%10))
}

// AppendTimestamp appends microseconds since 1970 as "2026-01-31T10:20:30.123456",
// with the separator given in place of the T and no zone.
func AppendTimestamp(dst []byte, micros int64, separator byte) []byte {
	days := floorDiv(micros, MicrosPerDay)
	rest := micros - days*MicrosPerDay
	dst = append(AppendDate(dst, days), separator)
	dst = appendClock(dst, rest/MicrosPerSecond)
	return appendPadded(append(dst, '.'), rest%MicrosPerSecond, 6)
}

// appendClock appends a number of seconds as hh:mm:ss.
func appendClock(dst []byte, seconds int64) []byte {
	dst = appendPadded(dst, seconds/3600, 2)
	dst = appendPadded(append(dst, ':'), seconds/60%60, 2)
	return appendPadded(append(dst, ':'), seconds%60, 2)
}

// appendPadded appends v, which is not negative, with at least width digits.
func appendPadded(dst []byte, v int64, width int) []byte {
	var digits [20]byte
	n := len(digits)
	for v > 0 || len(digits)-n < width {
		n--
		digits[n] = byte('0' + v%10)
		v /= 10
	}
	return append(dst, digits[n:]...)
}

// AppendYearMonth appends an interval in Spark's form: INTERVAL '1-2' YEAR TO MONTH.
func AppendYearMonth(dst []byte, months int32) []byte {
	dst = append(dst, "INTERVAL '"...)
	m := int64(months)
	if m < 0 {
		dst, m = append(dst, '-'), -m
	}
	dst = appendPadded(dst, m/12, 1)
	dst = appendPadded(append(dst, '-'), m%12, 1)
	return append(dst, "' YEAR TO MONTH"...)
}

// AppendDayTime appends an interval in Spark's form:
// INTERVAL '1 02:03:04.5' DAY TO SECOND.
func AppendDayTime(dst []byte, micros int64) []byte {
	dst = append(dst, "INTERVAL '"...)
	days, rest := micros/MicrosPerDay, micros%MicrosPerDay
	if micros < 0 {
		dst, days, rest = append(dst, '-'), -days, -rest
	}
	dst = append(appendPadded(dst, days, 1), ' ')
	dst = appendClock(dst, rest/MicrosPerSecond)
	dst = appendFraction(dst, rest%MicrosPerSecond)
	return append(dst, "' DAY TO SECOND"...)
}

// appendFraction appends microseconds as ".5", without trailing zeros; nothing for zero.
func appendFraction(dst []byte, micros int64) []byte {
	if micros == 0 {
		return dst
	}
	dst = appendPadded(append(dst, '.'), micros, 6)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}
