package expr

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

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
