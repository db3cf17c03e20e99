package expr

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/deltaic/deltaic/batch"
)

// numberFormat is a compiled format of to_char and to_number, such as $99,990.99S.
type numberFormat struct {
	marks []numberMark
	whole int // digits before the point
	scale int // digits behind it
}

// numberMark is one element of the format. Its sign is:
//
//	'9' up to, and '0' exactly, n digits    ',' between thousands    '.' the point    '$' the currency
//	'S' a sign    'M' a minus or a blank    '<' and '>' brackets round a negative number
type numberMark struct {
	sign byte
	n    int
}

// digitMark reports whether the mark belongs to a run of digits and commas.
func (m numberMark) digitMark() bool { return m.sign == '9' || m.sign == '0' || m.sign == ',' }

// newNumberFormat compiles a format, or says what is wrong with it.
func newNumberFormat(text string) (*numberFormat, string) {
	f := &numberFormat{}
	point, brackets := false, false
	s := strings.ToUpper(text)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '0' || c == '9':
			n := 1
			for i+n < len(s) && (s[i+n] == '0' || s[i+n] == '9') {
				n++
			}
			if point {
				c = '9' // fewer digits will do behind the point
				f.scale += n
			} else {
				f.whole += n
			}
			f.marks = append(f.marks, numberMark{c, n})
			i += n - 1
		case c == '.' || c == 'D':
			point = true
			f.marks = append(f.marks, numberMark{sign: '.'})
		case c == ',' || c == 'G':
			f.marks = append(f.marks, numberMark{sign: ','})
		case c == '$' || c == 'S':
			f.marks = append(f.marks, numberMark{sign: c})
		case strings.HasPrefix(s[i:], "MI"):
			f.marks = append(f.marks, numberMark{sign: 'M'})
			i++
		case strings.HasPrefix(s[i:], "PR"):
			brackets = true
			f.marks = append(f.marks, numberMark{sign: '>'})
			i++
		default:
			_, width := utf8.DecodeRuneInString(s[i:])
			return nil, "there is no " + strings.ToValidUTF8(s[i:i+width], "\uFFFD") + " in formats of numbers"
		}
	}
	if brackets {
		f.marks = append([]numberMark{{sign: '<'}}, f.marks...)
	}
	if f.whole+f.scale > 38 {
		return nil, "a decimal has 38 digits at most"
	}
	return f, f.problem()
}

// problem says what is wrong with the order of the marks.
func (f *numberFormat) problem() string {
	if f.whole+f.scale == 0 {
		return "there is no digit in the format"
	}
	order, at, behind := "<|MS|$|9|.|9|MS>", 0, false
	for stage := range strings.SplitSeq(order, "|") {
		if at == len(f.marks) {
			break
		}
		if stage == "9" && f.marks[at].digitMark() {
			run := at
			for at < len(f.marks) && f.marks[at].digitMark() {
				comma := f.marks[at].sign == ','
				if comma && (behind || at == run || at+1 == len(f.marks) || f.marks[at+1].sign != '9' && f.marks[at+1].sign != '0') {
					return "a comma stands between digits before the point"
				}
				at++
			}
		} else if strings.IndexByte(stage, f.marks[at].sign) >= 0 {
			behind = behind || f.marks[at].sign == '.'
			at++
		}
	}
	if at < len(f.marks) {
		return "its parts are not in order: a sign, $, digits, the point, digits, a sign"
	}
	if first, last := f.marks[0].sign, f.marks[len(f.marks)-1].sign; len(f.marks) > 1 && first == last && (first == 'S' || first == 'M') {
		return "the sign stands once"
	}
	return ""
}

// read returns the number that s is in the format.
func (f *numberFormat) read(s []byte) (batch.Int128, bool) {
	var digits []byte
	behind, negative, open, shut := -1, false, false, false
	for i := 0; i < len(f.marks); i++ {
		var c byte
		if len(s) > 0 {
			c = s[0]
		}
		switch m := f.marks[i]; m.sign {
		case '.':
			if c == '.' {
				behind, s = len(digits), s[1:]
			}
		case '$':
			if c != '$' && c != 0 {
				return batch.Int128{}, false
			}
			s = s[min(1, len(s)):]
		case 'S', 'M':
			if c == '-' || c == '+' && m.sign == 'S' {
				negative, s = negative != (c == '-'), s[1:]
			}
		case '<':
			if c == '<' {
				open, s = true, s[1:]
			}
		case '>':
			if c == '>' {
				if !open {
					return batch.Int128{}, false
				}
				shut, negative, s = true, !negative, s[1:]
			}
		default:
			end := i
			for end < len(f.marks) && f.marks[end].digitMark() {
				end++
			}
			var ok bool
			if digits, s, ok = readDigits(digits, s, f.marks[i:end]); !ok {
				return batch.Int128{}, false
			}
			i = end - 1
		}
	}
	if len(s) > 0 || open != shut || len(digits) == 0 {
		return batch.Int128{}, false
	}
	missing := f.scale
	if behind >= 0 {
		missing -= len(digits) - behind
	}
	digits = append(digits, bytes.Repeat([]byte{'0'}, max(0, missing))...)
	v, ok := batch.ParseDecimal(digits, 38, 0)
	if negative {
		v = v.Neg()
	}
	return v, ok
}

