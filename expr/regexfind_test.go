package expr

import (
	"regexp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestFinderEqualsTheEngine: what the finder finds is what the regular expression finds.
func TestFinderEqualsTheEngine(t *testing.T) {
	patterns := []string{`(&|^)channel_id=([^&]*)`, `ab`, `^ab`, `(^|b)ab$`, `a?b?ab(a*)`, `(aa|b)+ab`, `[äb]{0,2}ab.`, `(?i)ab`, `\bab`, `(?m)^ab`, `x|ab`, `(ab)+$`, `.*ab(b|$)`, `(a|^)(ab)`}
	rapid.Check(t, func(rt *rapid.T) {
		re := regexp.MustCompile(rapid.SampledFrom(patterns).Draw(rt, "pattern"))
		s := rapid.StringMatching(`([abäx&\n]|ab|channel_id=){0,8}`).Draw(rt, "text")
		if rapid.IntRange(0, 5).Draw(rt, "broken") == 0 {
			s = s[:len(s)/2] + "\xc3" + s[len(s)/2:]
		}
		want, got := re.FindSubmatchIndex([]byte(s)), newFinder(re).find([]byte(s))
		if !slices.Equal(got, want) {
			rt.Fatalf("%q in %q: got %v, want %v", re, s, got, want)
		}
	})
}
