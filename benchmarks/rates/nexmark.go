package rates

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"

	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/benchmarks/nexmark"
	"github.com/deltaic/deltaic/benchmarks/nexmark/inputs"
	"github.com/deltaic/deltaic/benchmarks/nexmark/recompute"
	"github.com/deltaic/deltaic/benchmarks/nexmark/suite"
	"github.com/deltaic/deltaic/benchmarks/trial"
	"github.com/deltaic/deltaic/connectors/memory"
)

// bids is the events of one run, which several cases read.
type bids struct {
	events  nexmark.Options
	columns *memory.Source
	duck    *anchors.Queries // nil: not installed
	queries []string
	expect  []recompute.Outcome // of queries
}

// newBids makes the events, what the queries must say of them, and DuckDB's copy.
func newBids(ctx context.Context, events nexmark.Options, queries []string) (b *bids, err error) {
	b = &bids{events: events, queries: queries}
	if b.expect, err = recompute.All(queries, events, recompute.Options{}); err != nil {
		return nil, err
	}
	if b.columns, err = inputs.Columns(events); err != nil {
		return nil, err
	}
	b.columns.Finish()
	dir, err := os.MkdirTemp("", "deltaic-rates-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b.duck, err = anchors.NewQueries(ctx, dir, events)
	return b, err
}

func (b *bids) close() error {
	if b == nil || b.duck == nil {
		return nil
	}
	return b.duck.Close()
}

// subject returns a query over the events as a case.
func (b *bids) subject(name, query string, o *Options) *subject {
	expected := b.expect[slices.Index(b.queries, query)]
	s := &subject{name: name, events: b.events.Events}
	s.run = func(ctx context.Context) (trial.Run, error) {
		r, err := suite.Run(ctx, suite.Options{Query: query, Input: b.columns, Events: b.events.Events, TPS: b.events.TPS, Seed: b.events.Seed, Clock: "event",
			Parallelism: o.Parallelism, Epoch: o.Epoch})
		if err != nil {
			return trial.Run{}, err
		}
		if !reflect.DeepEqual(r.Result, map[string]any(expected.Result)) || r.Late != expected.Late {
			s.faults = append(s.faults, fmt.Sprintf("%s: %v with %d late rows, it should be %v with %d", name, r.Result, r.Late, expected.Result, expected.Late))
		}
		return trial.Run{Seconds: r.Seconds, CPU: r.CPU, PeakRSS: r.PeakRSS, StateRows: r.StateRows, StateBytes: r.StateBytes, Epochs: r.Epochs, Late: r.Late}, nil
	}
	if b.duck == nil || !b.duck.Knows(query) {
		return s
	}
	s.rival = func() (float64, error) {
		a, err := b.duck.Ask(query)
		if rows, counts := expected.Result["rows"].(int64); counts && expected.Late == 0 && rows != a.Rows && err == nil {
			s.faults = append(s.faults, fmt.Sprintf("%s: DuckDB has %d rows, it should have %d", name, a.Rows, rows))
		}
		return a.CPU, err
	}
	return s
}

// closeAll ends the DuckDBs of several runs.
func closeAll(runs ...*bids) error {
	var problems []error
	for _, b := range runs {
		problems = append(problems, b.close())
	}
	return errors.Join(problems...)
}
