package log

import (
	"context"
	"fmt"
	"math"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/objstore"
)

// checkpointRows is how many actions are held in memory while a checkpoint is written.
const checkpointRows = 4096

// checkpointFile is one file of a checkpoint that is being written.
type checkpointFile struct {
	name    string
	object  objstore.Writer
	parquet *parquet.Writer
	rows    *checkpointBuilder
	actions int64
	adds    int64
}

// checkpointFile begins a file. It is there when close has returned nil, and not before.
func (l *Log) checkpointFile(ctx context.Context, name string, schema *batch.Schema, o *CheckpointOptions) (*checkpointFile, error) {
	rows := newCheckpointBuilder(schema, l.Pool)
	var err error
	if rows.stats, err = newStatsColumns(o.Stats, l.Pool); err != nil {
		return nil, err
	}
	if rows.stats != nil {
		rows.schema = rows.stats.schema(schema)
	}
	w, err := l.Store.Create(ctx, name)
	if err != nil {
		return nil, err
	}
	p, err := parquet.NewWriter(w, rows.schema, parquet.WriterOptions{RowGroupBytes: 16 << 20})
	if err != nil {
		w.Abort()
		return nil, err
	}
	return &checkpointFile{name: name, object: w, parquet: p, rows: rows}, nil
}

// put adds an action.
func (f *checkpointFile) put(a *Action) error {
	if err := storable(a); err != nil {
		return err
	}
	f.rows.append(a)
	f.actions++
	if a.Add != nil {
		f.adds++
	}
	if f.rows.n < checkpointRows {
		return nil
	}
	return f.rows.flush(f.parquet)
}

// storable refuses what the columns of a checkpoint cannot hold: they are narrower than the numbers of a commit.
func storable(a *Action) error {
	path, d := "", (*DeletionVector)(nil)
	switch {
	case a.Add != nil:
		path, d = a.Add.Path, a.Add.DeletionVector
	case a.Remove != nil:
		path, d = a.Remove.Path, a.Remove.DeletionVector
	}
	if d == nil {
		return nil
	}
	if d.Offset != nil && (*d.Offset < 0 || *d.Offset > math.MaxInt32) || d.SizeInBytes < 0 || d.SizeInBytes > math.MaxInt32 {
		return fmt.Errorf("the deletion vector of file %s has an offset or a size that no checkpoint can hold: they are of 32 bits", path)
	}
	return nil
}

// close makes the file durable.
func (f *checkpointFile) close() error {
	if err := f.rows.flush(f.parquet); err != nil {
		return err
	}
	if err := f.parquet.Close(); err != nil {
		return err
	}
	return f.object.Close()
}

// discard gives back what the file holds; nothing becomes visible unless it was closed.
func (f *checkpointFile) discard() {
	f.parquet.Discard()
	f.rows.release()
	f.object.Abort()
}
