package parquet

import (
	"bytes"
	"testing"

	oracle "github.com/parquet-go/parquet-go"

	"github.com/deltaic/deltaic/batch"
)

func TestWriterFlatReadByParquetGo(t *testing.T) {
	s := batch.NewSchema(
		batch.Field{Name: "z", Type: batch.BigIntType},
		batch.Field{Name: "a", Type: batch.StringType, Nullable: true},
		batch.Field{Name: "gone", Type: batch.VoidType, Nullable: true},
		batch.Field{Name: "d", Type: batch.DecimalType(25, 2), Nullable: true},
		batch.Field{Name: "b", Type: batch.BooleanType, Nullable: true})
	z, a, g, d, b := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.StringType, nil),
		batch.NewBuilder(batch.VoidType, nil), batch.NewBuilder(batch.DecimalType(25, 2), nil), batch.NewBuilder(batch.BooleanType, nil)
	for i := range 1000 {
		z.Int64(int64(i - 500))
		if i%7 == 0 {
			a.Null()
		} else {
			a.String([]string{"x", "yy", ""}[i%3])
		}
		g.Null()
		d.Decimal(batch.Int128From(int64(i - 1)))
		b.Bool(i%3 == 0)
	}
	in := batch.NewBatch(s, 1000, z.Finish(), a.Finish(), g.Finish(), d.Finish(), b.Finish())
	defer in.Release()
	var file bytes.Buffer
	w, err := NewWriter(&file, s, WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(in); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := oracle.OpenFile(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if f.NumRows() != 1000 {
		t.Fatalf("rows %d", f.NumRows())
	}
	var names []string
	for _, c := range f.Root().Columns() {
		names = append(names, c.Name())
	}
	if got := joinPath(names); got != "z.a.d.b" {
		t.Fatalf("columns %s", got)
	}
	rows := f.RowGroups()[0].Rows()
	defer rows.Close()
	buf := make([]oracle.Row, 1000)
	n, _ := rows.ReadRows(buf)
	if n != 1000 {
		t.Fatalf("read %d", n)
	}
	for i, r := range buf {
		if r[0].Int64() != int64(i-500) || r[1].IsNull() != (i%7 == 0) || r[3].Boolean() != (i%3 == 0) {
			t.Fatalf("row %d is %v", i, r)
		}
		if i%7 != 0 && r[1].String() != []string{"x", "yy", ""}[i%3] {
			t.Fatalf("row %d is %v", i, r)
		}
	}
	t.Log(f.Metadata().RowGroups[0].Columns[0].MetaData.Statistics, f.Metadata().RowGroups[0].Columns[2].MetaData.Statistics)
}
