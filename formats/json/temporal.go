package json

import (
	"math"
	"math/bits"

	"github.com/deltaic/deltaic/batch"
)

// timestamp appends the time at p: a string in one of the formats, or for a
// timestamp with zone an integer of seconds.
func (d *Decoder) timestamp(f *node, s []byte, p, end int) int {
	if s[p] != '"' {
		return d.epochSeconds(f, s, p, end)
	}
	custom := d.o.Timestamp
	if f.kind == batch.TimestampNTZ {
		custom = d.o.TimestampNTZ
	}
	if custom == nil {
		if v, q := d.fixedTime(f, s, p+1, end); q != 0 {
			pushInt64(f.b, v)
			return q
		}
	}
	text, q := d.text(s, p+1, end)
	if q < 0 {
		return q
	}
	var v int64
	var ok bool
	switch {
	case custom != nil:
		v, ok = custom(text)
	case f.kind == batch.TimestampNTZ:
		v, ok = parseTime(text, nil)
	default:
		v, ok = parseTime(text, &d.zones)
	}
	if !ok {
		return d.misfit(f, reasonType, p)
	}
	pushInt64(f.b, v)
	return q
}

func (d *Decoder) epochSeconds(f *node, s []byte, p, end int) int {
	v, q, why := d.whole(s, p, end)
	if why == reasonNone && f.kind == batch.TimestampNTZ {
		why = reasonType
	}
	if why == reasonNone && (v > math.MaxInt64/batch.MicrosPerSecond || v < math.MinInt64/batch.MicrosPerSecond) {
		why = reasonRange
	}
	if why != reasonNone {
		return d.misfit(f, why, p)
	}
	pushInt64(f.b, v*batch.MicrosPerSecond)
	return q
}

func (d *Decoder) date(f *node, s []byte, p, end int) int {
	if s[p] != '"' {
		return d.misfit(f, reasonType, p)
	}
	text, q := d.text(s, p+1, end)
	if q < 0 {
		return q
	}
	var v int64
	var ok bool
	if d.o.Date != nil {
		v, ok = d.o.Date(text)
	} else {
		v, ok = parseDate(text)
	}
	if !ok || v != int64(int32(v)) {
		return d.misfit(f, reasonType, p)
	}
	pushInt32(f.b, int32(v))
	return q
}

// text returns the text of the string that begins at p, valid until the next
// call, and the position behind the closing quote.
func (d *Decoder) text(s []byte, p, end int) ([]byte, int) {
	q, _ := scan(s, p, end)
	if q < end && s[q] == '"' {
		return s[p:q], q + 1
	}
	d.scratch, q = d.unescape(d.scratch[:0], s, p, end)
	return d.scratch, q
}

// fixedTime reads the layouts that programs write, YYYY-MM-DD, a space or T,
// HH:MM:SS, with up to nine digits of fraction and a Z, whose closing quote is
// in place. The position is 0 if it is anything else.
func (d *Decoder) fixedTime(f *node, s []byte, p, end int) (int64, int) {
	if p+28 > len(s) || p+20 > end {
		return 0, 0
	}
	day, ok := d.zones.day(load(s, p), uint64(s[p+8])|uint64(s[p+9])<<8)
	clock := load(s, p+11)
	const colons = 0x0000FF0000FF0000
	if !ok || s[p+10] != ' ' && s[p+10] != 'T' || clock&colons != 0x00003A00003A0000 {
		return 0, 0
	}
	t := clock&^colons ^ 0x3030003030003030
	if ((t+0x7676767676767676)|t)&highs != 0 {
		return 0, 0
	}
	hour, minute, second := t&0xFF*10+t>>8&0xFF, t>>24&0xFF*10+t>>32&0xFF, t>>48&0xFF*10+t>>56
	if hour > 23 || minute > 59 || second > 59 {
		return 0, 0
	}
	v := day*batch.MicrosPerDay + int64(hour*3600+minute*60+second)*batch.MicrosPerSecond
	q := p + 19
	if s[q] == '.' {
		n, fraction := digits8(load(s, q+1))
		if n == 0 || n > 6 {
			return 0, 0
		}
		v += int64(fraction * pow10[6-n])
		q += 1 + n
	}
	zulu := s[q] == 'Z'
	if zulu {
		q++
	}
	if q >= end || s[q] != '"' || f.kind == batch.TimestampNTZ && zulu {
		return 0, 0
	}
	if f.kind == batch.Timestamp && !zulu {
		v = d.zones.toUTC(v)
	}
	return v, q + 1
}

