package datetime

import (
	"fmt"
	"strings"
	"time"
)

// Pattern is a compiled pattern in the letters of Java's DateTimeFormatter:
// y M L d D E a H h k K m s S Q q G F g v V z Z O X x, quoted text and [optional] parts.
// Names of months and days are English.
type Pattern struct {
	text  string
	parts []part
}

type part struct {
	letter byte // 0: literal
	n      int
	text   string
	begin  bool // '[' before
	skip   int  // of '[': parts to skip if it does not match
}

// PatternError says what is wrong with a pattern. Older ones are those that Spark took before its version 3.
type PatternError struct {
	Text  string
	Older bool
}

func (e *PatternError) Error() string { return e.Text }

func wrongPattern(older bool, format string, args ...any) error {
	return &PatternError{Text: fmt.Sprintf(format, args...), Older: older}
}

// NewPattern compiles a pattern. Letters that Spark 3 and later refuse, or
// that are not supported, are an error that names them.
func NewPattern(text string) (*Pattern, error) {
	if len(text) > 256 {
		return nil, wrongPattern(false, "a pattern of %d bytes; at most 256", len(text))
	}
	p := &Pattern{text: text}
	var open []int
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			n := 1
			for i+n < len(text) && text[i+n] == c {
				n++
			}
			if !supported(c, n) {
				return nil, wrongPattern(olderPattern(text), "pattern %q: %s is not supported; letters are yMLdDEaHhkKmsSQqGFgvVzZOXx", text, text[i:i+n])
			}
			p.parts = append(p.parts, part{letter: c, n: n})
			i += n
		case c == '\'':
			literal, next, err := quoted(text, i)
			if err != nil {
				return nil, err
			}
			p.parts = append(p.parts, part{text: literal})
			i = next
		case c == '[':
			open = append(open, len(p.parts))
			p.parts = append(p.parts, part{begin: true})
			i++
		case c == ']':
			if len(open) == 0 {
				return nil, wrongPattern(true, "pattern %q: ] without [", text)
			}
			at := open[len(open)-1]
			open = open[:len(open)-1]
			p.parts[at].skip = len(p.parts) - at
			i++
		case c == '#' || c == '{' || c == '}':
			return nil, wrongPattern(olderPattern(text), "pattern %q: %c is reserved; put it in quotes", text, c)
		default:
			p.parts = append(p.parts, part{text: text[i : i+1]})
			i++
		}
	}
	for _, at := range open { // what is not closed ends with the pattern
		p.parts[at].skip = len(p.parts) - at
	}
	return p, nil
}

func quoted(text string, i int) (string, int, error) {
	if strings.HasPrefix(text[i:], "''") {
		return "'", i + 2, nil
	}
	var b strings.Builder
	for j := i + 1; j < len(text); j++ {
		if text[j] != '\'' {
			b.WriteByte(text[j])
			continue
		}
		if j+1 < len(text) && text[j+1] == '\'' {
			b.WriteByte('\'')
			j++
			continue
		}
		return b.String(), j + 1, nil
	}
	return "", 0, wrongPattern(false, "pattern %q: a quote without its partner", text)
}

// olderPattern reports whether a pattern has a letter of weeks, or letters alone that older versions of Spark knew.
func olderPattern(text string) bool {
	plain := true
	for i := 0; i < len(text); i++ {
		c := text[i]
		if strings.IndexByte("YWwuec", c) >= 0 {
			return true
		}
		plain = plain && !strings.HasPrefix(text[i:], "XXXX") && (c|0x20 < 'a' || c|0x20 > 'z' || strings.IndexByte("GyMLDdFEaHkKhmsSzZX", c) >= 0)
	}
	return plain
}

// Unread returns a letter of the pattern that can be written, and not read: of a day of the week, a quarter or a day of the
// month's weeks; 0 if there is none.
func (p *Pattern) Unread() byte {
	for _, e := range p.parts {
		if strings.IndexByte("EQqF", e.letter) >= 0 && e.letter != 0 {
			return e.letter
		}
	}
	return 0
}

