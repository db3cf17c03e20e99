package delta_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/memory"
)

// aged commits files of one row each, of random age, some in several versions, and returns the rows in the order of age, then of path.
func aged(t *rapid.T, d *dmlTable, most int) (rows []string) {
	type file struct {
		at   int64
		path string
		row  string
	}
	var files []file
	for range rapid.IntRange(1, 3).Draw(t, "versions") {
		c := log.Commit{Info: &log.CommitInfo{Timestamp: 1, Operation: "WRITE"}}
		for range rapid.IntRange(0, most).Draw(t, "files") {
			id := int64(len(files))
			d.add(&c, []int64{id}, []int64{0}, true)
			a := &c.Adds[len(c.Adds)-1]
			a.ModificationTime = rapid.Int64Range(-20, 5000).Draw(t, "age")
			files = append(files, file{a.ModificationTime, a.Path, dmlRow(id, 0)})
		}
		d.commit(c, nil)
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.path, b.path)) })
	for _, f := range files {
		rows = append(rows, f.row)
	}
	return rows
}

// TestStartIsReadInParts reads what a table has at first though few of its files may be in memory at once: in the order of age, each split every n-th file, in epochs
// up to limits or all at once, begun again anywhere.
func TestStartIsReadInParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDML(t, memory.New(memory.Options{}), 1, false, false)
		want := aged(t, d, 20)
		if rapid.Bool().Draw(t, "checkpoint") {
			if _, err := delta.Open(d.store, delta.Options{}).Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		}
		o := delta.SourceOptions{Splits: rapid.IntRange(1, 4).Draw(t, "splits"), MaxFiles: rapid.Int64Range(0, 4).Draw(t, "limit"), StartOnly: true}
		kept, free := rapid.Int64Range(1, 12).Draw(t, "kept"), rapid.Bool().Draw(t, "all at once")
		var s *delta.Source
		var at connectors.Positions
		begin := func() {
			var err error
			if s == nil || rapid.Bool().Draw(t, "another process") {
				if s, err = delta.NewSource(ctx, d.store, "t", o); err != nil {
					t.Fatal(err)
				}
				s.KeepFiles(kept)
			}
			if at, err = s.Start(ctx, at); err != nil {
				t.Fatal(err)
			}
		}
		begin()
		got := make([][]string, o.Splits)
		for {
			ids := []connectors.SplitID{}
			for id := range at {
				ids = append(ids, id)
			}
			end, err := s.End(ctx, ids)
			if err != nil {
				t.Fatal(err)
			}
			until := end
			if !free {
				until = s.Limit(at, end)
			}
			left := func() (n int64) {
				for id := range at {
					n += s.Behind(at[id], until[id])
				}
				return n
			}
			if left() == 0 {
				break
			}
			r, err := s.Open(ctx, at, connectors.OpenOptions{Whole: free})
			if err != nil {
				t.Fatal(err)
			}
			stop := rapid.IntRange(1, 100).Draw(t, "stop")
			for ; left() > 0 && stop > 0; stop-- {
				f, err := r.Next(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if s.Behind(at[f.Split], until[f.Split]) == 0 { // as the engine has it: it is for another epoch
					f.Batch.Release()
					continue
				}
				var split int
				if _, err := fmt.Sscanf(string(f.Split), "delta/%d", &split); err != nil {
					t.Fatal(err)
				}
				for i := range f.Batch.N {
					got[split] = append(got[split], string(batch.AppendRowJSON(nil, f.Batch, i)))
				}
				f.Batch.Release()
				at[f.Split] = f.After
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if n := int64(s.KeptFiles()); o.MaxFiles > 0 && kept < 5 && len(want) > 50 && n == int64(len(want)) {
				t.Fatalf("all %d files are in memory", n)
			}
			if free || rapid.IntRange(0, 3).Draw(t, "begin anew") == 0 {
				begin()
			}
		}
		for i, rows := range got {
			for j, row := range rows {
				if at := i + j*o.Splits; at >= len(want) || want[at] != row {
					t.Fatalf("split %d has %v; want every %d-th of %v", i, rows, o.Splits, want)
				}
			}
		}
		if n := len(slices.Concat(got...)); n != len(want) {
			t.Fatalf("%d rows of %d", n, len(want))
		}
	})
}

// TestStartAges: files of any age that a number can tell are read in parts, and what is left is told as if they were counted one by one.
func TestStartAges(t *testing.T) {
	d := newDML(t, memory.New(memory.Options{}), 1, false, false)
	ages := []int64{math.MinInt64, -1, 0, 1, 5, math.MaxInt64 - 1, math.MaxInt64, math.MaxInt64}
	for _, from := range []int{0, 3} {
		c := log.Commit{Info: &log.CommitInfo{Timestamp: 1, Operation: "WRITE"}}
		for i := from; i < len(ages); i++ {
			d.add(&c, []int64{int64(from*100 + i)}, []int64{0}, true)
			c.Adds[len(c.Adds)-1].ModificationTime = ages[i]
		}
		d.commit(c, nil)
		s, err := delta.NewSource(ctx, d.store, "t", delta.SourceOptions{MaxFiles: 1})
		if err != nil {
			t.Fatal(err)
		}
		s.KeepFiles(2)
		epochs, err := drain(s, false)
		if want := len(ages) + from/3*(len(ages)-3); err != nil || len(epochs) != want {
			t.Fatalf("%d epochs of one file, want %d: %v", len(epochs), want, err)
		}
	}
}
