package delta_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/memory"
)

// storable replaces the types that tables cannot hold.
func storable(t batch.Type) batch.Type {
	switch t.Kind {
	case batch.Void:
		return batch.StringType
	case batch.Variant:
		return batch.BinaryType
	}
	fields := append([]batch.Field(nil), t.Fields...)
	for i := range fields {
		fields[i].Type = storable(fields[i].Type)
	}
	t.Fields = fields
	return t
}

var partitionNames = []string{"", "a", "b c", "ü/=%:x", "{}[]^~`|\"#?\\", "100%", "\x01\x7f", "1970-01-01 00:00:00"}

// drawTable draws a schema with two partition columns p and q behind random others.
func drawSchema(t *rapid.T) *batch.Schema {
	s := batchtest.Schema(t, 4, 2)
	for i := range s.Fields {
		s.Fields[i].Type = storable(s.Fields[i].Type)
	}
	s.Fields = append(s.Fields, batch.Field{Name: "p", Type: batch.StringType, Nullable: true},
		batch.Field{Name: "q", Type: batch.DateType, Nullable: true})
	return s
}

func drawBatch(t *rapid.T, s *batch.Schema, p *batch.Pool) *batch.Batch {
	b := batchtest.Batch(t, s, p, 30)
	b.Kinds = nil
	names, days := batch.NewBuilder(batch.StringType, p), batch.NewBuilder(batch.DateType, p)
	for range b.N {
		if name := rapid.SampledFrom(partitionNames).Draw(t, "p"); name == "" {
			names.Null()
		} else {
			names.String(name)
		}
		days.Int32(rapid.Int32Range(-1, 1).Draw(t, "q"))
	}
	n := len(b.Columns)
	b.Columns[n-2].Release()
	b.Columns[n-1].Release()
	b.Columns[n-2], b.Columns[n-1] = names.Finish(), days.Finish()
	return b
}

// TestWriteAndScan writes random batches and reads them back: the rows are the
// same bag, statistics exclude no row, and a checkpoint is the same table as its commits.
func TestWriteAndScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pool, s := batch.NewPool(), memory.New(memory.Options{})
		schema := drawSchema(t)
		var partition []string
		if rapid.Bool().Draw(t, "partitioned") {
			partition = []string{"p", "q"}
		}
		table := create(t, s, delta.CreateOptions{Schema: schema, PartitionBy: partition})
		var want batch.RowDigest
		for range rapid.IntRange(1, 3).Draw(t, "commits") {
			head, err := table.Head(ctx)
			if err != nil {
				t.Fatal(err)
			}
			w, err := delta.NewWriter(table, head, delta.WriterOptions{Pool: pool, MaxOpenFiles: rapid.IntRange(1, 4).Draw(t, "open"),
				TargetFileSize: rapid.SampledFrom([]int64{1, 500, 1 << 20}).Draw(t, "size")})
			if err != nil {
				t.Fatal(err)
			}
			for range rapid.IntRange(0, 3).Draw(t, "batches") {
				b := drawBatch(t, schema, pool)
				if err := want.Add(b); err != nil {
					t.Fatal(err)
				}
				if err := w.Write(ctx, b); err != nil {
					t.Fatal(err)
				}
				b.Release()
			}
			adds, err := w.Finish(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds}); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "checkpoint") {
				checkpointIsReplay(t, table)
			}
		}
		snapshot, err := delta.Open(s, delta.Options{}).Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := digestOf(snapshot, true)
		if err != nil {
			t.Fatal(err)
		}
		if got.Rows() != want.Rows() || got.String() != want.String() {
			t.Fatalf("%d rows came back of %d, digest %s instead of %s", got.Rows(), want.Rows(), got, &want)
		}
		if rows, ok := snapshot.Rows(); !ok || rows != want.Rows() {
			t.Fatalf("statistics count %d rows (%v), want %d", rows, ok, want.Rows())
		}
		for i := range snapshot.Files() {
			checkStats(t, snapshot, i)
		}
		sound(t, table)
		if n := pool.Lent(); n != 0 {
			t.Fatalf("%d columns are still lent", n)
		}
	})
}

// checkpointIsReplay compares the version from its commits with the one from a checkpoint.
func checkpointIsReplay(t *rapid.T, table *delta.Table) {
	before, err := table.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	after, err := delta.Open(table.Store(), delta.Options{}).Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if after.Since != 0 {
		t.Fatal("the checkpoint was not read")
	}
	was, is := before.Files(), after.Files()
	for i := range was {
		was[i].DataChange = false // as checkpoints have it
	}
	if !reflect.DeepEqual(was, is) {
		t.Fatalf("files from commits %v, from the checkpoint %v", was, is)
	}
	a, b := *before.Head, *after.Head
	a.Since, a.SinceBytes, b.Since, b.SinceBytes = 0, 0, 0, 0
	if fmt.Sprint(a.Metadata) != fmt.Sprint(b.Metadata) && a.Metadata.SchemaString != b.Metadata.SchemaString || !reflect.DeepEqual(a.Txns, b.Txns) || !reflect.DeepEqual(a.Domains, b.Domains) {
		t.Fatalf("head from commits %+v, from the checkpoint %+v", a, b)
	}
}

// fileStats is add.stats.
type fileStats struct {
	NumRecords           int64
	MinValues, MaxValues map[string]any
	NullCount            map[string]any
}

