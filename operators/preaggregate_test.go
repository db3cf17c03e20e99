package operators_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
)

var foldedItems = []string{"count(*) AS n", "sum(price) AS total", "min(price) AS low", "max(channel) AS channel", "avg(price) AS mean",
	"count(*) FILTER (WHERE price > 5) AS high", "approx_count_distinct(bidder) AS bidders", "percentile_approx(price, 0.5) AS median",
	"sum(100 DIV bidder) AS parts"} // which rejects the rows of bidder 0

// keep is an output that keeps the rows of an operator as text, or hands them to another one.
type keep struct {
	discard
	to   operators.Operator
	rows []string
	sent int
}

func (k *keep) Emit(b *batch.Batch) error {
	defer b.Release()
	k.sent += b.Rows()
	return k.to.Process(b, 0, k)
}

func (k *keep) EmitTo(_ int, b *batch.Batch) error {
	defer b.Release()
	for i := range b.Rows() {
		k.rows = append(k.rows, string(batch.AppendRowJSON(nil, b, b.Row(i))))
	}
	return nil
}

func bidsOf(pool *batch.Pool, auctions []int64, draw func(string, int64) int64) *batch.Batch {
	var b []*batch.Builder
	for _, f := range bidSchema.Fields {
		b = append(b, batch.NewBuilder(f.Type, pool))
	}
	for _, a := range auctions {
		b[0].Int64(a)
		b[1].Int64(draw("bidder", 10))
		b[2].Int64(draw("price", 10))
		b[3].String(fmt.Sprint("channel", draw("channel", 4)))
		b[4].String("today")
	}
	out := &batch.Batch{Schema: bidSchema, N: len(auctions)}
	for _, x := range b {
		out.Columns = append(out.Columns, x.Finish())
	}
	return out
}

func openAll(t rapid.TB, pool *batch.Pool, ops ...operators.Operator) {
	for _, op := range ops {
		store, err := persistence.NewStore(persistence.Options{Step: "s", Groups: 8, Hi: 8, Pool: pool})
		if err == nil {
			err = op.Open(&operators.Context{Step: "s", Pool: pool, State: store, KeyGroups: 8, Epoch: &operators.Epoch{},
				Wanted: [operators.Ports]bool{operators.PortComplete: true}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestFoldedRowsGiveTheSame: an aggregate behind a fold has the same result as one of the rows themselves.
func TestFoldedRowsGiveTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		keys := rapid.SampledFrom([][]int{{}, {0}, {0, 3}}).Draw(rt, "keys")
		items := rapid.SliceOfNDistinct(rapid.SampledFrom(foldedItems), 1, 4, rapid.ID[string]).Draw(rt, "items")
		var groups []batch.Field
		for _, k := range keys {
			groups = append(groups, bidSchema.Fields[k])
		}
		plan, err := agg.Bind(items, groups, bidSchema, agg.Options{Options: expr.NewOptions()})
		if err != nil {
			rt.Fatal(err)
		}
		fold, err := operators.NewPreaggregate(bidSchema, plan, operators.PreaggregateOptions{Keys: keys, Time: -1})
		if err != nil {
			rt.Fatal(err)
		}
		merged, err1 := operators.NewAggregate(fold.Schema(), keys, fold.Merging(), operators.AggregateOptions{})
		direct, err2 := operators.NewAggregate(bidSchema, keys, plan, operators.AggregateOptions{})
		if err1 != nil || err2 != nil {
			rt.Fatal(err1, err2)
		}
		openAll(rt, pool, fold, merged, direct)
		behind, straight := &keep{to: merged}, &keep{}
		for range rapid.IntRange(1, 5).Draw(rt, "batches") {
			in := bidsOf(pool, rapid.SliceOfN(rapid.Int64Range(0, 20), 1, 60).Draw(rt, "auctions"),
				func(name string, n int64) int64 { return rapid.Int64Range(0, n).Draw(rt, name) })
			if rapid.Bool().Draw(rt, "some") {
				in.Sel = []int32{0}
			}
			for _, step := range []func() error{
				func() error { return fold.Process(in, 0, behind) },
				func() error { return direct.Process(in, 0, straight) },
			} {
				if err := step(); err != nil {
					rt.Fatal(err)
				}
			}
			in.Release()
		}
		for _, err := range []error{merged.Flush(behind), direct.Flush(straight)} {
			if err != nil {
				rt.Fatal(err)
			}
		}
		got, want := map[string]bool{}, map[string]bool{}
		for i := range straight.rows {
			want[straight.rows[i]] = true
		}
		for i := range behind.rows {
			got[behind.rows[i]] = true
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			rt.Fatalf("folded  %v\ndirect  %v", got, want)
		}
		if pool.Lent() != 0 {
			rt.Fatalf("%d columns leaked", pool.Lent())
		}
	})
}

// TestAHotKeyIsFoldedThoughTheOthersAreNot: among keys that hardly repeat folding rests, but not
// for the key that half of the rows have.
func TestAHotKeyIsFoldedThoughTheOthersAreNot(t *testing.T) {
	pool := batch.NewPool()
	plan, err := agg.Bind([]string{"count(*) AS n"}, bidSchema.Fields[:1], bidSchema, agg.Options{Options: expr.NewOptions()})
	if err != nil {
		t.Fatal(err)
	}
	fold, err := operators.NewPreaggregate(bidSchema, plan, operators.PreaggregateOptions{Keys: []int{0}, Time: -1})
	if err != nil {
		t.Fatal(err)
	}
	merged, err := operators.NewAggregate(fold.Schema(), []int{0}, fold.Merging(), operators.AggregateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	openAll(t, pool, fold, merged)
	out := &keep{to: merged}
	random := rand.New(rand.NewPCG(1, 2))
	const batches = 60
	for range batches {
		auctions := make([]int64, 1024)
		for i := range auctions {
			if auctions[i] = 7; random.IntN(4) > 0 {
				auctions[i] = random.Int64N(math.MaxInt64)
			}
		}
		in := bidsOf(pool, auctions, func(string, int64) int64 { return 1 })
		if err := fold.Process(in, 0, out); err != nil {
			t.Fatal(err)
		}
		in.Release()
	}
	hot := fold.HotKeys()
	if len(hot) != 1 || hot[0].Key != `{"auction":7}` || hot[0].Share < 0.2 || hot[0].Share > 0.3 {
		t.Errorf("hot keys are %v", hot)
	}
	if rows := batches * 1024; out.sent > rows*78/100 {
		t.Errorf("%d rows of %d crossed the exchange", out.sent, rows)
	}
}

// What crosses an exchange: one row a key, with the accumulators of the rows it stands for.
func ExamplePreaggregate() {
	plan, _ := agg.Bind([]string{"sum(amount) AS total"}, salesSchema.Fields[:1], salesSchema, agg.Options{Options: expr.NewOptions()})
	fold, err := operators.NewPreaggregate(salesSchema, plan, operators.PreaggregateOptions{Keys: []int{0}, Time: -1})
	if err == nil {
		err = fold.Open(&operators.Context{Step: "fold", Epoch: &operators.Epoch{}})
	}
	if err == nil {
		err = fold.Process(salesOf(nil, []sale{{region: "north", amount: 3}, {region: "south", amount: 5}, {region: "north", amount: 4}}, false), 0, printer{})
	}
	fmt.Println(err)
	// Output:
	// {"region":"north","amount":3,"#folded":"BwAAAAAAAAACAAAAAAAAAA=="}
	// {"region":"south","amount":5,"#folded":null}
	// <nil>
}
