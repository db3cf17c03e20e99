package batchtest

import (
	"fmt"
	"math"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
)

var scalars = []batch.Type{batch.BooleanType, batch.TinyIntType, batch.SmallIntType, batch.IntType,
	batch.BigIntType, batch.FloatType, batch.DoubleType, batch.DecimalType(9, 2), batch.DecimalType(38, 10),
	batch.StringType, batch.BinaryType, batch.DateType, batch.TimestampType, batch.TimestampNTZType,
	batch.YearMonthType, batch.DayTimeType, batch.VoidType, batch.VariantType}

// Type draws a type nested at most depth deep.
func Type(t *rapid.T, depth int) batch.Type {
	shape := 0
	if depth > 0 {
		shape = rapid.IntRange(0, 5).Draw(t, "shape")
	}
	switch shape {
	case 3:
		return batch.ArrayType(Type(t, depth-1), true)
	case 4:
		return batch.MapType(rapid.SampledFrom(scalars[:16]).Draw(t, "key type"), Type(t, depth-1), true)
	case 5:
		return batch.StructType(Schema(t, 3, depth-1).Fields...)
	}
	return rapid.SampledFrom(scalars).Draw(t, "type")
}

// Schema draws a schema of 1 to columns columns.
func Schema(t *rapid.T, columns, depth int) *batch.Schema {
	s := &batch.Schema{}
	for i := range rapid.IntRange(1, columns).Draw(t, "columns") {
		s.Fields = append(s.Fields, batch.Field{Name: fmt.Sprintf("c%d", i), Type: Type(t, depth), Nullable: true})
	}
	return s
}

// Batch draws a batch of at most rows rows of the schema: nulls, extreme values, dictionaries,
// row kinds, origins, lateness and a selection included. The caller releases it.
func Batch(t *rapid.T, s *batch.Schema, p *batch.Pool, rows int) *batch.Batch {
	n := rapid.IntRange(0, rows).Draw(t, "rows")
	b := batch.NewBatch(s, n)
	for _, f := range s.Fields {
		b.Columns = append(b.Columns, Column(t, f.Type, p, n))
	}
	if rapid.Bool().Draw(t, "kinds") {
		b.Kinds = make([]batch.RowKind, n)
		for i := range b.Kinds {
			b.Kinds[i] = batch.RowKind(rapid.IntRange(0, 3).Draw(t, "kind"))
		}
	}
	if rapid.Bool().Draw(t, "origins") {
		b.Origin = &batch.Origin{Split: make([]int32, n), Offset: make([]int64, n)}
		for i := range n {
			b.Origin.Split[i] = int32(i % 3)
			b.Origin.Offset[i] = int64(1000 + i)
		}
	}
	if rapid.Bool().Draw(t, "behind") {
		b.Behind = make([]int64, n)
		for i := range b.Behind {
			b.Behind[i] = rapid.SampledFrom([]int64{math.MinInt64, -1, int64(i), math.MaxInt64 - 1}).Draw(t, "watermark")
		}
	}
	if rapid.Bool().Draw(t, "selection") {
		b.Sel = []int32{}
		for i := range n {
			if rapid.Bool().Draw(t, "selected") {
				b.Sel = append(b.Sel, int32(i))
			}
		}
	}
	return b
}

// Column draws a column of n rows.
func Column(t *rapid.T, ty batch.Type, p *batch.Pool, n int) *batch.Column {
	if (ty.Kind == batch.String || ty.Kind == batch.Binary) && n > 0 && rapid.Bool().Draw(t, "dictionary") {
		return dictionary(t, ty, p, n)
	}
	b := batch.NewBuilder(ty, p)
	defer b.Release()
	nulls := rapid.Bool().Draw(t, "nulls")
	for range n {
		Append(t, b, nulls)
	}
	return b.Finish()
}

func dictionary(t *rapid.T, ty batch.Type, p *batch.Pool, n int) *batch.Column {
	b := batch.NewBuilder(ty, p)
	defer b.Release()
	size := rapid.IntRange(1, 5).Draw(t, "dictionary size")
	for range size {
		Append(t, b, false)
	}
	c := p.NewDict(b.Finish(), n)
	for i := range c.I32 {
		c.I32[i] = int32(rapid.IntRange(0, size-1).Draw(t, "code"))
		if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
			c.NewValid().Clear(i)
		}
	}
	return c
}

// Append appends one drawn row to the builder, null now and then if nulls.
func Append(t *rapid.T, b *batch.Builder, nulls bool) {
	ty := b.Type()
	if ty.Kind == batch.Void || nulls && rapid.IntRange(0, 3).Draw(t, "null") == 0 {
		b.Null()
		return
	}
	switch ty.Kind {
	case batch.Boolean:
		b.Bool(rapid.Bool().Draw(t, "v"))
	case batch.TinyInt:
		b.Int32(int32(rapid.Int8().Draw(t, "v")))
	case batch.SmallInt:
		b.Int32(int32(rapid.Int16().Draw(t, "v")))
	case batch.Int, batch.Date, batch.YearMonth:
		b.Int32(rapid.Int32().Draw(t, "v"))
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ, batch.DayTime:
		b.Int64(rapid.Int64().Draw(t, "v"))
	case batch.Float:
		b.Float32(rapid.OneOf(rapid.Float32(), rapid.SampledFrom([]float32{0, float32(math.NaN()), float32(math.Inf(1))})).Draw(t, "v"))
	case batch.Double:
		b.Float64(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(-1)})).Draw(t, "v"))
	case batch.Decimal:
		b.Decimal(decimal(t, int(ty.Precision)))
	case batch.String:
		b.String(rapid.StringN(-1, 12, 40).Draw(t, "v"))
	case batch.Binary:
		b.Bytes(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "v"))
	default:
		appendNested(t, b, nulls)
	}
}

func appendNested(t *rapid.T, b *batch.Builder, nulls bool) {
	switch b.Type().Kind {
	case batch.Struct:
		for _, k := range b.Kids {
			Append(t, k, nulls)
		}
		b.Struct()
	case batch.Variant:
		b.Kids[0].Bytes([]byte{1, 0, 0})
		b.Kids[1].Bytes([]byte{3 << 2, rapid.Byte().Draw(t, "v")}) // an int8
		b.Struct()
	default:
		for range rapid.IntRange(0, 3).Draw(t, "entries") {
			for i, k := range b.Kids {
				Append(t, k, nulls && !(i == 0 && b.Type().Kind == batch.Map))
			}
		}
		b.List()
	}
}

func decimal(t *rapid.T, precision int) batch.Int128 {
	v := batch.Int128{Hi: rapid.Int64().Draw(t, "high"), Lo: rapid.Uint64().Draw(t, "low")}
	if rapid.Bool().Draw(t, "small") {
		v = batch.Int128From(v.Hi % 1000)
	}
	_, v = v.QuoRem(batch.Pow10(precision))
	return v
}
