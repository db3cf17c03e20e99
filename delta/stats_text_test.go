package delta

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// The bounds of texts are those of comparing each with both, whatever they
// begin with.
func TestBoundsOfTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prefix := rapid.SampledFrom([]string{"", "a", "https://www.example.com/", "\x00\x00", "\xff\xff\xff\xff\xff\xff\xff\xff\xff"}).Draw(t, "prefix")
		part := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 'b', 0xff}), 0, 12)
		texts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []byte {
			if rapid.IntRange(0, 5).Draw(t, "other") == 0 {
				return part.Draw(t, "text")
			}
			return append([]byte(prefix), part.Draw(t, "text")...)
		}), 1, 30).Draw(t, "texts")
		var l leaf
		lo, hi := texts[0], texts[0]
		for _, v := range texts {
			l.text(v)
			if bytes.Compare(v, lo) < 0 {
				lo = v
			}
			if bytes.Compare(v, hi) > 0 {
				hi = v
			}
		}
		if !bytes.Equal(l.bl, lo) || !bytes.Equal(l.bh, hi) {
			t.Fatalf("bounds of %q are %q and %q, want %q and %q", texts, l.bl, l.bh, lo, hi)
		}
	})
}
