package regex

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// shorthands are the classes of one letter, as what stands between [ and ].
var shorthands = map[byte]string{
	'd': `0-9`, 'w': `0-9A-Za-z_`, 's': `\t-\r `, 'v': `\n-\r\x{85}\x{2028}\x{2029}`,
	'h': ` \t\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}`,
}

// negatedShorthands are what is in none of them, for a class that has more.
var negatedShorthands = map[byte]string{
	'd': `\D`, 'w': `\W`, 's': `\x00-\x08\x0E-\x1F!-\x{10FFFF}`, 'v': `\x00-\x09\x0E-\x{84}\x{86}-\x{2027}\x{202A}-\x{10FFFF}`,
	'h': `\x00-\x08\n-\x1F!-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{180D}\x{180F}-\x{1FFF}\x{200B}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{10FFFF}`,
}

// set reads a backslash's class, behind the backslash, and returns what stands between [ and ] for it; "" if it is none.
func (j *java) set() (string, error) {
	c := j.s[j.i]
	if s, ok := shorthands[c]; ok {
		j.i++
		return s, nil
	}
	if s, ok := negatedShorthands[c|0x20]; ok {
		j.i++
		return s, nil
	}
	if c != 'p' && c != 'P' {
		return "", nil
	}
	name := ""
	switch rest := j.s[j.i+1:]; {
	case strings.HasPrefix(rest, "{"):
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			return "", errors.New(`a \p{ is not closed`)
		}
		name, j.i = rest[1:end], j.i+end+2
	case rest != "":
		_, width := utf8.DecodeRuneInString(rest)
		name, j.i = rest[:width], j.i+1+width
	}
	return j.property(name, c == 'P')
}

// property returns a class of characters by its name, or what is not in it.
func (j *java) property(name string, not bool) (string, error) {
	if posix, ok := posixClasses[name]; ok {
		if j.flags.fold && (name == "Lower" || name == "Upper") {
			posix = "alpha"
		}
		return "[:" + map[bool]string{true: "^"}[not] + posix + ":]", nil
	}
	key, value, keyed := strings.Cut(name, "=")
	if !keyed {
		key, value = "", strings.TrimPrefix(name, "Is")
	}
	sign := map[bool]string{false: `\p`, true: `\P`}[not]
	if _, ok := unicode.Categories[value]; ok && len(value) <= 2 && value != "LC" && (!keyed || key == "gc" || key == "general_category") {
		if cased := value == "Lu" || value == "Ll" || value == "Lt"; cased && j.flags.fold {
			if not {
				return "", lacking(fmt.Sprintf(`\P{%.20s} that ignores case`, name))
			}
			return `\p{Lu}\p{Ll}\p{Lt}`, nil
		}
		return sign + "{" + value + "}", nil
	}
	if keyed && (key == "sc" || key == "script") || !keyed && strings.HasPrefix(name, "Is") {
		for script := range unicode.Scripts {
			if strings.EqualFold(script, value) {
				return sign + "{" + script + "}", nil
			}
		}
	}
	if tables, ok := properties[name]; ok && (name == "IsAlphabetic" || !j.flags.fold) {
		key := sign + name
		text, ok := written.Load(key)
		if !ok {
			text = ranges(not, tables...)
			written.Store(key, text)
		}
		return text.(string), nil
	}
	return "", lacking(fmt.Sprintf(`property %s{%.40s}; there are POSIX classes such as \p{Alpha}, categories such as \p{Lu} and scripts such as \p{IsGreek}`, sign, name))
}

var posixClasses = map[string]string{"Lower": "lower", "Upper": "upper", "ASCII": "ascii", "Alpha": "alpha", "Digit": "digit", "Alnum": "alnum", "Punct": "punct", "Graph": "graph",
	"Print": "print", "Blank": "blank", "Cntrl": "cntrl", "XDigit": "xdigit", "Space": "space"}

// properties are the classes that RE2 has no name for, as Unicode makes them up.
var properties = map[string][]*unicode.RangeTable{
	"IsLetter": {unicode.L}, "IsDigit": {unicode.Nd}, "IsAlphabetic": {unicode.L, unicode.Nl, unicode.Other_Alphabetic},
	"IsLowercase": {unicode.Ll, unicode.Other_Lowercase}, "javaLowerCase": {unicode.Ll, unicode.Other_Lowercase},
	"IsUppercase": {unicode.Lu, unicode.Other_Uppercase}, "javaUpperCase": {unicode.Lu, unicode.Other_Uppercase},
}

