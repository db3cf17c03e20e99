package actors

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/topology"
)

// output is a task's end of an edge: a channel to every task it may send to.
type output struct {
	kind    topology.EdgeKind
	keys    []int   // columns, for a hash edge
	owner   []int32 // by key group: index of targets
	targets []target
	clocked bool  // a watermark travels on the edge
	told    int64 // the watermark sent last

	hashes  []uint64
	scatter *batch.Scatterer
}

// send passes a batch on and takes over its references. Rows that no
// selection names stay behind: what travels is dense.
func (o *output) send(pool *batch.Pool, attempt int64, b *batch.Batch, out *Effects) {
	if b.Rows() == 0 {
		b.Release()
		return
	}
	if o.kind == topology.Rebalance || len(o.targets) == 1 || len(o.keys) == 0 { // without keys all rows are of key group 0
		dense := b
		if b.Sel != nil {
			dense = b.Compact(pool)
			b.Release()
		}
		o.targets[0].put(attempt, dense, out)
		return
	}
	if mutant.On(mutant.LatenessLost) && attempt > 2 {
		b.Behind = nil
	}
	keys := make([]*batch.Column, len(o.keys))
	for i, k := range o.keys {
		keys[i] = b.Columns[k]
	}
	o.hashes = batch.Hash(keys, b.N, o.hashes)
	if o.scatter == nil {
		o.scatter = batch.NewScatterer(len(o.targets))
	}
	for i, part := range o.scatter.ByHash(pool, b, o.hashes, o.owner) {
		if part != nil {
			o.targets[i].put(attempt, part, out)
		}
	}
	b.Release()
}

// blocked reports whether a channel has batches that no credit lets go.
func (o *output) blocked() bool {
	for i := range o.targets {
		if len(o.targets[i].pending) > 0 {
			return true
		}
	}
	return false
}
