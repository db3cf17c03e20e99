package parquet

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/uuid"
	oracle "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/variant"
	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
)

var variantFields = []string{"a", "b", "c", "zz"}

// randomVariant returns any value of at most some depth.
func randomVariant(r *rand.Rand, depth int) variant.Value {
	n := 18
	if depth > 2 {
		n = 15
	}
	switch r.IntN(n) {
	case 0:
		return variant.Null()
	case 1:
		return variant.Bool(r.IntN(2) == 0)
	case 2:
		return variant.Int8(int8(r.Int()))
	case 3:
		return variant.Int32(int32(r.Int()))
	case 4, 5:
		return variant.Int64(int64(r.Uint64()))
	case 6:
		return variant.Double(r.NormFloat64())
	case 7:
		return variant.Float(float32(r.NormFloat64()))
	case 8, 9:
		return variant.String(strings.Repeat("x", r.IntN(100)))
	case 10:
		return variant.Binary([]byte{1, 2, byte(r.Int())})
	case 11:
		return variant.Date(int32(r.IntN(40000)))
	case 12:
		return variant.Timestamp(int64(r.Uint64() >> 12))
	case 13:
		return variant.Decimal4(int32(r.IntN(1e9)), 2)
	case 14:
		return variant.UUID(uuid.UUID{1, 2, byte(r.Int())})
	case 15:
		var e []variant.Value
		for range r.IntN(4) {
			e = append(e, randomVariant(r, depth+1))
		}
		return variant.MakeArray(e)
	}
	var f []variant.Field
	for _, name := range variantFields {
		if r.IntN(2) == 0 {
			f = append(f, variant.Field{Name: name, Value: randomVariant(r, depth+1)})
		}
	}
	return variant.MakeObject(f)
}

// randomShred returns the type that values are shredded by.
func randomShred(r *rand.Rand, depth int) oracle.Node {
	n := 11
	if depth > 2 {
		n = 8
	}
	switch r.IntN(n) {
	case 0:
		return oracle.Int(64)
	case 1:
		return oracle.String()
	case 2:
		return oracle.Leaf(oracle.DoubleType)
	case 3:
		return oracle.Leaf(oracle.BooleanType)
	case 4:
		return oracle.Date()
	case 5:
		return oracle.Decimal(2, 9, oracle.Int32Type)
	case 6:
		return oracle.UUID()
	case 7:
		return oracle.Timestamp(oracle.Microsecond)
	case 8:
		return oracle.List(oracle.Required(randomShred(r, depth+1)))
	}
	g := oracle.Group{}
	for len(g) == 0 {
		for _, name := range variantFields {
			if r.IntN(2) == 0 {
				g[name] = randomShred(r, depth+1)
			}
		}
	}
	return g
}

type rawVariant struct {
	Metadata []byte `parquet:"metadata"`
	Value    []byte `parquet:"value"`
}

type variantRow struct {
	Var rawVariant `parquet:"var,variant"`
}

// TestShreddedVariants reads variants that parquet-go has shredded by any type: they are what they were.
func TestShreddedVariants(t *testing.T) {
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		node, err := oracle.ShreddedVariant(randomShred(r, 0))
		if err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		w := oracle.NewGenericWriter[variantRow](&file, oracle.NewSchema("table", oracle.Group{"var": node}))
		var want []variant.Value
		for range 20 {
			v := randomVariant(r, 0)
			var names variant.MetadataBuilder
			value := variant.Encode(&names, v)
			_, metadata := names.Build()
			want = append(want, v)
			if _, err := w.Write([]variantRow{{rawVariant{metadata, value}}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := Open(bytes.NewReader(file.Bytes()), int64(file.Len()), ReadOptions{Name: "test", Pool: p})
		if err != nil {
			t.Fatal(err)
		}
		in, err := f.Read(&batch.Schema{Fields: []batch.Field{{Name: "var", Type: batch.VariantType, Nullable: true}}})
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		b, err := in.Next()
		if err != nil {
			t.Fatal(err)
		}
		defer b.Release()
		for i, v := range want {
			c := b.Columns[0]
			m, err := variant.DecodeMetadata(c.Kids[0].Bytes(i))
			if err != nil {
				t.Fatal(err)
			}
			got, err := variant.Decode(m, c.Kids[1].Bytes(i))
			if err != nil {
				t.Fatalf("row %d: %v", i, err)
			}
			if !got.Equal(v) {
				t.Fatalf("row %d:\n got %v\nwant %v", i, got.GoValue(), v.GoValue())
			}
		}
		if _, err := in.Next(); err != io.EOF {
			t.Fatalf("more rows: %v", err)
		}
	})
}
