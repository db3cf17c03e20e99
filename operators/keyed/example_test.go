package keyed_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/keyed"
	"github.com/deltaic/deltaic/persistence"
)

type click struct {
	User string
	At   time.Time
}

type quiet struct {
	User   string
	Clicks int64
}

// sessions tells how often a user clicked, when nothing has come from the user for a minute of event time.
type sessions struct {
	keyed.Base[string, quiet]
	clicks *keyed.Value[int64]
}

// Init opens the count of clicks.
func (s *sessions) Init(h *keyed.Handle) (err error) {
	s.clicks, err = keyed.NewValue[int64](h, "clicks", 0)
	return err
}

// Input counts, and sets the timer anew.
func (s *sessions) Input(_ string, rows []click, c *keyed.Call[quiet]) error {
	n, _ := s.clicks.Get()
	s.clicks.Set(n + int64(len(rows)))
	for _, t := range c.Timers(keyed.EventTime) {
		c.DeleteTimer(t)
	}
	c.SetTimer(keyed.Timer{Clock: keyed.EventTime, At: rows[len(rows)-1].At.Add(time.Minute)})
	return nil
}

// Timer tells the count and begins anew.
func (s *sessions) Timer(user string, _ keyed.Timer, c *keyed.Call[quiet]) error {
	n, _ := s.clicks.Get()
	s.clicks.Clear()
	c.Emit(quiet{user, n})
	return nil
}

// A user who has been quiet for a minute is told with the number of clicks.
func ExampleNew() {
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	in := encode(nil, click{"ann", at(0)}, click{"bob", at(5)}, click{"ann", at(30)})
	op, err := keyed.New(in.Schema, keyed.Options{Keys: []int{0}, Time: 1}, &sessions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	state, _ := persistence.NewStore(persistence.Options{Step: "sessions", Groups: 256, Hi: 256})
	out := &screen{}
	err = op.Open(&operators.Context{Step: "sessions", State: state, KeyGroups: 256, Hi: 256, Epoch: &operators.Epoch{}})
	if err == nil {
		err = op.Process(in, 0, out)
	}
	if err == nil {
		err = op.Advance(at(89).UnixMicro(), out) // the watermark
	}
	fmt.Println(out.rows, err)
	// Output: [0 {"user":"bob","clicks":1}] <nil>
}

// BenchmarkInput counts clicks of 100 000 users, with a timer that each click moves.
func BenchmarkInput(b *testing.B) {
	pool := batch.NewPool()
	var batches []*batch.Batch
	for k := range 64 {
		rows := make([]click, 4096)
		for i := range rows {
			n := int64(k*4096 + i)
			rows[i] = click{fmt.Sprint("user", n*7919%100_000), time.UnixMicro(n)}
		}
		batches = append(batches, encode(pool, rows...))
	}
	op, err := keyed.New(batches[0].Schema, keyed.Options{Keys: []int{0}, Time: 1}, &sessions{})
	if err != nil {
		b.Fatal(err)
	}
	state, err := persistence.NewStore(persistence.Options{Step: "sessions", Groups: 256, Hi: 256, Pool: pool})
	if err != nil {
		b.Fatal(err)
	}
	if err := op.Open(&operators.Context{Step: "sessions", Pool: pool, State: state, KeyGroups: 256, Hi: 256, Epoch: &operators.Epoch{}}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if err := op.Process(batches[i%len(batches)], 0, &screen{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*4096/b.Elapsed().Seconds()/1e6, "Mrows/s")
}

// pages keeps of each user which pages were seen, in order and how often.
type pages struct {
	keyed.Base[string, report]
	order *keyed.List[string]
	times *keyed.Map[string, int64]
}

type view struct {
	User, Page string
}

type report struct {
	User  string
	Order []string
	Home  int64
	Pages int64
}

// Init opens a list and a map; what is untouched for a day is forgotten.
func (p *pages) Init(h *keyed.Handle) (err error) {
	if p.order, err = keyed.NewList[string](h, "order", 24*time.Hour); err == nil {
		p.times, err = keyed.NewMap[string, int64](h, "times", 24*time.Hour)
	}
	return err
}

// Initial begins with pages that are known from elsewhere.
func (p *pages) Initial(_ string, row view, _ *keyed.Call[report]) error {
	p.order.Append(row.Page)
	p.times.Put(row.Page, 1)
	return nil
}

// Input notes the pages and reports.
func (p *pages) Input(user string, rows []view, c *keyed.Call[report]) error {
	for _, r := range rows {
		n, seen := p.times.Get(r.Page)
		if p.times.Put(r.Page, n+1); !seen {
			p.order.Append(r.Page)
		}
	}
	out := report{User: user, Order: p.order.All()}
	out.Home, _ = p.times.Get("home")
	for range p.times.All() {
		out.Pages++
	}
	if _, known := c.Watermark(); !known { // no event time here
		c.Emit(out)
	}
	return nil
}

// before is a table with what was seen before the flow began.
type before struct{}

func (before) Schema() *batch.Schema {
	return batch.NewSchema(batch.Field{Name: "user", Type: batch.StringType}, batch.Field{Name: "page", Type: batch.StringType})
}

func (before) Newest(context.Context) (int64, error) { return 0, nil }

func (b before) Read(_ context.Context, _ int64, pool *batch.Pool, f func(*batch.Batch) error) error {
	rows := encode(pool, view{"ann", "home"})
	defer rows.Release()
	return f(rows)
}

// A list, a map and an initial state by key.
func ExampleNewWithInitial() {
	in := encode(nil, view{"ann", "shop"}, view{"ann", "home"}, view{"bob", "help"})
	op, err := keyed.NewWithInitial[string, view, report, view](in.Schema, keyed.Options{Keys: []int{0}, Time: -1, Initial: before{}}, &pages{})
	if err != nil {
		fmt.Println(err)
		return
	}
	state, _ := persistence.NewStore(persistence.Options{Step: "pages", Groups: 256, Hi: 256})
	out := &screen{}
	err = op.Open(&operators.Context{Step: "pages", State: state, KeyGroups: 256, Hi: 256, Epoch: &operators.Epoch{}})
	if p, is := op.(operators.Preparer); err == nil && is {
		err = p.Prepare(1)(context.Background())
	}
	if err == nil {
		err = op.Process(in, 0, out)
	}
	for _, r := range out.rows {
		fmt.Println(r)
	}
	fmt.Println(err)
	// Output:
	// 0 {"user":"ann","order":["home","shop"],"home":2,"pages":2}
	// 0 {"user":"bob","order":["help"],"home":0,"pages":1}
	// <nil>
}