// readDigits appends the digits at the front of s, whose groups between commas must have as many as the marks say, counted
// from the last one. Blanks do not count.
func readDigits(digits, s []byte, marks []numberMark) (all, rest []byte, ok bool) {
	var sizes []int
	n := 0
	for len(s) > 0 {
		c := s[0]
		if c >= '0' && c <= '9' {
			digits = append(digits, c)
			n++
		} else if c == ',' {
			sizes, n = append(sizes, n), 0
		} else if c != ' ' && (c < '\t' || c > '\r') {
			break
		}
		s = s[1:]
	}
	sizes = append(sizes, n)
	k := len(sizes)
	for i := len(marks) - 1; i >= 0; i-- {
		if marks[i].sign == ',' {
			continue
		}
		have := 0
		if k--; k >= 0 {
			have = sizes[k]
		}
		if have > marks[i].n || marks[i].sign == '0' && have < marks[i].n {
			return digits, s, false
		}
	}
	return digits, s, k <= 0
}

// write appends the number in the format; digits that do not fit become #.
func (f *numberFormat) write(dst []byte, v batch.Int128, scale int) []byte {
	text := batch.AppendDecimal(nil, v.Abs(), scale)
	before, after, _ := strings.Cut(string(text), ".")
	before, after = strings.TrimLeft(before, "0"), strings.TrimRight(after, "0")
	if len(before) > f.whole || len(after) > f.scale {
		before, after = strings.Repeat("#", f.whole), strings.Repeat("#", f.scale)
	}
	before = strings.Repeat(" ", f.whole-len(before)) + before
	after += strings.Repeat("0", f.scale-len(after))
	w := numberWriter{out: make([]byte, 0, 64)}
	for _, m := range f.marks {
		negative := v.Sign() < 0
		switch m.sign {
		case '.':
			if n := len(w.out); n > 0 && w.out[n-1] == ' ' {
				w.out[n-1] = '0'
			}
			w.out = append(w.out, '.')
			before = after
		case '$':
			w.out = append(w.out, '$')
		case 'S':
			w.sign(map[bool]byte{true: '-', false: '+'}[negative])
		case 'M', '>':
			if m.sign == '>' || negative {
				w.loosePoint()
			}
			switch {
			case negative:
				w.sign(map[byte]byte{'M': '-', '>': '>'}[m.sign])
			case m.sign == 'M':
				w.out = append(w.out, ' ')
			default:
				w.out = append(w.out, "  "...)
			}
		case '<':
			if negative {
				w.out = append(w.out, '<')
			}
		case ',':
			if n := len(w.out); n > 0 && w.out[n-1] >= '0' && w.out[n-1] <= '9' {
				w.out = append(w.out, ',')
			} else {
				w.blank()
			}
		default:
			w.digits(before[:m.n], m.sign == '0')
			before = before[m.n:]
		}
	}
	w.loosePoint()
	if s := string(w.out); s == "" || s == "+" || s == "-" {
		return append(dst, '0')
	}
	return append(dst, w.out...)
}

// numberWriter keeps signs beside their digits, in front of blanks or behind.
type numberWriter struct{ out []byte }

func (w *numberWriter) digits(s string, zeros bool) {
	for _, c := range []byte(s) {
		switch {
		case c != ' ':
			w.out = append(w.out, c)
		case zeros:
			w.out = append(w.out, '0')
		default:
			w.blank()
		}
	}
}

// blank appends a blank before the sign or bracket at the end, if there is one.
func (w *numberWriter) blank() {
	w.out = append(w.out, ' ')
	for i := len(w.out) - 1; i > 0 && bytes.IndexByte([]byte("+-<"), w.out[i-1]) >= 0; i-- {
		w.out[i], w.out[i-1] = w.out[i-1], w.out[i]
	}
}

// sign appends c before the blanks at the end.
func (w *numberWriter) sign(c byte) {
	if c == '+' || c == '-' {
		w.loosePoint()
	}
	w.out = append(w.out, c)
	for i := len(w.out) - 1; i > 0 && w.out[i-1] == ' '; i-- {
		w.out[i], w.out[i-1] = w.out[i-1], w.out[i]
	}
}

// loosePoint makes a blank of a point behind which nothing stands.
func (w *numberWriter) loosePoint() {
	at := bytes.IndexByte(w.out, '.')
	if at >= 0 && (at == len(w.out)-1 || w.out[at+1] == ' ') {
		w.out[at] = ' '
	}
}
