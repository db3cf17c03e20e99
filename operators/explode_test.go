package operators_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/operatortest"
)

var baskets = batch.NewSchema(
	batch.Field{Name: "id", Type: batch.BigIntType},
	batch.Field{Name: "items", Type: batch.ArrayType(batch.StringType, true), Nullable: true},
	batch.Field{Name: "prices", Type: batch.MapType(batch.StringType, batch.IntType, true), Nullable: true})

// basket is a row; nil collections are null.
type basket struct {
	id    int
	items []string // "" is a null element
}

func drawBaskets(t *rapid.T, pool *batch.Pool) ([]basket, *batch.Batch) {
	id := batch.NewBuilder(batch.BigIntType, pool)
	items := batch.NewBuilder(baskets.Fields[1].Type, pool)
	prices := batch.NewBuilder(baskets.Fields[2].Type, pool)
	var rows []basket
	for i := range rapid.IntRange(1, 20).Draw(t, "rows") {
		b := basket{id: i}
		id.Int64(int64(i))
		n := rapid.IntRange(-1, 3).Draw(t, "items")
		if n < 0 {
			items.Null()
			prices.Null()
		} else {
			b.items = []string{}
			for k := range n {
				text := rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "item")
				if text == "" {
					items.Kids[0].Null()
				} else {
					items.Kids[0].String(text)
				}
				prices.Kids[0].String(fmt.Sprint("k", k))
				if text == "" {
					prices.Kids[1].Null()
				} else {
					prices.Kids[1].Int32(int32(len(text) + k))
				}
				b.items = append(b.items, text)
			}
			items.List()
			prices.List()
		}
		rows = append(rows, b)
	}
	return rows, batch.NewBatch(baskets, len(rows), id.Finish(), items.Finish(), prices.Finish())
}

// Every element becomes a row, of arrays and maps, with its position or without, and of nothing one only
// in the outer form.
func TestExplodeEqualsAModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		rows, in := drawBaskets(rt, pool)
		outer, position, ofMap := rapid.Bool().Draw(rt, "outer"), rapid.Bool().Draw(rt, "position"), rapid.Bool().Draw(rt, "map")
		of, err := expr.Bind(map[bool]string{false: "items", true: "prices"}[ofMap], baskets, expr.NewOptions())
		if err != nil {
			rt.Fatal(err)
		}
		out := operatortest.Check(t, operatortest.Kit{Rows: in, Pool: pool, Seed: rapid.Uint64().Draw(rt, "seed"),
			New: func() (operators.Operator, error) {
				return operators.NewExplode(baskets, operators.Explosion{Of: of, Outer: outer, Position: position, Carry: []int{0}})
			}})
		in.Release()
		var want []string
		quoted := func(s string) string {
			if s == "" {
				return "null"
			}
			return `"` + s + `"`
		}
		add := func(id int, pos, key, value string) {
			s := fmt.Sprintf(`{"id":%d`, id)
			if position {
				s += `,"pos":` + pos
			}
			if ofMap {
				s += `,"key":` + key + `,"value":` + value
			} else {
				s += `,"col":` + value
			}
			want = append(want, s+"} 0")
		}
		for _, r := range rows {
			for k, item := range r.items {
				value := quoted(item)
				if ofMap && item != "" {
					value = fmt.Sprint(len(item) + k)
				}
				add(r.id, fmt.Sprint(k), fmt.Sprintf(`"k%d"`, k), value)
			}
			if len(r.items) == 0 && outer {
				add(r.id, "null", "null", "null")
			}
		}
		slices.Sort(want)
		if !slices.Equal(out, want) {
			rt.Fatalf("got  %v\nwant %v", out, want)
		}
	})
}

func TestExplodeRefusesWhatIsNoCollection(t *testing.T) {
	id, _ := expr.Bind("id", baskets, expr.NewOptions())
	if _, err := operators.NewExplode(baskets, operators.Explosion{Of: id}); err == nil || !strings.Contains(err.Error(), "UNEXPECTED_INPUT_TYPE") {
		t.Fatalf("got %v", err)
	}
	items, _ := expr.Bind("items", baskets, expr.NewOptions())
	if _, err := operators.NewExplode(baskets, operators.Explosion{Of: items, Names: []string{"a", "b"}}); err == nil || !strings.Contains(err.Error(), "ALIAS_NUMBER") {
		t.Fatalf("got %v", err)
	}
}

// A large collection leaves in batches of bounded size.
func TestExplodeEmitsBoundedBatches(t *testing.T) {
	items := batch.NewBuilder(baskets.Fields[1].Type, nil)
	for range 20_000 {
		items.Kids[0].String("x")
	}
	items.List()
	schema := batch.NewSchema(baskets.Fields[1])
	of, _ := expr.Bind("items", schema, expr.NewOptions())
	x, err := operators.NewExplode(schema, operators.Explosion{Of: of, Carry: []int{}})
	if err == nil {
		err = x.Open(&operators.Context{})
	}
	out := &collect{}
	if err == nil {
		err = x.Process(batch.NewBatch(schema, 1, items.Finish()), 0, out)
	}
	total := 0
	for _, b := range out.batches {
		total += b.N
	}
	if err != nil || total != 20_000 || len(out.batches) != 3 {
		t.Fatalf("%d rows in %d batches, error %v", total, len(out.batches), err)
	}
}
