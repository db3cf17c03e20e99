package recover

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

// TestTheLawIsWhatCountingSays: count and sum of every key, by the law, are those of going through the rows one by one.
func TestTheLawIsWhatCountingSays(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		keys := sampled * rapid.Int64Range(1, 4).Draw(r, "keys")
		rows := rapid.Int64Range(0, 3*keys).Draw(r, "rows")
		n, total := map[int64]int64{}, map[int64]int64{}
		for v := range rows {
			k := v * scatter % keys
			n[k]++
			total[k] += v
		}
		l := newLaw(keys)
		for k := range keys {
			if gotN, gotTotal := l.of(k, rows); gotN != n[k] || gotTotal != total[k] {
				r.Fatalf("after %d rows of %d keys key %d has count %d and sum %d, %d and %d are right", rows, keys, k, gotN, gotTotal, n[k], total[k])
			}
		}
	})
}

// TestTheSourceGoesOnWhereItStood: rows are the numbers from a position on, without a gap.
func TestTheSourceGoesOnWhereItStood(t *testing.T) {
	c := &counter{first: 10_000, rate: 1}
	at := connectors.Positions{split: positionOf(7)}
	r, err := c.Open(t.Context(), at, connectors.OpenOptions{Pool: batch.NewPool()})
	if err != nil {
		t.Fatal(err)
	}
	for next := int64(7); next < 10_000; {
		f, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range f.Batch.Columns[0].I64 {
			if v != next+int64(i) {
				t.Fatalf("row %d is %d", next+int64(i), v)
			}
		}
		if c.Before(f, positionOf(next+1)) != 1 {
			t.Error("the second row of a fetch does not stand behind the first")
		}
		next += int64(f.Batch.N)
		if numberOf(f.After) != next {
			t.Fatalf("the position behind row %d is %s", next-1, f.After)
		}
		f.Batch.Release()
	}
	r.Pause(split)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Next(ctx); err == nil {
		t.Error("a paused split delivers")
	}
}
