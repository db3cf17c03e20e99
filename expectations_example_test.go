package deltaic_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
)

// Rules of four gravities over the same rows (DLT-6 to DLT-9): each is counted, null violates, and a row gets the gravest that it earns.
func Example_expectations() {
	flow, in, silver, aside := stream.New("rules"), timed(), memory.NewSink("silver"), memory.NewSink("quarantine")
	flow.Quarantine(aside).From("in", in).As("parsed").
		Expectations(
			stream.Expectation{Name: "paid", Constraint: "n > 0", OnViolation: stream.Drop},
			stream.Expectation{Name: "known", Constraint: "k IS NOT NULL", OnViolation: stream.Quarantine},
			stream.Expectation{Name: "is_b", Constraint: "k = 'b'"}).
		Select("k", "n").To("silver", silver, stream.Append)
	q := stepwise(flow, func() { addAll(in, []any{"a", 5, 0}, []any{"a", -5, 1}, []any{nil, 5, 2}, []any{"b", nil, 3}) })
	fmt.Println(string(q.LastProgress().ObservedMetrics["parsed-expect"]))
	fmt.Println(silver.Rows(), aside.Len(), "in quarantine")
	// Output:
	// {"dropped_records":2,"quarantined_records":1,"expectations":[{"name":"paid","dataset":"parsed","passed_records":2,"failed_records":2,"on_violation":"drop"},{"name":"known","dataset":"parsed","passed_records":3,"failed_records":1,"on_violation":"quarantine"},{"name":"is_b","dataset":"parsed","passed_records":1,"failed_records":3,"on_violation":"warn"}]}
	// [{"k":"a","n":5}] 1 in quarantine
}

// Spark's observe(): named aggregates of each epoch (MON-11).
func Example_observe() {
	flow, in, sink := stream.New("observed"), timed(), memory.NewSink("out")
	flow.From("in", in).Observe("intake", "count(*) AS n", "avg(n) AS mean").To("out", sink, stream.Append)
	q := stepwise(flow, func() { addAll(in, []any{"a", 5, 0}, []any{"b", 7, 1}) })
	fmt.Println(string(q.LastProgress().ObservedMetrics["intake"]))
	// Output: {"n":2,"mean":6}
}

// Rules that lie in a table, for many flows, by tag (DLT-11). Here the rows are made; Snapshot.Scan gives those of a Delta table.
func Example_rulesOfATable() {
	text := func(name string) batch.Field { return batch.Field{Name: name, Type: batch.StringType, Nullable: true} }
	table := batch.NewSchema(text("name"), text("constraint"), text("tag"), text("on_violation"))
	rows, err := memory.Build(table, []any{"paid", "n > 0", "validity", "drop"}, []any{"fresh", "ts > '2026-01-01'", "freshness", nil})
	if err != nil {
		panic(err)
	}
	rules, err := stream.ExpectationsOf(func(yield func(*batch.Batch, error) bool) { yield(rows, nil) }, "validity")
	fmt.Println(rules, err)
	// Output: [{paid n > 0 drop 0}] <nil>
}

// Rules over whole tables are rules behind an aggregate: a primary key that is there once (SLIDE-66), and two tables that have as many
// rows (SLIDE-65).
func Example_expectationsOfTables() {
	flow, sink := stream.New("unique"), memory.NewSink("out")
	flow.From("in", timed([]any{"a", 1, 0}, []any{"b", 1, 1}, []any{"a", 1, 2})).GroupBy("k").Agg("keys", "count(*) AS n").
		ExpectOrFail("unique", "n = 1").To("out", sink, stream.Update)
	folder, err := os.MkdirTemp("", "unique")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(filepath.Clean(folder))
	fmt.Println(failureOf(flow, folder))
	// Output: EXPECTATION_VIOLATION unique: (n = 1) is false: {"k":"a","n":2}
}

// failureOf runs a flow that fails.
func failureOf(flow *stream.Flow, folder string) string {
	q, err := deltaic.Start(context.Background(), flow, stream.AvailableNow(), stream.CheckpointLocation(folder))
	if err == nil {
		err = q.AwaitTermination(context.Background())
	}
	var f *supervision.Failure
	if !errors.As(err, &f) {
		return fmt.Sprint(err)
	}
	return f.Class + " " + f.Message
}
