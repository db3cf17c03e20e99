package delta_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/local"
)

var update = flag.Bool("update", false, "write the tables of testdata anew")

func column(name string, t batch.Type) batch.Field {
	return batch.Field{Name: name, Type: t, Nullable: true}
}

// ownTables are written the same way at every run: names, times and ids follow from seeds.
var ownTables = map[string]struct {
	schema *batch.Schema
	o      delta.SinkOptions
	epochs int
}{
	"plain": {schema: batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType, Comment: "row number"}, column("name", batch.StringType),
		column("amount", batch.DecimalType(12, 2)), column("wide", batch.DecimalType(38, 10)), column("at", batch.TimestampType), column("day", batch.DateType),
		column("ok", batch.BooleanType), column("tiny", batch.TinyIntType), column("small", batch.SmallIntType), column("i", batch.IntType),
		column("f", batch.FloatType), column("d", batch.DoubleType), column("raw", batch.BinaryType)), epochs: 3,
		o: delta.SinkOptions{Description: "all simple types", Properties: map[string]string{"quality": "gold"}}},
	"partitioned": {schema: batch.NewSchema(column("id", batch.BigIntType), column("region", batch.StringType), column("day", batch.DateType), column("at", batch.TimestampType)),
		o: delta.SinkOptions{PartitionBy: []string{"region", "day"}}, epochs: 2},
	"nested": {schema: batch.NewSchema(column("id", batch.BigIntType),
		column("s", batch.StructType(column("a", batch.IntType), column("b", batch.StructType(column("c", batch.StringType))))),
		column("list", batch.ArrayType(batch.StringType, true)), column("m", batch.MapType(batch.StringType, batch.DoubleType, true)),
		column("structs", batch.ArrayType(batch.StructType(column("k", batch.BigIntType), column("v", batch.ArrayType(batch.IntType, true))), true))), epochs: 2},
	"ledger":     {schema: idSchema, o: delta.SinkOptions{Ledger: true}, epochs: 3},
	"checkpoint": {schema: idSchema, o: delta.SinkOptions{Properties: map[string]string{"delta.checkpointInterval": "2", "delta.parquet.compression.codec": "zstd"}}, epochs: 5},
	"ntz":        {schema: batch.NewSchema(column("id", batch.BigIntType), column("at", batch.TimestampNTZType)), epochs: 1},
}

// rows is how many each epoch of the tables has.
const rows = 12

// fill appends a value that follows from n alone; every fifth one is null.
func fill(b *batch.Builder, t batch.Type, n int, nullable bool) {
	if nullable && n%5 == 3 {
		b.Null()
		return
	}
	switch t.Kind {
	case batch.Boolean:
		b.Bool(n%2 == 0)
	case batch.TinyInt:
		b.Int32(int32(n%256) - 128)
	case batch.SmallInt, batch.Int:
		b.Int32(int32(n*997) % 32768)
	case batch.Date:
		b.Int32(int32(20000 + n%3))
	case batch.BigInt:
		b.Int64(int64(n) * 1_000_000_007)
	case batch.Timestamp, batch.TimestampNTZ:
		b.Int64(1_770_000_000_123_456 + int64(n)*1_000_001)
	case batch.Float:
		b.Float32(float32(n) / 3)
	case batch.Double:
		b.Float64(float64(n) / 7)
	case batch.Decimal:
		b.Decimal(batch.MulInt64(int64(n-50)*123_456_789, 1+int64(t.Scale/10)*1_000_000_007))
	case batch.String:
		b.String([]string{"north", "south: é", "50 % / east", "long " + fmt.Sprintf("%060d", n)}[n%4])
	case batch.Binary:
		b.Bytes([]byte{byte(n), 0, 0xff})
	case batch.Struct:
		for i, f := range t.Fields {
			fill(b.Kids[i], f.Type, n+i+1, true)
		}
		b.Struct()
	case batch.Array:
		for i := range n % 4 {
			fill(b.Kids[0], t.Fields[0].Type, n+i, true)
		}
		b.List()
	case batch.Map:
		for i := range n % 3 {
			b.Kids[0].String(fmt.Sprint("k", i))
			fill(b.Kids[1], t.Fields[1].Type, n+i, true)
		}
		b.List()
	}
}

