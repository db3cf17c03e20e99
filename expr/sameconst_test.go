package expr

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
)

// TestSameAsConst: texts are compared with a constant as strings are, whatever their lengths, and no bit behind the last is set.
func TestSameAsConst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ab]{0,10}`)
		want, not := text.Draw(t, "want"), rapid.Bool().Draw(t, "not")
		texts := rapid.SliceOfN(rapid.OneOf(text, rapid.Just(want), rapid.Just(want+"a")), 1, 150).Draw(t, "texts")
		b := batch.NewBuilder(batch.StringType, nil)
		for _, s := range texts {
			b.String(s)
		}
		out := make(batch.Bitmap, batch.BitmapWords(len(texts)))
		sameAsConst(out, b.Finish(), len(texts), want, not)
		for i := range len(out) * 64 {
			if out.Get(i) != (i < len(texts) && (texts[i] == want) != not) {
				t.Fatalf("row %d of %d: %v", i, len(texts), out.Get(i))
			}
		}
	})
}

// TestAnyBit is a search bit by bit.
func TestAnyBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := batch.Bitmap(rapid.SliceOfN(rapid.SampledFrom([]uint64{0, 0, 1, 1 << 63, 1 << 17}), 1, 4).Draw(t, "words"))
		from := rapid.IntRange(0, 64*len(b)).Draw(t, "from")
		to := rapid.IntRange(from, 64*len(b)).Draw(t, "to")
		want := false
		for i := from; i < to; i++ {
			want = want || b.Get(i)
		}
		if got := anyBit(b, from, to); got != want {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}
