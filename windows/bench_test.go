package windows_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
	"github.com/deltaic/deltaic/windows"
)

// discard is an output that counts the rows that it gets.
type discard struct{ rows int }

func (d *discard) Emit(b *batch.Batch) error { d.rows += b.Rows(); b.Release(); return nil }

func (d *discard) EmitTo(_ int, b *batch.Batch) error { return d.Emit(b) }

func (d *discard) Advance(int64) error { return nil }

func (d *discard) Late(*batch.Batch, []int32, int64) error { return nil }

func (d *discard) Reject(*batch.Batch, []operators.Rejected) error { return nil }

var bids = batch.NewSchema(batch.Field{Name: "auction", Type: batch.BigIntType}, batch.Field{Name: "price", Type: batch.BigIntType},
	batch.Field{Name: "at", Type: batch.TimestampType})

// feed is a windowed aggregate under load: rate rows come per second of event time.
type feed struct {
	operator operators.Operator
	pool     *batch.Pool
	out      discard
	random   *rand.Rand
	keys     int64
	rate, n  int64
}

func newFeed(b testing.TB, spec windows.Spec, keys, rate int64, items ...string) *feed {
	f := &feed{pool: batch.NewPool(), random: rand.New(rand.NewPCG(1, 2)), keys: keys, rate: rate}
	bound, err := spec.On("at").Bind(bids, expr.NewOptions())
	if err != nil {
		b.Fatal(err)
	}
	o := windows.Options{Window: bound, Keys: []int{0}, At: 1}
	if o.Plan, err = agg.Bind(items, o.Groups(bids), bids, agg.Options{Options: expr.NewOptions()}); err != nil {
		b.Fatal(err)
	}
	if f.operator, err = windows.NewAggregate(bids, o); err != nil {
		b.Fatal(err)
	}
	store, err := persistence.NewStore(persistence.Options{Step: "hop", Groups: 256, Hi: 256, Pool: f.pool})
	if err != nil {
		b.Fatal(err)
	}
	c := &operators.Context{Step: "hop", Pool: f.pool, State: store, KeyGroups: 256}
	c.Wanted[operators.PortFinal] = true
	if err := f.operator.Open(c); err != nil {
		b.Fatal(err)
	}
	return f
}

// batch makes the next 4096 rows.
func (f *feed) batch() *batch.Batch {
	const n = 4096
	auction, price, at := f.pool.NewColumn(batch.BigIntType, n), f.pool.NewColumn(batch.BigIntType, n), f.pool.NewColumn(batch.TimestampType, n)
	for i := range n {
		auction.I64[i], price.I64[i] = f.random.Int64N(f.keys), f.random.Int64N(1000)
		at.I64[i] = f.n * 1_000_000 / f.rate
		f.n++
	}
	return batch.NewBatch(bids, n, auction, price, at)
}

func (f *feed) run(b *testing.B, in *batch.Batch) {
	if err := f.operator.Process(in, 0, &f.out); err != nil {
		b.Fatal(err)
	}
	watermark := in.Columns[2].I64[in.N-1] - 4_000_000
	in.Release()
	if err := f.operator.Advance(watermark, &f.out); err != nil {
		b.Fatal(err)
	}
}

func benchmark(b *testing.B, spec windows.Spec, keys, rate, warm int64, items ...string) {
	f := newFeed(b, spec, keys, rate, items...)
	for f.n < warm*rate {
		f.run(b, f.batch())
	}
	f.out.rows = 0
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		in := f.batch()
		b.StartTimer()
		f.run(b, in)
	}
	b.ReportMetric(float64(b.N)*4096/b.Elapsed().Seconds()/1e6, "Mrows/s")
	b.ReportMetric(float64(f.out.rows)/float64(b.N)/4096, "out/row")
}

// Windows of ten minutes cost a row what those of one minute cost.
func BenchmarkHop(b *testing.B) {
	for _, c := range []struct {
		name string
		size time.Duration
	}{{"60s", time.Minute}, {"600s", 10 * time.Minute}} {
		for _, items := range [][]string{{"count(*) AS n", "sum(price) AS total"}, {"count(*) AS n", "sum(price) AS total", "max(price) AS most"}} {
			name := c.name + "/inverts"
			if len(items) == 3 {
				name = c.name + "/stacks"
			}
			b.Run(name, func(b *testing.B) {
				benchmark(b, windows.Sliding(c.size, time.Second), 10_000, 10_000, int64(c.size/time.Second)+20, items...)
			})
		}
	}
}

// Nexmark q5: how often each auction was bid on.
func BenchmarkQ5(b *testing.B) {
	benchmark(b, windows.Sliding(10*time.Second, 2*time.Second), 5_000, 100_000, 20, "count(*) AS num")
}

// Nexmark q11: bids of each bidder until it pauses.
func BenchmarkQ11(b *testing.B) {
	benchmark(b, windows.Session(10*time.Second), 50_000, 100_000, 40, "count(*) AS num")
}

// One tumbling window for a thousand keys.
func BenchmarkTumble(b *testing.B) {
	benchmark(b, windows.Tumbling(10*time.Second), 1000, 100_000, 20, "count(*) AS num", "max(price) AS most")
}

// How many bidders each of a thousand auctions has had, every second of ten.
func BenchmarkDistinctHop(b *testing.B) {
	benchmark(b, windows.Sliding(10*time.Second, time.Second), 1000, 100_000, 20, "count(DISTINCT price) AS prices")
}
