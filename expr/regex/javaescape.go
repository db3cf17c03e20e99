package regex

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

var errDangling = errors.New(`a \ at the end; a literal one is \\`)

// escape translates what stands behind a backslash outside of classes.
func (j *java) escape() error {
	if j.i == len(j.s) {
		return errDangling
	}
	switch c := j.s[j.i]; c {
	case 'A', 'z', 'b', 'B':
		j.i++
		if c == 'b' && strings.HasPrefix(j.s[j.i:], "{g}") {
			return lacking(`bounds of clusters (\b{g})`)
		}
		j.out.WriteString(`\` + string(rune(c)))
		return nil
	case 'Q':
		quoted, _, _ := strings.Cut(j.s[j.i+1:], `\E`)
		if !utf8.ValidString(quoted) {
			return errors.New("it is not UTF-8")
		}
		for _, c := range quoted {
			j.literal(c)
		}
		j.i = min(len(j.s), j.i+1+len(quoted)+2)
		return nil
	case 'R':
		j.i++
		j.out.WriteString(`(?:\r\n|[` + shorthands['v'] + `])`)
		return nil
	case 'Z':
		return lacking(`\Z, the end before a last line's end; the very end is \z`)
	case 'G':
		return lacking(`\G, the end of the match before`)
	case 'X':
		return lacking(`\X, a cluster of characters`)
	case 'k', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return lacking(`back references (\` + string(rune(c)) + `)`)
	}
	set, err := j.set()
	if err != nil {
		return err
	}
	if set != "" {
		if set = "[" + set + "]"; j.flags.fold && j.flags.unicode {
			set = "(?i:" + set + ")"
		}
		j.out.WriteString(set)
		return nil
	}
	c, err := j.character()
	if err == nil {
		j.literal(c)
	}
	return err
}

var controls = map[byte]rune{'t': '\t', 'n': '\n', 'r': '\r', 'f': '\f', 'a': '\a', 'e': 0x1b}

// character reads a single character, behind its backslash.
func (j *java) character() (rune, error) {
	rest := j.s[j.i:]
	if rest == "" {
		return 0, errDangling
	}
	c, width := utf8.DecodeRuneInString(rest)
	if control, ok := controls[rest[0]]; ok {
		j.i++
		return control, nil
	}
	switch {
	case c == 'x' && strings.HasPrefix(rest, "x{"):
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			end = len(rest)
		}
		return j.number(2, end, 1, 16)
	case c == 'x':
		return j.number(1, 3, 0, 16)
	case c == 'u':
		high, err := j.number(1, 5, 0, 16)
		if err == nil && utf16.IsSurrogate(high) {
			low := rune(-1)
			if strings.HasPrefix(j.s[j.i:], `\u`) {
				j.i++
				low, _ = j.number(1, 5, 0, 16)
			}
			if high = utf16.DecodeRune(high, low); high == utf8.RuneError {
				err = errors.New("half a surrogate pair is no character")
			}
		}
		return high, err
	case c == '0':
		end := 1
		for end < len(rest) && end < 4 && rest[end] >= '0' && rest[end] <= '7' && (end < 3 || rest[1] <= '3') {
			end++
		}
		return j.number(1, end, 0, 8)
	case c == 'c' && len(rest) > 1 && rest[1] < utf8.RuneSelf:
		j.i += 2
		return rune(rest[1] ^ 0x40), nil
	case c == 'N':
		return 0, lacking(`names of characters (\N{…})`)
	case c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '1' && c <= '9':
		return 0, fmt.Errorf(`there is no \%c`, c)
	case c == utf8.RuneError && width == 1:
		return 0, errors.New("it is not UTF-8")
	}
	j.i += width
	return c, nil
}

// number reads the number of a character from begin to end of what is left, and passes over so many bytes behind it.
func (j *java) number(begin, end, behind, base int) (rune, error) {
	rest := j.s[j.i:]
	n, err := strconv.ParseUint(rest[begin:min(max(begin, end), len(rest))], base, 32)
	if err != nil || end+behind > len(rest) || n > utf8.MaxRune {
		return 0, fmt.Errorf(`\%.12q is no number of a character`, rest[:min(len(rest), 9)])
	}
	j.i += end + behind
	return rune(n), nil
}