func fillBatch(s *batch.Schema, from, to int) *batch.Batch {
	out := &batch.Batch{Schema: s, N: to - from}
	for i, f := range s.Fields {
		b := batch.NewBuilder(f.Type, nil)
		for n := from; n < to; n++ {
			fill(b, f.Type, n+i, i > 0 && f.Nullable)
		}
		out.Columns = append(out.Columns, b.Finish())
	}
	return out
}

// writeOwn writes one of the tables into a folder.
func writeOwn(t *testing.T, name, dir string) *batch.RowDigest {
	t.Helper()
	def := ownTables[name]
	store, err := local.New(dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	def.o.Table = options(uint64(len(name)))
	sink := delta.NewSink(store, def.o)
	if err := sink.Bind(ctx, def.schema, connectors.Append); err != nil {
		t.Fatal(err)
	}
	w, err := sink.Writer(ctx, connectors.Share{Flow: "own", Incarnation: "inc", Attempt: 1, Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	digest := &batch.RowDigest{}
	for e := range def.epochs {
		b := fillBatch(def.schema, e*rows, e*rows+rows)
		if err := digest.Add(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Write(ctx, b); err != nil {
			t.Fatal(err)
		}
		sealed, err := w.Seal(int64(e))
		if err != nil {
			t.Fatal(err)
		}
		p, err := sealed.Finish(ctx)
		if err != nil {
			t.Fatal(err)
		}
		c := connectors.Commit{Flow: "own", Incarnation: "inc", Epoch: int64(e), QueryID: "0198f6a0-0000-7000-8000-00000000000a", Prepared: []connectors.Prepared{p}}
		if def.o.Ledger {
			commitLedger(t, sink, c)
		} else if _, err := sink.Commit(ctx, c); err != nil {
			t.Fatal(err)
		}
		if err := sink.Maintain(ctx); err != nil {
			t.Fatal(err)
		}
	}
	return digest
}

// commitLedger commits an epoch the way a flow does whose ledger is the table.
func commitLedger(t *testing.T, sink *delta.Sink, c connectors.Commit) {
	t.Helper()
	table, _ := sink.Table()
	entry := func(e int64) string { return fmt.Sprintf(`{"epoch":%d}`, e) }
	commit, err := delta.StreamingUpdate(c)
	if err != nil {
		t.Fatal(err)
	}
	expected := ""
	if c.Epoch > 0 {
		expected = entry(c.Epoch - 1)
	}
	commit.Domains = []log.Domain{{Domain: "deltaic.ledger", Configuration: entry(c.Epoch)}}
	if _, err := table.CompareAndCommit(ctx, "deltaic.ledger", expected, commit); err != nil {
		t.Fatal(err)
	}
}

// varying are the parts of a log that another release of the Parquet writer may change.
var varying = regexp.MustCompile(`"size":\d+|\\?"numOutputBytes\\?":\\?"\d+\\?"`)

// TestOwnTables: the tables of testdata, written by the first release of each form, read as they
// were written, and are written again with the same log, byte for byte.
func TestOwnTables(t *testing.T) {
	for name := range ownTables {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", "tables", name)
			if *update {
				if err := os.RemoveAll(dir); err != nil {
					t.Fatal(err)
				}
				digest := writeOwn(t, name, filepath.Join(dir, "delta"))
				expect, _ := json.MarshalIndent(map[string]any{"expectation": "rows", "rows": digest.Rows(), "rows_digest": digest.String()}, "", " ")
				if err := os.WriteFile(filepath.Join(dir, "expect.json"), append(expect, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got := conform(t, filepath.Join(dir, "expect.json")); got.state() != "passed" || got.facts == 0 {
				t.Fatalf("not read: %s", got.why())
			}
			again := t.TempDir()
			writeOwn(t, name, again)
			logs, _ := filepath.Glob(filepath.Join(dir, "delta", "_delta_log", "*.json"))
			if len(logs) < 2 {
				t.Fatalf("%d log files", len(logs))
			}
			for _, file := range logs {
				want, _ := os.ReadFile(file)
				got, err := os.ReadFile(filepath.Join(again, "_delta_log", filepath.Base(file)))
				if err != nil || string(varying.ReplaceAll(got, nil)) != string(varying.ReplaceAll(want, nil)) {
					t.Fatalf("%s is now (%v)\n%s\nand was\n%s", filepath.Base(file), err, got, want)
				}
			}
		})
	}
}
