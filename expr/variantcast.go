package expr

import (
	"encoding/binary"
	"math"

	"github.com/deltaic/deltaic/batch"
)

// holdsInVariant reports whether CAST makes variants of values of the type: structs and maps want to_variant_object.
func holdsInVariant(t batch.Type) bool {
	switch t.Kind {
	case batch.Struct, batch.Map, batch.YearMonth, batch.DayTime, batch.Void:
		return false
	case batch.Array:
		return holdsInVariant(t.Fields[0].Type) || t.Fields[0].Type.Kind == batch.Void
	}
	return true
}

// toVariant makes variants of values.
func toVariant() kernel {
	return strict(batch.VariantType, func(x *rows, i int) {
		c, at := x.a[0].c, i&x.a[0].mask()
		if c.Type.Kind == batch.Variant {
			x.putVariant(c.Kids[0].Bytes(at), c.Kids[1].Bytes(at))
			return
		}
		m := variantMaker{ids: map[string]int{}}
		value := m.valueOf(nil, c, at)
		switch {
		case m.err != nil:
			x.fail(i, m.class, m.err.Error(), nil)
			return
		case len(value) > maxVariant:
			x.fail(i, "VARIANT_SIZE_LIMIT", "a variant holds 16 MiB at most", nil)
			return
		}
		x.putVariant(m.metadata(), value)
	})
}

func (x *rows) putVariant(metadata, value []byte) {
	x.b.Kids[0].Bytes(metadata)
	x.b.Kids[1].Bytes(value)
	x.b.Struct()
}

// valueOf appends the value of a row.
func (m *variantMaker) valueOf(dst []byte, c *batch.Column, i int) []byte {
	if c.IsNull(i) {
		return append(dst, 0)
	}
	le := binary.LittleEndian
	switch c.Type.Kind {
	case batch.Boolean:
		if c.Bool(i) {
			return append(dst, 1<<2)
		}
		return append(dst, 2<<2)
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.BigInt:
		v, _ := whole(c, i)
		return appendVariantInt(dst, v)
	case batch.Float:
		return le.AppendUint32(append(dst, 14<<2), math.Float32bits(c.F32[i]))
	case batch.Double:
		return le.AppendUint64(append(dst, 7<<2), math.Float64bits(c.F64[i]))
	case batch.Decimal:
		return appendVariantDecimal(dst, c.I128[i], c.Type.Scale)
	case batch.Date:
		return le.AppendUint32(append(dst, 11<<2), uint32(c.I32[i]))
	case batch.Timestamp:
		return le.AppendUint64(append(dst, 12<<2), uint64(c.I64[i]))
	case batch.TimestampNTZ:
		return le.AppendUint64(append(dst, 13<<2), uint64(c.I64[i]))
	case batch.Binary:
		b := c.Bytes(i)
		return append(le.AppendUint32(append(dst, 15<<2), uint32(len(b))), b...)
	case batch.String:
		b := c.Bytes(i)
		if len(b) < 64 {
			return append(append(dst, byte(len(b))<<2|1), b...)
		}
		return append(le.AppendUint32(append(dst, 16<<2), uint32(len(b))), b...)
	case batch.Array:
		var data []byte
		var offsets []int
		for j := int(c.Off[i]); j < int(c.Off[i+1]); j++ {
			offsets = append(offsets, len(data))
			data = m.valueOf(data, c.Kids[0], j)
		}
		return m.container(dst, 3, nil, 0, append(offsets, len(data)), widthOf(len(data)), data)
	case batch.Map, batch.Struct:
		return m.objectOf(dst, c, i)
	case batch.Variant:
		return m.taken(dst, c.Kids[0].Bytes(i), c.Kids[1].Bytes(i))
	}
	return append(dst, 0)
}

func appendVariantDecimal(dst []byte, v batch.Int128, scale uint8) []byte {
	switch {
	case v.FitsPrecision(9) && scale <= 9:
		return binary.LittleEndian.AppendUint32(append(dst, 8<<2, scale), uint32(v.Lo))
	case v.FitsPrecision(18) && scale <= 18:
		return binary.LittleEndian.AppendUint64(append(dst, 9<<2, scale), v.Lo)
	}
	dst = binary.LittleEndian.AppendUint64(append(dst, 10<<2, scale), v.Lo)
	return binary.LittleEndian.AppendUint64(dst, uint64(v.Hi))
}

// fromVariant makes values of the flat type to of variants: each is read by the type that it has, and cast.
func fromVariant(to batch.Type, mode castMode) kernel {
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		groups := map[batch.Kind]map[uint8]*variantGroup{}
		out := batch.NewBuilder(to, r.pool())
		defer out.Release()
		place := make([]*variantGroup, r.n)
		rowOf := make([]int32, r.n)
		v := a[0]
		r.each(sel, func(i int) {
			if v.null(i) {
				return
			}
			value := v.c.Kids[1].Bytes(i & v.mask())
			if len(value) == 0 || value[0] == 0 {
				return
			}
			t, ok := scalarOf(value)
			if !ok {
				r.noVariantCast(i, mode, to)
				return
			}
			g := groups[t.Kind][t.Scale]
			if g == nil {
				g = &variantGroup{b: batch.NewBuilder(t, r.pool())}
				if groups[t.Kind] == nil {
					groups[t.Kind] = map[uint8]*variantGroup{}
				}
				groups[t.Kind][t.Scale] = g
			}
			place[i], rowOf[i] = g, int32(len(g.rows))
			putScalar(g.b, value)
			g.rows = append(g.rows, int32(i))
		})
		for _, scales := range groups {
			for _, g := range scales {
				defer g.b.Release()
				if err := g.cast(r, to, mode); err != nil {
					return nil, err
				}
				defer g.out.Release()
			}
		}
		for i, g := range place {
			if g == nil {
				out.Null()
			} else {
				out.AppendRows(g.out, rowOf[i:i+1])
			}
		}
		return out.Finish(), nil
	}
}

