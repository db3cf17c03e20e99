// Package batchtest helps the tests of every room that handles batches: leak
// checks, random batches of every type for property tests, and comparison of
// rows with a difference that can be read.
//
// Main functions: [CheckLeaks], [Batch], [Rows], [Equal]. It is for tests only.
package batchtest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/deltaic/deltaic/batch"
)

// CheckLeaks fails the test, at its end, if p then lends another number of columns than
// now. It also checks that the pool's account is back where it was.
func CheckLeaks(t testing.TB, p *batch.Pool) {
	t.Helper()
	lent, used := p.Lent(), p.Account().Used()
	t.Cleanup(func() {
		t.Helper()
		if now := p.Lent(); now != lent {
			t.Errorf("the pool lends %d columns more than at the start: something was not released", now-lent)
		}
		if now := p.Account().Used(); now != used {
			t.Errorf("the pool's account holds %d bytes more than at the start", now-used)
		}
	})
}

// Rows returns the rows that count as JSON, one string each, with the row kind, the origin and
// the watermark that the row came behind in front if the batch has them.
func Rows(b *batch.Batch) []string {
	rows := make([]string, b.Rows())
	for n := range rows {
		i := b.Row(n)
		var text []byte
		if b.Kinds != nil {
			text = fmt.Appendf(text, "kind %d ", b.Kinds[i])
		}
		if b.Origin != nil {
			text = fmt.Appendf(text, "from %d@%d ", b.Origin.Split[i], b.Origin.Offset[i])
		}
		if b.Behind != nil && b.Behind[i] != math.MinInt64 {
			text = fmt.Appendf(text, "behind %d ", b.Behind[i])
		}
		rows[n] = string(batch.AppendRowJSON(text, b, i))
	}
	return rows
}

// Equal fails the test if the rows that count differ, in order.
func Equal(t Fataler, want, got *batch.Batch) {
	if want.Rows() != got.Rows() {
		t.Fatalf("%d rows where %d are expected", got.Rows(), want.Rows())
	}
	for n := range want.Rows() {
		i, j := want.Row(n), got.Row(n)
		for k := range want.Columns {
			if batch.CompareRows(want.Columns[k], i, got.Columns[k], j) != 0 {
				t.Fatalf("row %d, column %q: want %s, got %s", n, want.Schema.Fields[k].Name,
					batch.AppendJSON(nil, want.Columns[k], i), batch.AppendJSON(nil, got.Columns[k], j))
			}
		}
	}
	if w, g := Rows(want), Rows(got); !slices.Equal(w, g) {
		t.Fatalf("rows differ: want %q, got %q", w, g)
	}
}

// Fataler is what testing.TB and *rapid.T have in common.
type Fataler interface {
	// Fatalf says what is wrong and ends the test.
	Fatalf(format string, args ...any)
}
