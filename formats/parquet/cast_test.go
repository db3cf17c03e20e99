package parquet

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	oracle "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
	"github.com/deltaic/deltaic/supervision"
)

// foreign is a row as other writers lay it out.
type foreign struct {
	I     int32            `parquet:"i"`
	Old   deprecated.Int96 `parquet:"old"`
	Milli int64            `parquet:"milli,timestamp(millisecond)"`
	Nano  int64            `parquet:"nano,timestamp(nanosecond)"`
	Real  float32          `parquet:"real,split"`
	Cents int32            `parquet:"cents,decimal(2:9)"`
	Text  string           `parquet:"text,delta"`
	Pairs []string         `parquet:"pairs"`
	Delta int64            `parquet:"delta,delta"`
	Small uint8            `parquet:"small"`
}

func foreignFile(t testing.TB) []byte {
	t.Helper()
	var file bytes.Buffer
	w := oracle.NewGenericWriter[foreign](&file, oracle.PageBufferSize(300))
	for i := range 100 {
		row := foreign{I: int32(i - 50), Milli: -1500, Nano: -1, Real: float32(i) / 4, Cents: int32(-i),
			Text: strings.Repeat("ab", i%5), Pairs: []string{"p", "q", "r"}[:i%4], Delta: int64(i) * 1e12, Small: uint8(200 + i%50)}
		// 1970-01-02T00:00:01Z: Julian day 2440589, then nanoseconds.
		row.Old = deprecated.Int96{1_000_000_000, 0, 2_440_589}
		if _, err := w.Write([]foreign{row}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestCasts(t *testing.T) {
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	null := func(name string, ty batch.Type) batch.Field {
		return batch.Field{Name: name, Type: ty, Nullable: true}
	}
	want := batch.NewSchema(null("i", batch.BigIntType), null("old", batch.TimestampType), null("MILLI", batch.TimestampType),
		null("nano", batch.TimestampNTZType), null("real", batch.DoubleType), null("cents", batch.DecimalType(20, 4)),
		null("text", batch.StringType), null("pairs", batch.ArrayType(batch.StringType, true)), null("delta", batch.BigIntType),
		null("small", batch.IntType), null("gone", batch.StructType(null("x", batch.IntType))))
	got := rowsOf(t, foreignFile(t), want, p, 7)
	if len(got) != 100 {
		t.Fatalf("%d rows", len(got))
	}
	row := `{"i":-47,"old":"1970-01-02T00:00:01.000000Z","MILLI":"1969-12-31T23:59:58.500000Z","nano":"1969-12-31T23:59:59.999999",` +
		`"real":0.75,"cents":-0.0300,"text":"ababab","pairs":["p","q","r"],"delta":3000000000000,"small":203,"gone":null}`
	if got[3] != row {
		t.Errorf("row 3:\n got %s\nwant %s", got[3], row)
	}
}

func TestCastsRefused(t *testing.T) {
	file := foreignFile(t)
	f, err := Open(bytes.NewReader(file), int64(len(file)), ReadOptions{Name: "part-0"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []batch.Field{
		{Name: "delta", Type: batch.IntType, Nullable: true}, {Name: "text", Type: batch.IntType, Nullable: true},
		{Name: "i", Type: batch.StringType, Nullable: true}, {Name: "cents", Type: batch.DecimalType(9, 1), Nullable: true},
		{Name: "pairs", Type: batch.StringType, Nullable: true}, {Name: "gone", Type: batch.IntType},
		{Name: "real", Type: batch.ArrayType(batch.FloatType, true), Nullable: true},
	} {
		_, err := f.Read(batch.NewSchema(want))
		var failure *supervision.Failure
		if !errors.As(err, &failure) || failure.Class != "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH" ||
			!strings.Contains(err.Error(), want.Name) || failure.Path != "part-0" {
			t.Errorf("%s as %s: %v", want.Name, want.Type, err)
		}
	}
}

func TestStatistics(t *testing.T) {
	b := nineColumns(5000)
	defer b.Release()
	var file bytes.Buffer
	w, err := NewWriter(&file, b.Schema, WriterOptions{KeyValue: map[string]string{"k": "v"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(b), w.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := oracle.OpenFile(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := f.Lookup("k"); !ok || v != "v" {
		t.Error("the key-value metadata is lost")
	}
	for i, c := range f.RowGroups()[0].ColumnChunks() {
		m := f.Metadata().RowGroups[0].Columns[i].MetaData
		least, most, nulls := oracle.Value{}, oracle.Value{}, int64(0)
		pages := c.Pages()
		for {
			page, err := pages.ReadPage()
			if err != nil {
				break
			}
			values := make([]oracle.Value, page.NumValues())
			_, _ = page.Values().ReadValues(values)
			for _, v := range values {
				switch {
				case v.IsNull():
					nulls++
				case least.IsNull():
					least, most = v.Clone(), v.Clone()
				default:
					if c.Type().Compare(v, least) < 0 {
						least = v.Clone()
					}
					if c.Type().Compare(v, most) > 0 {
						most = v.Clone()
					}
				}
			}
			oracle.Release(page)
		}
		_ = pages.Close()
		if !bytes.Equal(m.Statistics.MinValue, least.Bytes()) || !bytes.Equal(m.Statistics.MaxValue, most.Bytes()) || m.Statistics.NullCount != nulls {
			t.Errorf("column %v: statistics %v, parquet-go reads %v to %v and %d nulls", m.PathInSchema, m.Statistics, least, most, nulls)
		}
	}
}

func TestNotNull(t *testing.T) {
	s := batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType})
	x := batch.NewBuilder(batch.BigIntType, nil)
	x.Int64(1)
	x.Null()
	b := batch.NewBatch(s, 2, x.Finish())
	defer b.Release()
	var file bytes.Buffer
	w, err := NewWriter(&file, s, WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var failure *supervision.Failure
	if err := w.Write(b); !errors.As(err, &failure) || failure.Class != "DELTA_NOT_NULL_CONSTRAINT_VIOLATED" || !strings.Contains(err.Error(), "id") {
		t.Fatal(err)
	}
	b.Sel = []int32{0} // the null row does not count
	if err := errors.Join(w.Write(b), w.Close()); err != nil {
		t.Fatal(err)
	}
	if err := Verify(bytes.NewReader(file.Bytes()), int64(file.Len()), 1, ReadOptions{}); err != nil {
		t.Error(err)
	}
	if err := Verify(bytes.NewReader(file.Bytes()), int64(file.Len()), 2, ReadOptions{}); err == nil {
		t.Error("a wrong number of rows is not seen")
	}
}

// brokenWriter fails after so many bytes.
type brokenWriter struct{ left int }

var errDisk = errors.New("no space left on device")

func (w *brokenWriter) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, errDisk
	}
	return len(b), nil
}

func TestWriteErrors(t *testing.T) {
	b := nineColumns(3000)
	defer b.Release()
	for _, left := range []int{0, 10, 1000, 50_000} {
		account := batch.NewAccount("test", 0)
		w, err := NewWriter(&brokenWriter{left}, b.Schema, WriterOptions{Account: account, RowGroupRows: 1000, Codec: "uncompressed"})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Write(b), w.Close()); !errors.Is(err, errDisk) {
			t.Errorf("after %d bytes: %v", left, err)
		}
		if account.Used() != 0 {
			t.Errorf("%d bytes stay charged", account.Used())
		}
		if err := w.Write(b); err == nil {
			t.Error("a broken writer goes on")
		}
	}
	if _, err := NewWriter(nil, b.Schema, WriterOptions{Codec: "lzo"}); err == nil || !strings.Contains(err.Error(), "lzo") {
		t.Error(err)
	}
}
