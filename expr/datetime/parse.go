package datetime

import (
	"strings"
	"time"
)

// fields are what a text said; -1: nothing.
type fields struct {
	year, month, day, yearDay          int
	hour, minute, second, halfHour, pm int
	fraction                           int64
	zone                               *time.Location // that the text names
}

// ParseDate reads a date by the pattern. The whole text must match.
func (p *Pattern) ParseDate(s []byte) (int32, bool) {
	f, ok := p.read(s, nil)
	if !ok {
		return 0, false
	}
	return f.date()
}

// ParseTimestamp reads an instant by the pattern; texts without a zone are in
// the one given. The whole text must match.
func (p *Pattern) ParseTimestamp(s []byte, zone *time.Location) (int64, bool) {
	f, ok := p.read(s, zone)
	if !ok {
		return 0, false
	}
	days, ok := f.date()
	ofDay, timeOK := f.time()
	if !ok || !timeOK {
		return 0, false
	}
	if f.zone != nil {
		zone = f.zone
	}
	return instant(days, ofDay, zone, false)
}

func (f *fields) date() (int32, bool) {
	if f.year == noYear {
		f.year = 1970
	}
	if f.yearDay >= 0 && f.month < 0 {
		limit := 365
		if Leap(f.year) {
			limit = 366
		}
		if f.yearDay < 1 || f.yearDay > limit {
			return 0, false
		}
		return Days(f.year, 1, 1) + int32(f.yearDay) - 1, true
	}
	if f.month < 0 {
		f.month = 1
	}
	if f.day < 0 {
		f.day = 1
	}
	if !Valid(f.year, f.month, f.day) {
		return 0, false
	}
	return Days(f.year, f.month, f.day), true
}

func (f *fields) time() (int64, bool) {
	h := max(f.hour, 0)
	if f.halfHour >= 0 {
		h = f.halfHour
		if f.pm == 1 {
			h += 12
		}
	}
	m, s := max(f.minute, 0), max(f.second, 0)
	return int64(h)*Hour + int64(m)*Minute + int64(s)*Second + f.fraction, h <= 23 && m <= 59 && s <= 59
}

const noYear = -1 << 30

func (p *Pattern) read(s []byte, zone *time.Location) (fields, bool) {
	f := fields{year: noYear, month: -1, day: -1, yearDay: -1, hour: -1, minute: -1, second: -1, halfHour: -1}
	if len(s) > 256 {
		return f, false
	}
	rest, ok := p.match(&f, p.parts, s, zone)
	return f, ok && len(rest) == 0
}

// match reads the parts. An optional one that does not match is left out.
func (p *Pattern) match(f *fields, parts []part, s []byte, zone *time.Location) ([]byte, bool) {
	for i := 0; i < len(parts); i++ {
		e := parts[i]
		if e.begin {
			try := *f
			if rest, ok := p.match(&try, parts[i+1:i+e.skip], s, zone); ok {
				*f, s = try, rest
			}
			i += e.skip - 1
			continue
		}
		if e.letter == 0 {
			if len(s) < len(e.text) || string(s[:len(e.text)]) != e.text {
				return s, false
			}
			s = s[len(e.text):]
			continue
		}
		adjacent := i+1 < len(parts) && parts[i+1].letter != 0 && strings.IndexByte("yMLdDHhkKmsSQq", parts[i+1].letter) >= 0
		var ok bool
		if s, ok = f.readPart(e, s, zone, adjacent); !ok {
			return s, false
		}
	}
	return s, true
}

// digits reads a number of the part's width; a single letter takes as many
// digits as there are, unless digits follow directly.
func digits(e part, s []byte, adjacent bool, most int) (int, []byte, bool) {
	if e.n > 1 || adjacent {
		most = max(e.n, 1)
	}
	v, n := number(s, most)
	return v, s[n:], n >= e.n
}

