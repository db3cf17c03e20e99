package expr

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// regex returns the pattern as a regular expression.
func (p likePattern) regex() string {
	var s strings.Builder
	s.WriteString(`(?s)\A`)
	for i, segment := range p {
		if i > 0 {
			s.WriteString(".*")
		}
		for _, piece := range segment {
			if piece == nil {
				s.WriteByte('.')
			} else {
				s.WriteString(regexp.QuoteMeta(string(piece)))
			}
		}
	}
	s.WriteString(`\z`)
	return s.String()
}

// However a segment is searched for, the same place is found.
func TestLikeSearch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, err := newLikePattern([]byte("%"+rapid.StringMatching(`(a|b|ab|é|_|\\_){1,150}`).Draw(t, "segment")+"%"), `\`)
		if err != nil {
			t.Fatal(err)
		}
		s := []byte(rapid.StringMatching(`(a|b|é|日|_){0,300}`).Draw(t, "text"))
		broken := rapid.Bool().Draw(t, "broken")
		if broken {
			s = append(s, 0xe6, 0x97)
		}
		segment, want := p[1], -1
		for from := range len(s) + 1 {
			if n := prefixed(s[from:], segment); n >= 0 && (from == len(s) || s[from]&0xc0 != 0x80 || broken && from == len(s)-1) {
				want = from + n
				break
			}
		}
		if got := newLikeSearch(segment).end(s); got != want {
			t.Fatalf("found to %d, want %d", got, want)
		}
	})
}

// A pattern that may fit everywhere takes no time that grows with its length times the text's: this took 16 s.
func TestLikeOfManyGaps(t *testing.T) {
	s := []byte(strings.Repeat("a", 200_000))
	for _, pattern := range []string{"%" + strings.Repeat("a_", 4000) + "b%", "%" + strings.Repeat("_", 4999) + "b%", "%a_b%"} {
		p, err := newLikePattern([]byte(pattern), `\`)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if p.match(s) {
			t.Errorf("%.20s matches", pattern)
		}
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("%.20s took %v", pattern, took)
		}
	}
}

// A LIKE pattern is its regular expression.
func TestLikeIsItsRegex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`(a|b|ab|é|_|%|\\%|\\_|\\\\){0,7}`).Draw(t, "pattern")
		p, err := newLikePattern([]byte(pattern), `\`)
		if err != nil {
			t.Fatal(err)
		}
		re := regexp.MustCompile(p.regex())
		for range 4 {
			s := []byte(rapid.StringMatching(`(a|b|ab|é|日|%|_|\\|\n){0,8}`).Draw(t, "text"))
			if rapid.IntRange(0, 3).Draw(t, "broken") == 0 {
				s = append(s, 0xe6, 0x97)
			}
			if p.match(s) != re.Match(s) {
				t.Fatalf("%q LIKE %q: %v, %v says otherwise", s, pattern, p.match(s), re)
			}
		}
	})
}
