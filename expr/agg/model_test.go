package agg_test

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/persistence/state"
)

// row is one row of the model's input; nil is null.
type row struct {
	key  int32
	long *int64
	word int32
	real *float64
	cash *int64 // decimal(12,2), unscaled
	wide *big.Int
	text *string
	flag *bool
	kind batch.RowKind
}

var rowSchema = batch.NewSchema(
	batch.Field{Name: "key", Type: batch.IntType},
	batch.Field{Name: "long", Type: batch.BigIntType, Nullable: true},
	batch.Field{Name: "word", Type: batch.IntType},
	batch.Field{Name: "real", Type: batch.DoubleType, Nullable: true},
	batch.Field{Name: "cash", Type: batch.DecimalType(12, 2), Nullable: true},
	batch.Field{Name: "wide", Type: batch.DecimalType(30, 3), Nullable: true},
	batch.Field{Name: "text", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "flag", Type: batch.BooleanType, Nullable: true})

func maybe[T any](rt *rapid.T, name string, g *rapid.Generator[T]) *T {
	if rapid.IntRange(0, 4).Draw(rt, name+" null") == 0 {
		return nil
	}
	v := g.Draw(rt, name)
	return &v
}

func drawRow(rt *rapid.T) row {
	wide := maybe(rt, "wide", rapid.Int64())
	r := row{key: rapid.Int32Range(0, 3).Draw(rt, "key"),
		long: maybe(rt, "long", rapid.Int64Range(-1e12, 1e12)),
		word: rapid.Int32Range(-3, 3).Draw(rt, "word"),
		real: maybe(rt, "real", rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1.5, -2.25, 1e9, math.Inf(1), math.NaN(), -0.5, 3})),
		cash: maybe(rt, "cash", rapid.Int64Range(-1e11, 1e11)),
		text: maybe(rt, "text", rapid.StringMatching("[a-c]{0,2}")),
		flag: maybe(rt, "flag", rapid.Bool())}
	if wide != nil {
		r.wide = new(big.Int).Mul(big.NewInt(*wide), big.NewInt(7919))
	}
	return r
}

// batchOf makes a batch of the rows.
func batchOf(p *batch.Pool, rows []row) *batch.Batch {
	var b []*batch.Builder
	for _, f := range rowSchema.Fields {
		b = append(b, batch.NewBuilder(f.Type, p))
	}
	out := &batch.Batch{Schema: rowSchema, N: len(rows)}
	for _, r := range rows {
		b[0].Int32(r.key)
		b[2].Int32(r.word)
		put(b[1], r.long, b[1].Int64)
		put(b[3], r.real, b[3].Float64)
		put(b[4], r.cash, func(v int64) { b[4].Decimal(batch.Int128From(v)) })
		if r.wide == nil {
			b[5].Null()
		} else {
			v, _ := batch.Int128FromBig(r.wide)
			b[5].Decimal(v)
		}
		put(b[6], r.text, b[6].String)
		put(b[7], r.flag, b[7].Bool)
		out.Kinds = append(out.Kinds, r.kind)
	}
	for _, x := range b {
		out.Columns = append(out.Columns, x.Finish())
	}
	return out
}

func put[T any](b *batch.Builder, v *T, add func(T)) {
	if v == nil {
		b.Null()
	} else {
		add(*v)
	}
}

// table is a state table of groups with the accumulators of a plan.
type table struct {
	plan *agg.Plan
	acc  *agg.Accumulators
	seg  *state.Segment
	sets []*state.Segment
	ctx  expr.Context
	pool *batch.Pool
}

