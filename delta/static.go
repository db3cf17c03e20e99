package delta

import (
	"context"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// Static is a table as the other side of a join: its newest version in each
// epoch, or always the same one. It satisfies operators.Static.
type Static struct {
	table  *Table
	fixed  int64 // -1: the newest
	schema *batch.Schema
}

// OpenStatic opens the table in a folder; version is the one that is read, -1 for the newest.
func OpenStatic(ctx context.Context, path string, version int64) (*Static, error) {
	t, exists, err := SinkAt(path, SinkOptions{}).Open(ctx)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "DELTA_TABLE_NOT_FOUND", Path: path, Message: "there is no Delta table to join with", Hint: "create it first: its columns must be known"}
	}
	s, err := t.SnapshotAt(ctx, version)
	if err != nil {
		return nil, err
	}
	return &Static{table: t, fixed: version, schema: s.Schema}, nil
}

// Schema returns the columns that the table had when it was opened.
func (s *Static) Schema() *batch.Schema { return s.schema }

// Newest returns the version to read.
func (s *Static) Newest(ctx context.Context) (int64, error) {
	if s.fixed >= 0 {
		return s.fixed, nil
	}
	head, err := s.table.Head(ctx)
	if err != nil {
		return 0, err
	}
	return head.Version, nil
}

// Read calls f with the rows of a version, in the columns of Schema. A version that lacks one of them,
// or has it with another type, ends the attempt.
func (s *Static) Read(ctx context.Context, version int64, _ *batch.Pool, f func(*batch.Batch) error) error {
	snapshot, err := s.table.SnapshotAt(ctx, version)
	if err != nil {
		return err
	}
	names := make([]string, len(s.schema.Fields))
	for i, column := range s.schema.Fields {
		names[i] = column.Name
		if at := snapshot.Schema.IndexFold(column.Name); at < 0 || !snapshot.Schema.Fields[at].Type.Equal(column.Type) {
			return s.table.failure(supervision.Fatal, "DELTA_SCHEMA_CHANGED", version, "the flow joins with column %s %s, and the table has (%s)", column.Name, column.Type, snapshot.Schema)
		}
	}
	for b, err := range snapshot.Scan(ctx, ScanOptions{Columns: names}) {
		if err != nil {
			return err
		}
		err = f(b)
		b.Release()
		if err != nil {
			return err
		}
	}
	return nil
}
