package stream_test

import (
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/stream"
)

// A table of rules that goes on and on is refused before memory ends.
func TestATableOfTooManyRules(t *testing.T) {
	schema := batch.NewSchema(batch.Field{Name: "name", Type: batch.StringType}, batch.Field{Name: "constraint", Type: batch.StringType})
	read := 0
	_, err := stream.ExpectationsOf(func(yield func(*batch.Batch, error) bool) {
		for ; read < 100_000; read++ {
			name, rule := batch.NewBuilder(batch.StringType, nil), batch.NewBuilder(batch.StringType, nil)
			name.String("a")
			rule.String("true")
			if !yield(batch.NewBatch(schema, 1, name.Finish(), rule.Finish()), nil) {
				return
			}
		}
	})
	if err == nil || !strings.Contains(err.Error(), "1000") || read > 1000 {
		t.Errorf("after %d rows: %v", read, err)
	}
}