func supported(c byte, n int) bool {
	most, ok := map[byte]int{'y': 6, 'Q': 4, 'q': 4, 'G': 4, 'F': 1, 'g': 6, 'v': 1, 'M': 4, 'L': 4, 'd': 2, 'D': 3, 'E': 4, 'a': 1, 'H': 2, 'h': 2, 'k': 2,
		'K': 2, 'm': 2, 's': 2, 'S': 9, 'V': 2, 'z': 4, 'Z': 5, 'O': 4, 'X': 5, 'x': 5}[c]
	return ok && n <= most && (c != 'V' || n == 2) && (c != 'O' || n == 1 || n == 4)
}

var monthNames = [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September",
	"October", "November", "December"}
var dayNames = [...]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

// Step returns microseconds for which the text stays the same: that of two instants between the same multiples of
// it, in a zone whose offset never changes, is one.
func (p *Pattern) Step() int64 {
	step := int64(Day)
	for _, e := range p.parts {
		switch e.letter {
		case 'a', 'H', 'h', 'k', 'K':
			step = min(step, Hour)
		case 'm':
			step = min(step, Minute)
		case 's':
			step = min(step, Second)
		case 'S':
			return 1
		}
	}
	return step
}

// Append formats an instant in the zone.
func (p *Pattern) Append(dst []byte, micros int64, zone *time.Location) []byte {
	clock := Local(micros, zone)
	days, ofDay := Split(clock)
	year, month, day := Civil(days)
	for _, e := range p.parts {
		switch e.letter {
		case 0:
			dst = append(dst, e.text...)
		case 'y':
			y := year
			if y <= 0 {
				y = 1 - y
			}
			dst = appendYearN(dst, y, e.n)
		case 'Q', 'q':
			dst = appendQuarter(dst, (month+2)/3, e.n)
		case 'F':
			dst = pad(dst, (day-1)%7+1, 1)
		case 'g':
			dst = pad(dst, max(0, int(days)+julianOfEpoch), e.n)
		case 'G':
			dst = append(dst, map[bool]string{true: "AD", false: "BC"}[year > 0]...)
			if e.n == 4 {
				dst = append(dst[:len(dst)-2], map[bool]string{true: "Anno Domini", false: "Before Christ"}[year > 0]...)
			}
		case 'M', 'L':
			switch {
			case e.n == 3:
				dst = append(dst, monthNames[month-1][:3]...)
			case e.n == 4:
				dst = append(dst, monthNames[month-1]...)
			default:
				dst = pad(dst, month, e.n)
			}
		case 'd':
			dst = pad(dst, day, e.n)
		case 'D':
			dst = pad(dst, YearDay(year, month, day), e.n)
		case 'E':
			name := dayNames[Weekday(days)-1]
			if e.n < 4 {
				name = name[:3]
			}
			dst = append(dst, name...)
		default:
			dst = appendTime(dst, e, ofDay, micros, zone)
		}
	}
	return dst
}

// julianOfEpoch is the modified Julian day of 1970-01-01.
const julianOfEpoch = 40587

func appendQuarter(dst []byte, quarter, n int) []byte {
	switch n {
	case 3:
		return append(dst, 'Q', byte('0'+quarter))
	case 4:
		return append(append(dst, [...]string{"1st", "2nd", "3rd", "4th"}[quarter-1]...), " quarter"...)
	}
	return pad(dst, quarter, n)
}

func appendYearN(dst []byte, y, n int) []byte {
	if n == 2 {
		return pad(dst, ((y%100)+100)%100, 2)
	}
	if y < 0 {
		dst, y = append(dst, '-'), -y
	} else if n >= 4 && y > 9999 {
		dst = append(dst, '+')
	}
	return pad(dst, y, n)
}

func appendTime(dst []byte, e part, ofDay, micros int64, zone *time.Location) []byte {
	hour := int(ofDay / Hour)
	switch e.letter {
	case 'a':
		if hour < 12 {
			return append(dst, "AM"...)
		}
		return append(dst, "PM"...)
	case 'H':
		return pad(dst, hour, e.n)
	case 'k':
		return pad(dst, (hour+23)%24+1, e.n)
	case 'K':
		return pad(dst, hour%12, e.n)
	case 'h':
		return pad(dst, (hour+11)%12+1, e.n)
	case 'm':
		return pad(dst, int(ofDay/Minute%60), e.n)
	case 's':
		return pad(dst, int(ofDay/Second%60), e.n)
	case 'S':
		var room [9]byte
		digits := pad(room[:0], int(ofDay%Second)*1000, 9)
		return append(dst, digits[:e.n]...)
	}
	return appendZone(dst, e, micros, zone)
}

