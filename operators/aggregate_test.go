package operators_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
)

// changes is an output that applies change rows to a table of texts, and complains about a change that
// does not fit what is there.
type changes struct {
	discard
	keys     int
	table    map[string]string
	complete []string
	before   bool
}

func (c *changes) EmitTo(port int, b *batch.Batch) error {
	defer b.Release()
	for i := range b.Rows() {
		r := b.Row(i)
		text := string(batch.AppendRowJSON(nil, b, r))
		if port == operators.PortComplete {
			c.complete = append(c.complete, text)
			continue
		}
		kind := batch.Insert
		if b.Kinds != nil {
			kind = b.Kinds[r]
		}
		if err := c.apply(kind, c.key(b, r), text); err != nil {
			return err
		}
	}
	return nil
}

func (c *changes) key(b *batch.Batch, r int) string {
	k := batch.NewBatch(batch.NewSchema(b.Schema.Fields[:c.keys]...), b.N, b.Columns[:c.keys]...)
	return string(batch.AppendRowJSON(nil, k, r))
}

func (c *changes) apply(kind batch.RowKind, key, text string) error {
	old, there := c.table[key]
	switch kind {
	case batch.Insert:
		if there {
			return fmt.Errorf("inserted %s, there is %s", text, old)
		}
	case batch.UpdateAfter:
		if there == c.before {
			return fmt.Errorf("updated to %s without its old row taken back first: %s", text, old)
		}
		if old == text {
			return fmt.Errorf("%s did not change", text)
		}
	default:
		if old != text {
			return fmt.Errorf("taken back %s, there is %s", text, old)
		}
		delete(c.table, key)
		return nil
	}
	c.table[key] = text
	return nil
}

var salesSchema = batch.NewSchema(
	batch.Field{Name: "region", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "amount", Type: batch.BigIntType, Nullable: true})

type sale struct {
	region string // "": null
	amount int64  // 0: null
	kind   batch.RowKind
}

func salesOf(p *batch.Pool, l []sale, kinds bool) *batch.Batch {
	region, amount := batch.NewBuilder(batch.StringType, p), batch.NewBuilder(batch.BigIntType, p)
	b := &batch.Batch{Schema: salesSchema, N: len(l)}
	for _, s := range l {
		if s.region == "" {
			region.Null()
		} else {
			region.String(s.region)
		}
		if s.amount == 0 {
			amount.Null()
		} else {
			amount.Int64(s.amount)
		}
		if kinds {
			b.Kinds = append(b.Kinds, s.kind)
		}
	}
	b.Columns = []*batch.Column{region.Finish(), amount.Finish()}
	return b
}

var totals = []string{"count(*) AS n", "sum(amount) AS total", "avg(amount) AS mean", "count(DISTINCT amount) AS d", "max(amount) AS top"}

// totalsOf is what the aggregate must hold: by region, or of all.
func totalsOf(l []sale, keyed bool) map[string]string {
	type total struct {
		n, c, s, top int64
		distinct     map[int64]bool
	}
	sums := map[string]*total{}
	for _, s := range l {
		key := "{}"
		if keyed {
			key = `{"region":null}`
			if s.region != "" {
				key = fmt.Sprintf(`{"region":%q}`, s.region)
			}
		}
		if sums[key] == nil {
			sums[key] = &total{distinct: map[int64]bool{}, top: math.MinInt64}
		}
		sums[key].n++
		if s.amount != 0 {
			sums[key].c++
			sums[key].s += s.amount
			sums[key].distinct[s.amount] = true
			sums[key].top = max(sums[key].top, s.amount)
		}
	}
	out := map[string]string{}
	for key, t := range sums {
		sum, mean, top := "null", "null", "null"
		if t.c > 0 {
			sum, top = fmt.Sprint(t.s), fmt.Sprint(t.top)
			mean = fmt.Sprint(float64(t.s) / float64(t.c))
		}
		head := strings.TrimSuffix(key, "}")
		if head != "{" {
			head += ","
		}
		out[key] = fmt.Sprintf(`%s"n":%d,"total":%s,"mean":%s,"d":%d,"top":%s}`, head, t.n, sum, mean, len(t.distinct), top)
	}
	return out
}

// aggregateRun is an aggregate with its store, restored at will.
type aggregateRun struct {
	rt      *rapid.T
	pool    *batch.Pool
	objects *memory.Store
	files   []persistence.StateFile
	store   *persistence.Store
	op      *operators.Aggregate
	made    func() *operators.Aggregate
	attempt int64
	unique  int
	epoch   operators.Epoch
}

func (a *aggregateRun) must(err error) {
	if err != nil {
		a.rt.Fatal(err)
	}
}

func (a *aggregateRun) start() {
	a.attempt++
	var err error
	a.store, err = persistence.NewStore(persistence.Options{Flow: "f", Incarnation: "i", Step: "totals", Attempt: a.attempt, Groups: 8, Hi: 8,
		Pool: a.pool, Unique: func() string { a.unique++; return fmt.Sprint(a.unique) }})
	a.must(err)
	a.must(a.store.Restore(context.Background(), a.objects, a.files))
	a.op = a.made()
	a.must(a.op.Open(&operators.Context{Step: "totals", Pool: a.pool, State: a.store, KeyGroups: 8, Epoch: &a.epoch,
		Wanted: [operators.Ports]bool{operators.PortChanges: true, operators.PortComplete: true}}))
}

