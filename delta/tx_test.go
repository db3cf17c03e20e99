package delta_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/supervision"
)

var pairSchema = batch.NewSchema(
	batch.Field{Name: "p", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true})

// pair is a row; an n of -1 is null.
type pair struct {
	p string
	n int64
}

func pairs(rows []pair) *batch.Batch {
	p, n := batch.NewBuilder(batch.StringType, nil), batch.NewBuilder(batch.BigIntType, nil)
	for _, r := range rows {
		p.String(r.p)
		if r.n < 0 {
			n.Null()
		} else {
			n.Int64(r.n)
		}
	}
	return batch.NewBatch(pairSchema, len(rows), p.Finish(), n.Finish())
}

func contents(t *rapid.T, table *delta.Table) []string {
	s, err := table.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for b, err := range s.Scan(ctx, delta.ScanOptions{Columns: []string{"p", "n"}}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows() {
			out = append(out, string(batch.AppendRowJSON(nil, b, b.Row(i))))
		}
		b.Release()
	}
	slices.Sort(out)
	return out
}

// folded returns the rows that all changes of the table leave.
func folded(t *rapid.T, table *delta.Table) []string {
	var out []string
	for b, err := range table.Changes(ctx, 0, -1, delta.ChangesOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows() {
			row := string(batch.AppendRowJSON(nil, &batch.Batch{Schema: pairSchema, Columns: b.Columns[:2], N: b.N}, b.Row(i)))
			if kind := string(b.Columns[2].Bytes(b.Row(i))); kind == "insert" {
				out = append(out, row)
			} else if at := slices.Index(out, row); kind == "delete" && at >= 0 {
				out = slices.Delete(out, at, at+1)
			} else {
				t.Fatalf("%s of %s, of which there is none", kind, row)
			}
		}
		b.Release()
	}
	slices.Sort(out)
	return out
}

// toldBy counts what a version says that it changed.
func toldBy(t *rapid.T, table *delta.Table, version int64) (n int) {
	for b, err := range table.Changes(ctx, version, version, delta.ChangesOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		n += b.Rows()
		b.Release()
	}
	return n
}

// predicates are conditions in SQL and in Go: over the partition, over data, over both, and one that is null for null.
var predicates = []struct {
	sql  string
	that func(pair) bool
}{
	{"p = 'a'", func(r pair) bool { return r.p == "a" }},
	{"p IN ('a', 'b')", func(r pair) bool { return r.p != "c" }},
	{"n >= 5", func(r pair) bool { return r.n >= 5 }},
	{"n < 5 AND p <> 'b'", func(r pair) bool { return r.n >= 0 && r.n < 5 && r.p != "b" }},
	{"n IS NULL", func(r pair) bool { return r.n < 0 }},
	{"NOT (n = 3)", func(r pair) bool { return r.n >= 0 && r.n != 3 }},
}

// Transactions of all modes, on partitioned tables and others, with and without column mapping, leave what a list of rows says.
func TestTransactionsHoldToAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := delta.CreateOptions{Schema: pairSchema, Properties: map[string]string{}}
		partitioned := rapid.Bool().Draw(t, "partitioned")
		if partitioned {
			o.PartitionBy = []string{"p"}
		}
		o.Properties["delta.columnMapping.mode"] = rapid.SampledFrom([]string{"none", "name", "id"}).Draw(t, "mapping")
		if rapid.Bool().Draw(t, "in commit") {
			o.Properties["delta.enableInCommitTimestamps"] = "true"
		}
		fed := rapid.Bool().Draw(t, "change feed")
		if fed {
			o.Properties["delta.enableChangeDataFeed"] = "true"
		}
		table, err := delta.Create(ctx, memory.New(memory.Options{}), o, options(1))
		if err != nil {
			t.Fatal(err)
		}
		var model []pair
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			given := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) pair {
				return pair{rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "p"), rapid.Int64Range(-1, 9).Draw(t, "n")}
			}), 0, 8).Draw(t, "rows")
			w := delta.WriteOptions{Mode: delta.WriteMode(rapid.IntRange(0, 2).Draw(t, "mode"))}
			w.Files.MaxRecords = rapid.Int64Range(0, 3).Draw(t, "records")
			gone := func(pair) bool { return false }
			bad := false
			switch {
			case w.Mode == delta.Overwrite && rapid.Bool().Draw(t, "where"):
				p := rapid.SampledFrom(predicates).Draw(t, "condition")
				w.ReplaceWhere, gone = p.sql, p.that
				bad = slices.ContainsFunc(given, func(r pair) bool { return !p.that(r) })
			case w.Mode == delta.Overwrite, w.Mode == delta.OverwritePartitions && !partitioned:
				gone = func(pair) bool { return true }
			case w.Mode == delta.OverwritePartitions:
				gone = func(r pair) bool { return slices.ContainsFunc(given, func(g pair) bool { return g.p == r.p }) }
			}
			tx, err := table.Begin(ctx, w)
			if err != nil {
				t.Fatal(err)
			}
			err = tx.Write(ctx, pairs(given))
			if bad {
				if class(err) != delta.ClassReplaceMismatch {
					t.Fatalf("rows that do not match %s: error %v", w.ReplaceWhere, err)
				}
				tx.Abort()
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			done, err := tx.Commit(ctx)
			if err != nil {
				t.Fatal(err)
			}
			before := len(model)
			model = append(slices.DeleteFunc(model, gone), given...)
			went := before + len(given) - len(model)
			var want []string
			for _, r := range model {
				want = append(want, strings.ReplaceAll(fmt.Sprintf(`{"p":%q,"n":%d}`, r.p, r.n), "-1", "null"))
			}
			slices.Sort(want)
			if got := contents(t, table); !slices.Equal(got, want) {
				t.Fatalf("mode %d where %q:\ngot  %v\nwant %v", w.Mode, w.ReplaceWhere, got, want)
			}
			if !fed {
				continue
			}
			if told := toldBy(t, table, done.Version); told != went+len(given) {
				t.Fatalf("mode %d where %q: version %d tells %d changes, %d rows went and %d came", w.Mode, w.ReplaceWhere, done.Version, told, went, len(given))
			}
			if got := folded(t, table); !slices.Equal(got, want) {
				t.Fatalf("mode %d where %q: its changes make\n     %v\nwant %v", w.Mode, w.ReplaceWhere, got, want)
			}
		}
		sound(t, table)
	})
}

