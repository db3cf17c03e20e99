package delta_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/memory"
)

// changesOf returns the rows of changes with their types, by version.
func changesOf(t interface{ Fatal(...any) }, table *delta.Table, from, to int64, o delta.ChangesOptions) map[int64][][2]string {
	all := map[int64][][2]string{}
	for b, err := range table.Changes(ctx, from, to, o) {
		if err != nil {
			t.Fatal(err)
		}
		n := len(b.Columns)
		rows := &batch.Batch{Schema: &batch.Schema{Fields: b.Schema.Fields[:n-3]}, Columns: b.Columns[:n-3], N: b.N}
		for i := range b.Rows() {
			row := b.Row(i)
			v := b.Columns[n-2].I64[row]
			all[v] = append(all[v], [2]string{string(batch.AppendRowJSON(nil, rows, row)), string(b.Columns[n-3].Bytes(row))})
		}
		b.Release()
	}
	return all
}

// TestChangesFold does the changes of random commits one after the other: after each version the rows are those of
// the table, by change files and by the difference, whatever the versions asked for.
func TestChangesFold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := memory.New(memory.Options{})
		feed := rapid.Bool().Draw(t, "feed")
		d := newDML(t, store, rapid.Uint64().Draw(t, "seed"), feed, rapid.Bool().Draw(t, "vectors"))
		for range rapid.IntRange(1, 12).Draw(t, "commits") {
			d.step()
		}
		from := rapid.Int64Range(0, d.version).Draw(t, "from")
		to := rapid.Int64Range(from, d.version).Draw(t, "to")
		pool := batch.NewPool()
		table := delta.Open(store, delta.Options{Pool: pool})
		for _, o := range []delta.ChangesOptions{{}, {Difference: true}} {
			if !feed && !o.Difference {
				continue
			}
			rows, changes := map[string]int{}, changesOf(t, table, from, to, o)
			if from > 0 {
				rows = maps.Clone(d.rows[from-1])
			}
			for v := from; v <= to; v++ {
				for _, c := range changes[v] {
					fold(rows, c[0], c[1])
				}
				if !maps.Equal(rows, d.rows[v]) {
					t.Fatalf("%+v: after version %d the rows are %v, want %v", o, v, rows, d.rows[v])
				}
			}
		}
		if n := pool.Lent(); n != 0 {
			t.Fatalf("%d columns were not released", n)
		}
	})
}

// A merge that says it changed nothing has no changes, though it rewrote a file; without a feed that is not looked at.
func TestMergeThatChangedNothing(t *testing.T) {
	d := newDML(t, memory.New(memory.Options{}), 1, true, false)
	d.append()
	f := d.files[0]
	c := log.Commit{Info: &log.CommitInfo{Timestamp: 1, Operation: "MERGE", Metrics: []log.Parameter{delta.StringParameter("numTargetRowsInserted", "0"),
		delta.StringParameter("numTargetRowsUpdated", "0"), delta.StringParameter("numTargetRowsDeleted", "0")}}, Removes: []log.Remove{f.remove(true)}}
	d.files = d.files[1:]
	d.add(&c, f.ids, f.vs, true)
	d.commit(c, nil)
	table := delta.Open(d.store, delta.Options{})
	if all := changesOf(t, table, 2, 2, delta.ChangesOptions{}); len(all) > 0 {
		t.Errorf("changes %v", all)
	}
	if all := changesOf(t, table, 2, 2, delta.ChangesOptions{Difference: true}); len(all[2]) != 2*len(f.ids) {
		t.Errorf("the difference is %v", all)
	}
}

// A removal need not say the partition of its file: the version before knows it.
func TestRemovalWithoutPartition(t *testing.T) {
	store := memory.New(memory.Options{})
	schema := batch.NewSchema(batch.Field{Name: "v", Type: batch.BigIntType, Nullable: true}, batch.Field{Name: "p", Type: batch.BigIntType, Nullable: true})
	table := create(t, store, delta.CreateOptions{Schema: schema, PartitionBy: []string{"p"}, Properties: map[string]string{"delta.enableChangeDataFeed": "true"}})
	w := writer(t, table, delta.WriterOptions{})
	if err := w.Write(ctx, values("v p", []any{1, 7}, []any{2, 8})); err != nil {
		t.Fatal(err)
	}
	adds, err := w.Finish(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds}); err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, a := range adds {
		text += `{"remove":{"path":"` + a.Path + `","dataChange":true}}` + "\n"
	}
	if err := store.PutIfAbsent(ctx, log.CommitName(2), []byte(text)); err != nil {
		t.Fatal(err)
	}
	got := changesOf(t, table, 2, -1, delta.ChangesOptions{})[2]
	if len(got) != 2 || !strings.Contains(got[0][0]+got[1][0], `"p":8`) || got[0][1] != "delete" {
		t.Errorf("got %v", got)
	}
}

