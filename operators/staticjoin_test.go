package operators_test

import (
	"context"
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

// sellers is a static table in memory.
type sellers struct {
	version int64
	ids     []*int64
	reads   int
}

var sellerColumns = batch.NewSchema(
	batch.Field{Name: "auction", Type: batch.IntType, Nullable: true},
	batch.Field{Name: "seller", Type: batch.StringType})

func (s *sellers) Schema() *batch.Schema { return sellerColumns }

func (s *sellers) Newest(context.Context) (int64, error) { return s.version, nil }

func (s *sellers) Read(_ context.Context, _ int64, pool *batch.Pool, f func(*batch.Batch) error) error {
	s.reads++
	for from := 0; from < len(s.ids); from += 3 {
		id, name := batch.NewBuilder(batch.IntType, pool), batch.NewBuilder(batch.StringType, pool)
		to := min(from+3, len(s.ids))
		for i := from; i < to; i++ {
			if s.ids[i] == nil {
				id.Null()
			} else {
				id.Int32(int32(*s.ids[i]))
			}
			name.String(s.name(i))
		}
		b := batch.NewBatch(sellerColumns, to-from, id.Finish(), name.Finish())
		err := f(b)
		b.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *sellers) name(i int) string { return fmt.Sprint("s", i) }

// Joins of every kind equal nested loops; the keys are of two types, and null matches nothing.
func TestStaticJoinEqualsNestedLoops(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		static := &sellers{version: 7}
		for range rapid.IntRange(0, 8).Draw(rt, "sellers") {
			if v := rapid.Int64Range(-1, 3).Draw(rt, "id"); v >= 0 {
				static.ids = append(static.ids, &v)
			} else {
				static.ids = append(static.ids, nil)
			}
		}
		kind := rapid.SampledFrom([]operators.JoinType{operators.InnerJoin, operators.LeftJoin, operators.SemiJoin, operators.AntiJoin}).Draw(rt, "type")
		form := rapid.IntRange(0, 2).Draw(rt, "form")
		join := operators.Join{Type: kind, Stream: bids, Static: sellerColumns, StreamQualifiers: []string{"b"}, StaticQualifiers: []string{"s"}}
		switch form {
		case 0:
			join.Using = []string{"auction"}
		case 1:
			join.On = "b.auction = s.auction"
		case 2:
			join.On = "s.auction = b.auction AND b.price > cast(substr(seller, 2) AS int)"
		}
		plan, err := operators.BindJoin(join, expr.NewOptions())
		if err != nil {
			rt.Fatal(err)
		}
		side := operators.NewStaticSide(static, plan.StaticKeys)
		rows := drawBids(rt, false)
		in := bidRows(pool, rows)
		out := operatortest.Check(t, operatortest.Kit{Rows: in, Pool: pool, Seed: rapid.Uint64().Draw(rt, "seed"),
			New: func() (operators.Operator, error) { return operators.NewStaticJoin(side, plan), nil }})
		in.Release()
		var want []string
		for _, r := range rows {
			want = append(want, joined(r, static, kind, form)...)
		}
		slices.Sort(want)
		if !slices.Equal(out, want) {
			rt.Fatalf("got  %v\nwant %v", out, want)
		}
	})
}

// joined is what a row becomes.
func joined(r bid, static *sellers, kind operators.JoinType, form int) (out []string) {
	whole := r.json(0, false)
	rest := strings.TrimSuffix(whole, "}")
	for i, id := range static.ids {
		if id == nil || r.auction == nil || *id != *r.auction || form == 2 && (r.price == nil || *r.price <= int64(i)) {
			continue
		}
		switch {
		case form == 0:
			out = append(out, fmt.Sprintf(`%s,"seller":"%s"} 0`, rest, static.name(i)))
		default:
			out = append(out, fmt.Sprintf(`%s,"auction":%d,"seller":"%s"} 0`, rest, *id, static.name(i)))
		}
	}
	switch {
	case kind == operators.SemiJoin && len(out) > 0, kind == operators.AntiJoin && len(out) == 0:
		return []string{whole + " 0"}
	case kind == operators.SemiJoin || kind == operators.AntiJoin:
		return nil
	case kind == operators.LeftJoin && len(out) == 0 && form == 0:
		return []string{rest + `,"seller":null} 0`}
	case kind == operators.LeftJoin && len(out) == 0:
		return []string{rest + `,"auction":null,"seller":null} 0`}
	}
	return out
}

