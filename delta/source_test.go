package delta_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/connectortest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/memory"
)

// TestSourceKit runs the contract of sources: over a table with deletion vectors and versions behind the first, in every mode.
func TestSourceKit(t *testing.T) {
	d := newDML(t, memory.New(memory.Options{}), 3, true, true)
	for range 6 {
		d.append()
	}
	for range 4 {
		d.change()
		d.append()
	}
	for _, c := range []struct {
		name    string
		changes bool
		o       delta.SourceOptions
	}{
		{"rows over splits", false, delta.SourceOptions{Splits: 3, MaxFiles: 2}},
		{"rows passed over", false, delta.SourceOptions{SkipChangeCommits: true, Splits: 2, MaxBytes: 3000}},
	} {
		t.Run(c.name, func(t *testing.T) {
			connectortest.Source(t, func(t *testing.T) connectors.Source {
				s, err := delta.NewSource(ctx, d.store, "t", c.o)
				if err != nil {
					t.Fatal(err)
				}
				s.TakeChanges(c.changes)
				return s
			})
		})
	}
}

// streamed reads a stream as the engine does, in epochs up to its limits, begins anew from its position now and then, and
// calls each after every epoch with the position.
type streamed struct {
	t       *rapid.T
	open    func() *delta.Source
	source  *delta.Source
	pool    *batch.Pool
	at      connectors.Positions
	restart bool
	brought bool // the version has brought a row
}

func newStreamed(t *rapid.T, open func() *delta.Source) *streamed {
	s := &streamed{t: t, open: open, source: open(), pool: batch.NewPool(), restart: rapid.Bool().Draw(t, "restarts")}
	var err error
	if s.at, err = s.source.Start(ctx, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// epoch reads up to the limits and takes each row with its kind. It reports whether there was something to read.
func (s *streamed) epoch(take func(row string, kind batch.RowKind)) bool {
	if s.restart && rapid.Bool().Draw(s.t, "restart") {
		s.source = s.open()
		again, err := s.source.Start(ctx, s.at)
		if err != nil {
			s.t.Fatal(err)
		}
		if !maps.Equal(again, s.at) {
			s.t.Fatalf("started at %v instead of %v", again, s.at)
		}
	}
	end, err := s.source.End(ctx, []connectors.SplitID{"delta/0"})
	if err != nil {
		s.t.Fatal(err)
	}
	until := s.source.Limit(s.at, end)
	if s.source.Behind(s.at["delta/0"], until["delta/0"]) == 0 {
		return false
	}
	ending, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := s.source.Open(ending, s.at, connectors.OpenOptions{Rows: rapid.IntRange(1, 10).Draw(s.t, "rows"), Pool: s.pool})
	if err != nil {
		s.t.Fatal(err)
	}
	for s.source.Behind(s.at["delta/0"], until["delta/0"]) > 0 {
		f, err := r.Next(ctx)
		if err != nil {
			s.t.Fatal(err)
		}
		if f.Batch.Sel != nil {
			s.t.Fatal("a batch has a selection")
		}
		for i := range f.Batch.N {
			kind := batch.Insert
			if f.Batch.Kinds != nil {
				kind = f.Batch.Kinds[i]
			}
			back := kind == batch.UpdateBefore || kind == batch.Delete
			if back && s.brought {
				s.t.Fatal("a version takes a row back behind one that it brings")
			}
			s.brought = !back
			take(string(batch.AppendRowJSON(nil, f.Batch, i)), kind)
		}
		f.Batch.Release()
		s.at["delta/0"] = f.After
		s.brought = s.brought && f.Joined
		if f.Joined && s.source.Behind(s.at["delta/0"], until["delta/0"]) == 0 {
			s.t.Fatal("an epoch ends within a change")
		}
		if !f.Joined && rapid.IntRange(0, 9).Draw(s.t, "early") == 0 {
			break // the epoch is closed by time
		}
	}
	if err := r.Close(); err != nil {
		s.t.Fatal(err)
	}
	if n := s.pool.Lent(); n != 0 {
		s.t.Fatalf("%d columns were not released", n)
	}
	return true
}

var kindTypes = map[batch.RowKind]string{batch.Insert: "insert", batch.UpdateBefore: "update_preimage", batch.UpdateAfter: "update_postimage", batch.Delete: "delete"}

// TestStreamFolds streams a table while random commits come, with random limits and restarts, from its first rows or from a version
// on, by change files or by the difference: the rows folded are those of the table whenever the stream has come to its end, and
// never is a row taken back that is not there.
func TestStreamFolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDML(t, memory.New(memory.Options{}), rapid.Uint64().Draw(t, "seed"), rapid.Bool().Draw(t, "feed"), rapid.Bool().Draw(t, "vectors"))
		for range rapid.IntRange(0, 5).Draw(t, "before") {
			d.step()
		}
		o := delta.SourceOptions{MaxFiles: rapid.Int64Range(0, 3).Draw(t, "files"), MaxBytes: rapid.SampledFrom([]int64{0, 1, 2000}).Draw(t, "bytes")}
		mind := rapid.SampledFrom([]int64{0, 1, 4, 20, 1 << 20}).Draw(t, "in mind")
		kept := rapid.SampledFrom([]int64{1, 2, 50_000}).Draw(t, "kept")
		rows := map[string]int{}
		if rapid.Bool().Draw(t, "from a version") {
			from := rapid.Int64Range(0, d.version).Draw(t, "version")
			o.StartingVersion = fmt.Sprint(from)
			if from > 0 {
				rows = maps.Clone(d.rows[from-1])
			}
		}
		s := newStreamed(t, func() *delta.Source {
			s, err := delta.NewSource(ctx, d.store, "t", o)
			if err != nil {
				t.Fatal(err)
			}
			s.TakeChanges(true)
			s.KeepInMind(mind)
			s.KeepFiles(kept)
			return s
		})
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			for s.epoch(func(row string, kind batch.RowKind) {
				fold(rows, row, kindTypes[kind])
				if rows[row] < 0 {
					t.Fatalf("%s is taken back and is not there", row)
				}
			}) {
			}
			if !maps.Equal(rows, d.rows[d.version]) {
				t.Fatalf("at version %d the rows are %v, want %v", d.version, rows, d.rows[d.version])
			}
			for range rapid.IntRange(0, 3).Draw(t, "commits") {
				d.step()
			}
		}
	})
}

