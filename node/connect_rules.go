package node

import (
	"context"

	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/node/flowfile"
	"github.com/deltaic/deltaic/stream"
)

// rules reads the expectations of a table. Like the columns of static tables they have to be known before the flow runs.
func rules(o flowfile.RulesOptions) ([]stream.Expectation, error) {
	ctx := context.Background()
	table, err := openTable(o.Path)
	if err != nil {
		return nil, err
	}
	s, err := table.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return stream.ExpectationsOf(s.Scan(ctx, delta.ScanOptions{}), o.Tags...)
}