func checkStats(t *rapid.T, s *delta.Snapshot, i int) {
	a := s.Files()[i]
	var stats fileStats
	d := json.NewDecoder(strings.NewReader(a.Stats))
	d.UseNumber()
	if err := d.Decode(&stats); err != nil {
		t.Fatalf("statistics %s: %v", a.Stats, err)
	}
	rows, nulls := int64(0), map[string]int64{}
	for b, err := range s.Only(i).Scan(ctx, delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		rows += int64(b.Rows())
		for c, f := range b.Schema.Fields {
			checkColumn(t, f.Name, f.Type, b.Columns[c], nil, stats.MinValues[f.Name], stats.MaxValues[f.Name], nulls)
		}
		b.Release()
	}
	if rows != stats.NumRecords {
		t.Fatalf("%d records counted, %d are there", stats.NumRecords, rows)
	}
	for path, n := range nulls {
		var at any = stats.NullCount
		for _, part := range strings.Split(path, ".") {
			m, _ := at.(map[string]any)
			at = m[part]
		}
		if _, partition := a.Partition.Get(path); at == nil && !partition {
			t.Fatalf("column %s has no statistics in %s", path, a.Stats) // drawn schemas have less than 32 leaves
		}
		if at != nil && fmt.Sprint(at) != fmt.Sprint(n) {
			t.Fatalf("column %s: %v nulls counted, %d are there", path, at, n)
		}
	}
}

func checkColumn(t *rapid.T, path string, ty batch.Type, c *batch.Column, hidden func(int) bool, lo, hi any, nulls map[string]int64) {
	null := func(r int) bool { return hidden != nil && hidden(r) || c.IsNull(r) }
	if ty.Kind == batch.Struct {
		los, _ := lo.(map[string]any)
		his, _ := hi.(map[string]any)
		for k, f := range ty.Fields {
			checkColumn(t, path+"."+f.Name, f.Type, c.Kids[k], null, los[f.Name], his[f.Name], nulls)
		}
		return
	}
	for r := range c.N {
		if null(r) {
			nulls[path]++
			continue
		}
		nulls[path] += 0
		if lo != nil && compareStat(t, c, r, lo) < 0 {
			t.Fatalf("column %s %s: the minimum %v excludes %s", path, ty, lo, batch.AppendText(nil, c, r))
		}
		if hi != nil && compareStat(t, c, r, hi) > 0 {
			t.Fatalf("column %s %s: the maximum %v excludes %s", path, ty, hi, batch.AppendText(nil, c, r))
		}
	}
}

// compareStat compares a value with a bound as a reader does, by JSON's own type.
func compareStat(t *rapid.T, c *batch.Column, r int, bound any) int {
	number := func() *big.Rat {
		v, ok := new(big.Rat).SetString(fmt.Sprint(bound))
		if !ok {
			t.Fatalf("the bound %v is no number", bound)
		}
		return v
	}
	float := func(v float64) int {
		if math.IsNaN(v) {
			return 1 // greatest, so that any maximum excludes it
		}
		b, err := strconv.ParseFloat(fmt.Sprint(bound), 64)
		if err != nil {
			t.Fatalf("the bound %v is no number", bound)
		}
		return cmp.Compare(v, b)
	}
	text := fmt.Sprint(bound)
	switch c.Type.Kind {
	case batch.TinyInt, batch.SmallInt, batch.Int:
		return new(big.Rat).SetInt64(int64(c.I32[r])).Cmp(number())
	case batch.BigInt:
		return new(big.Rat).SetInt64(c.I64[r]).Cmp(number())
	case batch.Float:
		return float(float64(c.F32[r]))
	case batch.Double:
		return float(c.F64[r])
	case batch.Decimal:
		v, _ := new(big.Rat).SetString(string(batch.AppendDecimal(nil, c.I128[r], int(c.Type.Scale))))
		return v.Cmp(number())
	case batch.String:
		return bytes.Compare(c.Bytes(r), []byte(text))
	case batch.Date:
		return cmp.Compare(int64(c.I32[r]), moment(t, "2006-01-02", text).Unix()/86400)
	case batch.Timestamp:
		return cmp.Compare(c.I64[r], moment(t, "2006-01-02T15:04:05.000000Z", text).UnixMicro())
	case batch.TimestampNTZ:
		return cmp.Compare(c.I64[r], moment(t, "2006-01-02T15:04:05.000000", text).UnixMicro())
	}
	t.Fatalf("a column of type %s has the bound %v", c.Type, bound)
	return 0
}

func moment(t *rapid.T, layout, text string) time.Time {
	v, err := time.Parse(layout, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestStringBounds: the bounds of a string hold it whatever its characters are.
func TestStringBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chars := rapid.SampledFrom([]rune{'a', 'z', 0x7e, 0x7f, 0x80, 'é', 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10fffe, 0x10ffff})
		v := string(rapid.SliceOfN(chars, 0, 90).Draw(t, "value"))
		units := rapid.SampledFrom([]int{1, 2, 31, 32}).Draw(t, "units")
		lo := string(delta.TruncateMin([]byte(v), units))
		hi, ok := delta.TruncateMax([]byte(v), units)
		if lo > v || ok && string(hi) < v {
			t.Fatalf("%q lies outside %q and %q", v, lo, hi)
		}
		for _, r := range lo + string(hi) {
			if r == 0xfffd {
				t.Fatalf("a character was split: %q %q", lo, hi)
			}
		}
	})
}
