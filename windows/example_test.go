package windows_test

import (
	"fmt"
	"math"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
	"github.com/deltaic/deltaic/windows"
)

// printer is an output that shows its rows.
type printer struct{}

func (printer) Emit(b *batch.Batch) error {
	defer b.Release()
	for i := range b.Rows() {
		fmt.Println(string(batch.AppendRowJSON(nil, b, b.Row(i))))
	}
	return nil
}

func (printer) EmitTo(_ int, b *batch.Batch) error { return printer{}.Emit(b) }

func (printer) Advance(int64) error { return nil }

func (printer) Reject(*batch.Batch, []operators.Rejected) error { return nil }

func (printer) Late(in *batch.Batch, rows []int32, _ int64) error {
	for _, r := range rows {
		fmt.Println("late:", string(batch.AppendRowJSON(nil, in, int(r))))
	}
	return nil
}

// orders has a time, an amount and a customer.
var orders = batch.NewSchema(batch.Field{Name: "at", Type: batch.TimestampType}, batch.Field{Name: "amount", Type: batch.BigIntType},
	batch.Field{Name: "customer", Type: batch.BigIntType})

func order(at, amount int64) *batch.Batch {
	t, a, c := batch.NewBuilder(batch.TimestampType, nil), batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.BigIntType, nil)
	t.Int64(at * 60_000_000)
	a.Int64(amount)
	c.Int64(7)
	return batch.NewBatch(orders, 1, t.Finish(), a.Finish(), c.Finish())
}

// run feeds orders to a windowed aggregate, then moves the watermark to minute 15 and to the end.
func run(spec windows.Spec, keys []int, items ...string) error {
	bound, err := spec.Bind(orders, expr.NewOptions())
	if err != nil {
		return err
	}
	o := windows.Options{Window: bound, Keys: keys}
	if o.Plan, err = agg.Bind(items, o.Groups(orders), orders, agg.Options{Options: expr.NewOptions()}); err != nil {
		return err
	}
	operator, err := windows.NewAggregate(orders, o)
	if err != nil {
		return err
	}
	state, err := persistence.NewStore(persistence.Options{Step: "sums", Groups: 256, Hi: 256})
	if err != nil {
		return err
	}
	c := &operators.Context{Step: "sums", State: state, KeyGroups: 256}
	c.Wanted[operators.PortFinal] = true
	if err := operator.Open(c); err != nil {
		return err
	}
	for _, minute := range []int64{1, 4, 12, 8} {
		if err := operator.Process(order(minute, 10*minute), 0, printer{}); err != nil {
			return err
		}
	}
	for _, watermark := range []int64{15 * 60_000_000, math.MaxInt64} {
		fmt.Println("--")
		if err := operator.Advance(watermark, printer{}); err != nil {
			return err
		}
	}
	return operator.Close()
}

// A window is told when the watermark has passed its end.
func ExampleTumbling() {
	fmt.Println(run(windows.Tumbling(10*time.Minute).On("at"), []int{}, "sum(amount) AS total"))
	// Output:
	// --
	// {"window":{"start":"1970-01-01T00:00:00.000000Z","end":"1970-01-01T00:10:00.000000Z"},"total":130}
	// --
	// {"window":{"start":"1970-01-01T00:10:00.000000Z","end":"1970-01-01T00:20:00.000000Z"},"total":120}
	// <nil>
}

// A row is in each window that holds its time.
func ExampleSliding() {
	fmt.Println(run(windows.Sliding(10*time.Minute, 5*time.Minute).On("at"), []int{}, "count(*) AS n", "max(amount) AS most"))
	// Output:
	// --
	// {"window":{"start":"1969-12-31T23:55:00.000000Z","end":"1970-01-01T00:05:00.000000Z"},"n":2,"most":40}
	// {"window":{"start":"1970-01-01T00:00:00.000000Z","end":"1970-01-01T00:10:00.000000Z"},"n":3,"most":80}
	// {"window":{"start":"1970-01-01T00:05:00.000000Z","end":"1970-01-01T00:15:00.000000Z"},"n":2,"most":120}
	// --
	// {"window":{"start":"1970-01-01T00:10:00.000000Z","end":"1970-01-01T00:20:00.000000Z"},"n":1,"most":120}
	// <nil>
}

// A session lasts until no row has come for the gap, whatever the order in which they come.
func ExampleSession() {
	fmt.Println(run(windows.Session(5*time.Minute).On("at"), []int{2}, "count(*) AS n", "sum(amount) AS total"))
	// Output:
	// --
	// --
	// {"session_window":{"start":"1970-01-01T00:01:00.000000Z","end":"1970-01-01T00:17:00.000000Z"},"customer":7,"n":4,"total":250}
	// <nil>
}

// The gap may be another for each row. A session that lasts longer than it may is an error that names its key.
func ExampleSessionExpr() {
	spec := windows.SessionExpr("CASE WHEN amount >= 80 THEN '1 minute' ELSE '10 minutes' END").On("at")
	fmt.Println(run(spec, []int{2}, "count(*) AS n"))
	fmt.Println(run(spec.AtMost(12*time.Minute), []int{2}, "count(*) AS n"))
	// Output:
	// --
	// {"session_window":{"start":"1970-01-01T00:01:00.000000Z","end":"1970-01-01T00:14:00.000000Z"},"customer":7,"n":4}
	// --
	// <nil>
	// step sums: STREAMING_SESSION_TOO_LONG: key {"customer":7}: its session has lasted longer than 12 minutes
}

// A window may go by the clock: a row's time is then that of its epoch, and no watermark is needed.
func ExampleSpec_OnProcessingTime() {
	spec := windows.Tumbling(time.Minute).OnProcessingTime()
	fmt.Println(spec.Kind(), spec.Processing(), spec.Column())
	// Output: tumbling true window
}

// Parse tells windows from plain expressions.
func ExampleParse() {
	for _, item := range []string{"window(at, '10 minutes', '5 minutes') AS w", "session_window(at, '30 seconds')", "region"} {
		spec, ok, err := windows.Parse(item)
		fmt.Println(ok, err)
		if ok {
			fmt.Println(spec.Kind(), spec.SQL(), spec.Column())
		}
	}
	// Output:
	// true <nil>
	// sliding window(at, '10 minutes', '5 minutes') w
	// true <nil>
	// session session_window(at, '30 seconds') session_window
	// false <nil>
}
