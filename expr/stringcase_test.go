package expr

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// Cases change as package strings changes them, but for a capital I with a dot, which keeps it; and cuts are those of runes.
func TestCaseAndCuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`([ -~]|[A-Za-z]{4}|é|É|日|İ|@\[\x60\{){0,12}`).Draw(t, "text")
		if got, want := string(lower(nil, []byte(s))), strings.ReplaceAll(string(bytes.ToLower([]byte(strings.ReplaceAll(s, "İ", "\x01")))), "\x01", "i\u0307"); got != want {
			t.Fatalf("lower(%q) is %q, want %q", s, got, want)
		}
		if got, want := string(upper([]byte("x"), []byte(s))), "x"+strings.ToUpper(s); got != want {
			t.Fatalf("upper(%q) is %q, want %q", s, got, want)
		}
		if is := len(s) == utf8.RuneCountInString(s); ascii([]byte(s)) != is {
			t.Fatalf("%q is ASCII: %v", s, is)
		}
		runes := []rune(s)
		pos, n := rapid.IntRange(1, 14).Draw(t, "from"), rapid.IntRange(1, 14).Draw(t, "count")
		from := min(pos-1, len(runes))
		if got, want := string(substring([]byte(s), int64(pos), int64(n))), string(runes[from:min(from+n, len(runes))]); got != want {
			t.Fatalf("substring(%q, %d, %d) is %q, want %q", s, pos, n, got, want)
		}
	})
}
