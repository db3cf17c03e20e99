package state

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
)

// Keys that are made a column at a time are those that are made a value at a time: of any types, with nulls and
// dictionaries, batch after batch in the same room.
func TestTuplesAreCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x tuples
		var spans []span
		for range rapid.IntRange(1, 3).Draw(t, "batches") {
			in := batchtest.Batch(t, batchtest.Schema(t, rapid.IntRange(1, 4).Draw(t, "columns"), 2), nil, rapid.IntRange(0, 40).Draw(t, "rows"))
			var keys []*batch.Column
			for _, c := range in.Columns {
				if checkKeyType(c.Type) == nil {
					keys = append(keys, c)
				}
			}
			var rows []int32
			for i := range in.N {
				if rapid.Bool().Draw(t, "counts") {
					rows = append(rows, int32(i))
				}
			}
			spans = room(spans, len(rows))
			data := x.encode(keys, rows, spans)
			for i, r := range rows {
				var want []byte
				for _, k := range keys {
					want = appendCanonical(want, k, int(r))
				}
				if got := data[spans[i].from:spans[i].to]; !bytes.Equal(got, want) {
					t.Fatalf("row %d: % x, want % x", r, got, want)
				}
			}
		}
	})
}
