package flowfile

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestCutSecretsAreMasked: what errors show of a secret that was cut is masked, at either side of the mark, and nothing else is.
func TestCutSecretsAreMasked(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		secret := rapid.StringMatching(`[a-z"\\]{8,60}`).Draw(r, "secret")
		var s secrets
		s.add(secret)
		s.order()
		k := rapid.IntRange(leastCut, len(secret)-1).Draw(r, "shown")
		for text, want := range map[string]string{
			"f('" + secret[:k] + "... more":       "f('***... more",
			"..." + secret[len(secret)-k:] + "')": "...***')",
			"ABC... and ...DEF":                   "ABC... and ...DEF",
			"f('" + secret + "')...":              "f('***')...",
		} {
			if got := s.mask(text); got != want {
				r.Fatalf("%s became %s, want %s", text, got, want)
			}
		}
	})
}

func TestSecretsAsExpressionsReadThem(t *testing.T) {
	var s secrets
	s.add(`pa"ss\wordCanary`)
	s.order()
	for _, text := range []string{`pattern "pa\"sswordCanary"`, "pattern `pa\"sswordCanary`", `'pa"ss\wordCanary'`, `{"x":"pa\"ss\\wordCanary"}`} {
		if got := s.mask(text); strings.Contains(got, "Canary") || strings.Contains(got, "pa") && !strings.HasPrefix(got, "pattern") {
			t.Errorf("%s became %s", text, got)
		}
	}
}
