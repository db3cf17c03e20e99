package datetime

import (
	"strings"
	"sync"
	"time"
)

// shortZones are the names of three letters that Java reads.
var shortZones = map[string]string{"ACT": "Australia/Darwin", "AET": "Australia/Sydney", "AGT": "America/Argentina/Buenos_Aires", "ART": "Africa/Cairo", "AST": "America/Anchorage",
	"BET": "America/Sao_Paulo", "BST": "Asia/Dhaka", "CAT": "Africa/Harare", "CNT": "America/St_Johns", "CST": "America/Chicago", "CTT": "Asia/Shanghai", "EAT": "Africa/Addis_Ababa",
	"ECT": "Europe/Paris", "IET": "America/Indiana/Indianapolis", "IST": "Asia/Kolkata", "JST": "Asia/Tokyo", "MIT": "Pacific/Apia", "NET": "Asia/Yerevan", "NST": "Pacific/Auckland",
	"PLT": "Asia/Karachi", "PNT": "America/Phoenix", "PRT": "America/Puerto_Rico", "PST": "America/Los_Angeles", "SST": "Pacific/Guadalcanal", "VST": "Asia/Ho_Chi_Minh",
	"EST": "-05:00", "MST": "-07:00", "HST": "-10:00"}

var regions sync.Map // name to *time.Location: those that exist, which are some hundred

// ZoneNamed returns the zone that a name stands for as in Spark: an offset such as +09:00 or UTC-3, a region such as
// Europe/Paris, or a short name that Java knows.
func ZoneNamed(name string) (*time.Location, bool) {
	if long, ok := shortZones[name]; ok {
		name = long
	}
	switch name {
	case "Z", "UTC", "GMT", "UT", "Etc/UTC", "Etc/GMT":
		return time.UTC, true
	case "", "Local", "local":
		return nil, false
	}
	offset := name
	for _, prefix := range []string{"UTC", "GMT", "UT"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			offset = rest
			break
		}
	}
	if seconds, ok := parseOffset([]byte(offset)); ok {
		return time.FixedZone(name, seconds), true
	}
	if known, ok := regions.Load(name); ok {
		return known.(*time.Location), true
	}
	if len(name) > 64 || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") != "" {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, false
	}
	regions.Store(name, zone)
	return zone, true
}

// AddDays moves an instant by whole days on the wall clock of the zone. Of two instants with the same clock it is the one
// with the offset from which it came.
func AddDays(micros, days int64, zone *time.Location) (int64, bool) {
	if days == 0 {
		return micros, true
	}
	clock := Local(micros, zone)
	moved := clock + days*Day
	if days > 1<<40 || days < -(1<<40) || (moved > clock) != (days > 0) {
		return 0, false
	}
	return InstantNear(moved, clock-micros, zone), true
}

// InstantNear is Instant, with the offset where the wall clock has it.
func InstantNear(clock, offset int64, zone *time.Location) int64 {
	if t := clock - offset; Local(t, zone) == clock {
		return t
	}
	return Instant(clock, zone)
}

// MoveMonths moves an instant by months on the wall clock of the zone.
func MoveMonths(micros, months int64, zone *time.Location) (int64, bool) {
	clock := Local(micros, zone)
	days, ofDay := Split(clock)
	days, ok := AddMonths(days, months)
	if !ok || days > maxDays || days < -maxDays {
		return 0, false
	}
	return InstantNear(int64(days)*Day+ofDay, clock-micros, zone), true
}

// maxDays is how far days may be from 1970 for their microseconds to fit 64 bits.
const maxDays = 106_751_991

// Between returns the whole units of microseconds, or of months, from one wall clock to another, as Java counts them.
func Between(from, to, micros, months int64) int64 {
	if months == 0 {
		return (to - from) / micros
	}
	d1, t1 := Split(from)
	d2, t2 := Split(to)
	if d2 > d1 && t2 < t1 {
		d2--
	} else if d2 < d1 && t2 > t1 {
		d2++
	}
	y1, m1, day1 := Civil(d1)
	y2, m2, day2 := Civil(d2)
	return ((int64(y2-y1)*12+int64(m2-m1))*32 + int64(day2-day1)) / 32 / months
}
