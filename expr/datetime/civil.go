package datetime

import "time"

// Microseconds of the units of time.
const (
	Second = int64(1e6)
	Minute = 60 * Second
	Hour   = 60 * Minute
	Day    = 24 * Hour
)

// Years that dates and timestamps may have; Spark's own text forms end there.
const (
	MinYear = -290000
	MaxYear = 290000
)

// Civil returns the date of a number of days since 1970-01-01, in the
// proleptic Gregorian calendar. Month and day count from 1.
func Civil(days int32) (year, month, day int) {
	// Eras of 400 years that begin on March 1st (H. Hinnant, chrono-compatible
	// low-level date algorithms).
	z := int64(days) + 719468
	era := floorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = int(doy - (153*mp+2)/5 + 1)
	month = int(mp + 3)
	if month > 12 {
		month -= 12
	}
	year = int(yoe + era*400)
	if month <= 2 {
		year++
	}
	return year, month, day
}

// Days returns the days since 1970-01-01 of a date whose month is 1..12 and
// whose day is valid.
func Days(year, month, day int) int32 {
	y, m := int64(year), int64(month)
	if m <= 2 {
		y--
		m += 12
	}
	era := floorDiv(y, 400)
	yoe := y - era*400
	doy := (153*(m-3)+2)/5 + int64(day) - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int32(era*146097 + doe - 719468)
}

// Leap reports whether the year has 366 days.
func Leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// DaysIn returns the number of days of a month.
func DaysIn(year, month int) int {
	switch month {
	case 2:
		if Leap(year) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// maxCivilYear bounds the years of dates: the days since 1970 fit 32 bits.
const maxCivilYear = 5_881_579

// Valid reports whether there is such a date.
func Valid(year, month, day int) bool {
	return year >= -maxCivilYear && year <= maxCivilYear && month >= 1 && month <= 12 && day >= 1 && day <= DaysIn(year, month)
}

// YearDay returns the day of the year, from 1.
func YearDay(year, month, day int) int { return int(Days(year, month, day)-Days(year, 1, 1)) + 1 }

// Weekday returns 1 for Monday to 7 for Sunday.
func Weekday(days int32) int { return int(((int64(days)+3)%7+7)%7) + 1 }

// ISOWeek returns the ISO 8601 week and the year it belongs to.
func ISOWeek(days int32) (year, week int) {
	thursday := days - int32(Weekday(days)) + 4
	year, _, _ = Civil(thursday)
	return year, int(thursday-Days(year, 1, 1))/7 + 1
}

// AddMonths adds months to a date; a day beyond the month's end becomes its last.
func AddMonths(days int32, months int64) (int32, bool) {
	y, m, d := Civil(days)
	total := int64(y)*12 + int64(m-1) + months
	ny, nm := int(floorDiv(total, 12)), int(floorMod(total, 12))+1
	if ny < MinYear*19 || ny > MaxYear*19 {
		return 0, false
	}
	return Days(ny, nm, min(d, DaysIn(ny, nm))), true
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }

// Split returns the day of a wall clock and the microseconds within it.
func Split(micros int64) (days int32, ofDay int64) {
	return int32(floorDiv(micros, Day)), floorMod(micros, Day)
}

// UTC reports whether the zone is UTC, for which no offset need be looked up.
func UTC(zone *time.Location) bool { return zone == nil || zone == time.UTC }

// Local returns the wall clock, as microseconds, of an instant in the zone.
func Local(micros int64, zone *time.Location) int64 {
	if UTC(zone) {
		return micros
	}
	return micros + int64(offsetAt(micros, zone))*Second
}

func offsetAt(micros int64, zone *time.Location) int {
	_, offset := time.Unix(floorDiv(micros, Second), 0).In(zone).Zone()
	return offset
}

// Instant returns the instant of a wall clock in the zone. A clock that the
// change to summer time skips is moved forward by the gap; of two instants
// with the same clock it is the earlier. As in Java.
func Instant(clock int64, zone *time.Location) int64 {
	if UTC(zone) {
		return clock
	}
	before := int64(offsetAt(clock-Day, zone)) * Second
	after := int64(offsetAt(clock+Day, zone)) * Second
	if t := clock - before; int64(offsetAt(t, zone))*Second == before {
		return t
	}
	if t := clock - after; int64(offsetAt(t, zone))*Second == after {
		return t
	}
	return clock - before
}
