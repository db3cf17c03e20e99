package fold

import (
	"iter"

	"github.com/deltaic/deltaic/batch"
)

// Batches folds the rows of a table, which it releases. Without rows it returns no columns.
func Batches(checks []Check, rows iter.Seq2[*batch.Batch, error]) (map[string]any, error) {
	s := New(checks)
	for b, err := range rows {
		if err != nil {
			return nil, err
		}
		if s.schema == nil {
			if s.bound, err = bind(checks, b.Schema); err != nil {
				return nil, err
			}
			s.schema = b.Schema
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
