package delta_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/faulty"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/supervision"
)

func required(name string, t batch.Type) batch.Field { return batch.Field{Name: name, Type: t} }

// values makes a batch of one BigInt column per name; nil is null.
func values(names string, rows ...[]any) *batch.Batch {
	b := &batch.Batch{Schema: &batch.Schema{}, N: len(rows)}
	for i, name := range strings.Fields(names) {
		b.Schema.Fields = append(b.Schema.Fields, column(name, batch.BigIntType))
		c := batch.NewBuilder(batch.BigIntType, nil)
		for _, r := range rows {
			if r[i] == nil {
				c.Null()
			} else {
				c.Int64(int64(r[i].(int)))
			}
		}
		b.Columns = append(b.Columns, c.Finish())
	}
	return b
}

func writer(t *testing.T, table *delta.Table, o delta.WriterOptions) *delta.Writer {
	t.Helper()
	head, err := table.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w, err := delta.NewWriter(table, head, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestSchemaEnforcement(t *testing.T) {
	schema := batch.NewSchema(required("id", batch.BigIntType), column("small", batch.SmallIntType), column("x", batch.BigIntType))
	with := func(fields ...batch.Field) *batch.Batch {
		b := &batch.Batch{Schema: batch.NewSchema(fields...), N: 1}
		for _, f := range fields {
			c := batch.NewBuilder(f.Type, nil)
			c.Null()
			b.Columns = append(b.Columns, c.Finish())
		}
		return b
	}
	for _, c := range []struct {
		rows  *batch.Batch
		class string
		text  string
	}{
		{values("id", []any{1}), "", ""},
		{values("ID X", []any{1, 2}), "", ""},
		{values("id extra", []any{1, 2}), delta.ClassMismatch, "extra bigint"},
		{values("x", []any{1}), "DELTA_MISSING_NOT_NULL_COLUMN_VALUE", "id"},
		{values("id small", []any{1, 2}), delta.ClassMerge, "small is smallint in the table and bigint in the rows"},
		{values("id x", []any{1, 2}, []any{nil, 2}), delta.ClassNotNull, "id is NOT NULL and row 1"},
		{with(column("id", batch.BigIntType), column("ID", batch.BigIntType)), "DELTA_DUPLICATE_COLUMNS_FOUND", "twice"},
	} {
		w := writer(t, create(t, memory.New(memory.Options{}), delta.CreateOptions{Schema: schema}), delta.WriterOptions{})
		err := w.Write(ctx, c.rows)
		if c.class == "" && err != nil || c.class != "" && (class(err) != c.class || !strings.Contains(err.Error(), c.text)) {
			t.Errorf("(%s): error %v, want %s with %q", c.rows.Schema, err, c.class, c.text)
		}
	}
}

// TestPoisonRowLeavesTheWriterWhole: a row that violates NOT NULL is poison; without it the batch is written.
func TestPoisonRowLeavesTheWriterWhole(t *testing.T) {
	s := memory.New(memory.Options{})
	table := create(t, s, delta.CreateOptions{Schema: batch.NewSchema(required("n", batch.BigIntType))})
	w := writer(t, table, delta.WriterOptions{})
	b := values("n", []any{1}, []any{nil}, []any{3})
	if err := w.Write(ctx, b); supervision.KindOf(err) != supervision.Poison {
		t.Fatalf("error %v, want poison", err)
	}
	b.Sel = []int32{0, 2}
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
	if got := fmt.Sprint(scanN(t, s)); got != "[1 3]" {
		t.Fatal(got)
	}
}

func TestWidening(t *testing.T) {
	s := memory.New(memory.Options{})
	schema := batch.NewSchema(column("n", batch.BigIntType), column("d", batch.DoubleType), column("m", batch.DecimalType(20, 2)))
	table := create(t, s, delta.CreateOptions{Schema: schema})
	w := writer(t, table, delta.WriterOptions{})
	n, f, m := batch.NewBuilder(batch.TinyIntType, nil), batch.NewBuilder(batch.FloatType, nil), batch.NewBuilder(batch.DecimalType(5, 2), nil)
	n.Int32(-7)
	f.Float32(0.5)
	m.Decimal(batch.Int128From(-12345))
	n.Null()
	f.Null()
	m.Null()
	rows := batch.NewSchema(column("n", batch.TinyIntType), column("d", batch.FloatType), column("m", batch.DecimalType(5, 2)))
	if err := w.Write(ctx, batch.NewBatch(rows, 2, n.Finish(), f.Finish(), m.Finish())); err != nil {
		t.Fatal(err)
	}
	adds, err := w.Finish(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds}); err != nil {
		t.Fatal(err)
	}
	snapshot, _ := table.Snapshot(ctx)
	for b, err := range snapshot.Scan(ctx, delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if got := string(batch.AppendRowJSON(batch.AppendRowJSON(nil, b, 0), b, 1)); got != `{"n":-7,"d":0.5,"m":-123.45}{"n":null,"d":null,"m":null}` {
			t.Fatal(got)
		}
	}
}

// TestOpenFilesAreBounded: with more partitions than files may be open the rows are all written,
// and never more files are open than allowed.
func TestOpenFilesAreBounded(t *testing.T) {
	var mu sync.Mutex // files are finished side by side
	open, most := 0, 0
	s := faulty.Wrap(memory.New(memory.Options{}), faulty.Options{Hook: func(_ context.Context, k faulty.Kind, name string) error {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case strings.HasPrefix(name, log.Dir):
		case k == faulty.Create:
			open++
			most = max(most, open)
		case k == faulty.Close:
			open--
		}
		return nil
	}})
	table := create(t, s, delta.CreateOptions{Schema: batch.NewSchema(column("n", batch.BigIntType), column("p", batch.BigIntType)), PartitionBy: []string{"p"}})
	account := batch.NewAccount("test", 0)
	w := writer(t, table, delta.WriterOptions{MaxOpenFiles: 3, Account: account})
	for n := range 50 {
		if err := w.Write(ctx, values("n p", []any{n, n % 10}, []any{100 + n, n % 7})); err != nil {
			t.Fatal(err)
		}
	}
	adds, err := w.Finish(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds}); err != nil {
		t.Fatal(err)
	}
	w.Abort() // gives back what was kept for later files
	if got := len(scanN(t, s)); got != 100 || most > 6 || account.Used() != 0 {
		t.Fatalf("%d rows, %d files open at once, %d bytes still charged", got, most, account.Used())
	}
}

