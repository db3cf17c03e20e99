package foreach_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/connectortest"
	"github.com/deltaic/deltaic/connectors/foreach"
	memsink "github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/faulty"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/supervision"
)

var ctx = context.Background()

// database is where the author's function writes: an epoch's rows in one
// transaction with its number. It outlives the process.
type database struct {
	t      testing.TB
	epochs map[int64][]int64
	calls  int
	repeat int // calls with a number that was there
}

func (d *database) put(epoch int64, rows []int64) {
	d.calls++
	if before, there := d.epochs[epoch]; there {
		d.repeat++
		if !slices.Equal(before, rows) {
			d.t.Errorf("epoch %d had rows %v and is repeated with %v", epoch, before, rows)
		}
		return
	}
	d.epochs[epoch] = rows
}

func (d *database) all() (all []int64) {
	for _, rows := range d.epochs {
		all = append(all, rows...)
	}
	return all
}

// batches is a foreachBatch function that writes to the database.
func (d *database) batches(ctx context.Context, rows *foreach.Rows, epoch int64) error {
	var all []int64
	for b, err := range rows.Batches(ctx) {
		if err != nil {
			return err
		}
		for i := range b.Rows() {
			all = append(all, b.Columns[0].I64[b.Row(i)])
		}
	}
	if int64(len(all)) != rows.Len() {
		d.t.Errorf("epoch %d: %d rows were given, Len says %d", epoch, len(all), rows.Len())
	}
	d.put(epoch, all)
	return nil
}

func target(t testing.TB, s objstore.Store, d *database, make func(*database) *foreach.Sink) connectortest.Target {
	sink := make(d)
	sink.UseState(s, "sinks/out/")
	return connectortest.Target{Sink: sink, Content: d.all, Count: func() int64 { return int64(len(d.all())) },
		Reopen: func(t *testing.T) connectortest.Target { return target(t, s, d, make) }}
}

func byBatch(d *database) *foreach.Sink { return foreach.NewBatch(d.batches, foreach.Options{}) }

func byRow(d *database) *foreach.Sink { return foreach.New(&rowWriter{d: d}, foreach.Options{}) }

// rowWriter collects partitions in the database, each under a number made of partition and epoch.
type rowWriter struct {
	d    *database
	key  int64
	rows []int64
}

func (w *rowWriter) Open(partition, epoch int64) (bool, error) {
	w.key, w.rows = epoch*1000+partition, nil
	return true, nil
}

func (w *rowWriter) Process(r foreach.Row) error {
	w.rows = append(w.rows, r.Int(r.Index("N")))
	return nil
}

func (w *rowWriter) Close(err error) error {
	if err == nil {
		w.d.put(w.key, w.rows)
	}
	return nil
}

func TestSinkContract(t *testing.T) {
	for name, make := range map[string]func(*database) *foreach.Sink{"foreachBatch": byBatch, "foreach": byRow} {
		t.Run(name, func(t *testing.T) {
			connectortest.Sink(t, func(t *testing.T) connectortest.Target {
				return target(t, memory.New(memory.Options{}), &database{t: t, epochs: map[int64][]int64{}}, make)
			})
		})
	}
}

var schema = batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}, batch.Field{Name: "name", Type: batch.StringType, Nullable: true})

func build(t testing.TB, kinds []batch.RowKind, rows ...[]any) *batch.Batch {
	t.Helper()
	b, err := memsink.Build(schema, rows...)
	if err != nil {
		t.Fatal(err)
	}
	b.Kinds = kinds
	return b
}

// run is an attempt of a flow whose epoch e has the rows 3e to 3e+2, in three batches.
func run(s objstore.Store, sink *foreach.Sink, j connectortest.Journal, attempt, epochs int64) error {
	sink.UseState(s, "sinks/out")
	if err := sink.Bind(ctx, schema, connectors.Append); err != nil {
		return err
	}
	return j.Attempt(ctx, sink, attempt, epochs, func(w connectors.Writer, e int64) error {
		for n := range int64(3) {
			b, err := memsink.Build(schema, []any{e*3 + n, "x"})
			if err != nil {
				return err
			}
			if err := w.Write(ctx, b); err != nil {
				return err
			}
		}
		return nil
	})
}

