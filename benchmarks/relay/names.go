package relay

import (
	"context"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/local"
)

// makeNames makes the table that rows are joined with.
func makeNames(ctx context.Context, path string) error {
	store, err := local.New(path, local.Options{})
	if err != nil {
		return err
	}
	schema := batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType}, batch.Field{Name: "name", Type: batch.StringType})
	t, err := delta.Create(ctx, store, delta.CreateOptions{Schema: schema}, delta.Options{})
	if err != nil {
		return err
	}
	pool := batch.NewPool()
	ids, names := batch.NewBuilder(batch.BigIntType, pool), batch.NewBuilder(batch.StringType, pool)
	for id := range uint64(hosts) {
		ids.Int64(int64(id))
		names.String(nameOf(id))
	}
	rows := batch.NewBatch(schema, hosts)
	rows.Columns = append(rows.Columns, ids.Finish(), names.Finish())
	x, err := t.Begin(ctx, delta.WriteOptions{})
	if err != nil {
		return err
	}
	if err := x.Write(ctx, rows); err != nil {
		return err
	}
	_, err = x.Commit(ctx)
	return err
}