func TestCreateRefuses(t *testing.T) {
	one := func(name string, ty batch.Type) *batch.Schema {
		return batch.NewSchema(column(name, ty), column("other", batch.IntType))
	}
	for _, c := range []struct {
		o     delta.CreateOptions
		class string
		text  string
	}{
		{delta.CreateOptions{Schema: batch.NewSchema()}, "DELTA_EMPTY_DATA", "at least one column"},
		{delta.CreateOptions{Schema: one("a b", batch.IntType)}, "DELTA_INVALID_CHARACTERS_IN_COLUMN_NAME", `"a b"`},
		{delta.CreateOptions{Schema: one("Other", batch.IntType)}, "DELTA_DUPLICATE_COLUMNS_FOUND", "Other and other"},
		{delta.CreateOptions{Schema: one("a", batch.ArrayType(batch.VoidType, true))}, "DELTA_NULL_SCHEMA_IN_STREAMING_WRITE", "a.element"},
		{delta.CreateOptions{Schema: idSchema, PartitionBy: []string{"p"}}, "DELTA_PARTITION_COLUMN_NOT_FOUND", "p"},
		{delta.CreateOptions{Schema: idSchema, PartitionBy: []string{"n"}}, "DELTA_CANNOT_USE_ALL_COLUMNS_FOR_PARTITION", ""},
		{delta.CreateOptions{Schema: one("a", batch.ArrayType(batch.IntType, true)), PartitionBy: []string{"a"}}, "DELTA_INVALID_PARTITION_COLUMN_TYPE", "array<int>"},
		{delta.CreateOptions{Schema: idSchema, Properties: map[string]string{"delta.appendonly": "true"}}, "DELTA_UNKNOWN_CONFIGURATION", "meant delta.appendOnly?"},
		{delta.CreateOptions{Schema: idSchema, Properties: map[string]string{"delta.enableVariantShredding": "true"}}, log.ClassWrite, "delta.enableVariantShredding"},
		{delta.CreateOptions{Schema: idSchema, Properties: map[string]string{"delta.feature.wonders": "supported"}}, log.ClassWrite, "wonders"},
	} {
		_, err := delta.Create(ctx, memory.New(memory.Options{}), c.o, options(1))
		if class(err) != c.class || !strings.Contains(err.Error(), c.text) {
			t.Errorf("error %v, want %s with %q", err, c.class, c.text)
		}
	}
	s := memory.New(memory.Options{})
	create(t, s, delta.CreateOptions{})
	if _, err := delta.Create(ctx, s, delta.CreateOptions{Schema: idSchema}, options(2)); class(err) != delta.ClassExists || !errors.Is(err, objstore.ErrExists) {
		t.Errorf("error %v, want that it exists", err)
	}
}

