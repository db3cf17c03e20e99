package parquet

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	oracle "github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
)

type statRow struct {
	I *int32   `parquet:"i,optional"`
	L int64    `parquet:"l"`
	T *string  `parquet:"t,optional"`
	D *float64 `parquet:"d,optional"`
	B *bool    `parquet:"b,optional"`
	S *struct {
		X *int64 `parquet:"x,optional"`
	} `parquet:"s,optional"`
}

// statFile is a file of parquet-go, which has a page index, of many small pages.
func statFile(t oracleFailer, r *rand.Rand, rows int) []byte {
	var file bytes.Buffer
	w := oracle.NewGenericWriter[statRow](&file, oracle.PageBufferSize(64), oracle.MaxRowsPerRowGroup(60), oracle.DataPageStatistics(true))
	for i := range rows {
		row := statRow{L: int64(i * 3)}
		if n := int32(i + r.IntN(3)); r.IntN(4) > 0 && i%40 > 10 {
			row.I = &n
		}
		if text := fmt.Sprintf("t%04d", i); r.IntN(4) > 0 {
			row.T = &text
		}
		if f := []float64{float64(i), math.NaN(), -float64(i)}[r.IntN(3)]; r.IntN(4) > 0 {
			row.D = &f
		}
		if b := i > rows/2; r.IntN(4) > 0 {
			row.B = &b
		}
		if r.IntN(4) > 0 {
			row.S = &struct {
				X *int64 `parquet:"x,optional"`
			}{}
			if x := int64(i); r.IntN(3) > 0 {
				row.S.X = &x
			}
		}
		if _, err := w.Write([]statRow{row}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

type oracleFailer interface{ Fatal(...any) }

// covers makes sure that statistics hold for the rows of a unit.
func covers(t *rapid.T, what string, s *Stats, unit int, c *batch.Column, isNull func(int) bool, from, to int) {
	nulls := 0
	for row := from; row < to; row++ {
		if isNull(row) {
			nulls++
			continue
		}
		if c.Type.Kind == batch.Double && math.IsNaN(c.F64[row]) {
			continue
		}
		if !s.Min.IsNull(unit) && batch.CompareRows(s.Min, unit, c, row) > 0 || !s.Max.IsNull(unit) && batch.CompareRows(s.Max, unit, c, row) < 0 {
			t.Fatalf("%s: row %d lies beyond the bounds of part %d", what, row, unit)
		}
	}
	if s.NoNull.Get(unit) && nulls > 0 || s.AllNull.Get(unit) && nulls < to-from {
		t.Fatalf("%s: part %d has %d nulls in %d rows", what, unit, nulls, to-from)
	}
}

// TestStats holds what the footer and the page index of a file of another writer say of its columns against the rows, read as they are and as wider types.
func TestStats(t *testing.T) {
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	known, pagesSeen := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 4))
		rows := rapid.SampledFrom([]int{1, 50, 200}).Draw(t, "rows")
		file := statFile(t, r, rows)
		f, err := Open(bytes.NewReader(file), int64(len(file)), ReadOptions{Name: "test", Pool: p})
		if err != nil {
			t.Fatal(err)
		}
		nested := batch.StructType(batch.Field{Name: "x", Type: batch.BigIntType, Nullable: true})
		for _, path := range [][]batch.Field{
			{{Name: "i", Type: batch.IntType}}, {{Name: "i", Type: batch.BigIntType}}, {{Name: "i", Type: batch.DecimalType(12, 2)}},
			{{Name: "l", Type: batch.BigIntType}}, {{Name: "t", Type: batch.StringType}}, {{Name: "d", Type: batch.DoubleType}},
			{{Name: "b", Type: batch.BooleanType}}, {{Name: "s", Type: nested}, nested.Fields[0]}, {{Name: "no", Type: batch.IntType}},
		} {
			what := fmt.Sprint(path[0].Name, " ", path[0].Type)
			want := path[0]
			want.Nullable = true
			in, err := f.Read(&batch.Schema{Fields: []batch.Field{want}})
			if err != nil {
				t.Fatal(err)
			}
			s, ok := f.GroupStats(path, nil)
			if !ok {
				t.Fatalf("%s: the footer says nothing", what)
			}
			for g, rg := range f.RowGroups() {
				b, err := in.Next()
				if err != nil || int64(b.N) != rg.Rows {
					t.Fatalf("%s: %v", what, err)
				}
				c, isNull := b.Columns[0], b.Columns[0].IsNull
				if len(path) == 2 {
					outer := c
					c = c.Kids[0]
					isNull = func(i int) bool { return outer.IsNull(i) || c.IsNull(i) }
				}
				covers(t, what, s, g, c, isNull, 0, b.N)
				if !s.Min.IsNull(g) {
					known++
				}
				pages, ps, ok := f.PageStats(g, path, nil)
				if ok {
					for i, page := range pages {
						first := int(page.First - f.groupStart(g))
						covers(t, what+" pages", ps, i, c, isNull, first, first+int(page.Count))
						pagesSeen++
					}
					ps.Release()
				}
				b.Release()
			}
			s.Release()
			in.Close()
		}
	})
	if known == 0 || pagesSeen < 1000 {
		t.Errorf("%d bounds are known, %d pages", known, pagesSeen)
	}
	t.Logf("%d bounds are known, %d pages", known, pagesSeen)
}
