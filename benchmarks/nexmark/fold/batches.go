package fold

import (
	"iter"

	"github.com/deltaic/deltaic/batch"
)

// Batches folds the rows of a table, which it releases. Without rows all sums are 0.
func Batches(checks []Check, schema *batch.Schema, rows iter.Seq2[*batch.Batch, error]) (map[string]any, error) {
	s := New(checks)
	bound, err := bind(checks, schema)
	if err != nil {
		return nil, err
	}
	s.bound, s.schema = bound, schema
	for b, err := range rows {
		if err != nil {
			return nil, err
		}
		err := s.total.add(s.bound, b)
		b.Release()
		if err != nil {
			return nil, err
		}
	}
	for i := range s.total.values {
		s.total.values[i].settle()
	}
	return s.Result(), nil
}
