package delta_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/memory"
)

func ids(values ...int64) *batch.Batch {
	b := batch.NewBuilder(batch.BigIntType, nil)
	for _, v := range values {
		b.Int64(v)
	}
	return batch.NewBatch(idSchema, b.Len(), b.Finish())
}

// stage writes one share's epoch and returns what it prepared.
func stage(t testing.TB, w connectors.Writer, epoch int64, batches ...*batch.Batch) connectors.Prepared {
	t.Helper()
	for _, b := range batches {
		if err := w.Write(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := w.Seal(epoch)
	if err != nil {
		t.Fatal(err)
	}
	if sealed == nil {
		return connectors.Prepared{}
	}
	p, err := sealed.Finish(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var others atomic.Uint64 // seeds of other writers' names

// writeBatch commits the rows of a batch, in files of their own.
func writeBatch(t interface{ Fatal(...any) }, table *delta.Table, b *batch.Batch) {
	head, err := table.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w, err := delta.NewWriter(table, head, delta.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(ctx, b); err != nil {
		t.Fatal(err)
	}
	adds, err := w.Finish(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds}); err != nil {
		t.Fatal(err)
	}
}

func appendIDs(t testing.TB, s objstore.Store, values ...int64) {
	t.Helper()
	table := delta.Open(s, options(1000+others.Add(1)))
	writeBatch(t, table, ids(values...))
}

// TestComplete runs random epochs of whole results in two shares, with repeats, new attempts and other
// writers in between: after each epoch the table is its result, beside or as the ledger.
func TestComplete(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := memory.New(memory.Options{})
		open := func(attempt int64) (*delta.Sink, [2]connectors.Writer) {
			sink := delta.NewSink(s, delta.SinkOptions{Table: options(uint64(attempt))})
			if err := sink.Bind(ctx, idSchema, connectors.Complete); err != nil {
				t.Fatal(err)
			}
			var w [2]connectors.Writer
			for i := range w {
				var err error
				if w[i], err = sink.Writer(ctx, connectors.Share{Flow: "f", Incarnation: "i", Attempt: attempt, Index: i, Count: 2}); err != nil {
					t.Fatal(err)
				}
			}
			return sink, w
		}
		sink, w := open(1)
		var older *delta.Sink
		for e := int64(1); e <= 5; e++ {
			c := connectors.Commit{Flow: "f", Incarnation: "i", QueryID: "i", Epoch: e}
			want := []int64{}
			for i := range w {
				rows := rapid.SliceOfN(rapid.Int64Range(0, 9), 0, 4).Draw(rt, "rows")
				want = append(want, rows...)
				c.Prepared = append(c.Prepared, stage(t, w[i], e, ids(rows...)))
			}
			if rapid.Bool().Draw(rt, "other writer") {
				appendIDs(t, s, 77)
			}
			if older != nil && rapid.Bool().Draw(rt, "zombie") {
				if _, err := older.Commit(ctx, c); err != nil {
					t.Fatal(err)
				}
			}
			for again := rapid.IntRange(0, 2).Draw(rt, "repeats"); again >= 0; again-- {
				if _, err := sink.Commit(ctx, c); err != nil {
					t.Fatal(err)
				}
				got := scanN(t, s)
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Fatalf("epoch %d: rows %v, want %v", e, got, want)
				}
			}
			if rapid.Bool().Draw(rt, "new attempt") {
				older = sink
				sink, w = open(e + 1)
			}
		}
		sound(rt, delta.Open(s, delta.Options{}))
	})
}

// TestCompleteIsSaid: what the log says of an epoch in complete mode is what Spark's would.
func TestCompleteIsSaid(t *testing.T) {
	s := memory.New(memory.Options{})
	sink := delta.NewSink(s, delta.SinkOptions{Table: options(1)})
	ledger, err := sink.Ledger(ctx, "f")
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Bind(ctx, idSchema, connectors.Complete); err != nil {
		t.Fatal(err)
	}
	w, err := sink.Writer(ctx, connectors.Share{Flow: "f", Incarnation: "i", Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	entry := ""
	swap := func(e int64, rows ...int64) {
		next := fmt.Sprintf(`{"epoch":%d}`, e)
		c := &connectors.Commit{Flow: "f", Incarnation: "i", QueryID: "i", Epoch: e, Prepared: []connectors.Prepared{stage(t, w, e, ids(rows...))}}
		if _, err := ledger.Swap(ctx, entry, next, c); err != nil {
			t.Fatal(err)
		}
		entry = next
	}
	swap(1, 1, 2, 3)
	swap(2, 4)
	if got := scanN(t, s); !slices.Equal(got, []int64{4}) {
		t.Fatalf("rows %v", got)
	}
	var info *log.CommitInfo
	var removed []log.Remove
	if err := sink.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	table, _ := sink.Table()
	if err := table.Log().Commit(ctx, 2, log.KindsAll, func(a *log.Action) error {
		if a.CommitInfo != nil {
			info = a.CommitInfo
		}
		if a.Remove != nil {
			removed = append(removed, *a.Remove)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if info.Operation != "STREAMING UPDATE" || info.Parameters[0] != delta.StringParameter("outputMode", "Complete") || *info.IsBlindAppend ||
		info.IsolationLevel != "Serializable" || len(removed) != 1 || !removed[0].DataChange || !removed[0].Extended || removed[0].DeletionTimestamp == nil {
		t.Fatalf("%+v %+v", info, removed)
	}
	// Another flow's whole results would take this one's rows away without a word.
	other := delta.NewSink(s, delta.SinkOptions{Table: options(2)})
	if err := other.Bind(ctx, idSchema, connectors.Complete); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Commit(ctx, connectors.Commit{Flow: "g", Incarnation: "j", QueryID: "j", Epoch: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Swap(ctx, entry, "{}", &connectors.Commit{Flow: "f", Incarnation: "i", QueryID: "i", Epoch: 3}); class(err) != "DELTAIC_TABLE_REPLACED" {
		t.Fatalf("overwritten by another flow: %v", err)
	}
}

func TestAppendOnlyTableKeepsItsRows(t *testing.T) {
	s := memory.New(memory.Options{})
	table := create(t, s, delta.CreateOptions{Schema: idSchema, Properties: map[string]string{"delta.appendOnly": "true"}})
	if err := delta.NewSink(s, delta.SinkOptions{}).Bind(ctx, idSchema, connectors.Complete); class(err) != delta.ClassAppendOnly {
		t.Fatalf("complete mode: %v", err)
	}
	if _, err := table.Commit(ctx, delta.Commit{Operation: "DELETE", Removes: []log.Remove{{Path: "a", DataChange: true}}}); class(err) != delta.ClassAppendOnly {
		t.Fatalf("a delete: %v", err)
	}
}

// TestRemoveConflicts: a commit that removes files conflicts with whoever removes the same
// ones, and with appends if it rests on the whole table.
func TestRemoveConflicts(t *testing.T) {
	s := memory.New(memory.Options{})
	create(t, s, delta.CreateOptions{Schema: idSchema})
	appendIDs(t, s, 1)
	table := delta.Open(s, options(1))
	before, err := table.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	commit := func(c delta.Commit) error {
		c.Read = before.Head
		_, err := delta.Open(s, options(1000+others.Add(1))).Commit(ctx, c)
		return err
	}
	gone := []log.Remove{{Path: before.Files()[0].Path, DataChange: true}}
	appendIDs(t, s, 2)
	if err := commit(delta.Commit{Operation: "RESTORE", Removes: gone, ReadsTable: true}); class(err) != delta.ClassConcurrentAppend {
		t.Fatalf("appended under a commit that reads all: %v", err)
	}
	if err := commit(delta.Commit{Operation: "DELETE", Removes: gone}); err != nil {
		t.Fatal(err)
	}
	if err := commit(delta.Commit{Operation: "DELETE", Removes: gone}); class(err) != delta.ClassConcurrentDelete {
		t.Fatalf("removed twice: %v", err)
	}
	if got := scanN(t, s); !slices.Equal(got, []int64{2}) {
		t.Fatalf("rows %v", got)
	}
}