// barrier flushes and takes a checkpoint; restart restores it in a new attempt.
func (a *aggregateRun) barrier(out operators.Output, restart bool) {
	a.must(a.op.Flush(out))
	a.epoch.Number++
	change := a.store.Checkpoint(a.epoch.Number)
	files, err := change.Write(context.Background(), a.objects)
	change.Release()
	a.must(err)
	a.files = persistence.Live(append(a.files, files...))
	if restart {
		a.store.Close()
		a.start()
	}
}

// TestAggregateTellsItsChanges: inserts and rows that take back, in any batches and epochs with restores, give
// change rows that fit, fold to what a model holds, and the same as the complete result.
func TestAggregateTellsItsChanges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		keys := rapid.SampledFrom([][]int{{}, {0}}).Draw(rt, "keys")
		updating, before := rapid.Bool().Draw(rt, "updating"), rapid.Bool().Draw(rt, "before")
		var groups []batch.Field
		for _, k := range keys {
			groups = append(groups, salesSchema.Fields[k])
		}
		plan, err := agg.Bind(totals, groups, salesSchema, agg.Options{Options: expr.NewOptions(), Updating: updating})
		if err != nil {
			rt.Fatal(err)
		}
		run := &aggregateRun{rt: rt, pool: batch.NewPool(), objects: memory.New(memory.Options{}), made: func() *operators.Aggregate {
			op, err := operators.NewAggregate(salesSchema, keys, plan, operators.AggregateOptions{Before: before})
			if err != nil {
				rt.Fatal(err)
			}
			return op
		}}
		run.start()
		out := &changes{keys: len(keys), table: map[string]string{}, before: before}
		var live []sale
		for range rapid.IntRange(1, 6).Draw(rt, "epochs") {
			for range rapid.IntRange(0, 3).Draw(rt, "batches") {
				part := []sale{}
				for range rapid.IntRange(1, 8).Draw(rt, "rows") {
					if updating && len(live) > 0 && rapid.Bool().Draw(rt, "take back") {
						i := rapid.IntRange(0, len(live)-1).Draw(rt, "which")
						s := live[i]
						s.kind = rapid.SampledFrom([]batch.RowKind{batch.Delete, batch.UpdateBefore}).Draw(rt, "kind")
						part, live = append(part, s), append(live[:i:i], live[i+1:]...)
						continue
					}
					s := sale{region: rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(rt, "region"), amount: rapid.Int64Range(-2, 2).Draw(rt, "amount") * 4}
					part, live = append(part, s), append(live, s)
				}
				in := salesOf(run.pool, part, updating)
				run.must(run.op.Process(in, 0, out))
				in.Release()
			}
			out.complete = nil
			run.barrier(out, rapid.Bool().Draw(rt, "restart"))
			want := totalsOf(live, len(keys) > 0)
			if len(keys) == 0 && len(live) == 0 {
				want["{}"] = `{"n":0,"total":null,"mean":null,"d":0,"top":null}`
			}
			compareTables(rt, out, want)
		}
		run.store.Close()
		if n := run.pool.Lent(); n != 0 {
			rt.Fatalf("%d columns leaked", n)
		}
	})
}

func compareTables(rt *rapid.T, out *changes, want map[string]string) {
	if len(out.table) != len(want) || len(out.complete) != len(want) {
		rt.Fatalf("changes give %v, complete is %v, want %v", out.table, out.complete, want)
	}
	for key, text := range want {
		text = strings.ReplaceAll(text, ":-0,", ":0,")
		if out.table[key] != text {
			rt.Fatalf("group %s: changes give %s, want %s", key, out.table[key], text)
		}
	}
	for _, text := range out.complete {
		found := false
		for _, w := range want {
			found = found || strings.ReplaceAll(w, ":-0,", ":0,") == text
		}
		if !found {
			rt.Fatalf("complete has %s, want %v", text, want)
		}
	}
}

// Orders of each region are counted and added up; the second epoch changes one region.
func ExampleAggregate() {
	plan, _ := agg.Bind(totals, salesSchema.Fields[:1], salesSchema, agg.Options{Options: expr.NewOptions()})
	op, _ := operators.NewAggregate(salesSchema, []int{0}, plan, operators.AggregateOptions{})
	store, _ := persistence.NewStore(persistence.Options{Step: "totals", Groups: 8, Hi: 8})
	err := op.Open(&operators.Context{Step: "totals", State: store, KeyGroups: 8, Epoch: &operators.Epoch{}, Wanted: [operators.Ports]bool{operators.PortChanges: true}})
	for _, epoch := range [][]sale{{{region: "north", amount: 3}, {region: "south", amount: 5}, {region: "north", amount: 4}}, {{region: "south", amount: 1}}} {
		if err == nil {
			err = op.Process(salesOf(nil, epoch, false), 0, printer{})
		}
		if err == nil {
			err = op.Flush(printer{})
		}
	}
	fmt.Println(err)
	// Output:
	// {"region":"north","n":2,"total":7,"mean":3.5,"d":2,"top":4}
	// {"region":"south","n":1,"total":5,"mean":5,"d":1,"top":5}
	// {"region":"south","n":2,"total":6,"mean":3,"d":2,"top":5}
	// <nil>
}
