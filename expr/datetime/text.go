package datetime

import (
	"bytes"
	"time"
)

// number reads up to most digits at the beginning.
func number(s []byte, most int) (v, n int) {
	for n < len(s) && n < most && s[n] >= '0' && s[n] <= '9' {
		v = v*10 + int(s[n]-'0')
		n++
	}
	return v, n
}

// date reads [+-]yyyy[yyy][-[m]m[-[d]d]] and returns what is left.
func date(s []byte) (days int32, rest []byte, full, ok bool) {
	sign := 1
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	year, n := number(s, 7)
	if n < 4 || n > 7 {
		return 0, nil, false, false
	}
	s = s[n:]
	year *= sign
	month, day := 1, 1
	if len(s) > 0 && s[0] == '-' {
		if month, n = number(s[1:], 3); n < 1 || n > 2 {
			return 0, nil, false, false
		}
		s = s[1+n:]
		if len(s) > 0 && s[0] == '-' {
			if day, n = number(s[1:], 3); n < 1 || n > 2 {
				return 0, nil, false, false
			}
			s = s[1+n:]
			full = true
		}
	}
	if !Valid(year, month, day) {
		return 0, nil, false, false
	}
	return Days(year, month, day), s, full, true
}

// ParseDate reads what CAST to date accepts, blanks already trimmed: yyyy,
// yyyy-[m]m, yyyy-[m]m-[d]d, and the last followed by a space or T and anything.
func ParseDate(s []byte) (int32, bool) {
	days, rest, full, ok := date(s)
	if !ok || len(rest) > 0 && !(full && (rest[0] == ' ' || rest[0] == 'T')) {
		return 0, false
	}
	return days, true
}

// ParseTimestamp reads what CAST to timestamp accepts, blanks already trimmed:
// a date, then optionally a space or T, [h]h[:[m]m[:[s]s[.ffffff]]] and a zone. With ntz
// the zone is read and ignored, and the wall clock returned.
func ParseTimestamp(s []byte, zone *time.Location, ntz bool) (int64, bool) {
	if days, rest, full, ok := date(s); ok {
		if len(rest) == 0 {
			return instant(days, 0, zone, ntz)
		}
		if !full || rest[0] != ' ' && rest[0] != 'T' {
			return 0, false
		}
		if len(rest) == 1 {
			return 0, false
		}
		return clock(days, rest[1:], zone, ntz)
	}
	return 0, false
}

func instant(days int32, ofDay int64, zone *time.Location, ntz bool) (int64, bool) {
	t := int64(days)*Day + ofDay
	if days > maxDays || days < -maxDays || t < 0 && days > 0 {
		return 0, false // beyond 64 bits of microseconds
	}
	if !ntz && !UTC(zone) {
		if days > maxDays-2 || days < 2-maxDays { // a day on each side, for offsets
			return 0, false
		}
		t = Instant(t, zone)
	}
	return t, true
}

// clock reads the time of day and the zone behind it.
func clock(days int32, s []byte, zone *time.Location, ntz bool) (int64, bool) {
	var parts [3]int
	var fraction int64
	for i := range parts {
		v, n := number(s, 3)
		if n < 1 || n > 2 {
			return 0, false
		}
		parts[i], s = v, s[n:]
		if i == 2 || len(s) == 0 || s[0] != ':' {
			if i == 0 && (len(s) > 0) {
				return 0, false // an hour alone ends the text
			}
			break
		}
		s = s[1:]
	}
	if parts[0] > 23 || parts[1] > 59 || parts[2] > 59 {
		return 0, false
	}
	if len(s) > 0 && s[0] == '.' {
		var n int
		if fraction, n = micros(s[1:]); n < 0 {
			return 0, false
		}
		s = s[1+n:]
	}
	if s = bytes.TrimSpace(s); len(s) > 0 {
		written, ok := parseZone(s, zone)
		if !ok {
			return 0, false
		}
		zone = written
	}
	return instant(days, int64(parts[0])*Hour+int64(parts[1])*Minute+int64(parts[2])*Second+fraction, zone, ntz)
}

// micros reads the digits of a fraction of a second, at most nine, of which
// six count.
func micros(s []byte) (v int64, n int) {
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		if n < 6 {
			v = v*10 + int64(s[n]-'0')
		}
		n++
	}
	if n > 9 {
		return 0, -1
	}
	for i := n; i < 6; i++ {
		v *= 10
	}
	return v, n
}

// parseZone returns the zone behind a time: an offset, the session's own, or another one by its name.
func parseZone(s []byte, session *time.Location) (*time.Location, bool) {
	if session != nil && string(s) == session.String() {
		return session, true
	}
	if s[0] == 'z' && len(s) == 1 {
		return time.UTC, true
	}
	if s[0] == '+' || s[0] == '-' {
		seconds, ok := parseOffset(s)
		if ok && seconds == 0 {
			return time.UTC, true
		}
		return time.FixedZone("", seconds), ok
	}
	if len(s) > 64 {
		return nil, false
	}
	return ZoneNamed(string(s))
}

// parseOffset reads (+|-)[h]h[[:]mm[[:]ss]], at most 18 hours.
func parseOffset(s []byte) (seconds int, ok bool) {
	if len(s) < 2 || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	sign := 1
	if s[0] == '-' {
		sign = -1
	}
	b := s[1:]
	h, n := number(b, 2)
	if n == 0 {
		return 0, false
	}
	b = b[n:]
	parts := [2]int{}
	for i := range parts {
		if len(b) == 0 {
			break
		}
		if b[0] == ':' {
			b = b[1:]
		}
		v, n := number(b, 2)
		if n != 2 && !(n == 1 && i == 0 && len(b) == 1) {
			return 0, false
		}
		parts[i], b = v, b[n:]
	}
	total := h*3600 + parts[0]*60 + parts[1]
	if len(b) > 0 || total > 18*3600 || parts[0] > 59 || parts[1] > 59 {
		return 0, false
	}
	return sign * total, true
}

// AppendDate appends yyyy-MM-dd.
func AppendDate(dst []byte, days int32) []byte {
	y, m, d := Civil(days)
	dst = appendYear(dst, y)
	dst = append(dst, '-')
	dst = pad(dst, m, 2)
	dst = append(dst, '-')
	return pad(dst, d, 2)
}

func appendYear(dst []byte, y int) []byte {
	if y < 0 {
		return pad(append(dst, '-'), -y, 4)
	}
	if y > 9999 {
		dst = append(dst, '+')
	}
	return pad(dst, y, 4)
}

// pad appends v, not negative, with at least width digits.
func pad(dst []byte, v, width int) []byte {
	var room [20]byte
	i := len(room)
	for v > 0 || width > 0 {
		i--
		room[i] = byte('0' + v%10)
		v /= 10
		width--
	}
	return append(dst, room[i:]...)
}

// AppendTimestamp appends yyyy-MM-dd HH:mm:ss[.ffffff] of a wall clock, see
// [Local], the fraction without trailing zeros.
func AppendTimestamp(dst []byte, clock int64) []byte {
	days, rest := Split(clock)
	dst = append(AppendDate(dst, days), ' ')
	dst = pad(dst, int(rest/Hour), 2)
	dst = append(dst, ':')
	dst = pad(dst, int(rest/Minute%60), 2)
	dst = append(dst, ':')
	dst = pad(dst, int(rest/Second%60), 2)
	if f := rest % Second; f != 0 {
		dst = append(dst, '.')
		dst = pad(dst, int(f), 6)
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
	}
	return dst
}
