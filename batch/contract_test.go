package batch_test

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
)

// TestBuilderMayBeDropped: a finished builder owes the pool nothing, one with rows does.
func TestBuilderMayBeDropped(t *testing.T) {
	account := batch.NewAccount("pool", 0)
	p := batch.NewPoolOf(account)
	b := batch.NewBuilder(batch.MapType(batch.StringType, batch.IntType, true), p)
	if p.Lent() != 0 || account.Used() != 0 {
		t.Errorf("an empty builder holds %d columns, %d bytes", p.Lent(), account.Used())
	}
	b.Kids[0].String("k")
	b.Kids[1].Int32(1)
	b.List()
	if p.Lent() == 0 {
		t.Error("a builder with rows is not counted")
	}
	b.Finish().Release()
	if p.Lent() != 0 || account.Used() != 0 {
		t.Errorf("a finished builder holds %d columns, %d bytes", p.Lent(), account.Used())
	}
}

// TestDecoderFillsTheColumn: what Column and Grow promise to decoders.
func TestDecoderFillsTheColumn(t *testing.T) {
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	b := batch.NewBuilder(batch.IntType, p)
	b.Null()
	for i := range int32(1000) {
		b.Column().I32 = append(b.Column().I32, i)
	}
	b.Grow(1000)
	b.Int32(-1)
	c := b.Finish()
	if c.N != 1002 || c.Nulls() != 1 || !c.IsNull(0) || c.I32[1000] != 999 || c.I32[1001] != -1 {
		t.Errorf("%d rows, %d nulls", c.N, c.Nulls())
	}
	c.Release()
}

func TestScratch(t *testing.T) {
	for _, p := range []*batch.Pool{nil, batch.NewPool()} {
		for _, n := range []int{0, 1, 100, 10 << 20} {
			w := p.Words(n)
			for i, v := range w {
				if v != 0 {
					t.Fatalf("word %d of %d is %x", i, n, v)
				}
				w[i] = math.MaxUint64
			}
			p.PutWords(w)
			p.PutWords(p.Hashes(n))
			rows := p.Rows(n)
			if len(w) != n || len(rows) != 0 || cap(rows) < n {
				t.Fatalf("%d words, room for %d rows where %d were asked for", len(w), cap(rows), n)
			}
			p.PutRows(append(rows, make([]int32, 3*n)...)) // grown beyond
		}
	}
}

func TestBitmap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.SliceOfN(rapid.Bool(), 0, 200).Draw(t, "bits")
		m := make(batch.Bitmap, batch.BitmapWords(len(bits)))
		m.Fill(len(bits))
		var want []int32
		for i, v := range bits {
			m.Put(i, v)
			if v {
				want = append(want, int32(i))
			}
		}
		if len(bits)&63 != 0 {
			m[len(m)-1] |= 1 << 63 // beyond the length: without meaning
		}
		if got := m.Rows(len(bits), nil); !slices.Equal(got, want) || m.Count(len(bits)) != len(want) {
			t.Fatalf("want %v, got %v", want, got)
		}
	})
}

func TestScatterByPart(t *testing.T) {
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	b := orders(p)
	b.Sel = []int32{0, 1, 3}
	b.Origin = &batch.Origin{Offset: []int64{10, 11, 12, 13}} // no splits yet
	out := batch.NewScatterer(3).ByPart(p, b, []int32{2, 0, 2})
	if out[1] != nil || !slices.Equal(out[0].Columns[0].I64, []int64{2}) || !slices.Equal(out[2].Columns[0].I64, []int64{1, 4}) ||
		!slices.Equal(out[2].Origin.Offset, []int64{10, 13}) {
		t.Errorf("%v", out)
	}
	for _, part := range out {
		part.Release()
	}
	// All to one part: shared, not copied.
	out = batch.NewScatterer(3).ByPart(p, b, []int32{1, 1, 1})
	if out[1].Rows() != 3 {
		t.Errorf("%d rows", out[1].Rows())
	}
	out[1].Release()
	b.Release()
}