// parseDate reads Spark's cast formats of a date: [+-]yyyy[y[y[y]]][-m[m][-d[d]]], where
// a complete date may be followed by a space or T and anything.
func parseDate(text []byte) (int64, bool) {
	days, rest, parts := civil(trim(text))
	if parts == 0 || len(rest) > 0 && (parts < 3 || rest[0] != ' ' && rest[0] != 'T') {
		return 0, false
	}
	return days, true
}

// civil reads a date from the beginning of text: the days since 1970, what
// follows, and how many of year, month and day there were, 0 if it is none.
func civil(text []byte) (days int64, rest []byte, parts int) {
	sign := int64(1)
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	year, text, n := upTo(text, 6)
	if n < 4 {
		return 0, text, 0
	}
	month, day, parts := 1, 1, 1
	if len(text) > 0 && text[0] == '-' {
		if month, text, n = upTo(text[1:], 2); n == 0 {
			return 0, text, 0
		}
		parts = 2
		if len(text) > 0 && text[0] == '-' {
			if day, text, n = upTo(text[1:], 2); n == 0 {
				return 0, text, 0
			}
			parts = 3
		}
	}
	if !validDate(sign*int64(year), month, day) {
		return 0, text, 0
	}
	return batch.DaysFromCivil(sign*int64(year), month, day), text, parts
}

func validDate(year int64, month, day int) bool {
	if month < 1 || month > 12 || day < 1 || day > 31 {
		return false
	}
	switch month {
	case 4, 6, 9, 11:
		return day <= 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return day <= 29
		}
		return day <= 28
	}
	return true
}

// upTo reads at most most digits and returns how many there were. More digits
// than that stay in rest.
func upTo(text []byte, most int) (v int, rest []byte, n int) {
	for n < len(text) && n < most && text[n]-'0' <= 9 {
		v = v*10 + int(text[n]-'0')
		n++
	}
	return v, text[n:], n
}

// parseTime reads Spark's cast formats of a timestamp: a date, then optionally
// a space or T and h[h][:m[m][:s[s][.fraction][zone]]]. Digits behind the
// sixth of the fraction are dropped. Without zones a zone is refused.
func parseTime(text []byte, zones *zones) (int64, bool) {
	days, rest, parts := civil(trim(text))
	if parts == 0 {
		return 0, false
	}
	var clock int64
	var zone []byte
	if len(rest) > 0 {
		if parts < 3 || rest[0] != ' ' && rest[0] != 'T' {
			return 0, false
		}
		var ok bool
		if clock, zone, ok = parseClock(rest[1:]); !ok {
			return 0, false
		}
	}
	hi, lo := bits.Mul64(uint64(max(days, -days)), batch.MicrosPerDay)
	if hi != 0 || lo > math.MaxInt64-2*batch.MicrosPerDay {
		return 0, false
	}
	v := days*batch.MicrosPerDay + clock
	if zones == nil {
		return v, len(zone) == 0
	}
	if zone = trim(zone); len(zone) == 0 {
		return zones.toUTC(v), true
	}
	return zones.named(v, zone)
}

// parseClock reads the time of day and returns what follows it.
func parseClock(text []byte) (micros int64, rest []byte, ok bool) {
	hour, text, n := upTo(text, 2)
	if n == 0 || hour > 23 {
		return 0, nil, false
	}
	micros = int64(hour) * 3600 * batch.MicrosPerSecond
	for _, unit := range [2]int64{60 * batch.MicrosPerSecond, batch.MicrosPerSecond} {
		if len(text) == 0 {
			return micros, nil, true
		}
		if text[0] != ':' {
			return 0, nil, false
		}
		v := 0
		if v, text, n = upTo(text[1:], 2); n == 0 || v > 59 {
			return 0, nil, false
		}
		micros += int64(v) * unit
	}
	if len(text) > 0 && text[0] == '.' {
		v := 0
		v, text, n = upTo(text[1:], 6)
		micros += int64(v) * int64(pow10[6-n])
		for len(text) > 0 && text[0]-'0' <= 9 {
			text = text[1:]
		}
	}
	return micros, text, true
}

// trim cuts white space and control characters off both ends, as Spark does.
func trim(text []byte) []byte {
	for len(text) > 0 && text[0] <= ' ' {
		text = text[1:]
	}
	for len(text) > 0 && text[len(text)-1] <= ' ' {
		text = text[:len(text)-1]
	}
	return text
}
