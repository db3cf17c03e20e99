package deltaic_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
)

// numbers is a flow over rows of n that come later; it fails at 0.
func numbers(name string) (*stream.Flow, *memory.Source, *memory.Sink) {
	flow, in, out := stream.New(name), memory.NewSource(batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true}), 1), memory.NewSink(name)
	flow.From("in", in).ExpectOrFail("not_zero", "n <> 0").To("out", out, stream.Append)
	return flow, in, out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestQueriesOfOneProcess: names differ while they are taken, a query that fails leaves the others alone, and waiting for any
// query begins anew when it is told to.
func TestQueriesOfOneProcess(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	streams := deltaic.NewStreams(deltaic.StreamsOptions{})
	first, firstIn, firstOut := numbers("first")
	second, secondIn, _ := numbers("second")
	a, err := streams.Start(ctx, first)
	must(t, err)
	b, err := streams.Start(ctx, second)
	must(t, err)
	again, _, _ := numbers("second")
	if _, err := streams.Start(ctx, again); err == nil || !strings.Contains(err.Error(), "STREAMING_QUERY_NAME_TAKEN") {
		t.Fatalf("a name was given twice: %v", err)
	}
	must(t, firstIn.AddRows(0, []any{1}))
	must(t, a.ProcessAllAvailable(ctx))
	if all := streams.Active(); len(all) != 2 || all[0] != a || all[1] != b || streams.Get("second") != b || streams.Get(a.ID()) != a || streams.Get(b.RunID()) != b || streams.Get("") != nil {
		t.Errorf("active: %v", all)
	}
	must(t, secondIn.AddRows(0, []any{0}))
	if err := streams.AwaitAny(ctx); err == nil || !strings.Contains(err.Error(), "not_zero") {
		t.Errorf("waited for any: %v, want the failure of the second", err)
	}
	must(t, firstIn.AddRows(0, []any{2}))
	must(t, a.ProcessAllAvailable(ctx))
	if rows := firstOut.Rows(); fmt.Sprint(rows) != `[{"n":1} {"n":2}]` || streams.Get("second") != nil {
		t.Errorf("beside a query that failed: %v", rows)
	}
	streams.ResetTerminated()
	short, done := context.WithTimeout(ctx, time.Millisecond)
	defer done()
	if err := streams.AwaitAny(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waited for any with none ended since: %v", err)
	}
	b, err = streams.Start(ctx, again) // the name is free
	must(t, err)
	must(t, streams.Stop(ctx))
	must(t, streams.AwaitAny(ctx))
	if a.IsActive() || b.IsActive() || len(streams.Active()) != 0 {
		t.Error("a query is active after all were stopped")
	}
}

// TestQueriesShareMemory: limits come out of the manager's, and go back when a query ends.
func TestQueriesShareMemory(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	streams := deltaic.NewStreams(deltaic.StreamsOptions{MemoryLimit: 400 << 20})
	start := func(name string, options ...stream.Option) (*stream.Query, error) {
		flow, _, _ := numbers(name)
		return streams.Start(ctx, flow, options...)
	}
	a, err := start("a", stream.MemoryLimit(250<<20))
	must(t, err)
	_, err = start("b") // a quarter
	must(t, err)
	if _, err := start("c", stream.MemoryLimit(100<<20)); err == nil || !strings.Contains(err.Error(), "MEMORY_LIMIT_TAKEN") {
		t.Fatalf("more memory than there is: %v", err)
	}
	_, err = start("d") // what is left
	must(t, err)
	if _, err := start("e"); err == nil || !strings.Contains(err.Error(), "MEMORY_LIMIT_TAKEN") {
		t.Fatalf("memory where none is left: %v", err)
	}
	must(t, a.Stop(ctx))
	must(t, streams.AwaitAny(ctx))
	_, err = start("c", stream.MemoryLimit(100<<20))
	must(t, err)
	must(t, streams.Stop(ctx))
}

// TestAnEndedQueryTakesUpNothing: who has seen a query end may start it again at once.
func TestAnEndedQueryTakesUpNothing(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	streams := deltaic.NewStreams(deltaic.StreamsOptions{MemoryLimit: 64 << 20})
	for range 100 {
		flow, _, _ := numbers("again")
		q, err := streams.Start(ctx, flow, stream.Once(), stream.MemoryLimit(64<<20))
		must(t, err)
		must(t, q.AwaitTermination(ctx))
	}
}

// TestListenersHearInOrder: what happens to a query is told in order, by ID; a listener that hangs, panics or is slow changes nothing for
// the query nor for other listeners; and a query without rows is said to be idle.
func TestListenersHearInOrder(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	streams := deltaic.NewStreams(deltaic.StreamsOptions{IdleAfter: 5 * time.Millisecond})
	heard, idle, hang := make(chan string, 1000), make(chan string, 1000), make(chan struct{})
	defer close(hang)
	streams.AddListener(ctx, deltaic.Listener{Started: func(deltaic.QueryStarted) { <-hang }})
	streams.AddListener(ctx, deltaic.Listener{Progress: func(stream.Progress) { panic("listener") }})
	streams.AddListener(ctx, deltaic.Listener{
		Started:  func(e deltaic.QueryStarted) { heard <- "started " + e.Query.Name() },
		Progress: func(p stream.Progress) { heard <- fmt.Sprintf("%s: %d rows", p.Name, p.NumInputRows) },
		Idle:     func(e deltaic.QueryIdle) { idle <- e.Query.Name() },
		Terminated: func(e deltaic.QueryTerminated) {
			heard <- fmt.Sprintf("ended %s: %v", e.Query.Name(), e.Exception != nil && strings.Contains(e.Exception.Message, "not_zero"))
		},
	})
	remove := streams.AddListener(ctx, deltaic.Listener{Started: func(deltaic.QueryStarted) { t.Error("a listener that was removed is told") }})
	remove()
	flow, in, out := numbers("heard")
	q, err := streams.Start(ctx, flow)
	must(t, err)
	for range 3 {
		must(t, in.AddRows(0, []any{1}))
		must(t, q.ProcessAllAvailable(ctx))
	}
	if name := <-idle; name != "heard" {
		t.Errorf("%s is idle", name)
	}
	must(t, in.AddRows(0, []any{0}))
	if err := q.AwaitTermination(ctx); err == nil {
		t.Error("it did not fail")
	}
	for _, want := range []string{"started heard", "heard: 1 rows", "heard: 1 rows", "heard: 1 rows", "ended heard: true"} {
		select {
		case got := <-heard:
			if got != want {
				t.Errorf("%s, want %s", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("never heard: %s", want)
		}
	}
	if out.Len() != 3 {
		t.Errorf("%d rows beside listeners that hang and panic", out.Len())
	}
}

func ExampleStreams() {
	ctx := context.Background()
	streams, ended := deltaic.NewStreams(deltaic.StreamsOptions{MemoryLimit: 1 << 30}), make(chan struct{})
	streams.AddListener(ctx, deltaic.Listener{
		Progress:   func(p stream.Progress) { fmt.Println(p.Name, p.NumInputRows) },
		Terminated: func(e deltaic.QueryTerminated) { fmt.Println("ended", e.Query.Name()); close(ended) },
	})
	flow, in, _ := numbers("orders")
	if err := in.AddRows(0, []any{1}, []any{2}); err != nil {
		fmt.Println(err)
	}
	if _, err := streams.Start(ctx, flow, stream.AvailableNow()); err != nil {
		fmt.Println(err)
	}
	if err := streams.AwaitAny(ctx); err != nil {
		fmt.Println(err)
	}
	<-ended
	// Output:
	// orders 2
	// ended orders
}