func TestCreateHasOneWinner(t *testing.T) {
	s := memory.New(memory.Options{})
	var done sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		done.Add(1)
		go func() {
			defer done.Done()
			_, errs[i] = delta.Create(ctx, s, delta.CreateOptions{Schema: idSchema}, options(uint64(i)))
		}()
	}
	done.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if class(err) != delta.ClassExists {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Fatalf("%d winners", won)
	}
}

// TestBrokenCheckpoints: a checkpoint or hint that cannot be read costs time and no data.
func TestBrokenCheckpoints(t *testing.T) {
	s := memory.New(memory.Options{})
	table := create(t, s, delta.CreateOptions{})
	for i := range 6 {
		if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: []log.Add{add(fmt.Sprint(i))}}); err != nil {
			t.Fatal(err)
		}
		if i == 2 || i == 4 {
			if _, err := table.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	whole, err := s.Get(ctx, log.CheckpointName(5), 0)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string) {
		t.Helper()
		if live := livePaths(t, s); len(live) != 6 {
			t.Errorf("%s: %d files", what, len(live))
		}
		if _, err := delta.Open(s, options(1)).Head(ctx); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("whole")
	for _, broken := range [][]byte{nil, []byte("PAR1"), whole[:len(whole)/2], append(append([]byte{}, whole[:len(whole)-20]...), make([]byte, 20)...)} {
		if err := s.Put(ctx, log.CheckpointName(5), broken); err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprintf("checkpoint of %d bytes", len(broken)))
	}
	for _, hint := range []string{"", "{", `{"version":99}`, `{"version":-1}`, `{"version":2}`, "[]"} {
		if err := s.Put(ctx, log.HintName, []byte(hint)); err != nil {
			t.Fatal(err)
		}
		check("hint " + hint)
	}
	for v := range int64(3) {
		if err := s.Delete(ctx, log.CommitName(v)); err != nil {
			t.Fatal(err)
		}
	}
	check("first commits gone, older checkpoint there")
	if err := s.Delete(ctx, log.CheckpointName(3)); err != nil {
		t.Fatal(err)
	}
	if _, err := delta.Open(s, options(1)).Head(ctx); class(err) != log.ClassBroken && class(err) != log.ClassTruncated {
		t.Errorf("nothing to start from: %v", err)
	}
}