// variantGroup is the values of one type among the variants of a column.
type variantGroup struct {
	b    *batch.Builder
	rows []int32
	out  *batch.Column
}

func (g *variantGroup) cast(r *run, to batch.Type, mode castMode) error {
	in := g.b.Finish()
	defer in.Release()
	if in.Type.Equal(to) {
		g.out = in.Retain()
		return nil
	}
	how := castANSI
	if mode == castTry {
		how = castTry
	}
	k, _, ok := castKernel(in.Type, to, how)
	if !ok || in.Type.Kind != batch.String && to.Kind == batch.Binary {
		nulls := batch.NewBuilder(to, r.pool())
		defer nulls.Release()
		for _, i := range g.rows {
			nulls.Null()
			r.noVariantCast(int(i), mode, to)
		}
		g.out = nulls.Finish()
		return nil
	}
	ctx := &Context{Pool: r.ctx.Pool, Now: r.ctx.Now, Zone: r.ctx.Zone}
	inner := newRun(ctx, &batch.Batch{N: in.N})
	inner.zone = r.zone
	out, err := k(inner, nil, []val{{c: in}})
	for _, e := range ctx.Rejected {
		r.noVariantCast(int(g.rows[e.Row]), mode, to)
	}
	g.out = out
	return err
}

func (r *run) noVariantCast(i int, mode castMode, to batch.Type) {
	if mode != castTry {
		r.fail(i, "INVALID_VARIANT_CAST", "the variant cannot be cast to "+to.String()+". Use try_cast or try_variant_get to get NULL instead.", nil)
	}
}

// variantWidths are the bytes of each kind of scalar behind its first; of binaries and texts, those of their length.
var variantWidths = [...]int{0, 0, 0, 1, 2, 4, 8, 8, 5, 9, 17, 4, 8, 8, 4, 4, 4, 8, 8, 8, 16}

// scalarOf is the type of a variant that is no array, object or null.
func scalarOf(v []byte) (batch.Type, bool) {
	if v[0]&3 == 1 {
		return batch.StringType, len(v) > int(v[0]>>2)
	}
	id := int(v[0] >> 2)
	if v[0]&3 != 0 || id > 16 || len(v) < 1+variantWidths[id] {
		return batch.Type{}, false
	}
	switch id {
	case 1, 2:
		return batch.BooleanType, true
	case 3, 4, 5, 6:
		return batch.BigIntType, true
	case 7:
		return batch.DoubleType, true
	case 8, 9, 10:
		return batch.DecimalType(38, v[1]), v[1] <= 38
	case 11:
		return batch.DateType, true
	case 12:
		return batch.TimestampType, true
	case 13:
		return batch.TimestampNTZType, true
	case 14:
		return batch.FloatType, true
	case 15, 16:
		t := batch.BinaryType
		if id == 16 {
			t = batch.StringType
		}
		return t, len(v)-5 >= int(binary.LittleEndian.Uint32(v[1:]))
	}
	return batch.Type{}, false
}

// putScalar appends a value for which scalarOf is true.
func putScalar(b *batch.Builder, v []byte) {
	le := binary.LittleEndian
	if v[0]&3 == 1 {
		b.Bytes(v[1 : 1+int(v[0]>>2)])
		return
	}
	switch id := v[0] >> 2; id {
	case 1, 2:
		b.Bool(id == 1)
	case 3:
		b.Int64(int64(int8(v[1])))
	case 4:
		b.Int64(int64(int16(le.Uint16(v[1:]))))
	case 5:
		b.Int64(int64(int32(le.Uint32(v[1:]))))
	case 6, 12, 13:
		b.Int64(int64(le.Uint64(v[1:])))
	case 7:
		b.Float64(math.Float64frombits(le.Uint64(v[1:])))
	case 8:
		b.Decimal(batch.Int128From(int64(int32(le.Uint32(v[2:])))))
	case 9:
		b.Decimal(batch.Int128From(int64(le.Uint64(v[2:]))))
	case 10:
		b.Decimal(batch.Int128{Hi: int64(le.Uint64(v[10:])), Lo: le.Uint64(v[2:])})
	case 11:
		b.Int32(int32(le.Uint32(v[1:])))
	case 14:
		b.Float32(math.Float32frombits(le.Uint32(v[1:])))
	default:
		b.Bytes(v[5 : 5+int(le.Uint32(v[1:]))])
	}
}