// Spark leaves values that are null out of what a removal says of the partition; an add must say all.
func TestRemovalOfTheNullPartition(t *testing.T) {
	store := memory.New(memory.Options{})
	schema := batch.NewSchema(batch.Field{Name: "v", Type: batch.BigIntType, Nullable: true}, batch.Field{Name: "p", Type: batch.BigIntType, Nullable: true},
		batch.Field{Name: "q", Type: batch.BigIntType, Nullable: true})
	table := create(t, store, delta.CreateOptions{Schema: schema, PartitionBy: []string{"p", "q"}, Properties: map[string]string{"delta.enableChangeDataFeed": "true"}})
	w := writer(t, table, delta.WriterOptions{})
	if err := w.Write(ctx, values("v p q", []any{1, nil, nil})); err != nil {
		t.Fatal(err)
	}
	adds, err := w.Finish(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds}); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`{"remove":{"path":%q,"dataChange":true,"extendedFileMetadata":true,"partitionValues":{},"size":%d}}`+"\n", adds[0].Path, adds[0].Size)
	if err := store.PutIfAbsent(ctx, log.CommitName(2), []byte(text)); err != nil {
		t.Fatal(err)
	}
	want := [][2]string{{`{"v":1,"p":null,"q":null}`, "delete"}}
	if got := changesOf(t, table, 2, -1, delta.ChangesOptions{})[2]; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	adds[0].Partition = nil
	if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds}); err != nil {
		t.Fatal(err)
	}
	for _, err := range table.Changes(ctx, 3, 3, delta.ChangesOptions{}) {
		if err == nil || !strings.Contains(err.Error(), "no value for the partition column p") {
			t.Errorf("an add without its partition: %v", err)
		}
	}
}

// What cannot be told is refused by Delta's names.
func TestChangesRefuse(t *testing.T) {
	store := memory.New(memory.Options{})
	d := newDML(t, store, 1, true, false)
	d.append()
	off := log.FormatSchema(dmlSchema)
	d.commit(log.Commit{Metadata: &log.Metadata{ID: "dml", Provider: "parquet", SchemaString: off}}, nil)
	d.commit(log.Commit{Metadata: &log.Metadata{ID: "dml", Provider: "parquet", SchemaString: strings.Replace(off, `"long"`, `"string"`, 1), Configuration: map[string]string{"delta.enableChangeDataFeed": "true"}}}, nil)
	table := delta.Open(store, delta.Options{})
	for _, c := range []struct {
		from, to int64
		o        delta.ChangesOptions
		class    string
	}{
		{0, 1, delta.ChangesOptions{}, ""},
		{0, 2, delta.ChangesOptions{}, delta.ClassMissingChanges},
		{0, 2, delta.ChangesOptions{Difference: true}, ""},
		{0, 3, delta.ChangesOptions{Difference: true}, delta.ClassChangesSchema},
		{3, -1, delta.ChangesOptions{}, ""},
		{4, -1, delta.ChangesOptions{}, log.ClassVersionNotFound},
		{0, 9, delta.ChangesOptions{}, log.ClassVersionNotFound},
		{2, 1, delta.ChangesOptions{}, delta.ClassChangesRange},
		{0, 1, delta.ChangesOptions{Columns: []string{"x"}}, "UNRESOLVED_COLUMN.WITH_SUGGESTION"},
	} {
		if _, err := table.ChangesSchema(ctx, c.from, c.to, c.o); (err != nil || c.class != "") && class(err) != c.class {
			t.Errorf("%d to %d %+v: %v, want %q", c.from, c.to, c.o, err, c.class)
		}
	}
}
