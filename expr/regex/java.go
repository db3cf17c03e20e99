package regex

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Java returns an expression of Java as one of RE2 that means the same, or says by name what RE2 has nothing for. Two things mean
// less than in Java: $ is the very end of the text, and (?m) knows lines that end with a line feed.
func Java(text string) (string, error) {
	j := &java{s: text}
	for j.i < len(j.s) {
		if err := j.next(); err != nil {
			return "", err
		}
	}
	if len(j.outer) > 0 {
		return "", errors.New("a group is not closed")
	}
	return j.out.String(), nil
}

// java reads an expression from left to right.
type java struct {
	s     string
	i     int
	out   strings.Builder
	flags javaFlags
	outer []javaFlags // those to go on with behind the groups that are open
}

// javaFlags are the flags of Java that hold at a place; they are worked into what is written, so that RE2 needs none.
type javaFlags struct{ fold, unicode, lines, all, unix bool }

// lacking is the error for what Java has and RE2 has not.
func lacking(what string) error {
	return fmt.Errorf("RE2, which takes linear time for every expression, has no %s", what)
}

// next translates one element.
func (j *java) next() error {
	c, width := utf8.DecodeRuneInString(j.s[j.i:])
	if c == utf8.RuneError && width == 1 {
		return errors.New("it is not UTF-8")
	}
	at := j.i
	j.i += width
	switch c {
	case '\\':
		return j.escape()
	case '[':
		return j.class()
	case '(':
		return j.open()
	case ')':
		if len(j.outer) == 0 {
			return errors.New("a ) closes nothing")
		}
		j.flags, j.outer = j.outer[len(j.outer)-1], j.outer[:len(j.outer)-1]
		j.out.WriteByte(')')
	case '*', '+', '?', '{':
		return j.repetition(at)
	case '|':
		j.out.WriteByte('|')
	case '^':
		j.out.WriteString(map[bool]string{false: `\A`, true: `(?m:^)`}[j.flags.lines])
	case '$':
		j.out.WriteString(map[bool]string{false: `\z`, true: `(?m:$)`}[j.flags.lines])
	case '.':
		switch {
		case j.flags.all:
			j.out.WriteString(`(?s:.)`)
		case j.flags.unix:
			j.out.WriteString(`[^\n]`)
		default:
			j.out.WriteString(`[^\n\r\x{85}\x{2028}\x{2029}]`)
		}
	default:
		j.literal(c)
	}
	return nil
}

// literal writes a character. Without (?u) case matters beyond ASCII, so that (?i) of RE2, which folds s and ſ, will not do.
func (j *java) literal(c rune) {
	lower := c | 0x20
	switch {
	case j.flags.fold && j.flags.unicode:
		j.out.WriteString(`(?i:` + regexp.QuoteMeta(string(c)) + `)`)
	case j.flags.fold && lower >= 'a' && lower <= 'z':
		fmt.Fprintf(&j.out, "[%c%c]", lower&^0x20, lower)
	default:
		j.out.WriteString(regexp.QuoteMeta(string(c)))
	}
}

// maxRepeat is how often RE2 repeats at most.
const maxRepeat = 1000

// repetition translates a quantifier that begins at a place.
func (j *java) repetition(at int) error {
	if j.s[at] == '{' {
		end := strings.IndexByte(j.s[at:], '}')
		if end < 0 {
			return errors.New("a { that is no repetition; write \\{")
		}
		j.i = at + end + 1
		least, most, bounded := strings.Cut(j.s[at+1:at+end], ",")
		n, err := strconv.ParseUint(least, 10, 31)
		m := n
		if bounded && most != "" && err == nil {
			m, err = strconv.ParseUint(most, 10, 31)
		}
		if err != nil || m < n {
			return fmt.Errorf("%.20q is no repetition; a literal { is \\{", j.s[at:j.i])
		}
		if m > maxRepeat {
			return lacking(fmt.Sprintf("repetition of more than %d times (%s)", maxRepeat, j.s[at:j.i]))
		}
	}
	if j.i < len(j.s) && j.s[j.i] == '+' {
		return lacking("possessive quantifiers (" + j.s[at:j.i+1] + ")")
	}
	if j.i < len(j.s) && j.s[j.i] == '?' {
		j.i++
	}
	j.out.WriteString(j.s[at:j.i])
	return nil
}

// open translates what begins with a bracket that is open: a group, or flags.
func (j *java) open() error {
	rest := j.s[j.i:]
	for _, none := range []struct{ sign, what string }{{"?=", "look-ahead (?=)"}, {"?!", "look-ahead (?!)"}, {"?<=", "look-behind (?<=)"}, {"?<!", "look-behind (?<!)"}, {"?>", "atomic groups (?>)"}} {
		if strings.HasPrefix(rest, none.sign) {
			return lacking(none.what)
		}
	}
	outer := j.flags
	switch {
	case !strings.HasPrefix(rest, "?"):
		j.out.WriteByte('(')
	case strings.HasPrefix(rest, "?<"):
		end := strings.IndexByte(rest, '>')
		if end < 0 || !groupName.MatchString(rest[2:end]) {
			return errors.New("the name of a group (?<name>) is a letter, and then letters and digits")
		}
		j.i += end + 1
		j.out.WriteString("(?P<" + rest[2:end] + ">")
	default:
		group, err := j.setFlags()
		if err != nil || !group {
			return err
		}
		j.out.WriteString("(?:")
	}
	j.outer = append(j.outer, outer)
	return nil
}

var groupName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9]*$`)

// setFlags reads flags up to the : of a group, which it reports, or to the ) of flags for all that follows.
func (j *java) setFlags() (group bool, err error) {
	on := true
	for j.i++; j.i < len(j.s); j.i++ {
		switch c := j.s[j.i]; c {
		case '-':
			on = false
		case 'i':
			j.flags.fold = on
		case 'u':
			j.flags.unicode = on
		case 'm':
			j.flags.lines = on
		case 's':
			j.flags.all = on
		case 'd':
			j.flags.unix = on
		case 'x':
			return false, lacking("comments (?x)")
		case 'U':
			return false, lacking("Unicode classes (?U)")
		case ':', ')':
			j.i++
			if c == ')' {
				j.out.WriteString("(?:)") // so that a quantifier behind it has nothing else to repeat
			}
			return c == ':', nil
		default:
			return false, fmt.Errorf("there is no flag %.4q", string([]rune(j.s[j.i:])[:1]))
		}
	}
	return false, errors.New("a group is not closed")
}
