package flows

import (
	"context"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
)

// dimension is a static table of keys and weights.
type dimension struct {
	schema *batch.Schema
	rows   [][]any
}

// newDimension has so many rows: every second key twice and every third one not at all, and a null.
func newDimension(rows int) *dimension {
	t := &dimension{schema: batch.NewSchema(batch.Field{Name: "k", Type: batch.StringType, Nullable: true}, batch.Field{Name: "w", Type: batch.BigIntType})}
	t.rows = append(t.rows, []any{nil, int64(-1)})
	for i := 0; len(t.rows) < rows; i++ {
		if i%3 == 2 {
			continue
		}
		k := fmt.Sprintf("k%d", i)
		t.rows = append(t.rows, []any{k, int64(i % 50)})
		if i%2 == 0 {
			t.rows = append(t.rows, []any{k, int64(i%50) - 30})
		}
	}
	return t
}

func (t *dimension) Schema() *batch.Schema                 { return t.schema }
func (t *dimension) Newest(context.Context) (int64, error) { return 1, nil }

func (t *dimension) Read(_ context.Context, _ int64, _ *batch.Pool, f func(*batch.Batch) error) error {
	b, err := memory.Build(t.schema, t.rows...)
	if err != nil {
		return err
	}
	defer b.Release()
	return f(b)
}

// values are the rows in SQL.
func (t *dimension) values() string {
	var all []string
	for _, r := range t.rows {
		k := "NULL"
		if r[0] != nil {
			k = fmt.Sprintf("'%s'", r[0])
		}
		all = append(all, fmt.Sprintf("(%s, %d)", k, r[1]))
	}
	return strings.Join(all, ", ")
}
