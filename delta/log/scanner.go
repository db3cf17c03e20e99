package log

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of JSON in the log.
const maxDepth = 200

// errTruncated says that the text ended within a value.
var errTruncated = errors.New("JSON text ends too early")

// scanner pulls values out of one JSON text. Every method leaves pos behind
// what it read; after an error it must not be used.
type scanner struct {
	data  []byte
	pos   int
	depth int

	most     int // values of objects and arrays that are read, not passed over; 0: as many as there are
	values   int
	skipping int
}

// mostValues bounds the values of one action, or of a checksum: a text of three bytes each would become a hundred times as much. Real ones have
// some dozens, and a checksum some thousands.
const mostValues = 100_000

// count notes a value of an object or array.
func (s *scanner) count() error {
	if s.most == 0 || s.skipping > 0 {
		return nil
	}
	if s.values++; s.values > s.most {
		return fmt.Errorf("byte %d: more than %d values", s.pos, s.most)
	}
	return nil
}

func (s *scanner) fail(what string) error {
	if s.pos >= len(s.data) {
		return errTruncated
	}
	return fmt.Errorf("byte %d: %q where %s was expected", s.pos, s.data[s.pos], what)
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the first byte of the next value, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) expect(c byte, what string) error {
	if s.peek() != c {
		return s.fail(what)
	}
	s.pos++
	return nil
}

// null consumes a null if one is next.
func (s *scanner) null() bool {
	if s.peek() == 'n' && bytes.HasPrefix(s.data[s.pos:], []byte("null")) {
		s.pos += 4
		return true
	}
	return false
}

// object calls each with every key; each must consume the value. A null
// counts as an object without keys. The key aliases the text.
func (s *scanner) object(each func(key []byte) error) error {
	if s.null() {
		return nil
	}
	if err := s.open('{', "an object"); err != nil {
		return err
	}
	if s.peek() == '}' {
		s.pos++
		s.depth--
		return nil
	}
	for {
		s.space()
		key, err := s.bytes()
		if err != nil {
			return err
		}
		if err := s.expect(':', "a colon"); err != nil {
			return err
		}
		if err := s.count(); err != nil {
			return err
		}
		if err := each(key); err != nil {
			return err
		}
		if more, err := s.next('}'); !more {
			return err
		}
	}
}

// array calls each before every element; each must consume it. A null counts
// as an empty array.
func (s *scanner) array(each func() error) error {
	if s.null() {
		return nil
	}
	if err := s.open('[', "an array"); err != nil {
		return err
	}
	if s.peek() == ']' {
		s.pos++
		s.depth--
		return nil
	}
	for {
		if err := s.count(); err != nil {
			return err
		}
		if err := each(); err != nil {
			return err
		}
		if more, err := s.next(']'); !more {
			return err
		}
	}
}

func (s *scanner) open(c byte, what string) error {
	if err := s.expect(c, what); err != nil {
		return err
	}
	if s.depth++; s.depth > maxDepth {
		return fmt.Errorf("byte %d: nested deeper than %d levels", s.pos, maxDepth)
	}
	return nil
}

// next reports whether another element follows.
func (s *scanner) next(end byte) (bool, error) {
	switch s.peek() {
	case ',':
		s.pos++
		return true, nil
	case end:
		s.pos++
		s.depth--
		return false, nil
	}
	return false, s.fail("a comma or " + string(end))
}

// bytes returns a string's bytes, which alias the text unless it has escapes.
func (s *scanner) bytes() ([]byte, error) {
	if err := s.expect('"', "a string"); err != nil {
		return nil, err
	}
	start := s.pos
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			b := s.data[start:s.pos]
			s.pos++
			return b, nil
		case c == '\\':
			return s.unescape(append([]byte(nil), s.data[start:s.pos]...))
		case c < 0x20:
			return nil, s.fail("a character of a string")
		}
		s.pos++
	}
	return nil, errTruncated
}

