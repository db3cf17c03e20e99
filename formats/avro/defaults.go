package avro

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
)

// constant makes one row of a default.
func constant(n *node, value any) (*batch.Column, error) {
	b := batch.NewBuilder(n.typ, nil)
	if err := put(n, value, b); err != nil {
		return nil, err
	}
	return b.Finish(), nil
}

// put appends the value of a default, as the parser gives it.
func put(n *node, value any, b *batch.Builder) error {
	switch n.kind {
	case kindUnion:
		return putUnion(n, value, b)
	case kindRecord:
		m, ok := value.(map[string]any)
		if !ok {
			return misfit(n, value)
		}
		for i, f := range n.fields {
			v, ok := m[f.name]
			if !ok {
				v = f.value
			}
			if err := put(f.node, v, b.Kids[i]); err != nil {
				return err
			}
		}
		b.Struct()
		return nil
	case kindArray:
		l, ok := value.([]any)
		if !ok {
			return misfit(n, value)
		}
		for _, v := range l {
			if err := put(n.branches[0], v, b.Kids[0]); err != nil {
				return err
			}
		}
		b.List()
		return nil
	case kindMap:
		m, ok := value.(map[string]any)
		if !ok {
			return misfit(n, value)
		}
		for _, key := range slices.Sorted(maps.Keys(m)) {
			b.Kids[0].String(key)
			if err := put(n.branches[0], m[key], b.Kids[1]); err != nil {
				return err
			}
		}
		b.List()
		return nil
	}
	return putPlain(n, value, b)
}

func misfit(n *node, value any) error {
	return fmt.Errorf("%.100q is no %s", fmt.Sprint(value), n.describe())
}

// putUnion takes the first branch that accepts the value.
func putUnion(n *node, value any, b *batch.Builder) error {
	at := 0
	for _, m := range n.branches {
		if m.kind == kindNull {
			if value == nil {
				b.Null()
				return nil
			}
			continue
		}
		c, err := constant(m, value)
		switch {
		case err != nil:
			at++
			continue
		case !n.structured():
			return putPlain(&node{kind: widened(n, m), typ: n.typ, logical: m.logical, branches: m.branches, fields: m.fields}, value, b)
		}
		for i, k := range b.Kids {
			if i == at {
				k.AppendRows(c, nil)
			} else {
				k.Null()
			}
		}
		b.Struct()
		return nil
	}
	return misfit(n, value)
}

// widened is the kind as which a union that is no struct keeps a branch.
func widened(n, m *node) kind {
	switch {
	case n.typ.Kind == batch.BigInt:
		return kindLong
	case n.typ.Kind == batch.Double:
		return kindDouble
	}
	return m.kind
}

func putPlain(n *node, value any, b *batch.Builder) error {
	switch v := value.(type) {
	case nil:
		if n.kind == kindNull {
			b.Null()
			return nil
		}
	case bool:
		if n.kind == kindBoolean {
			b.Bool(v)
			return nil
		}
	case int32:
		return putNumber(n, int64(v), float64(v), b, value)
	case int64:
		return putNumber(n, v, float64(v), b, value)
	case float32:
		return putNumber(n, 0, float64(v), b, value)
	case float64:
		return putNumber(n, 0, v, b, value)
	case string:
		if n.kind == kindString || n.kind == kindEnum {
			b.String(v)
			return nil
		}
	case []byte:
		switch {
		case n.kind != kindBytes && n.kind != kindFixed:
		case n.typ.Kind == batch.Decimal:
			d, ok := decimalOf(v)
			if !ok {
				return misfit(n, value)
			}
			b.Decimal(d)
			return nil
		default:
			b.Bytes(v)
			return nil
		}
	}
	if n.kind == kindRecord || n.kind == kindArray || n.kind == kindMap {
		return put(n, value, b)
	}
	return misfit(n, value)
}

func putNumber(n *node, whole int64, double float64, b *batch.Builder, value any) error {
	_, f32 := value.(float32)
	_, f64 := value.(float64)
	switch {
	case n.kind == kindFloat:
		b.Float32(float32(double))
	case n.kind == kindDouble:
		b.Float64(double)
	case f32 || f64:
		return misfit(n, value)
	case n.kind == kindInt && whole == int64(int32(whole)):
		b.Int32(int32(whole))
	case n.kind == kindLong:
		v, ok := micros(scaleOf(n, n), whole)
		if !ok {
			return misfit(n, value)
		}
		b.Int64(v)
	default:
		return misfit(n, value)
	}
	return nil
}

// micros brings a time to microseconds.
func micros(o op, v int64) (int64, bool) {
	switch o {
	case opMillis:
		return v * 1000, v <= math.MaxInt64/1000 && v >= math.MinInt64/1000
	case opNanos:
		q := v / 1000
		if v%1000 < 0 {
			q--
		}
		return q, true
	}
	return v, true
}
