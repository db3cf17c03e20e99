package delta_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/supervision"
)

// foreign is a table as another writer makes it: the log's lines as they are, data files with the columns that they have.
type foreign struct {
	t     interface{ Fatal(...any) }
	store *memory.Store
	lines []string
}

func newForeign(t interface{ Fatal(...any) }, protocol, schema, partitions, configuration string) *foreign {
	text, _ := json.Marshal(schema)
	return &foreign{t: t, store: memory.New(memory.Options{}), lines: []string{`{"protocol":` + protocol + `}`,
		fmt.Sprintf(`{"metaData":{"id":"i","format":{"provider":"parquet","options":{}},"schemaString":%s,"partitionColumns":%s,"configuration":%s}}`, text, partitions, configuration)}}
}

// file puts a Parquet file and its add-action, with further fields, into the table.
func (f *foreign) file(name string, b *batch.Batch, ids map[string]int32, more string) {
	var out bytes.Buffer
	w, err := parquet.NewWriter(&out, b.Schema, parquet.WriterOptions{RowGroupRows: 3000, FieldIDs: func(path []string) (int32, bool) {
		id, ok := ids[strings.Join(path, ".")]
		return id, ok
	}})
	if err == nil {
		err = errors.Join(w.Write(b), w.Close(), f.store.PutIfAbsent(ctx, name, out.Bytes()))
	}
	if err != nil {
		f.t.Fatal(err)
	}
	f.lines = append(f.lines, fmt.Sprintf(`{"add":{"path":%q,"size":%d,"modificationTime":1,"dataChange":true,%s}}`, name, out.Len(), more))
}

func (f *foreign) snapshot() (*delta.Snapshot, error) {
	if err := f.store.PutIfAbsent(ctx, log.CommitName(0), []byte(strings.Join(f.lines, "\n"))); err != nil {
		f.t.Fatal(err)
	}
	return delta.Open(f.store, delta.Options{}).Snapshot(ctx)
}

func numbers(n int) *batch.Batch {
	b := batch.NewBuilder(batch.IntType, nil)
	for i := range n {
		b.Int32(int32(i))
	}
	return batch.NewBatch(batch.NewSchema(batch.Field{Name: "n", Type: batch.IntType}), n, b.Finish())
}

const (
	numberSchema = `{"type":"struct","fields":[{"name":"n","type":"integer","nullable":true,"metadata":{}}]}`
	dvProtocol   = `{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}`
)

func vectorOf(rows []uint64) []byte {
	m := roaring64.BitmapOf(rows...)
	m.RunOptimize()
	b := bytes.NewBuffer(binary.LittleEndian.AppendUint32(nil, 1681511377))
	_, _ = m.WriteTo(b)
	return b.Bytes()
}

const z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

func z85Text(b []byte) string {
	b = append(slices.Clone(b), make([]byte, (4-len(b)%4)%4)...)
	var out []byte
	for ; len(b) > 0; b = b[4:] {
		v := binary.BigEndian.Uint32(b)
		for _, d := range []uint32{85 * 85 * 85 * 85, 85 * 85 * 85, 85 * 85, 85, 1} {
			out = append(out, z85[v/d%85])
		}
	}
	return string(out)
}

// vectorFile puts vectors into one file, the second of two behind another one, and returns where it lies.
func vectorFile(f *foreign, name string, data []byte) (offset int) {
	file := []byte{1}
	for _, v := range [][]byte{vectorOf([]uint64{1}), data} {
		offset = len(file)
		file = append(binary.BigEndian.AppendUint32(file, uint32(len(v))), v...)
		file = binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(v))
	}
	if err := f.store.PutIfAbsent(ctx, name, file); err != nil {
		f.t.Fatal(err)
	}
	return offset
}

