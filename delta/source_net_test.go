package delta_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/memory"
)

// told reads the changes of a table from a version on and gives, for each version that has some, how often each row goes and comes.
func told(t interface{ Fatal(...any) }, d *dmlTable, from string, mind int64, each func(went, came map[string]int)) {
	s, err := delta.NewSource(ctx, d.store, "t", delta.SourceOptions{StartingVersion: from, MaxFiles: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.TakeChanges(true)
	s.KeepInMind(mind)
	pool := batch.NewPool()
	at, err := s.Start(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(ctx, at, connectors.OpenOptions{Pool: pool, Rows: 100})
	if err != nil {
		t.Fatal(err)
	}
	end, err := s.End(ctx, []connectors.SplitID{"delta/0"})
	if err != nil {
		t.Fatal(err)
	}
	went, came := map[string]int{}, map[string]int{}
	for s.Behind(at["delta/0"], end["delta/0"]) > 0 {
		f, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Batch.N {
			row := string(batch.AppendRowJSON(nil, f.Batch, i))
			if f.Batch.Kinds != nil && f.Batch.Kinds[i] == batch.Delete {
				went[row]++
			} else {
				came[row]++
			}
		}
		f.Batch.Release()
		at["delta/0"] = f.After
		if !f.Joined {
			each(went, came)
			went, came = map[string]int{}, map[string]int{}
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if n := pool.Lent(); n != 0 {
		t.Fatal(n, "columns were not released")
	}
}

// TestRowsOfBothSidesAreLeftOut: of a version no row is told to go and to come, and what is told is what is left of all rows of the files
// when those on both sides are taken out; however few rows are kept in mind, the sum is the same.
func TestRowsOfBothSidesAreLeftOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDML(t, memory.New(memory.Options{}), rapid.Uint64().Draw(t, "seed"), false, rapid.Bool().Draw(t, "vectors"))
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			d.step()
		}
		sums := func(mind int64) (all []map[string]int) {
			told(t, d, "0", mind, func(went, came map[string]int) {
				for row := range went {
					if came[row] > 0 && mind == 1<<20 {
						t.Fatalf("%s goes and comes", row)
					}
					if came[row] -= went[row]; came[row] == 0 {
						delete(came, row)
					}
				}
				if len(came) > 0 {
					all = append(all, came)
				}
			})
			return all
		}
		want := sums(0)
		for _, mind := range []int64{1, 3, 8, 1 << 20} {
			got := sums(mind)
			if len(got) != len(want) {
				t.Fatalf("%d in mind: %d versions change something, want %d", mind, len(got), len(want))
			}
			for i := range got {
				for row, n := range want[i] {
					if got[i][row] != n || len(got[i]) != len(want[i]) {
						t.Fatalf("%d in mind: %v, want %v", mind, got[i], want[i])
					}
				}
			}
		}
	})
}

// TestOneRowOfMany: a row that is updated in a file of many is one row that goes and one that comes, whether all digests are kept in mind or those
// of the ranges that differ; if many are updated and few may be kept in mind, rows that did not change come too.
func TestOneRowOfMany(t *testing.T) {
	const rows = 20_000
	d := newDML(t, memory.New(memory.Options{}), 1, false, false)
	ids, vs := make([]int64, rows), make([]int64, rows)
	for i := range ids {
		ids[i] = int64(i % (rows - 10)) // some twice
	}
	write := func(removes []log.Remove) {
		c := log.Commit{Info: &log.CommitInfo{Timestamp: 1, Operation: "UPDATE"}, Removes: removes}
		d.add(&c, ids, vs, true)
		d.commit(c, nil)
	}
	change := func(every int) {
		old := d.files[0].remove(true)
		d.files = nil
		for i := 0; i < rows; i += every {
			vs[i]++
		}
		write([]log.Remove{old})
	}
	write(nil)
	change(rows)
	for _, mind := range []int64{1 << 20, 1000} {
		told(t, d, "2", mind, func(went, came map[string]int) {
			if len(went) != 1 || went[dmlRow(0, 0)] != 1 || len(came) != 1 || came[dmlRow(0, 1)] != 1 {
				t.Errorf("%d in mind: %d go and %d come", mind, len(went), len(came))
			}
		})
	}
	change(10)
	const least = rows/10 - 1 // one of the updates makes of a row what another was
	for _, mind := range []int64{1 << 20, 1000} {
		told(t, d, "3", mind, func(went, came map[string]int) {
			if n := len(went); n < least || n != len(came) && mind == 1<<20 || mind == 1<<20 && n != least {
				t.Errorf("%d in mind: %d go and %d come", mind, n, len(came))
			}
		})
	}
}

// BenchmarkNet is what it costs to tell that one row of a million was updated.
func BenchmarkNet(b *testing.B) {
	d := newDML(b, memory.New(memory.Options{}), 1, false, false)
	ids, vs := make([]int64, 1_000_000), make([]int64, 1_000_000)
	for i := range ids {
		ids[i] = int64(i)
	}
	c := log.Commit{Info: &log.CommitInfo{Timestamp: 1, Operation: "WRITE"}}
	d.add(&c, ids, vs, true)
	d.commit(c, nil)
	c = log.Commit{Info: &log.CommitInfo{Timestamp: 1, Operation: "UPDATE"}, Removes: []log.Remove{d.files[0].remove(true)}}
	d.files, vs[17] = nil, 1
	d.add(&c, ids, vs, true)
	d.commit(c, nil)
	for name, mind := range map[string]int64{"all in mind": 1 << 20, "by ranges": 1 << 19, "off": 0} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				rows := 0
				told(b, d, "2", mind, func(went, came map[string]int) { rows += len(went) + len(came) })
				if mind > 0 && rows != 2 {
					b.Fatal(rows, "rows")
				}
			}
		})
	}
}