func newTable(t rapid.TB, pool *batch.Pool, plan *agg.Plan) *table {
	spec := state.Spec{Name: "groups", Keys: []state.Column{{Name: "key", Type: batch.IntType}}, Values: plan.Values()}
	st, err := state.NewTable(spec, pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := &table{plan: plan, acc: plan.New(pool), seg: st.Segment(0), pool: pool, ctx: expr.Context{Pool: pool}}
	for _, set := range plan.Sets() {
		keys := append([]state.Column{{Name: "key", Type: batch.IntType}}, set.Columns...)
		st, err := state.NewTable(state.Spec{Name: set.Name, Keys: keys, Prefix: 1, Values: set.Values}, pool, nil)
		if err != nil {
			t.Fatal(err)
		}
		x.sets = append(x.sets, st.Segment(0))
	}
	return x
}

// take takes the rows of sel into the groups.
func (x *table) take(t rapid.TB, in *batch.Batch) {
	input, err := x.acc.Evaluate(&x.ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	defer input.Release()
	rows, fresh := make([]uint32, in.N), make(batch.Bitmap, batch.BitmapWords(in.N))
	keys := in.Columns[:1]
	input.Sets, input.Keys, input.Hashes = x.sets, keys, batch.Hash(keys, in.N, nil)
	if err := x.seg.Upsert(keys, in.Sel, in.N, input.Hashes, rows, fresh); err != nil {
		t.Fatal(err)
	}
	if err := x.acc.Update(x.seg, rows, fresh, in.Sel, input); err != nil {
		t.Fatal(err)
	}
}

// into merges all groups into another table.
func (x *table) into(t rapid.TB, to *table) {
	err := x.seg.Scan(func(rows []uint32) error {
		part := x.acc.Export(x.seg, rows)
		defer x.acc.Free(part)
		keys := x.seg.Keys(x.pool, rows)
		defer keys[0].Release()
		there, fresh := make([]uint32, len(rows)), make(batch.Bitmap, batch.BitmapWords(len(rows)))
		if err := to.seg.Upsert(keys, nil, len(rows), batch.Hash(keys, len(rows), nil), there, fresh); err != nil {
			return err
		}
		return to.acc.Merge(to.seg, there, fresh, part)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// results returns the output by group, as JSON.
func (x *table) results(t rapid.TB) map[int32]string {
	out := map[int32]string{}
	err := x.seg.Scan(func(rows []uint32) error {
		results, err := x.acc.Results(x.seg, rows)
		if err != nil {
			return err
		}
		in := x.acc.Intermediate(len(rows), x.seg.Keys(x.pool, rows), results)
		defer in.Release()
		columns, err := x.acc.Project(&x.ctx, in)
		if err != nil {
			return err
		}
		b := batch.NewBatch(x.plan.Schema(), len(rows), columns...)
		defer b.Release()
		for i := range rows {
			out[b.Columns[0].I32[i]] = string(batch.AppendRowJSON(nil, b, i))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func bind(t testing.TB, o agg.Options, items ...string) *agg.Plan {
	t.Helper()
	o.Options = expr.NewOptions()
	plan, err := agg.Bind(items, rowSchema.Fields[:1], rowSchema, o)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// check compares groups of a table with the model.
func check(t rapid.TB, got map[int32]string, rows []row, plan *agg.Plan, items []string) {
	groups := map[int32][]row{}
	for _, r := range rows {
		groups[r.key] = append(groups[r.key], r)
	}
	if len(got) != len(groups) {
		t.Fatalf("%d groups, want %d", len(got), len(groups))
	}
	for key, members := range groups {
		rest := got[key]
		for i, item := range append([]string{"key"}, items...) {
			value, name := fmt.Sprint(key), plan.Items[i].Name
			if i > 0 {
				value = model[item](members)
			}
			at := strings.Index(rest, `"`+name+`":`) + len(name) + 3
			rest = rest[at:]
			about, is := strings.CutPrefix(value, "~")
			if is {
				var x, y float64
				_, err := fmt.Sscan(strings.TrimRight(strings.SplitN(rest, ",", 2)[0], "}"), &x)
				_, _ = fmt.Sscan(about, &y)
				if err != nil || math.Abs(x-y) > 1e-6 {
					t.Fatalf("group %d of %d rows: %s of %s, want %s", key, len(members), item, got[key], about)
				}
				continue
			}
			if !strings.HasPrefix(rest, value+",") && !strings.HasPrefix(rest, value+"}") {
				t.Fatalf("group %d of %d rows: %s of %s, want %s", key, len(members), item, got[key], value)
			}
		}
	}
}
