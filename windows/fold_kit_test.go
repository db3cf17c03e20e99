package windows_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
	"github.com/deltaic/deltaic/windows"
)

// gathered is an output that keeps rows and late rows as text.
type gathered struct{ rows []string }

func (g *gathered) Emit(b *batch.Batch) error {
	defer b.Release()
	for i := range b.Rows() {
		g.rows = append(g.rows, string(batch.AppendRowJSON(nil, b, b.Row(i))))
	}
	return nil
}

func (g *gathered) EmitTo(_ int, b *batch.Batch) error { return g.Emit(b) }

func (g *gathered) Advance(int64) error { return nil }

func (g *gathered) Late(in *batch.Batch, rows []int32, _ int64) error {
	for _, r := range rows {
		g.rows = append(g.rows, fmt.Sprint("late ", in.Columns[1].I64[r]))
	}
	return nil
}

func (g *gathered) Reject(*batch.Batch, []operators.Rejected) error { return nil }

var clicks = batch.NewSchema(batch.Field{Name: "page", Type: batch.IntType}, batch.Field{Name: "at", Type: batch.TimestampType},
	batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true})

// windowed opens an aggregate over clicks, behind a fold or not.
func windowed(t rapid.TB, spec windows.Spec, fold bool) (first, last operators.Operator) {
	bind := func(s *batch.Schema) *windows.Bound {
		b, err := spec.Bind(s, expr.NewOptions())
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	o := windows.Options{Window: bind(clicks), Keys: []int{0}, At: 1}
	plan, err := agg.Bind([]string{"count(*) AS rows", "sum(n) AS total", "max(n) AS top"}, o.Groups(clicks), clicks, agg.Options{Options: expr.NewOptions()})
	if err != nil {
		t.Fatal(err)
	}
	o.Plan = plan
	schema := clicks
	var all []operators.Operator
	if fold {
		p, err := operators.NewPreaggregate(clicks, plan, operators.PreaggregateOptions{Keys: o.Keys, Time: 1, Pane: windows.PanesOf(spec).Pane})
		if err != nil {
			t.Fatal(err)
		}
		schema, o.Plan, o.Window = p.Schema(), p.Merging(), bind(p.Schema())
		all = append(all, p)
	}
	op, err := windows.NewAggregate(schema, o)
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, op)
	for _, op := range all {
		store, err := persistence.NewStore(persistence.Options{Step: "s", Groups: 4, Hi: 4})
		if err == nil {
			err = op.Open(&operators.Context{Step: "s", State: store, KeyGroups: 4, Epoch: &operators.Epoch{}, Wanted: [operators.Ports]bool{true}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return all[0], op
}

// TestFoldedRowsGiveTheSameWindows: windows behind a fold, with rows that came behind watermarks, are those of the rows themselves,
// and the same rows are late.
func TestFoldedRowsGiveTheSameWindows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		spec := rapid.SampledFrom([]windows.Spec{windows.Tumbling(10e3).On("at"), windows.Sliding(10e3, 4e3).On("at"),
			windows.Sliding(9e3, 3e3).On("at").Offset(1e3)}).Draw(rt, "spec")
		direct, _ := windowed(rt, spec, false)
		fold, merged := windowed(rt, spec, true)
		want, got := &gathered{}, &gathered{}
		feed := func(in *batch.Batch) {
			if err := direct.Process(in, 0, want); err != nil {
				rt.Fatal(err)
			}
			if err := fold.Process(in, 0, &into{merged, got}); err != nil {
				rt.Fatal(err)
			}
		}
		watermark := int64(math.MinInt64)
		for range rapid.IntRange(1, 6).Draw(rt, "batches") {
			in := &batch.Batch{Schema: clicks, N: rapid.IntRange(1, 60).Draw(rt, "rows")}
			page, at, n := batch.NewBuilder(batch.IntType, nil), batch.NewBuilder(batch.TimestampType, nil), batch.NewBuilder(batch.BigIntType, nil)
			in.Behind = make([]int64, in.N)
			for i := range in.N {
				time := rapid.Int64Range(-5, 60).Draw(rt, "at")
				page.Int32(rapid.Int32Range(0, 2).Draw(rt, "page"))
				at.Int64(time)
				n.Int64(rapid.Int64Range(0, 9).Draw(rt, "n"))
				if in.Behind[i] = math.MinInt64; time < watermark {
					in.Behind[i] = watermark
				}
			}
			in.Columns = []*batch.Column{page.Finish(), at.Finish(), n.Finish()}
			feed(in)
			in.Release()
			watermark = max(watermark, rapid.Int64Range(-5, 50).Draw(rt, "watermark"))
			if err1, err2 := direct.Advance(watermark, want), merged.Advance(watermark, got); err1 != nil || err2 != nil {
				rt.Fatal(err1, err2)
			}
		}
		if err1, err2 := direct.Advance(math.MaxInt64, want), merged.Advance(math.MaxInt64, got); err1 != nil || err2 != nil {
			rt.Fatal(err1, err2)
		}
		slices.Sort(want.rows)
		slices.Sort(got.rows)
		if !slices.Equal(want.rows, got.rows) {
			rt.Fatalf("folded %v\ndirect %v", got.rows, want.rows)
		}
	})
}

// into hands what a fold emits to the aggregate behind it.
type into struct {
	to operators.Operator
	*gathered
}

func (x *into) Emit(b *batch.Batch) error {
	defer b.Release()
	return x.to.Process(b, 0, x.gathered)
}
