package windows

import (
	"cmp"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
)

// writer makes the output of groups of windows.
type writer struct {
	plan         *agg.Plan
	accumulators *agg.Accumulators
	pool         *batch.Pool
	step         string
	window       batch.Type
	at           int // where the window's column is among the group columns
	schema       *batch.Schema
	groups       *batch.Schema // group columns without the window
	expression   expr.Context
	small        *batch.Appender // of PortFinal: many windows of few groups make one batch
}

// most is how many rows a batch that is emitted has at most.
const most = 4096

// large is from how many rows on a batch is worth to be emitted alone.
const large = 1024

// span is the bounds of rows' windows: start and end of each, or of all if there is one.
type bounds struct{ start, end []int64 }

// column returns the window's column of n rows.
func (w *writer) column(b bounds, n int) *batch.Column {
	c := w.pool.NewColumn(w.window, n)
	for i, values := range [][]int64{b.start, b.end} {
		to := c.Kids[i].I64
		if len(values) == n {
			copy(to, values)
			continue
		}
		for k := range to {
			to[k] = values[0]
		}
	}
	return c
}

// result computes the output of groups: their keys, whose references it takes over, their windows,
// and their accumulators, which are borrowed. Rows of which the output fails are not in the batch's selection; they are
// rejected unless quiet.
func (w *writer) result(keys []*batch.Column, b bounds, p *agg.Partial, quiet bool, out operators.Output) (*batch.Batch, error) {
	results, err := w.accumulators.Finish(p)
	if err != nil {
		err = failure(err, w.step, w.groups, keys)
		release(keys)
		return nil, err
	}
	inner := w.accumulators.Intermediate(p.N, slices.Insert(keys, w.at, w.column(b, p.N)), results)
	defer inner.Release()
	w.expression.Reset()
	columns, err := w.accumulators.Project(&w.expression, inner)
	if err != nil {
		return nil, err
	}
	made := batch.NewBatch(w.schema, p.N, columns...)
	if len(w.expression.Rejected) == 0 {
		return made, nil
	}
	made.Sel = survivors(&w.expression, inner)
	if quiet {
		return made, nil
	}
	if err := reject(&w.expression, inner, out); err != nil {
		made.Release()
		return nil, err
	}
	return made, nil
}

// emit passes results on by a port; few of PortFinal are gathered until flush.
func (w *writer) emit(b *batch.Batch, port int, out operators.Output) error {
	n := b.Rows()
	if n == 0 {
		b.Release()
		return nil
	}
	if port != operators.PortFinal || n >= large {
		return out.EmitTo(port, b)
	}
	defer b.Release()
	if w.small == nil {
		w.small = batch.NewAppender(w.schema, w.pool, most, 0)
	}
	return w.small.Append(b, out.Emit)
}

// flush emits what emit has gathered.
func (w *writer) flush(out operators.Output) error {
	if w.small == nil || w.small.Len() == 0 {
		return nil
	}
	return out.Emit(w.small.Flush())
}

func (w *writer) close() {
	if w.small != nil {
		w.small.Release()
	}
}

// reject hands over the rows that failed since the context was reset.
func reject(c *expr.Context, in *batch.Batch, out operators.Output) error {
	if len(c.Rejected) == 0 {
		return nil
	}
	rows := make([]operators.Rejected, 0, len(c.Rejected)) // the output's to keep
	for _, r := range c.Rejected {
		rows = append(rows, operators.Rejected{Row: r.Row, Rule: r.Rule, Class: r.Class, Message: r.Message, Raw: r.Raw})
	}
	slices.SortFunc(rows, func(a, b operators.Rejected) int { return cmp.Compare(a.Row, b.Row) })
	return out.Reject(in, rows)
}

// survivors returns the rows of in that did not fail.
func survivors(c *expr.Context, in *batch.Batch) []int32 {
	bad := make(batch.Bitmap, batch.BitmapWords(in.N))
	for _, r := range c.Rejected {
		bad.Set(int(r.Row))
	}
	rows := make([]int32, 0, in.Rows())
	for i := range in.Rows() {
		if r := in.Row(i); !bad.Get(r) {
			rows = append(rows, int32(r))
		}
	}
	return rows
}