func TestNamesAndTypes(t *testing.T) {
	s := batch.NewSchema(batch.Field{Name: "a", Type: batch.ArrayType(batch.IntType, true)}, batch.Field{Name: "A", Type: batch.DecimalType(5, 1)},
		batch.Field{Name: "b", Type: batch.StructType(batch.Field{Name: "m", Type: batch.MapType(batch.StringType, batch.DateType, true)}), Nullable: true})
	if s.Index("A") != 1 || s.Index("B") != -1 || s.IndexFold("B") != 2 || s.IndexFold("a") != -2 || s.IndexFold("x") != -1 {
		t.Error("names are found wrongly")
	}
	if got, want := s.String(), "a array<int> not null, A decimal(5,1) not null, b struct<m:map<string,date>>"; got != want {
		t.Errorf("want %s, got %s", want, got)
	}
	other := batch.NewSchema(s.Fields...)
	other.Fields = slices.Clone(s.Fields)
	other.Fields[0].Type = batch.ArrayType(batch.BigIntType, true)
	if s.Equal(other) || !s.Equal(batch.NewSchema(s.Fields...)) || batch.IntType.Nested() || !batch.DateType.Fixed() {
		t.Error("types compare wrongly")
	}
}

// TestManyBareRows: rows that no byte backs are bounded.
func TestManyBareRows(t *testing.T) {
	s := batch.NewSchema(batch.Field{Name: "v", Type: batch.VoidType})
	p := batch.NewPool()
	data := batch.Encode(nil, batch.NewBatch(s, 1, p.NewColumn(batch.VoidType, 1)))
	binary.LittleEndian.PutUint32(data[8:], 1<<30)
	binary.LittleEndian.PutUint32(data[28:], 1<<30)
	resum(data)
	checkRefused(t, data[:len(data):len(data)], p, s)
}

func TestSparkOrder(t *testing.T) {
	nan := math.NaN()
	b := batch.NewBuilder(batch.DoubleType, nil)
	b.Null()
	for _, v := range []float64{math.Inf(-1), -1, 0, 1, math.Inf(1), nan} {
		b.Float64(v)
	}
	c := b.Finish()
	for i := range c.N {
		for j := range c.N {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := batch.CompareRows(c, i, c, j); got != want {
				t.Errorf("rows %d and %d: %d", i, j, got)
			}
		}
	}
}

func TestJavaFloats(t *testing.T) {
	for v, want := range map[float64]string{0: "0.0", 1e7: "1.0E7", 1.5e-4: "1.5E-4", 9999999: "9999999.0", 0.001: "0.001",
		math.Inf(1): "Infinity", math.Inf(-1): "-Infinity", -2.5e300: "-2.5E300"} {
		if got := string(batch.AppendText(nil, doubleColumn(v), 0)); got != want {
			t.Errorf("want %s, got %s", want, got)
		}
	}
}

// TestVariantPrimitives reads those that other tests leave out.
func TestVariantPrimitives(t *testing.T) {
	le := binary.LittleEndian
	for _, c := range []struct {
		value []byte
		want  string
	}{
		{[]byte{1 << 2}, "true"}, {[]byte{4 << 2, 0, 0x80}, "-32768"}, {[]byte{5 << 2, 1, 0, 0, 0x80}, "-2147483647"},
		{le.AppendUint64([]byte{6 << 2}, math.MaxUint64), "-1"},
		{le.AppendUint64([]byte{7 << 2}, math.Float64bits(2.5)), "2.5"},
		{le.AppendUint32([]byte{14 << 2}, math.Float32bits(0.1)), "0.1"},
		{le.AppendUint64([]byte{9 << 2, 3}, 12345), "12.345"},
		{append(le.AppendUint64([]byte{10 << 2, 0}, 7), make([]byte, 8)...), "7"},
		{le.AppendUint64([]byte{13 << 2}, 0), `"1970-01-01T00:00:00.000000"`},
		{le.AppendUint64([]byte{17 << 2}, 3_661_000_001), `"01:01:01.000001"`},
		{le.AppendUint64([]byte{18 << 2}, 1_000_000_001), `"1970-01-01T00:00:01.000000001Z"`},
		{append([]byte{20 << 2}, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff),
			`"00112233-4455-6677-8899-aabbccddeeff"`},
	} {
		got, err := batch.AppendVariantJSON(nil, []byte{1, 0, 0}, c.value)
		if string(got) != c.want || err != nil {
			t.Errorf("%x: want %s, got %s %v", c.value, c.want, got, err)
		}
	}
}
