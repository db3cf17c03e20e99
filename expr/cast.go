package expr

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// castMode says what an invalid cast does.
type castMode uint8

const (
	castANSI   castMode = iota // the row fails
	castTry                    // null
	castLegacy                 // null, and numbers wrap or saturate
)

// cast binds a cast to t; it returns x itself if it has the type.
func (b *binder) cast(x *node, t batch.Type, mode castMode, at parse.Node) (*node, error) {
	if x.t.Equal(t) {
		return x, nil
	}
	k, fails, ok := castKernel(x.t, t, mode)
	if !ok {
		return nil, b.mismatch(at, "a value of type %s cannot be cast to %s", clip(x.t.String()), clip(t.String()))
	}
	n := b.call(opCast, t, k, x)
	n.nullable = x.nullable || x.t.Kind == batch.Void || fails
	n.fails = fails && (mode == castANSI || mode == castLegacy && (x.t.Kind == batch.Variant || interval(t.Kind) || interval(x.t.Kind)))
	n.perEntry = !fails && (x.t.Kind == batch.String || x.t.Kind == batch.Binary)
	return b.intern(n, fmt.Sprint(mode)), nil
}

// castKernel returns how values are cast, and whether some cannot be.
func castKernel(from, to batch.Type, mode castMode) (k kernel, fails, ok bool) {
	if from.Kind == batch.Void {
		return nullKernel(to), false, true
	}
	switch {
	case to.Kind == batch.Variant:
		return toVariant(), false, holdsInVariant(from)
	case from.Kind == batch.Variant && to.Kind != batch.String:
		return fromVariant(to, mode), true, !to.Nested() && !interval(to.Kind)
	case interval(to.Kind) && from.Kind != batch.String, interval(from.Kind) && to.Kind != batch.String:
		return castInterval(from, to, mode)
	}
	switch {
	case from.Kind == batch.Date && mode == castLegacy && (numeric(to.Kind) || to.Kind == batch.Boolean):
		return nullKernel(to), true, true
	case from.Kind == batch.Boolean && to.Kind == batch.Timestamp && mode != castLegacy:
		return nil, false, false
	}
	switch to.Kind {
	case batch.String:
		if from.Kind == batch.Binary {
			return relabel(to), false, true
		}
		return toStringKernel(from), false, true
	case batch.Binary:
		if from.Kind == batch.String {
			return relabel(to), false, true
		}
		return intToBinary(from), false, integral(from.Kind) && mode == castLegacy
	case batch.Struct, batch.Array, batch.Map:
		return castNested(from, to, mode)
	}
	if k := fastCast(from, to); k != nil {
		return k, false, true
	}
	if from.Kind == batch.String {
		if interval(to.Kind) {
			return intervalFromText(to, mode), true, true
		}
		f := fromString(to, mode)
		return f, true, f != nil
	}
	f, fails := castFlat(from, to, mode)
	if f == nil {
		return nil, false, false
	}
	return strict(to, f), fails, true
}

func nullKernel(t batch.Type) kernel {
	return func(r *run, _ []int32, _ []val) (*batch.Column, error) {
		b := batch.NewBuilder(t, r.pool())
		defer b.Release()
		for range r.n {
			b.Null()
		}
		return b.Finish(), nil
	}
}

// relabel gives the same bytes another type.
func relabel(t batch.Type) kernel {
	return func(r *run, _ []int32, a []val) (*batch.Column, error) {
		c := a[0].c
		d := batch.Slice(r.pool(), c, 0, c.N)
		d.Type = t
		if c.Dict != nil {
			dict := batch.Slice(r.pool(), c.Dict, 0, c.Dict.N)
			dict.Type = t
			d.Dict.Release()
			d.Dict = dict
		}
		return d, nil
	}
}

// fastCast returns casts of numbers that hold every value, as plain loops.
func fastCast(from, to batch.Type) kernel {
	small := from.Kind >= batch.TinyInt && from.Kind <= batch.Int
	switch {
	case small && integral(to.Kind) && to.Kind > from.Kind && to.Kind != batch.BigInt:
		return func(r *run, _ []int32, a []val) (*batch.Column, error) {
			c := r.new(to)
			copy(c.I32, a[0].c.I32)
			c.CopyValid(a[0].c)
			return c, nil
		}
	case small && to.Kind == batch.BigInt:
		return widen(to, func(c *batch.Column) []int32 { return c.I32 }, func(c *batch.Column) []int64 { return c.I64 })
	case small && to.Kind == batch.Double:
		return widen(to, func(c *batch.Column) []int32 { return c.I32 }, func(c *batch.Column) []float64 { return c.F64 })
	case small && to.Kind == batch.Float:
		return widen(to, func(c *batch.Column) []int32 { return c.I32 }, func(c *batch.Column) []float32 { return c.F32 })
	case from.Kind == batch.BigInt && to.Kind == batch.Double:
		return widen(to, func(c *batch.Column) []int64 { return c.I64 }, func(c *batch.Column) []float64 { return c.F64 })
	case from.Kind == batch.BigInt && to.Kind == batch.Float:
		return widen(to, func(c *batch.Column) []int64 { return c.I64 }, func(c *batch.Column) []float32 { return c.F32 })
	case from.Kind == batch.Float && to.Kind == batch.Double:
		return widen(to, func(c *batch.Column) []float32 { return c.F32 }, func(c *batch.Column) []float64 { return c.F64 })
	case from.Kind == batch.Double && to.Kind == batch.Float:
		return widen(to, func(c *batch.Column) []float64 { return c.F64 }, func(c *batch.Column) []float32 { return c.F32 })
	}
	return nil
}

