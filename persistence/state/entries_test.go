package state

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// Entries come back in their order, small ones and some that are larger than a chunk, also in memory that was
// used before.
func TestEntriesComeBackInOrder(t *testing.T) {
	var e entries
	rapid.Check(t, func(t *rapid.T) {
		e.reset()
		var want [][]byte
		for i := range rapid.IntRange(0, 200).Draw(t, "entries") {
			n := rapid.SampledFrom([]int{0, 1, 100, 127, 128, 5000, entriesChunk - 3, entriesChunk - 2, entriesChunk, 2 * entriesChunk}).Draw(t, "bytes")
			v := bytes.Repeat([]byte{byte(i)}, n)
			want = append(want, v)
			if rapid.Bool().Draw(t, "raw") {
				var a entries
				a.add(v)
				e.addRaw(a.chunks[0])
			} else {
				e.add(v)
			}
		}
		var at entriesCursor
		for i, v := range want {
			if got := e.next(&at); !bytes.Equal(got, v) {
				t.Fatalf("entry %d of %d: %d bytes, want %d", i, len(want), len(got), len(v))
			}
		}
	})
}