func TestMissingVersions(t *testing.T) {
	s := memory.New(memory.Options{})
	if _, err := delta.Open(s, options(1)).Snapshot(ctx); class(err) != log.ClassNotFound {
		t.Errorf("no table: %v", err)
	}
	table := create(t, s, delta.CreateOptions{})
	for range 3 {
		if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := table.SnapshotAt(ctx, 9); class(err) != log.ClassVersionNotFound {
		t.Errorf("version 9: %v", err)
	}
	for _, text := range []string{"", "\n \n"} { // its writer died over it
		if err := s.Put(ctx, log.CommitName(4), []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, err := delta.Open(s, options(1)).Snapshot(ctx); class(err) != log.ClassBroken || !strings.Contains(err.Error(), "no action") {
			t.Errorf("version 4 is %q: %v", text, err)
		}
	}
	if err := s.Delete(ctx, log.CommitName(4)); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(ctx, log.CommitName(2)); err != nil {
		t.Fatal(err)
	}
	if _, err := delta.Open(s, options(1)).Snapshot(ctx); class(err) != log.ClassNotContiguous {
		t.Errorf("version 2 gone: %v", err)
	}
	if err := s.Delete(ctx, log.CommitName(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := delta.Open(s, options(1)).Snapshot(ctx); class(err) != log.ClassTruncated {
		t.Errorf("version 0 gone: %v", err)
	}
}

func TestSinkIdentity(t *testing.T) {
	bind := func(s objstore.Store, o delta.SinkOptions) *delta.Sink {
		sink := delta.NewSink(s, o)
		if err := sink.Bind(ctx, idSchema, connectors.Append); err != nil {
			t.Fatal(err)
		}
		return sink
	}
	epoch := func(incarnation string, e int64) connectors.Commit {
		return connectors.Commit{Flow: "f", Incarnation: incarnation, Epoch: e}
	}
	s := memory.New(memory.Options{})
	sink := bind(s, delta.SinkOptions{})
	for e := range int64(3) {
		if c, err := sink.Commit(ctx, epoch("one", e)); err != nil || c.Repeat || c.Version != e+1 {
			t.Fatalf("epoch %d: %+v, %v", e, c, err)
		}
	}
	if c, err := bind(s, delta.SinkOptions{}).Commit(ctx, epoch("one", 1)); err != nil || !c.Repeat {
		t.Fatalf("epoch 1 again: %+v, %v", c, err)
	}
	if _, err := bind(s, delta.SinkOptions{}).Writer(ctx, connectors.Share{Flow: "f", Incarnation: "two"}); class(err) != "DELTAIC_OTHER_INCARNATION" {
		t.Fatalf("another incarnation: %v", err)
	}
	if _, err := bind(s, delta.SinkOptions{}).Commit(ctx, epoch("two", 0)); class(err) != "DELTAIC_OTHER_INCARNATION" {
		t.Fatalf("another incarnation commits: %v", err)
	}
	if c, err := bind(s, delta.SinkOptions{Adopt: true}).Commit(ctx, epoch("two", 0)); err != nil || c.Repeat {
		t.Fatalf("adopted: %+v, %v", c, err)
	}
	sink = bind(s, delta.SinkOptions{})
	table, bound := sink.Table()
	if err := table.Disturbed(ctx, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := delta.Open(s, options(4)).Commit(ctx, delta.Commit{Operation: "RESTORE"}); err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Commit(ctx, epoch("one", 3)); class(err) != "DELTAIC_TABLE_REPLACED" {
		t.Fatalf("restored under the sink: %v", err)
	}
	if err := table.Disturbed(ctx, bound.Version); class(err) != "DELTAIC_TABLE_REPLACED" {
		t.Fatalf("restored between attempts: %v", err)
	}
	if err := delta.NewSink(s, delta.SinkOptions{}).Bind(ctx, idSchema, "delete"); class(err) != "DELTA_UNSUPPORTED_OUTPUT_MODE" {
		t.Errorf("a mode that is none: %v", err)
	}
}

func TestHistory(t *testing.T) {
	s := memory.New(memory.Options{})
	table := create(t, s, delta.CreateOptions{Description: "d", Properties: map[string]string{"quality": "bronze"}})
	if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Parameters: []log.Parameter{delta.StringParameter("mode", "Append")}}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for e, err := range table.History(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(e.Version, " ", e.Info.Operation, " ", e.Info.Parameters))
	}
	want := `[1 WRITE [{mode "Append"}] 0 CREATE TABLE [{partitionBy "[]"} {clusterBy "[]"} {description "d"} {isManaged "false"} {properties "{\"quality\":\"bronze\"}"}]]`
	if fmt.Sprint(got) != want {
		t.Fatalf("got %s\nwant %s", got, want)
	}
}
