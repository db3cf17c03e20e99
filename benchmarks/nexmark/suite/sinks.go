package suite

import (
	"context"
	"fmt"
	"reflect"

	"github.com/deltaic/deltaic/benchmarks/nexmark/fold"
	"github.com/deltaic/deltaic/benchmarks/nexmark/recompute"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
)

// output is a sink with the way to what it holds in the end.
type output struct {
	sink   connectors.Sink
	result func(context.Context) (map[string]any, error)
}

func (q *query) sink(o *Options) (*output, error) {
	switch o.Sink {
	case "delta":
		options := delta.SinkOptions{Keys: q.keys}
		table := delta.SinkAt(o.Out, options)
		return &output{sink: table, result: func(ctx context.Context) (map[string]any, error) { return q.table(ctx, table) }}, nil
	case "csv":
		return q.csv(o)
	}
	black := fold.New(q.checks)
	return &output{sink: black, result: func(context.Context) (map[string]any, error) { return black.Result(), nil }}, nil
}

// table folds the rows of the newest version.
func (q *query) table(ctx context.Context, s *delta.Sink) (map[string]any, error) {
	t, exists, err := s.Open(ctx)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, fmt.Errorf("%s wrote no table", q.name)
	}
	snapshot, err := t.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return fold.Batches(q.checks, snapshot.Schema, snapshot.Scan(ctx, delta.ScanOptions{}))
}

// verify compares the result with a recomputation from the generator's records.
func (r *Result) verify(o *Options) error {
	want, err := recompute.Run(o.Query, o.events(), recompute.Options{NoEnd: o.NoEnd})
	if err != nil {
		return err
	}
	same := reflect.DeepEqual(map[string]any(want), r.Result)
	r.Verified = &same
	if !same {
		r.Expected = want
	}
	return nil
}
