package agg

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/persistence/state"
)

// Results computes the results of these state rows: a column a call. A
// *RowError names the index among rows.
func (a *Accumulators) Results(seg *state.Segment, rows []uint32) ([]*batch.Column, error) {
	p := a.Export(seg, rows)
	defer a.Free(p)
	return a.Finish(p)
}

// Finish computes the results of a partial's rows.
func (a *Accumulators) Finish(p *Partial) ([]*batch.Column, error) {
	columns := make([]*batch.Column, 0, len(a.plan.Calls))
	for _, c := range a.plan.Calls {
		column, err := c.finish(a.pool, p)
		if err != nil {
			for _, c := range columns {
				c.Release()
			}
			return nil, err
		}
		columns = append(columns, column)
	}
	return columns, nil
}

// Intermediate joins group columns and results into the batch that [Accumulators.Project] reads. It takes over
// their references.
func (a *Accumulators) Intermediate(n int, groups, results []*batch.Column) *batch.Batch {
	return batch.NewBatch(a.plan.inner, n, append(append(make([]*batch.Column, 0, len(groups)+len(results)), groups...), results...)...)
}

// Project computes the output of an intermediate batch, which is borrowed. Rows
// that failed are in ctx.Rejected.
func (a *Accumulators) Project(ctx *expr.Context, in *batch.Batch) ([]*batch.Column, error) {
	return expr.EvalAll(ctx, a.finals, in)
}

// Groups returns the number of rows of each group: only if the plan counts them.
func (a *Accumulators) Groups(seg *state.Segment, rows []uint32, counts []int64) []int64 {
	a.cells.ofSegment(a.plan, seg)
	w := a.cells.words[a.plan.rows]
	for _, r := range rows {
		counts = append(counts, int64(*w.at(r)))
	}
	return counts
}

// nullable calls value for each row that has a count above 0, if there is a
// count, and makes the others null.
func nullable(t batch.Type, p *batch.Pool, from *Partial, count int, value func(b *batch.Builder, i int) error) (*batch.Column, error) {
	b := batch.NewBuilder(t, p)
	defer b.Release()
	for i := range from.N {
		if count >= 0 && from.words[count][i] == 0 {
			b.Null()
			continue
		}
		if err := value(b, i); err != nil {
			return nil, err
		}
	}
	return b.Finish(), nil
}

// wordResult is the finish of a value that is the result in its ordered form.
func wordResult(t batch.Type, at, count int) finish {
	return func(p *batch.Pool, from *Partial) (*batch.Column, error) {
		if t.Kind != batch.BigInt && t.Kind != batch.Timestamp && t.Kind != batch.TimestampNTZ && t.Kind != batch.DayTime {
			return nullable(t, p, from, count, func(b *batch.Builder, i int) error {
				appendOrdered(b, from.words[at][i])
				return nil
			})
		}
		c := p.NewColumn(t, from.N)
		for i, v := range from.words[at] {
			c.I64[i] = int64(v)
		}
		if count >= 0 {
			for i, n := range from.words[count] {
				if n == 0 {
					c.NewValid().Clear(i)
					c.I64[i] = 0
				}
			}
		}
		return c, nil
	}
}

// wide returns the 128 bits at two values.
func (p *Partial) wide(at, i int) batch.Int128 {
	return batch.Int128{Hi: int64(p.words[at+1][i]), Lo: p.words[at][i]}
}

// textResult is the finish of a text behind a byte that says that there is one.
func textResult(t batch.Type, at, count int) finish {
	return func(p *batch.Pool, from *Partial) (*batch.Column, error) {
		return nullable(t, p, from, count, func(b *batch.Builder, i int) error {
			if v := from.bytes[at].at(uint32(i)); len(v) > 0 {
				b.Bytes(v[1:])
			} else {
				b.Null()
			}
			return nil
		})
	}
}
