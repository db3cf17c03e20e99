package typed

import (
	"iter"

	"github.com/deltaic/deltaic/batch"
)

// Values gives the rows of batches of the schema as values of T, one by one: what
// foreachBatch hands to its function, for one. An error ends it. Strings and slices are copies and may be kept.
func Values[T any](s *batch.Schema, batches iter.Seq2[*batch.Batch, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		d, err := NewDecoder[T](s)
		if err != nil {
			yield(none, err)
			return
		}
		var values []T
		for b, err := range batches {
			if err != nil {
				yield(none, err)
				return
			}
			values = d.Decode(b, values[:0])
			for _, v := range values {
				if !yield(v, nil) {
					return
				}
			}
		}
	}
}
