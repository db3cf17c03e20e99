package agg

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
)

// Import makes row rows[i] of the segment hold what row i of the partial holds,
// whatever it held: it undoes what came after an [Accumulators.Export].
func (a *Accumulators) Import(seg *state.Segment, rows []uint32, from *Partial) {
	a.cells.ofSegment(a.plan, seg)
	for v, column := range a.plan.values {
		if column.Type.Kind == batch.Binary {
			for i, r := range rows {
				a.cells.texts[v].set(r, from.bytes[v].at(uint32(i)))
			}
			continue
		}
		w := &a.cells.words[v]
		for i, r := range rows {
			*w.at(r) = from.words[v][i]
		}
	}
}

// Counts returns the number of rows of each group of the partial: only if the plan counts them.
func (a *Accumulators) Counts(p *Partial) []uint64 { return p.words[a.plan.rows][:p.N] }