// Crashes before and after every durable operation, and once more while recovering:
// the database has every row once, repeats had the same rows, and few files are left.
func TestCrashAtEveryDurableOperation(t *testing.T) {
	const epochs = 4
	reference := faulty.Wrap(memory.New(memory.Options{}), faulty.Options{})
	d := &database{t: t, epochs: map[int64][]int64{}}
	if err := run(reference, byBatch(d), connectortest.Journal{}, 1, epochs); err != nil {
		t.Fatal(err)
	}
	points, crashes, repeats := len(reference.Log()), 0, 0
	for n := 1; n <= points; n++ {
		for _, fault := range []faulty.Fault{faulty.CrashBefore, faulty.CrashAfter, faulty.Fail, faulty.LoseReply, faulty.LoseRequest} {
			below, j := memory.New(memory.Options{}), connectortest.Journal{}
			d := &database{t: t, epochs: map[int64][]int64{}}
			for attempt := int64(1); ; attempt++ {
				if attempt > 6 {
					t.Fatalf("op %d %s: the flow does not get to its end", n, fault)
				}
				at := n
				if attempt > 1 {
					at = n - 3*int(attempt) // again, somewhere in the recovery
				}
				err := run(faulty.Wrap(below, faulty.Options{Decide: faulty.At(at, fault)}), byBatch(d), j, attempt, epochs)
				if err == nil {
					break
				}
				crashes++
			}
			got := d.all()
			slices.Sort(got)
			if len(got) != epochs*3 || got[0] != 0 || got[len(got)-1] != epochs*3-1 {
				t.Errorf("op %d %s: rows %v", n, fault, got)
			}
			repeats += d.repeat
			left := 0
			_ = below.List(ctx, "", "", func(objstore.Info) bool { left++; return true })
			if left > 6 {
				t.Errorf("op %d %s: %d files are left", n, fault, left)
			}
		}
	}
	if crashes < points*2 || repeats == 0 {
		t.Errorf("%d crashes at %d points, %d repeats", crashes, points, repeats)
	}
	t.Logf("%d crashes at %d points, %d repeats", crashes, points, repeats)
}