// TestScanDeletionVectors reads files of which any rows are gone, by vectors in each place where they may lie.
func TestScanDeletionVectors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 6))
		n := 1 + r.IntN(9000)
		gone := map[int]bool{}
		var rows []uint64
		for range r.IntN(4) {
			at, span, every := r.IntN(n), 1+r.IntN(n), 1+r.IntN(3)
			for i := at; i < min(n, at+span); i += every {
				gone[i] = true
				rows = append(rows, uint64(i))
			}
		}
		f := newForeign(t, dvProtocol, numberSchema, `[]`, `{}`)
		data := vectorOf(rows)
		var place string
		switch r.IntN(3) {
		case 0:
			place = fmt.Sprintf(`"storageType":"i","pathOrInlineDv":%q`, z85Text(data))
		case 1:
			offset := vectorFile(f, "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin", data)
			place = fmt.Sprintf(`"storageType":"u","pathOrInlineDv":"ab^-aqEH.-t@S}K{vb[*k^","offset":%d`, offset)
		case 2:
			offset := vectorFile(f, "dv/x y.bin", data)
			place = fmt.Sprintf(`"storageType":"p","pathOrInlineDv":"%s/dv/x%%20y.bin","offset":%d`, f.store.URI(), offset)
		}
		f.file("f.parquet", numbers(n), nil, fmt.Sprintf(`"partitionValues":{},"stats":"{\"numRecords\":%d}","deletionVector":{%s,"sizeInBytes":%d,"cardinality":%d}`, n, place, len(data), len(gone)))
		s, err := f.snapshot()
		if err != nil {
			t.Fatal(err)
		}
		next := 0
		for b, err := range s.Scan(ctx, delta.ScanOptions{Columns: []string{"n", "_metadata.row_index"}, Where: "n >= 0"}) {
			if err != nil {
				t.Fatal(err)
			}
			for i := range b.Rows() {
				for gone[next] {
					next++
				}
				row := b.Row(i)
				if b.Columns[0].I32[row] != int32(next) || b.Columns[1].Kids[0].I64[row] != int64(next) {
					t.Fatalf("row %d comes where row %d should", b.Columns[0].I32[row], next)
				}
				next++
			}
			b.Release()
		}
		for gone[next] {
			next++
		}
		if next != n {
			t.Fatalf("the scan ends at row %d of %d", next, n)
		}
	})
}

// TestDamagedVectors says which file has a vector that cannot be used, and why.
func TestDamagedVectors(t *testing.T) {
	data := vectorOf([]uint64{1, 5})
	for name, c := range map[string]struct {
		place, class, says string
	}{
		"too many rows":   {fmt.Sprintf(`"storageType":"i","pathOrInlineDv":%q,"sizeInBytes":%d,"cardinality":3`, z85Text(data), len(data)), "DELTA_DELETION_VECTOR_CARDINALITY_MISMATCH", "it has 2 rows, the log says 3"},
		"a row too far":   {fmt.Sprintf(`"storageType":"i","pathOrInlineDv":%q,"sizeInBytes":%d,"cardinality":1`, z85Text(vectorOf([]uint64{10})), len(vectorOf([]uint64{10}))), "DELTA_DELETION_VECTOR_INVALID_ROW_INDEX", "row 10 is gone"},
		"no file":         {`"storageType":"u","pathOrInlineDv":"ab^-aqEH.-t@S}K{vb[*k^","offset":1,"sizeInBytes":10,"cardinality":1`, "DELTA_DELETION_VECTOR_CORRUPT", "deletion_vector_d2c639aa"},
		"beyond its file": {`"storageType":"p","pathOrInlineDv":"dv.bin","offset":1000,"sizeInBytes":10,"cardinality":1`, "DELTA_DELETION_VECTOR_CORRUPT", "beyond the file"},
		"huge":            {`"storageType":"p","pathOrInlineDv":"dv.bin","offset":1,"sizeInBytes":2000000000,"cardinality":1`, "DELTA_DELETION_VECTOR_CORRUPT", "2000000000 bytes"},
		"elsewhere":       {`"storageType":"p","pathOrInlineDv":"/elsewhere/dv.bin","offset":1,"sizeInBytes":10,"cardinality":1`, "DELTA_DELETION_VECTOR_CORRUPT", "only files inside the table"},
		"another kind":    {`"storageType":"z","pathOrInlineDv":"","sizeInBytes":10,"cardinality":1`, "DELTA_DELETION_VECTOR_CORRUPT", `storage type "z"`},
	} {
		f := newForeign(t, dvProtocol, numberSchema, `[]`, `{}`)
		vectorFile(f, "dv.bin", data)
		f.file("f.parquet", numbers(10), nil, `"partitionValues":{},"deletionVector":{`+c.place+`}`)
		s, err := f.snapshot()
		if err != nil {
			t.Fatal(err)
		}
		_, err = scanned(s, delta.ScanOptions{})
		var failure *supervision.Failure
		if class(err) != c.class || !strings.Contains(err.Error(), c.says) || errors.As(err, &failure) && !strings.HasSuffix(failure.Path, "f.parquet") {
			t.Errorf("%s: %v, want %s and %q", name, err, c.class, c.says)
		}
	}
}

