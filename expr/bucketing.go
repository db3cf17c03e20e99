package expr

import (
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
)

// bucketing cuts time into buckets of so many months, or microseconds, from an origin on. Months and whole days go by the
// wall clock of the zone, so a bucket of a day begins at the same hour on the day that has 23 of them.
type bucketing struct {
	months, micros int64 // one of them is zero
	origin         int64
	zone           *time.Location // nil for times without one
}

// start is when bucket n begins; false if that is out of range.
func (k *bucketing) start(n int64) (int64, bool) {
	if k.months > 0 {
		span := batch.MulInt64(n, k.months)
		months, ok := span.Int64()
		if !ok {
			return 0, false
		}
		return datetime.MoveMonths(k.origin, months, k.zone)
	}
	span, ok := batch.MulInt64(n, k.micros).Int64()
	if !ok {
		return 0, false
	}
	from := k.origin
	if k.micros >= datetime.Day {
		if from, ok = datetime.AddDays(from, span/datetime.Day, k.zone); !ok {
			return 0, false
		}
		span %= datetime.Day
	}
	at := from + span
	return at, (at > from) == (span > 0) || span == 0
}

// of is the start of the bucket that holds t: a guess, and then the neighbours, since clocks change and months differ.
func (k *bucketing) of(t int64) (int64, bool) {
	n, ok := k.guess(t)
	if !ok {
		return 0, false
	}
	at, ok := k.start(n)
	for ok && at > t {
		n--
		at, ok = k.start(n)
	}
	for ok {
		next, fits := k.start(n + 1)
		if !fits || next > t {
			break
		}
		n, at = n+1, next
	}
	return at, ok
}

// guess is the number of the bucket, or one near.
func (k *bucketing) guess(t int64) (int64, bool) {
	size, from, to := k.micros, k.origin, t
	if k.months > 0 {
		size, from, to = k.months, monthOf(k.origin, k.zone), monthOf(t, k.zone)
	}
	apart := to - from
	if (apart > 0) != (to > from) && apart != 0 {
		return 0, false
	}
	n := apart / size
	if apart%size < 0 {
		n--
	}
	return n, true
}

// monthOf numbers the months of the wall clock.
func monthOf(t int64, zone *time.Location) int64 {
	days, _ := datetime.Split(datetime.Local(t, zone))
	y, m, _ := datetime.Civil(days)
	return int64(y)*12 + int64(m)
}