// One share's epoch: what is given in each mode.
func give(t *testing.T, m connectors.OutputMode, o foreach.Options, b *batch.Batch) (got []string, called bool) {
	t.Helper()
	sink := foreach.NewBatch(func(ctx context.Context, rows *foreach.Rows, epoch int64) error {
		called = true
		for row, err := range rows.All(ctx) {
			if err != nil {
				return err
			}
			got = append(got, fmt.Sprint(row.Kind(), " ", string(row.JSON())))
		}
		return nil
	}, o)
	sink.UseState(memory.New(memory.Options{}), "p")
	if err := sink.Bind(ctx, schema, m); err != nil {
		t.Fatal(err)
	}
	w, err := sink.Writer(ctx, connectors.Share{Incarnation: "i", Attempt: 1, Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	if b != nil {
		if err := w.Write(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := w.Seal(0)
	if err != nil {
		t.Fatal(err)
	}
	if sealed == nil {
		return nil, false
	}
	p, err := sealed.Finish(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Commit(ctx, connectors.Commit{Flow: "f", Incarnation: "i", Attempt: 1, Prepared: []connectors.Prepared{p}}); err != nil {
		t.Fatal(err)
	}
	return got, called
}

func TestModes(t *testing.T) {
	kinds := []batch.RowKind{batch.Insert, batch.UpdateBefore, batch.UpdateAfter, batch.Delete}
	rows := func() *batch.Batch {
		return build(t, kinds, []any{1, "a"}, []any{2, "b"}, []any{2, "c"}, []any{3, nil})
	}
	if got, _ := give(t, connectors.Update, foreach.Options{}, rows()); !slices.Equal(got, []string{`0 {"n":1,"name":"a"}`, `2 {"n":2,"name":"c"}`, `3 {"n":3,"name":null}`}) {
		t.Errorf("update: %q", got)
	}
	if got, _ := give(t, connectors.Update, foreach.Options{Changelog: true}, rows()); len(got) != 4 || got[1] != `1 {"n":2,"name":"b"}` {
		t.Errorf("changelog: %q", got)
	}
	if got, called := give(t, connectors.Complete, foreach.Options{}, nil); !called || len(got) != 0 {
		t.Errorf("an empty result: called %v with %q", called, got)
	}
	if _, called := give(t, connectors.Append, foreach.Options{}, nil); called {
		t.Error("an epoch without rows was handed over")
	}
}

// Errors and panics of the function come back as failures, and the epoch is given again.
func TestFunctionFails(t *testing.T) {
	for name, c := range map[string]struct {
		fail func() error
		kind supervision.Kind
	}{
		"error":     {func() error { return errors.New("the database is full") }, supervision.Restart},
		"panic":     {func() error { panic("the database is full") }, supervision.Restart},
		"transient": {func() error { return supervision.New(supervision.Transient, "BUSY", "the database is full") }, supervision.Transient},
		"fatal":     {func() error { return supervision.New(supervision.Fatal, "GONE", "the database is full") }, supervision.Fatal},
	} {
		t.Run(name, func(t *testing.T) {
			d, broken := &database{t: t, epochs: map[int64][]int64{}}, true
			sink := foreach.NewBatch(func(ctx context.Context, rows *foreach.Rows, epoch int64) error {
				if broken {
					return c.fail()
				}
				return d.batches(ctx, rows, epoch)
			}, foreach.Options{})
			s, j := memory.New(memory.Options{}), connectortest.Journal{}
			err := run(s, sink, j, 1, 1)
			if supervision.KindOf(err) != c.kind || !strings.Contains(err.Error(), "the database is full") {
				t.Errorf("got %v", err)
			}
			broken = false
			if err := run(s, sink, j, 2, 1); err != nil || len(d.all()) != 3 {
				t.Errorf("afterwards %v, rows %v", err, d.all())
			}
		})
	}
}

// A sink without a checkpoint location says what is missing.
func TestNeedsACheckpointLocation(t *testing.T) {
	var f *supervision.Failure
	if err := byRow(nil).Bind(ctx, schema, connectors.Append); !errors.As(err, &f) || !strings.Contains(f.Hint, "checkpointLocation") {
		t.Errorf("got %v", err)
	}
}

// A corrupt file of staged rows is found before the function sees a row.
func TestCorruptRowsAreNotGiven(t *testing.T) {
	s, j := memory.New(memory.Options{}), connectortest.Journal{}
	d := &database{t: t, epochs: map[int64][]int64{}}
	failing := foreach.NewBatch(func(context.Context, *foreach.Rows, int64) error { return errors.New("not now") }, foreach.Options{})
	if err := run(s, failing, j, 1, 1); err == nil {
		t.Fatal("the function's error is lost")
	}
	var name string
	_ = s.List(ctx, "", "", func(i objstore.Info) bool { name = i.Name; return true })
	text, err := s.Get(ctx, name, 0)
	if err != nil {
		t.Fatal(err)
	}
	text = slices.Clone(text)
	text[len(text)-3] ^= 4
	if err := s.Put(ctx, name, text); err != nil {
		t.Fatal(err)
	}
	err = run(s, byBatch(d), j, 2, 1)
	if err == nil || !strings.Contains(err.Error(), "STAGED_ROWS_CORRUPT") || !strings.Contains(err.Error(), name) || d.calls != 0 {
		t.Errorf("got %v after %d calls", err, d.calls)
	}
	if err := s.Delete(ctx, name); err != nil {
		t.Fatal(err)
	}
	if err := run(s, byBatch(d), j, 2, 1); err == nil || !strings.Contains(err.Error(), "STAGED_ROWS_MISSING") {
		t.Errorf("got %v", err)
	}
}
