package json

import (
	"time"

	"github.com/deltaic/deltaic/batch"
)

// maxZones bounds the zone names a decoder remembers.
const maxZones = 1024

// zones turns wall clock times into instants. It remembers the last date, the last offset of the
// session's zone and the zones that records named.
type zones struct {
	session *time.Location

	low, high uint64 // the ten bytes of the last date
	days      int64  // and its days since 1970
	known     bool

	from, to int64 // wall clock seconds [from, to) whose offset is offset
	offset   int64 // seconds east

	byName map[string]*time.Location // nil: there is no such zone
}

// day returns the days since 1970 of the ten bytes YYYY-MM-DD.
func (z *zones) day(low, high uint64) (int64, bool) {
	if z.known && low == z.low && high == z.high {
		return z.days, true
	}
	const dashes = 0xFF0000FF00000000
	t := low&^dashes ^ 0x0030300030303030
	h := high ^ 0x3030
	if low&dashes != 0x2D00002D00000000 || ((t+0x7676767676767676)|t|(h+0x7676)|h)&highs != 0 {
		return 0, false
	}
	year := int64(t&0xFF*1000 + t>>8&0xFF*100 + t>>16&0xFF*10 + t>>24&0xFF)
	month := int(t>>40&0xFF*10 + t>>48&0xFF)
	day := int(h&0xFF*10 + h>>8&0xFF)
	if !validDate(year, month, day) {
		return 0, false
	}
	z.low, z.high, z.days, z.known = low, high, batch.DaysFromCivil(year, month, day), true
	return z.days, true
}

// toUTC returns the instant at which a clock in the session's zone shows
// micros.
func (z *zones) toUTC(micros int64) int64 {
	if z.session == time.UTC {
		return micros
	}
	seconds := micros / batch.MicrosPerSecond
	if micros%batch.MicrosPerSecond < 0 {
		seconds--
	}
	if seconds < z.from || seconds >= z.to {
		z.offset = offsetAt(z.session, seconds)
		// The same offset holds for the quarter of an hour around: zones change at no finer grain since 1972.
		z.from, z.to = seconds, seconds+1
		if seconds > 63072000 {
			z.from = seconds - seconds%900
			z.to = z.from + 900
		}
	}
	return micros - z.offset*batch.MicrosPerSecond
}

// offsetAt returns the offset, seconds east, that a wall clock time has in the
// zone, by Java's rules: the earlier offset where a time comes twice, and
// where it is skipped too, which moves it on by the gap.
func offsetAt(l *time.Location, wall int64) int64 {
	before, after := offset(l, wall-86400), offset(l, wall+86400)
	if before == after || offset(l, wall-before) == before {
		return before
	}
	if offset(l, wall-after) == after {
		return after
	}
	return before
}

func offset(l *time.Location, unix int64) int64 {
	_, o := time.Unix(unix, 0).In(l).Zone()
	return int64(o)
}

// named returns the instant at which a clock in the zone that a record names
// shows micros: Z, UTC, GMT or UT with or without an offset, an offset
// such as +1, +01:00, +0100 or +01:00:00, or the name of a region.
func (z *zones) named(micros int64, zone []byte) (int64, bool) {
	rest := zone
	for _, prefix := range [...]string{"UTC", "GMT", "UT", "Z"} {
		if len(zone) >= len(prefix) && string(zone[:len(prefix)]) == prefix {
			rest = zone[len(prefix):]
			if len(rest) == 0 {
				return micros, true
			}
			break
		}
	}
	if rest[0] == '+' || rest[0] == '-' {
		o, ok := parseOffset(rest)
		if !ok || len(rest) < len(zone) && zone[0] == 'Z' {
			return 0, false
		}
		return micros - o*batch.MicrosPerSecond, true
	}
	l := z.region(zone)
	if l == nil {
		return 0, false
	}
	seconds := micros / batch.MicrosPerSecond
	if micros%batch.MicrosPerSecond < 0 {
		seconds--
	}
	return micros - offsetAt(l, seconds)*batch.MicrosPerSecond, true
}

// region returns the zone of the name, or nil. Names with other characters
// than a zone's are not looked up at all.
func (z *zones) region(name []byte) *time.Location {
	if l, ok := z.byName[string(name)]; ok {
		return l
	}
	if len(name) > 40 || len(z.byName) >= maxZones {
		return nil
	}
	for _, c := range name {
		if c|0x20-'a' > 25 && c-'0' > 9 && c != '/' && c != '_' && c != '-' && c != '+' {
			return nil
		}
	}
	if z.byName == nil {
		z.byName = map[string]*time.Location{}
	}
	l, err := time.LoadLocation(string(name))
	if err != nil || string(name) == "Local" {
		l = nil
	}
	z.byName[string(name)] = l
	return l
}

// parseOffset reads +h, +hh, +hh:mm, +hhmm, +hh:mm:ss or +hhmmss, at most 18 hours.
func parseOffset(text []byte) (int64, bool) {
	negative := text[0] == '-'
	hours, rest, n := upTo(text[1:], 2)
	if n == 0 {
		return 0, false
	}
	total := int64(hours) * 3600
	colon := len(rest) > 0 && rest[0] == ':'
	for _, unit := range [2]int64{60, 1} {
		if len(rest) == 0 {
			break
		}
		if colon {
			if rest[0] != ':' {
				return 0, false
			}
			rest = rest[1:]
		}
		var v int
		if v, rest, n = upTo(rest, 2); n != 2 || v > 59 {
			return 0, false
		}
		total += int64(v) * unit
	}
	if len(rest) > 0 || total > 18*3600 {
		return 0, false
	}
	if negative {
		total = -total
	}
	return total, true
}