// mapped is a table with column mapping whose column a was called z, in a struct that was called y.
func mappedTable(t *testing.T, mode string, ids map[string]int32) *foreign {
	column := func(name, typ, physical string, id int) string {
		return fmt.Sprintf(`{"name":%q,"type":%s,"nullable":true,"metadata":{"delta.columnMapping.id":%d,"delta.columnMapping.physicalName":%q}}`, name, typ, id, physical)
	}
	schema := `{"type":"struct","fields":[` + strings.Join([]string{
		column("s", `{"type":"struct","fields":[`+column("a", `"integer"`, "z", 2)+`,`+column("new", `"string"`, "col-9", 9)+`]}`, "y", 1),
		column("p", `"string"`, "col-3", 3), column("b", `"long"`, "col-4", 4)}, ",") + `]}`
	f := newForeign(t, `{"minReaderVersion":2,"minWriterVersion":5}`, schema, `["p"]`, fmt.Sprintf(`{"delta.columnMapping.mode":%q}`, mode))
	z, b := batch.NewBuilder(batch.StructType(batch.Field{Name: "z", Type: batch.IntType, Nullable: true}), nil), batch.NewBuilder(batch.BigIntType, nil)
	for i := range 3 {
		z.Kids[0].Int32(int32(i))
		z.Struct()
		b.Int64(int64(i) * 10)
	}
	file := batch.NewSchema(batch.Field{Name: "y", Type: z.Type(), Nullable: true}, batch.Field{Name: "col-4", Type: batch.BigIntType})
	f.file("f.parquet", batch.NewBatch(file, 3, z.Finish(), b.Finish()), ids,
		`"partitionValues":{"col-3":"x"},"stats":"{\"numRecords\":3,\"minValues\":{\"y\":{\"z\":0}},\"maxValues\":{\"y\":{\"z\":2}},\"nullCount\":{\"y\":{\"z\":0}}}"`)
	return f
}

func TestScanColumnMapping(t *testing.T) {
	ids := map[string]int32{"y": 1, "y.z": 2, "col-4": 4}
	for _, mode := range []string{"name", "id"} {
		s, err := mappedTable(t, mode, ids).snapshot()
		if err != nil {
			t.Fatal(err)
		}
		got, err := scanned(s, delta.ScanOptions{Where: "s.a >= 1 AND p = 'x'"})
		if want := []string{"{1,NULL} x 10", "{2,NULL} x 20"}; err != nil || len(got) != len(want) {
			t.Errorf("%s: %v (%v), want %v", mode, got, err, want)
		}
		if got, err := scanned(s, delta.ScanOptions{Where: "s.a > 2"}); err != nil || len(got) != 0 {
			t.Errorf("%s: %v (%v)", mode, got, err)
		}
		for b, err := range s.Scan(ctx, delta.ScanOptions{Columns: []string{"b", "s.a", "p"}}) {
			if err != nil {
				t.Fatal(err)
			}
			if b.Columns[0].I64[2] != 20 || b.Columns[1].Kids[0].I32[2] != 2 || string(b.Columns[2].Bytes(2)) != "x" {
				t.Errorf("%s: %v", mode, batchtest.Rows(b))
			}
			b.Release()
		}
	}
	s, err := mappedTable(t, "id", nil).snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := scanned(s, delta.ScanOptions{}); err == nil || !strings.Contains(err.Error(), "field ids") {
		t.Errorf("a file without field ids was read by id: %v", err)
	}
	if s, err = mappedTable(t, "magic", ids).snapshot(); err == nil {
		_, err = scanned(s, delta.ScanOptions{})
	}
	if err == nil || !strings.Contains(err.Error(), "magic") {
		t.Errorf("an unknown mode was read: %v", err)
	}
}

