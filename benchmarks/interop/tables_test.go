package interop

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/local"
)

// written is a table of ours and what it must hold.
type written struct {
	path   string
	digest *batch.RowDigest
	table  *delta.Table
}

// write makes a table by our sink, an epoch of each batch, and maintains it as a flow does.
func write(t *testing.T, o delta.SinkOptions, schema *batch.Schema, epochs ...*batch.Batch) written {
	t.Helper()
	kit(t)
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "table")
	store, err := local.New(path, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sink := delta.NewSink(store, o)
	if err := sink.Bind(ctx, schema, connectors.Append); err != nil {
		t.Fatal(err)
	}
	w, err := sink.Writer(ctx, connectors.Share{Flow: "interop", Incarnation: "first", Attempt: 1, Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	out := written{path: path, digest: &batch.RowDigest{}}
	for e, b := range epochs {
		if err := out.digest.Add(b); err != nil {
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
		c := connectors.Commit{Flow: "interop", Incarnation: "first", Epoch: int64(e), QueryID: "0198f6a0-0000-7000-8000-00000000000a", Prepared: []connectors.Prepared{p}}
		if _, err := sink.Commit(ctx, c); err != nil {
			t.Fatal(err)
		}
		if err := sink.Maintain(ctx); err != nil {
			t.Fatal(err)
		}
	}
	out.table, _ = sink.Table()
	return out
}

// protocol checks the table's protocol.
func (w written) protocol(t *testing.T, reader, writer int) {
	t.Helper()
	head, err := w.table.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p := head.Protocol; p.MinReader != reader || p.MinWriter != writer {
		t.Errorf("protocol (%d,%d), want (%d,%d)", p.MinReader, p.MinWriter, reader, writer)
	}
}

var number64 = batch.Field{Name: "n", Type: batch.BigIntType}

func flatSchema() *batch.Schema {
	fields := []batch.Field{number64, column("yes", batch.BooleanType), column("tiny", batch.TinyIntType), column("small", batch.SmallIntType),
		column("i", batch.IntType), column("big", batch.BigIntType), column("f", batch.FloatType), column("d", batch.DoubleType),
		column("text", batch.StringType), column("raw", batch.BinaryType), column("day", batch.DateType), column("moment", batch.TimestampType),
		{Name: "never_null", Type: batch.IntType}}
	return batch.NewSchema(fields...)
}

func decimalSchema() *batch.Schema {
	fields := []batch.Field{number64}
	for _, d := range [][2]uint8{{1, 0}, {1, 1}, {4, 2}, {9, 0}, {9, 9}, {10, 2}, {18, 0}, {18, 18}, {19, 0}, {19, 3}, {28, 10}, {38, 0}, {38, 10}, {38, 38}} {
		fields = append(fields, column(fmt.Sprintf("d%d_%d", d[0], d[1]), batch.DecimalType(d[0], d[1])))
	}
	return batch.NewSchema(fields...)
}

func nestedSchema() *batch.Schema {
	inner := batch.StructType(column("a", batch.IntType), column("b", batch.StructType(column("c", batch.StringType), column("m", batch.DecimalType(20, 4)))))
	return batch.NewSchema(number64, column("s", inner), column("list", batch.ArrayType(batch.StringType, true)),
		column("map", batch.MapType(batch.StringType, batch.DoubleType, true)),
		column("structs", batch.ArrayType(batch.StructType(column("k", batch.BigIntType), column("v", batch.ArrayType(batch.DateType, true))), true)),
		column("maps", batch.MapType(batch.StringType, batch.MapType(batch.StringType, batch.TimestampType, true), true)),
		column("lists", batch.ArrayType(batch.ArrayType(batch.BinaryType, true), true)))
}

func several(s *batch.Schema, epochs, rows int) []*batch.Batch {
	var out []*batch.Batch
	for e := range epochs {
		out = append(out, edges(s, e*rows, e*rows+rows))
	}
	return out
}

func TestFlatTypes(t *testing.T) {
	s := flatSchema()
	w := write(t, delta.SinkOptions{Name: "flat", Description: "every flat type"}, s, several(s, 3, 150)...)
	w.protocol(t, 1, 2)
	equal(t, w.path, w.digest)
}

func TestTimestampNTZ(t *testing.T) {
	s := batch.NewSchema(number64, column("at", batch.TimestampNTZType), column("list", batch.ArrayType(batch.TimestampNTZType, true)))
	w := write(t, delta.SinkOptions{}, s, several(s, 2, 50)...)
	w.protocol(t, 3, 7)
	equal(t, w.path, w.digest)
}

func TestDecimals(t *testing.T) {
	s := decimalSchema()
	w := write(t, delta.SinkOptions{}, s, several(s, 2, 70)...)
	w.protocol(t, 1, 2)
	equal(t, w.path, w.digest)
}

func TestNested(t *testing.T) {
	s := nestedSchema()
	w := write(t, delta.SinkOptions{}, s, several(s, 2, 200)...)
	w.protocol(t, 1, 2)
	equal(t, w.path, w.digest)
}

func TestCodecs(t *testing.T) {
	for _, codec := range []string{"uncompressed", "snappy", "gzip", "lz4", "lz4_raw", "zstd"} {
		t.Run(codec, func(t *testing.T) {
			s := flatSchema()
			w := write(t, delta.SinkOptions{Properties: map[string]string{"delta.parquet.compression.codec": codec}}, s, several(s, 1, 300)...)
			equal(t, w.path, w.digest)
		})
	}
}

// A table whose flow keeps its ledger in it has writer version 7 and stays readable by all.
func TestLedgerTable(t *testing.T) {
	s := flatSchema()
	w := write(t, delta.SinkOptions{Ledger: true}, s, several(s, 2, 40)...)
	w.protocol(t, 1, 7)
	equal(t, w.path, w.digest)
}

// partitionValues are interesting ones of each type that a table may be partitioned by.
var partitionValues = []struct {
	t    batch.Type
	fill func(b *batch.Builder, n int)
	many int
}{
	{batch.StringType, func(b *batch.Builder, n int) { b.String(partitionStrings[n]) }, len(partitionStrings)},
	{batch.BooleanType, func(b *batch.Builder, n int) { b.Bool(n == 1) }, 2},
	{batch.TinyIntType, func(b *batch.Builder, n int) { b.Int32(int32(n*127 - 128)) }, 3},
	{batch.SmallIntType, func(b *batch.Builder, n int) { b.Int32(int32(n*32767 - 32768)) }, 3},
	{batch.IntType, func(b *batch.Builder, n int) { b.Int32([]int32{math.MinInt32, 0, math.MaxInt32}[n]) }, 3},
	{batch.BigIntType, func(b *batch.Builder, n int) { b.Int64([]int64{math.MinInt64, 0, math.MaxInt64}[n]) }, 3},
	{batch.FloatType, func(b *batch.Builder, n int) {
		b.Float32([]float32{float32(math.NaN()), float32(math.Inf(-1)), 1.5, 1e10, 0.1, math.SmallestNonzeroFloat32}[n])
	}, 6},
	{batch.DoubleType, func(b *batch.Builder, n int) {
		b.Float64([]float64{math.NaN(), math.Inf(1), -0.25, 1e300, 0.1, 1e-5, 12345678.9}[n])
	}, 7},
	{batch.DecimalType(9, 2), func(b *batch.Builder, n int) { b.Decimal(edgeDecimal(9, n)) }, 5},
	{batch.DecimalType(38, 10), func(b *batch.Builder, n int) { b.Decimal(edgeDecimal(38, n)) }, 5},
	{batch.DateType, func(b *batch.Builder, n int) { b.Int32(edgeDays[n]) }, len(edgeDays)},
	{batch.TimestampType, func(b *batch.Builder, n int) { b.Int64(edgeMicros[n]) }, len(edgeMicros)},
	{batch.TimestampNTZType, func(b *batch.Builder, n int) { b.Int64(edgeMicros[n]) }, len(edgeMicros)},
}

var partitionStrings = []string{"", "a", "b c", " lead", "trail ", "ü/=%:x", "{}[]^~`|\"#?\\", "100%", "%41", "\x01\x7f", "tab\t", "line\n", "a=b/c=d", "..", ".", "-",
	"null", "NULL", "1970-01-01 00:00:00", "🙂", "'quoted'", "+", "a+b", "&;,@!$()*<>", strings.Repeat("long", 50)}

func TestPartitionedByEachType(t *testing.T) {
	for _, v := range partitionValues {
		t.Run(strings.ReplaceAll(v.t.String(), ",", "_"), func(t *testing.T) {
			s := batch.NewSchema(number64, column("p", v.t), column("text", batch.StringType))
			rows := func(read bool) *batch.Batch {
				n, p, text := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(v.t, nil), batch.NewBuilder(batch.StringType, nil)
				for i := range 3 * (v.many + 1) {
					n.Int64(int64(i))
					text.String(fmt.Sprint("row ", i))
					switch i %= v.many + 1; {
					case i == v.many, read && v.t.Kind == batch.String && partitionStrings[i] == "": // an empty partition value is null
						p.Null()
					default:
						v.fill(p, i)
					}
				}
				return batch.NewBatch(s, n.Len(), n.Finish(), p.Finish(), text.Finish())
			}
			w := write(t, delta.SinkOptions{PartitionBy: []string{"p"}}, s, rows(false))
			want := &batch.RowDigest{}
			if err := want.Add(rows(true)); err != nil {
				t.Fatal(err)
			}
			equal(t, w.path, want)
		})
	}
}

func TestPartitionedBySeveral(t *testing.T) {
	s := batch.NewSchema(number64, column("text", batch.StringType), column("region", batch.StringType), column("day", batch.DateType), column("yes", batch.BooleanType),
		column("list", batch.ArrayType(batch.IntType, true)))
	var epochs []*batch.Batch
	for e := range 4 {
		b := edges(s, e*300, e*300+300)
		p := batch.NewBuilder(batch.StringType, nil)
		for i := range 300 {
			p.String([]string{"north", "south: é", "50 % / east"}[(e+i)%3])
		}
		b.Columns[2] = p.Finish()
		epochs = append(epochs, b)
	}
	w := write(t, delta.SinkOptions{PartitionBy: []string{"day", "region", "yes"}, Writer: delta.WriterOptions{MaxOpenFiles: 8}}, s, epochs...)
	w.protocol(t, 1, 2)
	equal(t, w.path, w.digest)
}

// What our checkpoint says must be enough: the commits before it are removed, as log
// cleanup does.
func TestCheckpointAlone(t *testing.T) {
	for name, o := range map[string]delta.SinkOptions{
		"plain":       {Properties: map[string]string{"delta.checkpointInterval": "10"}, Writer: delta.WriterOptions{TargetFileSize: 2000}},
		"partitioned": {Properties: map[string]string{"delta.checkpointInterval": "10"}, PartitionBy: []string{"day", "yes"}},
		"ledger":      {Properties: map[string]string{"delta.checkpointInterval": "10"}, Ledger: true},
		"struct statistics": {Properties: map[string]string{"delta.checkpointInterval": "10", "delta.checkpoint.writeStatsAsStruct": "true",
			"delta.checkpoint.writeStatsAsJson": "false"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := flatSchema()
			w := write(t, o, s, several(s, 25, 30)...)
			log := filepath.Join(w.path, "_delta_log")
			var last struct{ Version int64 }
			text, err := os.ReadFile(filepath.Join(log, "_last_checkpoint"))
			if err == nil {
				err = json.Unmarshal(text, &last)
			}
			if err != nil || last.Version < 10 {
				t.Fatalf("%s %v", text, err)
			}
			commits, err := filepath.Glob(filepath.Join(log, "*.json"))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range commits {
				if filepath.Base(c) < fmt.Sprintf("%020d.json", last.Version) {
					if err := os.Remove(c); err != nil {
						t.Fatal(err)
					}
				}
			}
			equal(t, w.path, w.digest)
		})
	}
}

// Statistics must not hide a row: whatever is asked for, the table answers as a copy without statistics does.
func TestDataSkipping(t *testing.T) {
	s := flatSchema()
	var epochs []*batch.Batch
	for n := range 42 { // small files, so that bounds are narrow
		epochs = append(epochs, edges(s, n*2, n*2+2))
	}
	w := write(t, delta.SinkOptions{}, s, epochs...)
	bare := withoutStatistics(t, w.path)
	for _, engine := range []string{"duckdb", "spark"} {
		var statements []string
		every := map[string]int{"duckdb": 1, "spark": number(t, "SPARK_EVERY", 5)}[engine] // each takes Spark half a second
		for i, p := range predicates(engine) {
			if i%every != 0 {
				continue
			}
			for _, view := range []string{"ours", "bare"} {
				statements = append(statements, fmt.Sprintf("SELECT count(*) AS c, sum(n) AS s FROM %s WHERE %s", view, p))
			}
		}
		got := sql(t, engine, map[string]string{"ours": w.path, "bare": bare}, statements...)
		for i := 0; i < len(got); i += 2 {
			if !slices.Equal(got[i].Rows, got[i+1].Rows) {
				t.Errorf("%s: %s: %s with statistics, %s without", engine, statements[i], got[i].Rows, got[i+1].Rows)
			}
		}
		t.Logf("%s: %d predicates", engine, len(got)/2)
	}
}

// withoutStatistics copies a table and leaves the statistics out of its log.
func withoutStatistics(t *testing.T, table string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "bare")
	if err := os.CopyFS(copied, os.DirFS(table)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(copied, "_delta_log", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f, ".json") {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f, statisticsOf.ReplaceAll(text, nil), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return copied
}
