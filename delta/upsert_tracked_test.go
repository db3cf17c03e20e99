package delta_test

import (
	"slices"

	"github.com/deltaic/deltaic/delta"
)

// rowNumbers are the numbers of the rows of each key, with the versions that wrote them, in order.
type rowNumbers map[string][][2]int64

func numbersByKey(r *upsertRun, s *delta.Snapshot) rowNumbers {
	out := rowNumbers{}
	for b, err := range s.Scan(ctx, delta.ScanOptions{Columns: []string{"k", "p", "_metadata.row_id", "_metadata.row_commit_version"}}) {
		if err != nil {
			r.t.Fatal(err)
		}
		id, version := b.Columns[2].Kids[0], b.Columns[2].Kids[1]
		for i := range b.Rows() {
			row, c := b.Row(i), change{k: -1, p: none}
			if !b.Columns[0].IsNull(row) {
				c.k = b.Columns[0].I64[row]
			}
			if !b.Columns[1].IsNull(row) {
				c.p = string(b.Columns[1].Bytes(row))
			}
			if id.IsNull(row) || version.IsNull(row) {
				r.t.Fatalf("version %d: a row of %s has no number", s.Version, c.key())
			}
			out[c.key()] = append(out[c.key()], [2]int64{id.I64[row], version.I64[row]})
		}
		b.Release()
	}
	for _, n := range out {
		slices.SortFunc(n, func(a, b [2]int64) int { return int(a[0] - b[0]) })
	}
	return out
}

// remember notes the numbers that rows have before the epoch's commit.
func (r *upsertRun) remember() {
	if r.numbers != nil {
		r.numbers = numbersByKey(r, r.snapshot())
	}
}

// keep checks that the epoch left their numbers to all rows: those that it did not touch have their versions too, those that it changed
// have its own, and rows of new keys have numbers that nobody had.
func (r *upsertRun) keep() {
	if r.numbers == nil {
		return
	}
	s := r.snapshot()
	now, seen, before := numbersByKey(r, s), map[int64]bool{}, map[int64]bool{}
	for _, rows := range r.numbers {
		for _, n := range rows {
			before[n[0]] = true
		}
	}
	for key, rows := range now {
		for _, n := range rows {
			if seen[n[0]] {
				r.t.Fatalf("version %d: two rows have the number %d", s.Version, n[0])
			}
			seen[n[0]] = true
		}
		v, touched := r.effects[key]
		switch old := r.numbers[key]; {
		case !touched:
			if !slices.Equal(rows, old) {
				r.t.Fatalf("version %d: the rows of %s had the numbers %v and have %v, untouched", s.Version, key, old, rows)
			}
		case v < 0 || len(rows) != 1 || rows[0][1] != s.Version:
			r.t.Fatalf("version %d: %s became %d and has the numbers %v", s.Version, key, v, rows)
		case len(old) == 0 && before[rows[0][0]]:
			r.t.Fatalf("version %d: the new row of %s has the number %d of another", s.Version, key, rows[0][0])
		case len(old) > 0 && !slices.ContainsFunc(old, func(n [2]int64) bool { return n[0] == rows[0][0] }):
			r.t.Fatalf("version %d: the row of %s had the numbers %v and has %v", s.Version, key, old, rows)
		}
	}
}