func TestIdempotentWrites(t *testing.T) {
	table := create(t, memory.New(memory.Options{}), delta.CreateOptions{Schema: pairSchema})
	write := func(app string, version int64) delta.Committed {
		tx, err := table.Begin(ctx, delta.WriteOptions{TxnAppID: app, TxnVersion: &version})
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Write(ctx, pairs([]pair{{"a", version}})); err != nil {
			t.Fatal(err)
		}
		done, err := tx.Commit(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	for i, c := range []struct {
		app     string
		version int64
		repeat  bool
	}{{"x", 3, false}, {"x", 3, true}, {"x", 2, true}, {"x", 4, false}, {"y", 0, false}, {"y", 0, true}} {
		if done := write(c.app, c.version); done.Repeat != c.repeat {
			t.Errorf("%d: %s:%d: %+v, want repeat %v", i, c.app, c.version, done, c.repeat)
		}
	}
	one := int64(1)
	for _, o := range []delta.WriteOptions{{TxnAppID: "x"}, {TxnVersion: &one}} {
		if _, err := table.Begin(ctx, o); class(err) != delta.ClassIdempotentOptions {
			t.Errorf("%+v: error %v", o, err)
		}
	}
	// Two at once: the one that loses finds that it is done.
	version := int64(9)
	var all []*delta.Tx
	for range 2 {
		tx, err := table.Begin(ctx, delta.WriteOptions{TxnAppID: "x", TxnVersion: &version})
		if err == nil {
			err = tx.Write(ctx, pairs([]pair{{"z", 9}}))
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, tx)
	}
	for i, tx := range all {
		if done, err := tx.Commit(ctx); err != nil || done.Repeat != (i == 1) {
			t.Errorf("transaction %d of two: %+v, %v", i, done, err)
		}
	}
}

func tableRows(t *testing.T, table *delta.Table) []string {
	s, err := table.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for b, err := range s.Scan(ctx, delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows() {
			out = append(out, string(batch.AppendRowJSON(nil, b, b.Row(i))))
		}
		b.Release()
	}
	slices.Sort(out)
	return out
}

// write commits one batch under the options.
func write(t *testing.T, table *delta.Table, b *batch.Batch, o delta.WriteOptions) error {
	t.Helper()
	tx, err := table.Begin(ctx, o)
	if err != nil {
		return err
	}
	defer tx.Abort()
	if err := tx.Write(ctx, b); err != nil {
		return err
	}
	_, err = tx.Commit(ctx)
	return err
}

func longs(name string, values ...int64) *batch.Batch {
	b := batch.NewBuilder(batch.BigIntType, nil)
	for _, v := range values {
		b.Int64(v)
	}
	return batch.NewBatch(batch.NewSchema(batch.Field{Name: name, Type: batch.BigIntType, Nullable: true}), len(values), b.Finish())
}

func TestRulesOfRows(t *testing.T) {
	field := func(name, metadata string, nullable bool) batch.Field {
		return batch.Field{Name: name, Type: batch.BigIntType, Nullable: nullable, Metadata: metadata}
	}
	schema := batch.NewSchema(field("n", `{"delta.invariants":"{\"expression\":{\"expression\":\"n < 100\"}}"}`, true), field("d", `{"CURRENT_DEFAULT":"40 + 2"}`, false),
		field("g", `{"delta.generationExpression":"n * 2"}`, true))
	for _, mapping := range []string{"none", "name"} {
		table := create(t, memory.New(memory.Options{}), delta.CreateOptions{Schema: schema,
			Properties: map[string]string{"delta.constraints.positive": "n > 0", "delta.columnMapping.mode": mapping}})
		if err := write(t, table, longs("n", 1, 2), delta.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprint(tableRows(t, table)), `[{"n":1,"d":42,"g":2} {"n":2,"d":42,"g":4}]`; got != want {
			t.Errorf("rows %s, want %s", got, want)
		}
		for _, c := range []struct {
			b    *batch.Batch
			want string
		}{
			{longs("n", 5, 0), "row 1 of the batch breaks the CHECK constraint positive (n > 0): {\"n\":0}"},
			{longs("n", 100), "invariant of the column n (n < 100)"},
			{longs("d", 1), "invariant of the column n (n < 100): {\"n\":null}"}, // null is not true
			{merge(longs("n", 3), longs("g", 7)), "generated column g (n * 2)"},
		} {
			err := write(t, table, c.b, delta.WriteOptions{})
			if class(err) != delta.ClassViolated || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s: %s", err, delta.ClassViolated, c.want)
			}
		}
		if err := write(t, table, merge(longs("n", 3), longs("g", 6)), delta.WriteOptions{}); err != nil {
			t.Errorf("a generated column that is given rightly: %v", err)
		}
	}
	_, err := delta.Create(ctx, memory.New(memory.Options{}), delta.CreateOptions{Schema: schema,
		Properties: map[string]string{"delta.constraints.odd": "no_such_function(n)"}}, options(1))
	if err == nil || !strings.Contains(err.Error(), "odd") {
		t.Errorf("a constraint that cannot be kept: %v", err)
	}
}

// merge puts the columns of batches of equal length beside each other.
func merge(all ...*batch.Batch) *batch.Batch {
	out := batch.NewBatch(&batch.Schema{}, all[0].N)
	for _, b := range all {
		out.Schema.Fields = append(out.Schema.Fields, b.Schema.Fields...)
		out.Columns = append(out.Columns, b.Columns...)
	}
	return out
}

// structs returns rows of one column s, a list of structs that have a field of each name given.
func structs(names ...string) *batch.Batch {
	var fields []batch.Field
	for _, n := range names {
		fields = append(fields, batch.Field{Name: n, Type: batch.BigIntType, Nullable: true})
	}
	t := batch.ArrayType(batch.StructType(fields...), true)
	b := batch.NewBuilder(t, nil)
	for i := range names {
		b.Kids[0].Kids[i].Int64(int64(i))
	}
	b.Kids[0].Struct()
	b.List()
	return batch.NewBatch(batch.NewSchema(batch.Field{Name: "s", Type: t, Nullable: true}), 1, b.Finish())
}

func TestSchemasGrow(t *testing.T) {
	for _, mapping := range []string{"none", "name", "id"} {
		table := create(t, memory.New(memory.Options{}), delta.CreateOptions{Schema: structs("a").Schema,
			Properties: map[string]string{"delta.columnMapping.mode": mapping, "delta.enableTypeWidening": "true"}})
		if err := write(t, table, structs("b", "A"), delta.WriteOptions{}); class(err) != delta.ClassMismatch {
			t.Fatalf("a field that the table lacks: error %v", err)
		}
		for _, b := range []*batch.Batch{structs("a"), structs("b", "A"), merge(structs("a"), longs("n", 1))} {
			if err := write(t, table, b, delta.WriteOptions{MergeSchema: true}); err != nil {
				t.Fatal(err)
			}
		}
		want := `[{"s":[{"a":0,"b":null}],"n":1} {"s":[{"a":0,"b":null}],"n":null} {"s":[{"a":1,"b":0}],"n":null}]`
		if got := fmt.Sprint(tableRows(t, table)); got != want {
			t.Errorf("%s: rows %s\nwant %s", mapping, got, want)
		}
		if mapping != "none" {
			head, _ := table.Head(ctx)
			if most := head.Metadata.Configuration["delta.columnMapping.maxColumnId"]; most != "4" {
				t.Errorf("%s: the greatest id is %s, want 4 (s, a, b, n)", mapping, most)
			}
		}
		if err := write(t, table, longs("other", 7), delta.WriteOptions{Mode: delta.Overwrite, OverwriteSchema: true}); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(tableRows(t, table)); got != `[{"other":7}]` {
			t.Errorf("%s: rows after overwriting the schema: %s", mapping, got)
		}
	}
}

func TestTypesGrowWider(t *testing.T) {
	small := batch.NewBuilder(batch.IntType, nil)
	small.Int32(1)
	ints := batch.NewBatch(batch.NewSchema(batch.Field{Name: "n", Type: batch.IntType, Nullable: true}), 1, small.Finish())
	for _, allowed := range []string{"true", "false"} {
		table := create(t, memory.New(memory.Options{}), delta.CreateOptions{Schema: ints.Schema, Properties: map[string]string{"delta.enableTypeWidening": allowed}})
		if err := write(t, table, ints, delta.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		err := write(t, table, longs("n", 1<<40), delta.WriteOptions{MergeSchema: true})
		if allowed == "false" {
			if class(err) != delta.ClassMerge || !strings.Contains(err.Error(), "n is int in the table and bigint") {
				t.Errorf("not allowed: error %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		head, _ := table.Head(ctx)
		if got := head.Schema.Fields[0].Metadata; got != `{"delta.typeChanges":[{"fromType":"integer","toType":"long"}]}` {
			t.Errorf("the column says %s", got)
		}
		if got := fmt.Sprint(tableRows(t, table)); got != `[{"n":1099511627776} {"n":1}]` && got != `[{"n":1} {"n":1099511627776}]` {
			t.Errorf("rows %s", got)
		}
	}
}

// Partitions are the same whoever spelled their values: those of delta-rs, of Spark before 3.5 and ours differ.
func TestPartitionsOfOtherWritersAreReplaced(t *testing.T) {
	schema := batch.NewSchema(batch.Field{Name: "v", Type: batch.BigIntType, Nullable: true}, batch.Field{Name: "at", Type: batch.TimestampType, Nullable: true},
		batch.Field{Name: "f", Type: batch.DoubleType, Nullable: true}, batch.Field{Name: "s", Type: batch.StringType, Nullable: true})
	row := func(v int64, text string) *batch.Batch {
		n, at, f, s := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.TimestampType, nil), batch.NewBuilder(batch.DoubleType, nil), batch.NewBuilder(batch.StringType, nil)
		n.Int64(v)
		at.Int64(1767225600_000000)
		f.Float64(1e10)
		s.String(text)
		return batch.NewBatch(schema, 1, n.Finish(), at.Finish(), f.Finish(), s.Finish())
	}
	table := create(t, memory.New(memory.Options{}), delta.CreateOptions{Schema: schema, PartitionBy: []string{"at", "f", "s"}})
	w := writer(t, table, delta.WriterOptions{})
	for i, s := range []string{"01", "1"} {
		if err := w.Write(ctx, row(int64(i), s)); err != nil {
			t.Fatal(err)
		}
	}
	adds, err := w.Finish(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range adds {
		adds[i].Partition[0].Value, adds[i].Partition[1].Value = "2026-01-01 00:00:00", "10000000000"
	}
	if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds}); err != nil {
		t.Fatal(err)
	}
	x, err := table.Begin(ctx, delta.WriteOptions{Mode: delta.OverwritePartitions})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Write(ctx, row(7, "1")); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if got := tableRows(t, table); len(got) != 2 || !strings.Contains(got[0], `"v":0`) || !strings.Contains(got[1], `"v":7`) {
		t.Errorf("the table has %v", got)
	}
}

// A transaction leaves a checksum as any commit does, and what goes wrong before there is a version names none.
func TestTransactionsLeaveChecksums(t *testing.T) {
	store := memory.New(memory.Options{})
	now := time.Unix(1_000_000, 0)
	table, err := delta.Create(ctx, store, delta.CreateOptions{Schema: pairSchema}, delta.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	if err := write(t, table, pairs([]pair{{"a", 1}}), delta.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Head(ctx, log.ChecksumName(1)); err != nil {
		t.Errorf("version 1 has no checksum: %v", err)
	}
	var f *supervision.Failure
	_, err = table.Begin(ctx, delta.WriteOptions{ReplaceWhere: "n = 1"})
	if !errors.As(err, &f) || f.Version != nil || f.Hint == "" {
		t.Errorf("a replaceWhere that appends: %+v", f)
	}
}

// Files that are written for rows that stay are counted too.
func TestReplacingCountsAllFiles(t *testing.T) {
	table := create(t, memory.New(memory.Options{}), delta.CreateOptions{Schema: pairSchema})
	if err := write(t, table, pairs([]pair{{"a", 1}, {"b", 2}}), delta.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	tx, err := table.Begin(ctx, delta.WriteOptions{Mode: delta.Overwrite, ReplaceWhere: "n = 1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Write(ctx, pairs([]pair{{"c", 1}})); err != nil {
		t.Fatal(err)
	}
	done, err := tx.Commit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range done.Metrics {
		if m.Name == "numFiles" && m.Value != `"2"` {
			t.Errorf("two files were written, the commit says %s", m.Value)
		}
	}
}