type number interface {
	int32 | int64 | float32 | float64
}

func widen[F, T number](to batch.Type, in func(*batch.Column) []F, out func(*batch.Column) []T) kernel {
	return func(r *run, _ []int32, a []val) (*batch.Column, error) {
		c := r.new(to)
		d := out(c)
		s := in(a[0].c)[:len(d)]
		for i := range d {
			d[i] = T(s[i])
		}
		c.CopyValid(a[0].c)
		return c, nil
	}
}

// castNested casts the kids of nested values.
func castNested(from, to batch.Type, mode castMode) (kernel, bool, bool) {
	if from.Kind != to.Kind || len(from.Fields) != len(to.Fields) {
		return nil, false, false
	}
	kids := make([]kernel, len(from.Fields))
	byElement := make([]bool, len(from.Fields)) // an element may fail
	anyFails := false
	for i, f := range from.Fields {
		if f.Type.Equal(to.Fields[i].Type) {
			continue
		}
		k, fails, ok := castKernel(f.Type, to.Fields[i].Type, mode)
		if !ok || to.Kind == batch.Map && i == 0 && fails {
			return nil, false, false
		}
		kids[i], byElement[i], anyFails = k, fails && mode == castANSI, anyFails || fails
	}
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		c := batch.Slice(r.pool(), a[0].c, 0, a[0].c.N)
		c.Type = to
		rows := r.n
		defer func() { r.n = rows }()
		for i, k := range kids {
			if k == nil {
				continue
			}
			var kid *batch.Column
			var err error
			switch {
			case to.Kind == batch.Struct:
				kid, err = k(r, r.pick(sel, val{c: c}.validWord), []val{{c: c.Kids[i]}})
			case byElement[i]:
				kid, err = castElements(r, sel, k, c, c.Kids[i])
			default:
				r.n = c.Kids[i].N
				kid, err = k(r, nil, []val{{c: c.Kids[i]}})
				r.n = rows
			}
			if err != nil {
				c.Release()
				return nil, err
			}
			c.Kids[i].Release()
			c.Kids[i] = kid
		}
		return c, nil
	}, anyFails, true
}

// castElements casts the elements of lists, of which some may fail: their rows do.
func castElements(r *run, sel []int32, k kernel, lists, elements *batch.Column) (*batch.Column, error) {
	places := r.pool().Rows(elements.N)
	r.each(sel, func(i int) {
		for j := lists.Off[i]; j < lists.Off[i+1] && !lists.IsNull(i); j++ {
			places = append(places, j)
		}
	})
	defer r.pool().PutRows(places)
	ctx := &Context{Pool: r.pool(), Now: r.ctx.Now, Zone: r.ctx.Zone}
	inner := newRun(ctx, &batch.Batch{N: elements.N})
	inner.zone, inner.rule = r.zone, r.rule
	out, err := k(inner, places, []val{{c: elements}})
	if err != nil || len(ctx.Rejected) == 0 {
		return out, err
	}
	failed := map[int32]RowError{}
	for _, e := range ctx.Rejected {
		failed[e.Row] = e
	}
	r.each(sel, func(i int) {
		for j := lists.Off[i]; j < lists.Off[i+1] && !lists.IsNull(i); j++ {
			if e, ok := failed[j]; ok {
				r.fail(i, e.Class, e.Message, e.Raw)
				return
			}
		}
	})
	return out, nil
}

func invalidInput(v []byte, from, to batch.Type) string {
	if len(v) > 200 {
		v = v[:200]
	}
	return fmt.Sprintf("The value '%s' of the type %q cannot be cast to %q because it is malformed. "+
		"Correct the value, or use try_cast to get NULL instead.", v, strings.ToUpper(from.String()), strings.ToUpper(to.String()))
}

// bad ends a row whose value cannot be cast.
func (x *rows) bad(i int, mode castMode, class string, from, to batch.Type) {
	if mode != castANSI {
		x.b.Null()
		return
	}
	text := appendValue(nil, x.a[0].c, i&x.a[0].mask(), x.r.zone)
	switch class {
	case "CAST_INVALID_INPUT":
		x.fail(i, class, invalidInput(text, from, to), text)
	default:
		x.fail(i, class, fmt.Sprintf("The value %.200s of the type %q cannot be cast to %q due to an overflow. Use try_cast to get NULL instead.",
			text, strings.ToUpper(from.String()), strings.ToUpper(to.String())), text)
	}
}