// All tasks see one version in an epoch; a new one is read once, when the next epoch begins; the last task to
// close leaves nothing in memory.
func TestStaticJoinSeesOneVersionInAnEpoch(t *testing.T) {
	pool := batch.NewPoolOf(batch.NewAccount("test", 0))
	one := int64(1)
	static := &sellers{version: 1, ids: []*int64{&one}}
	plan, err := operators.BindJoin(operators.Join{Stream: bids, Static: sellerColumns, Using: []string{"auction"}}, expr.NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	side := operators.NewStaticSide(static, plan.StaticKeys)
	tasks := make([]*operators.StaticJoin, 3)
	for i := range tasks {
		tasks[i] = operators.NewStaticJoin(side, plan)
		if err := tasks[i].Open(&operators.Context{Pool: pool}); err != nil {
			t.Fatal(err)
		}
	}
	matches := func(task int) int {
		out, in := &collect{}, bidRows(pool, []bid{{auction: &one, price: &one}})
		defer in.Release()
		if err := tasks[task].Process(in, 0, out); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, b := range out.batches {
			n += b.Rows()
			b.Release()
		}
		return n
	}
	prepare := func(task int, epoch int64) {
		if err := tasks[task].Prepare(epoch)(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	prepare(0, 1)
	static.version, static.ids = 2, []*int64{&one, &one}
	prepare(1, 1)
	prepare(2, 1)
	if matches(0) != 1 || matches(1) != 1 || static.reads != 1 {
		t.Fatalf("%d and %d matches, %d reads", matches(0), matches(1), static.reads)
	}
	prepare(0, 2)
	if matches(0) != 2 || matches(1) != 1 || static.reads != 2 {
		t.Fatalf("%d and %d matches, %d reads", matches(0), matches(1), static.reads)
	}
	prepare(1, 2)
	prepare(2, 2)
	prepare(0, 3)
	if matches(2) != 2 || static.reads != 2 {
		t.Fatalf("%d matches, %d reads", matches(2), static.reads)
	}
	for _, task := range tasks {
		if err := task.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if pool.Lent() != 0 || pool.Account().Used() != 0 {
		t.Fatalf("%d columns, %d bytes are left", pool.Lent(), pool.Account().Used())
	}
}

func TestStaticJoinsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		join operators.Join
		says string
	}{
		"right":           {operators.Join{Type: "right", On: "true"}, "STREAM_STATIC_JOIN_UNSUPPORTED"},
		"no such column":  {operators.Join{Using: []string{"seller"}}, "UNRESOLVED_USING_COLUMN"},
		"not a condition": {operators.Join{On: "b.auction + 1"}, "JOIN_CONDITION"},
		"ambiguous":       {operators.Join{On: "auction = 1"}, "AMBIGUOUS_REFERENCE"},
		"other types":     {operators.Join{On: "b.at = s.auction"}, "DATATYPE_MISMATCH"},
	} {
		c.join.Stream, c.join.Static, c.join.StreamQualifiers, c.join.StaticQualifiers = bids, sellerColumns, []string{"b"}, []string{"s"}
		if _, err := operators.BindJoin(c.join, expr.NewOptions()); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %s", name, err, c.says)
		}
	}
}

// Orders get the name of their seller; those without one keep their place.
func ExampleStaticJoin() {
	one, two := int64(1), int64(2)
	static := &sellers{ids: []*int64{&one}}
	plan, err := operators.BindJoin(operators.Join{Type: operators.LeftJoin, Stream: bids, Static: sellerColumns, Using: []string{"auction"}}, expr.NewOptions())
	if err != nil {
		fmt.Println(err)
		return
	}
	join := operators.NewStaticJoin(operators.NewStaticSide(static, plan.StaticKeys), plan)
	err = join.Open(&operators.Context{})
	if err == nil {
		err = join.Prepare(1)(context.Background())
	}
	if err == nil {
		err = join.Process(bidRows(nil, []bid{{auction: &one, text: "a"}, {auction: &two, text: "b"}}), 0, printer{})
	}
	fmt.Println(err)
	// Output:
	// {"auction":1,"price":null,"at":"1970-01-01T00:00:00.000000Z","text":"a","seller":"s0"}
	// {"auction":2,"price":null,"at":"1970-01-01T00:00:00.000000Z","text":"b","seller":null}
	// <nil>
}

// Tasks share the table while versions come and go under them.
func TestStaticSideIsSafeForConcurrentUse(t *testing.T) {
	pool := batch.NewPoolOf(batch.NewAccount("test", 0))
	one := int64(1)
	static := &growing{}
	plan, err := operators.BindJoin(operators.Join{Stream: bids, Static: sellerColumns, Using: []string{"auction"}}, expr.NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	side := operators.NewStaticSide(static, plan.StaticKeys)
	failed := make(chan error, 4)
	for range cap(failed) {
		go func() {
			join := operators.NewStaticJoin(side, plan)
			err := join.Open(&operators.Context{Pool: pool})
			for epoch := int64(1); epoch <= 50 && err == nil; epoch++ {
				if err = join.Prepare(epoch)(context.Background()); err == nil {
					in := bidRows(pool, []bid{{auction: &one, price: &one}})
					err = join.Process(in, 0, discard{})
					in.Release()
				}
			}
			_ = join.Close()
			failed <- err
		}()
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	if pool.Lent() != 0 || pool.Account().Used() != 0 {
		t.Fatalf("%d columns, %d bytes are left", pool.Lent(), pool.Account().Used())
	}
}

// growing is a table with another version, of another size, each time somebody asks. It is asked by one at a time.
type growing struct{ sellers }

func (g *growing) Newest(context.Context) (int64, error) {
	g.version++
	one := int64(1)
	g.ids = append(g.ids, &one)
	return g.version, nil
}
