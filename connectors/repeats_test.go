package connectors

import (
	"testing"

	"pgregory.net/rapid"
)

// Any order of epochs is told apart exactly, and neighbours become one range.
func TestRepeatsAgainstASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r Repeats
		seen := map[int64]bool{}
		for _, e := range rapid.SliceOfN(rapid.Int64Range(0, 20), 0, 60).Draw(t, "epochs") {
			if got := r.Note(Commit{Flow: "f", Incarnation: "i", Epoch: e}); got != seen[e] {
				t.Fatalf("epoch %d: repeat %v, want %v", e, got, seen[e])
			}
			seen[e] = true
		}
		ranges := r.seen["f\x00i"]
		for i := 1; i < len(ranges); i++ {
			if ranges[i].first <= ranges[i-1].last+1 {
				t.Fatalf("ranges %v are not merged", ranges)
			}
		}
		if r.Note(Commit{Flow: "f", Incarnation: "other", Epoch: 3}) {
			t.Fatal("another incarnation's epoch was taken for a repeat")
		}
	})
}