func (s *scanner) unescape(b []byte) ([]byte, error) {
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		s.pos++
		switch {
		case c == '"':
			return b, nil
		case c < 0x20:
			s.pos--
			return nil, s.fail("a character of a string")
		case c != '\\':
			b = append(b, c)
			continue
		}
		if s.pos >= len(s.data) {
			return nil, errTruncated
		}
		c = s.data[s.pos]
		s.pos++
		switch c {
		case '"', '\\', '/':
			b = append(b, c)
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r, err := s.hex4()
			if err != nil {
				return nil, err
			}
			if utf16.IsSurrogate(r) {
				r = s.lowSurrogate(r)
			}
			b = utf8.AppendRune(b, r)
		default:
			s.pos--
			return nil, s.fail("an escape")
		}
	}
	return nil, errTruncated
}

func (s *scanner) hex4() (rune, error) {
	if s.pos+4 > len(s.data) {
		return 0, errTruncated
	}
	v, err := strconv.ParseUint(string(s.data[s.pos:s.pos+4]), 16, 16)
	if err != nil {
		return 0, s.fail("four hexadecimal digits")
	}
	s.pos += 4
	return rune(v), nil
}

func (s *scanner) lowSurrogate(high rune) rune {
	if s.pos+6 <= len(s.data) && s.data[s.pos] == '\\' && s.data[s.pos+1] == 'u' {
		at := s.pos
		s.pos += 2
		if low, err := s.hex4(); err == nil {
			if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
				return r
			}
		}
		s.pos = at
	}
	return utf8.RuneError
}

// str returns a string, "" for null. What is not UTF-8 is replaced.
func (s *scanner) str() (string, error) {
	if s.null() {
		return "", nil
	}
	b, err := s.bytes()
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		b = bytes.ToValidUTF8(b, []byte("\uFFFD"))
	}
	return string(b), nil
}

// int returns a whole number, and false for null.
func (s *scanner) int() (int64, bool, error) {
	if s.null() {
		return 0, false, nil
	}
	start := s.pos
	raw, err := s.raw()
	if err != nil {
		return 0, false, err
	}
	if v, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return v, true, nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
		s.pos = start
		return 0, false, s.fail("a whole number of 64 bits")
	}
	return int64(f), true, nil
}

// bool returns a boolean, false for null.
func (s *scanner) bool() (bool, error) {
	if s.null() {
		return false, nil
	}
	start := s.pos
	raw, err := s.raw()
	if err != nil {
		return false, err
	}
	switch string(raw) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	s.pos = start
	return false, s.fail("true or false")
}

// raw returns the text of the next value, whatever it is. It aliases the text.
func (s *scanner) raw() ([]byte, error) {
	s.space()
	start := s.pos
	err := s.skip()
	return s.data[start:s.pos], err
}

// skip reads over a value and checks its form.
func (s *scanner) skip() error {
	switch c := s.peek(); {
	case c == '{':
		s.skipping++
		err := s.object(func([]byte) error { return s.skip() })
		s.skipping--
		return err
	case c == '[':
		s.skipping++
		err := s.array(s.skip)
		s.skipping--
		return err
	case c == '"':
		_, err := s.bytes()
		return err
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	}
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
			s.pos += len(word)
			return nil
		}
	}
	return s.fail("a value")
}

func (s *scanner) number() error {
	digits := func() bool {
		from := s.pos
		for s.pos < len(s.data) && s.data[s.pos] >= '0' && s.data[s.pos] <= '9' {
			s.pos++
		}
		return s.pos > from
	}
	at := func(set string) bool {
		if s.pos < len(s.data) && bytes.IndexByte([]byte(set), s.data[s.pos]) >= 0 {
			s.pos++
			return true
		}
		return false
	}
	at("-")
	if !digits() {
		return s.fail("a digit")
	}
	if at(".") && !digits() {
		return s.fail("a digit")
	}
	if at("eE") {
		at("+-")
		if !digits() {
			return s.fail("a digit")
		}
	}
	return nil
}

// end checks that nothing but space follows.
func (s *scanner) end() error {
	if s.space(); s.pos < len(s.data) {
		return s.fail("the end")
	}
	return nil
}