func (f *fields) readPart(e part, s []byte, zone *time.Location, adjacent bool) ([]byte, bool) {
	var ok bool
	v := 0
	switch e.letter {
	case 'y':
		return f.readYear(e, s, adjacent)
	case 'M', 'L':
		if e.n >= 3 {
			f.month, s, ok = name(monthNames[:], s, e.n == 3)
			return s, ok
		}
		f.month, s, ok = digits(e, s, adjacent, 2)
		return s, ok && f.month >= 1 && f.month <= 12
	case 'g':
		v, s, ok = digits(e, s, adjacent, 9)
		year, month, day := Civil(int32(v - julianOfEpoch))
		f.year, f.month, f.day = year, month, day
		return s, ok
	case 'G':
		if !strings.HasPrefix(string(s), "AD") {
			return s, false
		}
		return s[2:], e.n < 4
	case 'd':
		f.day, s, ok = digits(e, s, adjacent, 2)
		return s, ok && f.day >= 1
	case 'D':
		f.yearDay, s, ok = digits(e, s, adjacent, 3)
		return s, ok
	case 'E':
		_, s, ok = name(dayNames[:], s, e.n < 4)
		return s, ok
	case 'a':
		if len(s) < 2 || s[1]|0x20 != 'm' || s[0]|0x20 != 'a' && s[0]|0x20 != 'p' {
			return s, false
		}
		f.pm = 0
		if s[0]|0x20 == 'p' {
			f.pm = 1
		}
		return s[2:], true
	case 'H':
		f.hour, s, ok = digits(e, s, adjacent, 2)
		return s, ok
	case 'k':
		v, s, ok = digits(e, s, adjacent, 2)
		f.hour = v % 24
		return s, ok && v >= 1 && v <= 24
	case 'h':
		v, s, ok = digits(e, s, adjacent, 2)
		f.halfHour = v % 12
		return s, ok && v >= 1 && v <= 12
	case 'K':
		f.halfHour, s, ok = digits(e, s, adjacent, 2)
		return s, ok && f.halfHour < 12
	case 'm':
		f.minute, s, ok = digits(e, s, adjacent, 2)
		return s, ok
	case 's':
		f.second, s, ok = digits(e, s, adjacent, 2)
		return s, ok
	case 'S':
		return f.readFraction(e, s, adjacent)
	}
	return f.readZone(s, zone)
}

func (f *fields) readYear(e part, s []byte, adjacent bool) ([]byte, bool) {
	sign := 1
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') && e.n != 2 {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	most := 6
	if e.n == 2 || adjacent {
		most = e.n
	}
	v, n := number(s, most)
	if n < e.n {
		return s, false
	}
	if e.n == 2 {
		v += 2000
	}
	f.year = v * sign
	return s[n:], true
}

func (f *fields) readFraction(e part, s []byte, adjacent bool) ([]byte, bool) {
	v, n := int64(0), 0
	for n < len(s) && n < e.n && s[n] >= '0' && s[n] <= '9' {
		if n < 6 {
			v = v*10 + int64(s[n]-'0')
		}
		n++
	}
	for i := n; i < 6; i++ {
		v *= 10
	}
	f.fraction = v
	return s[n:], n == e.n || n > 0 && !adjacent
}

func (f *fields) readZone(s []byte, zone *time.Location) ([]byte, bool) {
	n := 0
	for n < len(s) && s[n] != ' ' && s[n] != ']' && s[n] != ')' {
		n++
	}
	if zone == nil {
		zone = time.UTC
	}
	if n == 0 {
		return s, false
	}
	named, ok := parseZone(s[:n], zone)
	f.zone = named
	return s[n:], ok
}

// name reads one of the names, or its first three letters.
func name(names []string, s []byte, short bool) (int, []byte, bool) {
	for i, n := range names {
		if short {
			n = n[:3]
		}
		if len(s) >= len(n) && strings.EqualFold(string(s[:len(n)]), n) {
			return i + 1, s[len(n):], true
		}
	}
	return 0, s, false
}