// written keeps what ranges has written out, by name: it goes through all characters, and a pattern may come with each row.
var written sync.Map

// ranges writes out what is in one of the tables, or in none.
func ranges(not bool, tables ...*unicode.RangeTable) string {
	var b strings.Builder
	from := rune(-1)
	for c := rune(0); c <= unicode.MaxRune+1; c++ {
		if in := c <= unicode.MaxRune && unicode.In(c, tables...) != not; in == (from >= 0) {
			continue
		} else if in {
			from = c
			continue
		}
		fmt.Fprintf(&b, `\x{%X}-\x{%X}`, from, c-1)
		from = -1
	}
	return b.String()
}

// class translates a class, behind its [.
func (j *java) class() error {
	var b strings.Builder
	b.WriteByte('[')
	not := strings.HasPrefix(j.s[j.i:], "^")
	if not {
		j.i++
		b.WriteByte('^')
	}
	if err := j.members(&b, not); err != nil {
		return err
	}
	b.WriteByte(']')
	if j.flags.fold && j.flags.unicode {
		j.out.WriteString("(?i:" + b.String() + ")")
	} else {
		j.out.WriteString(b.String())
	}
	return nil
}

// members translates what is in a class, up to its ]. A class inside adds what it has.
func (j *java) members(b *strings.Builder, not bool) error {
	for first := true; ; first = false {
		rest := j.s[j.i:]
		switch {
		case rest == "":
			return errors.New("a class is not closed")
		case rest[0] == ']' && !first:
			j.i++
			return nil
		case rest[0] == '[' && (not || strings.HasPrefix(rest, "[^")):
			return lacking("negated class with a class inside, or inside of one ([^a[b]], [a[^b]]); a literal [ is \\[")
		case rest[0] == '[':
			j.i++
			if err := j.members(b, false); err != nil {
				return err
			}
		case strings.HasPrefix(rest, "&&"):
			return lacking("intersection of classes (&&)")
		default:
			if err := j.member(b); err != nil {
				return err
			}
		}
	}
}

// member translates a character of a class, a range or a class that has a name.
func (j *java) member(b *strings.Builder) error {
	if strings.HasPrefix(j.s[j.i:], `\Q`) {
		quoted, _, _ := strings.Cut(j.s[j.i+2:], `\E`)
		for _, c := range quoted {
			j.span(b, c, c)
		}
		j.i = min(len(j.s), j.i+2+len(quoted)+2)
		return nil
	}
	from, set, err := j.one()
	if err != nil || set != "" {
		b.WriteString(set)
		return err
	}
	to := from
	if rest := j.s[j.i:]; len(rest) > 1 && rest[0] == '-' && rest[1] != ']' && rest[1] != '[' {
		j.i++
		if to, set, err = j.one(); err != nil {
			return err
		}
		if set != "" || to < from {
			return errors.New("a range in a class goes from a character to a later one")
		}
	}
	j.span(b, from, to)
	return nil
}

// one reads a character, or a class that has a name.
func (j *java) one() (c rune, set string, err error) {
	c, width := utf8.DecodeRuneInString(j.s[j.i:])
	if c == utf8.RuneError && width == 1 {
		return 0, "", errors.New("it is not UTF-8")
	}
	j.i += width
	if c != '\\' {
		return c, "", nil
	}
	if j.i == len(j.s) {
		return 0, "", errDangling
	}
	if set, err = j.set(); err != nil || set != "" {
		return 0, set, err
	}
	c, err = j.character()
	return c, "", err
}

// span writes a range of characters, with their other case if that is to be ignored.
func (j *java) span(b *strings.Builder, from, to rune) {
	write := func(from, to rune) {
		if from <= to {
			fmt.Fprintf(b, `\x{%X}-\x{%X}`, from, to)
		}
	}
	write(from, to)
	if j.flags.fold && !j.flags.unicode {
		write(max(from, 'a')-0x20, min(to, 'z')-0x20)
		write(max(from, 'A')+0x20, min(to, 'Z')+0x20)
	}
}
