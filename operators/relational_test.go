package operators_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/operatortest"
)

var orders = batch.NewSchema(
	batch.Field{Name: "id", Type: batch.BigIntType, Nullable: true},
	batch.Field{Name: "text", Type: batch.StringType, Nullable: true})

// someOrders returns rows of which some texts are numbers, some null and some neither.
func someOrders(t *rapid.T, pool *batch.Pool) *batch.Batch {
	id, text := batch.NewBuilder(batch.BigIntType, pool), batch.NewBuilder(batch.StringType, pool)
	n := rapid.IntRange(1, 30).Draw(t, "rows")
	for range n {
		if v := rapid.Int64Range(-1, 5).Draw(t, "id"); v < 0 {
			id.Null()
		} else {
			id.Int64(v)
		}
		switch v := rapid.SampledFrom([]string{"", "1", "23", "x", "4"}).Draw(t, "text"); v {
		case "":
			text.Null()
		default:
			text.String(v)
		}
	}
	b := batch.NewBatch(orders, n, id.Finish(), text.Finish())
	id.Release()
	text.Release()
	b.Origin = &batch.Origin{Split: make([]int32, n), Offset: make([]int64, n)}
	for i := range n {
		b.Origin.Offset[i] = int64(i)
	}
	return b
}

// count returns for how many rows it holds.
func count(b *batch.Batch, holds func(id *int64, text *string) bool) int {
	n := 0
	for i := range b.Rows() {
		var id *int64
		var text *string
		if !b.Columns[0].IsNull(i) {
			id = &b.Columns[0].I64[i]
		}
		if !b.Columns[1].IsNull(i) {
			s := string(b.Columns[1].Bytes(i))
			text = &s
		}
		if holds(id, text) {
			n++
		}
	}
	return n
}

func split(rows []string) (passed, rejected int) {
	for _, r := range rows {
		if strings.HasPrefix(r, "rejected") {
			rejected++
		} else {
			passed++
		}
	}
	return passed, rejected
}

func TestFilterPassesWhatIsTrue(t *testing.T) {
	condition, err := expr.Bind("id > 2 AND cast(text AS int) >= 4", orders, expr.NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		rows := someOrders(rt, pool)
		out := operatortest.Check(t, operatortest.Kit{Rows: rows, Pool: pool, Seed: rapid.Uint64().Draw(rt, "seed"),
			New: func() (operators.Operator, error) { return operators.NewFilter(condition), nil }})
		passed, _ := split(out)
		want := count(rows, func(id *int64, text *string) bool {
			return id != nil && *id > 2 && text != nil && (*text == "23" || *text == "4")
		})
		if passed != want {
			rt.Fatalf("%d rows passed, want %d: %v", passed, want, out)
		}
		rows.Release()
		if pool.Lent() != 0 {
			rt.Fatalf("%d columns leaked", pool.Lent())
		}
	})
}

func TestProjectRejectsRowsThatFail(t *testing.T) {
	items, err := expr.BindSelect([]string{"id", "cast(text AS int) + 1 AS next"}, orders, expr.NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	project := operators.NewProject(items)
	if s := project.Schema().String(); s != "id bigint, next int" {
		t.Fatalf("schema %s", s)
	}
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		rows := someOrders(rt, pool)
		out := operatortest.Check(t, operatortest.Kit{Rows: rows, Pool: pool, Seed: rapid.Uint64().Draw(rt, "seed"),
			New: func() (operators.Operator, error) { return operators.NewProject(items), nil }})
		passed, rejected := split(out)
		bad := count(rows, func(_ *int64, text *string) bool { return text != nil && *text == "x" })
		if rejected != bad || passed != rows.N-bad {
			rt.Fatalf("%d passed, %d rejected, want %d rejected: %v", passed, rejected, bad, out)
		}
		for _, r := range out {
			if strings.HasPrefix(r, "rejected") && !(strings.Contains(r, "CAST_INVALID_INPUT") && strings.Contains(r, `"x"`)) {
				rt.Fatalf("rejected as %s", r)
			}
		}
		rows.Release()
		if pool.Lent() != 0 {
			rt.Fatalf("%d columns leaked", pool.Lent())
		}
	})
}

func TestFilterRefusesOtherTypes(t *testing.T) {
	condition, err := expr.Bind("id + 1", orders, expr.NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	if err := operators.NewFilter(condition).Open(&operators.Context{}); err == nil || !strings.Contains(err.Error(), "FILTER_NOT_BOOLEAN") {
		t.Fatalf("got %v", err)
	}
}