// TestScanTypeWidening reads a file from before its columns became wider.
func TestScanTypeWidening(t *testing.T) {
	change := func(name, to, from string) string {
		return fmt.Sprintf(`{"name":%q,"type":%q,"nullable":true,"metadata":{"delta.typeChanges":[{"fromType":%q,"toType":%q,"tableVersion":1}]}}`, name, to, from, to)
	}
	protocol := `{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["typeWidening"],"writerFeatures":["typeWidening"]}`
	f := newForeign(t, protocol, `{"type":"struct","fields":[`+strings.Join([]string{change("i", "decimal(12,1)", "integer"), change("l", "long", "byte"),
		change("d", "timestamp_ntz", "date"), change("f", "double", "float"), change("n", "double", "short"), change("c", "decimal(10,3)", "decimal(5,2)")}, ",")+`]}`, `[]`, `{}`)
	i, l, d, fl, n, c := batch.NewBuilder(batch.IntType, nil), batch.NewBuilder(batch.TinyIntType, nil), batch.NewBuilder(batch.DateType, nil), batch.NewBuilder(batch.FloatType, nil),
		batch.NewBuilder(batch.SmallIntType, nil), batch.NewBuilder(batch.DecimalType(5, 2), nil)
	i.Int32(-7)
	l.Int32(-8)
	d.Int32(1)
	fl.Float32(0.5)
	n.Int32(3)
	c.Decimal(batch.Int128From(125))
	old := batch.NewSchema(batch.Field{Name: "i", Type: i.Type()}, batch.Field{Name: "l", Type: l.Type()}, batch.Field{Name: "d", Type: d.Type()}, batch.Field{Name: "f", Type: fl.Type()},
		batch.Field{Name: "n", Type: n.Type()}, batch.Field{Name: "c", Type: c.Type()})
	f.file("f.parquet", batch.NewBatch(old, 1, i.Finish(), l.Finish(), d.Finish(), fl.Finish(), n.Finish(), c.Finish()), nil, `"partitionValues":{}`)
	s, err := f.snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range s.Scan(ctx, delta.ScanOptions{Where: "i = -7 AND l = -8 AND c = 1.25 AND d = TIMESTAMP_NTZ '1970-01-02 00:00:00'"}) {
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(batch.AppendRowJSON(nil, b, 0)), `{"i":-7.0,"l":-8,"d":"1970-01-02T00:00:00.000000","f":0.5,"n":3,"c":1.250}`; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		b.Release()
		return
	}
	t.Error("no row came")
}

// TestUnknownTypeChange is refused by name.
func TestUnknownTypeChange(t *testing.T) {
	_, err := newForeign(t, `{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["typeWidening"],"writerFeatures":["typeWidening"]}`,
		`{"type":"struct","fields":[{"name":"n","type":"integer","nullable":true,"metadata":{"delta.typeChanges":[{"fromType":"string","toType":"integer"}]}}]}`, `[]`, `{}`).snapshot()
	if class(err) != log.ClassRead || !strings.Contains(err.Error(), "column n: its type was changed from string to integer") {
		t.Error(err)
	}
}

// TestDamagedFile names file and column.
func TestDamagedFile(t *testing.T) {
	dir := t.TempDir()
	store, err := local.New(dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	table := create(t, store, delta.CreateOptions{Schema: batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}, batch.Field{Name: "p", Type: batch.IntType})})
	writeNumbers(t, table, 0, 1)
	s, err := table.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	name := s.Files()[0].Path
	file, err := store.Get(ctx, name, 0)
	if err != nil {
		t.Fatal(err)
	}
	file[len(file)/8] ^= 0xff // of the pages of n
	if err := store.Put(ctx, name, file); err != nil {
		t.Fatal(err)
	}
	_, err = scanned(s, delta.ScanOptions{})
	var failure *supervision.Failure
	if !errors.As(err, &failure) || !strings.HasSuffix(failure.Path, name) || !strings.Contains(err.Error(), "column n") {
		t.Errorf("%v", err)
	}
	if _, err := scanned(s, delta.ScanOptions{Columns: []string{"p"}}); err != nil {
		t.Errorf("a column that is whole cannot be read: %v", err)
	}
}