// What a position counts is said anew at each start, or a later one would go on within pieces of another kind.
func TestPositionsSayHowTheyAreRead(t *testing.T) {
	d := newDML(t, memory.New(memory.Options{}), 1, false, false)
	d.append()
	start := func(changes bool, known connectors.Positions) connectors.Positions {
		s, err := delta.NewSource(ctx, d.store, "t", delta.SourceOptions{StartingVersion: "1"})
		if err != nil {
			t.Fatal(err)
		}
		s.TakeChanges(changes)
		at, err := s.Start(ctx, known)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	at := start(true, start(false, nil))
	if !strings.Contains(string(at["delta/0"]), `"mode":"changes"`) {
		t.Errorf("a stream of changes stands at %v", at)
	}
}

// What the table had at first is looked at as long as some split reads it: later it may be gone from the log.
func TestTheFirstVersionMayGo(t *testing.T) {
	for _, o := range []delta.SourceOptions{{Splits: 2}, {StartOnly: true, Before: "at"}} {
		d := newDML(t, memory.New(memory.Options{}), 1, false, false)
		d.append()
		d.append()
		if o.Before != "" {
			timed := batch.NewSchema(append(dmlSchema.Fields[:2:2], batch.Field{Name: "at", Type: batch.TimestampType, Nullable: true})...)
			d.commit(log.Commit{Metadata: &log.Metadata{ID: "dml", Provider: "parquet", SchemaString: log.FormatSchema(timed)}}, nil)
		}
		open := func() *delta.Source {
			s, err := delta.NewSource(ctx, d.store, "t", o)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		first := open()
		at, err := first.Start(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		for id := range at { // all of it is read
			end, err := first.End(ctx, []connectors.SplitID{id})
			if err != nil {
				t.Fatal(err)
			}
			at[id] = end[id]
		}
		d.append()
		if _, err := delta.Open(d.store, delta.Options{}).Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		for v := range d.version {
			if err := d.store.Delete(ctx, log.CommitName(v)); err != nil {
				t.Fatal(err)
			}
		}
		if first.Limit(at, at); first.HoldsStart() {
			t.Errorf("%+v: the files of the start are kept when they are read", o)
		}
		if again, err := open().Start(ctx, at); err != nil || !maps.Equal(again, at) {
			t.Errorf("%+v: started at %v, %v; want %v", o, again, err, at)
		}
	}
}

// A run without limits reads all that there is, though not all of it was planned when it began.
func TestReaderPlansOn(t *testing.T) {
	d := newDML(t, memory.New(memory.Options{}), 1, false, false)
	for range 1100 {
		d.commit(log.Commit{Info: &log.CommitInfo{Operation: "WRITE"}}, nil)
	}
	d.append()
	s, err := delta.NewSource(ctx, d.store, "t", delta.SourceOptions{StartingVersion: "0"})
	if err != nil {
		t.Fatal(err)
	}
	at, err := s.Start(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	end, err := s.End(ctx, []connectors.SplitID{"delta/0"})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	r, err := s.Open(ctx, at, connectors.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for s.Behind(at["delta/0"], end["delta/0"]) > 0 {
		f, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		rows += f.Batch.N
		f.Batch.Release()
		at["delta/0"] = f.After
	}
	if rows == 0 {
		t.Error("no row came")
	}
}

// A run that is one epoch asks for no limits, with which it would be told what is wrong with a version: the reader tells it.
func TestOneEpochTellsWhatIsWrong(t *testing.T) {
	d := newDML(t, memory.New(memory.Options{}), 1, false, false)
	d.append()
	for range 1200 {
		d.commit(log.Commit{Info: &log.CommitInfo{Timestamp: 1, Operation: "WRITE"}}, nil)
	}
	s, err := delta.NewSource(ctx, d.store, "t", delta.SourceOptions{StartingVersion: "0"})
	if err != nil {
		t.Fatal(err)
	}
	at, err := s.Start(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	last := d.files[0]
	d.files = nil
	d.commit(log.Commit{Info: &log.CommitInfo{Timestamp: 1, Operation: "DELETE"}, Removes: []log.Remove{last.remove(true)}}, nil)
	if _, err := s.End(ctx, []connectors.SplitID{"delta/0"}); err != nil {
		t.Fatal(err)
	}
	reading, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r, err := s.Open(reading, at, connectors.OpenOptions{Pool: batch.NewPool(), Whole: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rows := 0
	for {
		f, err := r.Next(reading)
		if class(err) == "DELTA_SOURCE_IGNORE_DELETE" {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rows += f.Batch.N
		f.Batch.Release()
	}
	if rows != len(last.ids) {
		t.Errorf("%d rows, want %d", rows, len(last.ids))
	}
}

// Where a stream stands within what the table had at first depends on the order in which that is read.
func TestTheOrderOfTheStartIsKept(t *testing.T) {
	d := newDML(t, memory.New(memory.Options{}), 1, false, false)
	timed := batch.NewSchema(append(dmlSchema.Fields[:2:2], batch.Field{Name: "at", Type: batch.TimestampType, Nullable: true})...)
	d.commit(log.Commit{Metadata: &log.Metadata{ID: "dml", Provider: "parquet", SchemaString: log.FormatSchema(timed)}}, nil)
	for range 3 {
		d.append()
	}
	open := func(o delta.SourceOptions) *delta.Source {
		s, err := delta.NewSource(ctx, d.store, "t", o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open(delta.SourceOptions{MaxFiles: 1})
	at, err := s.Start(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(delta.SourceOptions{EventTime: "at"}).Start(ctx, at); err != nil {
		t.Errorf("nothing is read yet: %v", err)
	}
	end, err := s.End(ctx, []connectors.SplitID{"delta/0"})
	if err != nil {
		t.Fatal(err)
	}
	at = s.Limit(at, end)
	if _, err := open(delta.SourceOptions{EventTime: "at"}).Start(ctx, at); class(err) != delta.ClassSourcePosition {
		t.Errorf("files that are read in the midst go on in another order: %v", err)
	}
	if _, err := open(delta.SourceOptions{}).Start(ctx, at); err != nil {
		t.Error(err)
	}
}