func appendZone(dst []byte, e part, micros int64, zone *time.Location) []byte {
	name, offset := "UTC", 0
	if !UTC(zone) {
		name, offset = abbreviation(time.Unix(floorDiv(micros, Second), 0).In(zone))
	}
	switch e.letter {
	case 'v': // whatever the season
		if !UTC(zone) {
			name, _ = time.Date(2037, 1, 1, 0, 0, 0, 0, zone).Zone()
		}
		return append(dst, name...)
	case 'V':
		if zone == nil {
			return append(dst, "UTC"...)
		}
		return append(dst, zone.String()...)
	case 'z':
		if e.n == 4 {
			return appendLongName(dst, name, offset)
		}
		return append(dst, name...)
	case 'O':
		return appendGMT(dst, offset, e.n == 4)
	case 'X':
		if offset == 0 {
			return append(dst, 'Z')
		}
	case 'Z':
		if e.n == 4 {
			return appendGMT(dst, offset, true)
		}
		if e.n == 5 && offset == 0 {
			return append(dst, 'Z')
		}
		return appendOffset(dst, offset, e.n == 5, e.n == 5)
	}
	if e.n == 1 && offset%3600 == 0 {
		return appendOffset(dst, offset, false, false)[:len(dst)+3]
	}
	return appendOffset(dst, offset, e.n == 3 || e.n == 5, e.n > 3)
}

// abbreviation is the name of a zone's offset. Times of local means, before there were such names, have today's.
func abbreviation(t time.Time) (string, int) {
	name, offset := t.Zone()
	if name == "LMT" || name == "" || name[0] == '+' || name[0] == '-' || offset%60 != 0 {
		if today, _ := time.Date(2037, 1, 1, 0, 0, 0, 0, t.Location()).Zone(); today != "" {
			name = today
		}
	}
	return name, offset
}

// longNames are the names in full of zones by their short ones and, where these are of several zones, their offset in hours.
var longNames = map[string]string{"UTC": "Coordinated Universal Time", "GMT": "Greenwich Mean Time", "CET": "Central European Standard Time", "CEST": "Central European Summer Time", "EET": "Eastern European Standard Time",
	"EEST": "Eastern European Summer Time", "WET": "Western European Standard Time", "WEST": "Western European Summer Time", "BST+1": "British Summer Time", "MSK": "Moscow Standard Time", "EST": "Eastern Standard Time",
	"EDT": "Eastern Daylight Time", "CST-6": "Central Standard Time", "CDT-5": "Central Daylight Time", "MST": "Mountain Standard Time", "MDT": "Mountain Daylight Time", "PST": "Pacific Standard Time", "PDT": "Pacific Daylight Time",
	"IST+5": "India Standard Time", "IST+2": "Israel Standard Time", "JST": "Japan Standard Time", "CST+8": "China Standard Time", "KST": "Korean Standard Time"}

// appendLongName appends the name in full, or the offset of zones that have none here.
func appendLongName(dst []byte, name string, offset int) []byte {
	long, ok := longNames[name]
	if !ok {
		long, ok = longNames[fmt.Sprintf("%s%+d", name, offset/3600)]
	}
	if !ok {
		return appendGMT(dst, offset, true)
	}
	return append(dst, long...)
}

// appendGMT appends GMT+8 or, in full, GMT+08:00, with seconds where the offset has them.
func appendGMT(dst []byte, offset int, full bool) []byte {
	dst = append(dst, "GMT"...)
	if offset == 0 {
		return dst
	}
	at := len(dst)
	dst = appendOffset(dst, offset, true, true)
	if full {
		return dst
	}
	if dst[at+1] == '0' {
		dst = append(dst[:at+1], dst[at+2:]...)
	}
	if offset%3600 == 0 {
		return dst[:len(dst)-3]
	}
	return dst
}

// appendOffset appends +hhmm or +hh:mm, and seconds that are not zero if they are wanted.
func appendOffset(dst []byte, offset int, colon, seconds bool) []byte {
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	dst = pad(append(dst, sign), offset/3600, 2)
	for _, v := range [2]int{offset / 60 % 60, offset % 60} {
		if colon {
			dst = append(dst, ':')
		}
		dst = pad(dst, v, 2)
		if !seconds || offset%60 == 0 {
			break
		}
	}
	return dst
}
