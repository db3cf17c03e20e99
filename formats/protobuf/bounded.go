package protobuf

import (
	"fmt"
	"strings"
)

// The limits of the text of a schema. The compiler takes memory by the square of what nests, and hundreds of bytes for each byte
// of text; registries keep no schema larger than a record of Kafka.
const (
	maxSource = 1 << 20
	maxNested = 100
	maxName   = 1000   // bytes of one name with its dots
	maxPairs  = 20_000 // of brackets, in all files
)

// bounded refuses texts whose depth nobody needs before the compiler reads them, and counts their brackets. Strings and comments are passed over as the
// compiler does; where it would find an error, so does this, for what follows could be read otherwise than here.
func bounded(text string, pairs *int) error {
	var open []byte
	name := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if word(c) {
			if name++; name > maxName {
				return fmt.Errorf("a name or number of it has more than %d characters", maxName)
			}
			continue
		}
		if !blank(c) && c != '/' { // dots may have blanks and comments around them
			name = 0
		}
		switch c {
		case '"', '\'', '/':
			size, err := passed(text[i:])
			if err != nil {
				return err
			}
			i += size - 1
		case '{', '[', '(', '<':
			if open = append(open, closing(c)); len(open) > maxNested {
				return fmt.Errorf("it nests deeper than %d levels", maxNested)
			}
			if *pairs++; *pairs > maxPairs {
				return fmt.Errorf("it has more than %d pairs of brackets", maxPairs)
			}
		case '}', ']', ')', '>':
			if len(open) == 0 || open[len(open)-1] != c {
				return fmt.Errorf("a %c closes what is not open", c)
			}
			open = open[:len(open)-1]
		}
	}
	return nil
}

// word reports whether a character is of a name with dots, or of a number.
func word(c byte) bool {
	return c == '.' || c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

func blank(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func closing(c byte) byte {
	if c == '(' {
		return ')'
	}
	return c + 2 // of the others, in ASCII
}

// passed returns the size of the string, comment or slash at the beginning of a text.
func passed(text string) (int, error) {
	switch {
	case strings.HasPrefix(text, "//"):
		if end := strings.IndexByte(text, '\n'); end >= 0 {
			return end, nil
		}
		return len(text), nil
	case strings.HasPrefix(text, "/*"):
		end := strings.Index(text[2:], "*/")
		if end < 0 {
			return 0, fmt.Errorf("a comment does not end")
		}
		return end + 4, nil
	case text[0] == '/':
		return 1, nil
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '\n', 0:
			return 0, fmt.Errorf("a text in quotes does not end")
		case text[0]:
			return i + 1, nil
		}
	}
	return 0, fmt.Errorf("a text in quotes does not end")
}
