package operators

import (
	"bytes"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
)

// SortKey is one expression that rows are ordered by.
type SortKey struct {
	By    *expr.Bound
	Order batch.Order
}

// Sort orders the rows of each epoch: ORDER BY of a complete result, which comes anew in
// every epoch. Rows that are equal stay in the order in which they came. It keeps an epoch's rows
// in memory until the flush and no state beyond it, and runs in one task.
type Sort struct {
	evaluation
	schema *batch.Schema
	keys   []SortKey
	rows   *batch.Appender
	form   keyForm
	sorted []int32
}

// sortRows bounds the rows of one batch that Sort emits.
const sortRows = 4096

// NewSort returns the operator for an input with this schema.
func NewSort(s *batch.Schema, keys []SortKey) *Sort { return &Sort{schema: s, keys: keys} }

// Open makes room for an epoch's rows.
func (s *Sort) Open(c *Context) error {
	s.rows = batch.NewAppender(s.schema, c.Pool, 0, 0)
	return s.evaluation.Open(c)
}

// Process keeps the rows for the flush.
func (s *Sort) Process(in *batch.Batch, _ int, out Output) error {
	if in.Rows() == 0 {
		return nil
	}
	if err := insertsOnly(in, s.Context.Step, "sort"); err != nil {
		return err
	}
	s.begin()
	columns, err := s.form.eval(&s.expression, s.keys, in)
	if err != nil {
		return err
	}
	defer releaseAll(columns)
	if err := s.reject(in, out); err != nil {
		return err
	}
	kept := in.Retain()
	defer kept.Release()
	kept.Kinds, kept.Sel = nil, s.survivors(in)
	for i := range kept.Rows() {
		s.form.add(columns, s.keys, kept.Row(i))
	}
	return s.rows.Append(kept, nil)
}

// Flush emits the epoch's rows in order.
func (s *Sort) Flush(out Output) error {
	all := s.rows.Flush()
	if all == nil {
		return nil
	}
	defer all.Release()
	s.sorted = s.sorted[:0]
	for i := range all.N {
		s.sorted = append(s.sorted, int32(i))
	}
	slices.SortStableFunc(s.sorted, func(a, b int32) int { return bytes.Compare(s.form.key(a), s.form.key(b)) })
	s.form.reset()
	for from := 0; from < len(s.sorted); from += sortRows {
		piece := all.Gather(s.Context.Pool, s.sorted[from:min(len(s.sorted), from+sortRows)])
		if err := out.Emit(piece); err != nil {
			return err
		}
	}
	return nil
}

// Close gives back what was not flushed.
func (s *Sort) Close() error {
	s.rows.Release()
	return nil
}

// keyForm is the keys of rows in the form that compares as bytes.
type keyForm struct {
	data   []byte
	ends   []int
	bounds []*expr.Bound
}

// eval returns the columns of the keys for a batch.
func (f *keyForm) eval(c *expr.Context, keys []SortKey, in *batch.Batch) ([]*batch.Column, error) {
	f.bounds = f.bounds[:0]
	for _, k := range keys {
		f.bounds = append(f.bounds, k.By)
	}
	return expr.EvalAll(c, f.bounds, in)
}

// add adds the key of a row.
func (f *keyForm) add(columns []*batch.Column, keys []SortKey, row int) {
	for i, c := range columns {
		f.data = batch.AppendSortKey(f.data, c, row, keys[i].Order)
	}
	f.ends = append(f.ends, len(f.data))
}

// key returns the i-th key.
func (f *keyForm) key(i int32) []byte {
	from := 0
	if i > 0 {
		from = f.ends[i-1]
	}
	return f.data[from:f.ends[i]]
}

func (f *keyForm) reset() { f.data, f.ends = f.data[:0], f.ends[:0] }

func releaseAll(columns []*batch.Column) {
	for _, c := range columns {
		c.Release()
	}
}
