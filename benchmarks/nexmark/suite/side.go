package suite

import (
	"context"
	"strconv"

	"github.com/deltaic/deltaic/batch"
)

// side is q13's table: 10,000 keys, the value of each its digits.
type side struct{}

const sideRows = 10_000

func (side) Schema() *batch.Schema {
	return batch.NewSchema(batch.Field{Name: "key", Type: batch.BigIntType}, batch.Field{Name: "value", Type: batch.StringType})
}

func (side) Newest(context.Context) (int64, error) { return 1, nil }

func (s side) Read(_ context.Context, _ int64, pool *batch.Pool, f func(*batch.Batch) error) error {
	keys, values := batch.NewBuilder(batch.BigIntType, pool), batch.NewBuilder(batch.StringType, pool)
	for i := range sideRows {
		keys.Int64(int64(i))
		values.String(strconv.Itoa(i))
	}
	b := batch.NewBatch(s.Schema(), sideRows, keys.Finish(), values.Finish())
	defer b.Release()
	return f(b)
}
