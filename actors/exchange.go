package actors

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/topology"
)

// output is a task's end of an edge: a channel to every task it may send to.
type output struct {
	kind    topology.EdgeKind
	keys    []int   // columns, for a hash edge
	owner   []int32 // by key group: index of targets
	targets []target

	hashes []uint64
	rows   [][]int32 // scratch: physical rows by target
}

// send passes a batch on and takes over its references. Rows that no
// selection names stay behind: what travels is dense.
func (o *output) send(pool *batch.Pool, attempt int64, b *batch.Batch, out *Effects) {
	if b.Rows() == 0 {
		b.Release()
		return
	}
	if o.kind == topology.Rebalance || len(o.targets) == 1 {
		dense := b
		if b.Sel != nil {
			dense = b.Compact(pool)
			b.Release()
		}
		o.targets[0].put(attempt, dense, out)
		return
	}
	o.scatter(b)
	for i := range o.targets {
		if rows := o.rows[i]; len(rows) == b.N {
			o.targets[i].put(attempt, b.Retain(), out)
		} else if len(rows) > 0 {
			o.targets[i].put(attempt, b.Gather(pool, rows), out)
		}
	}
	b.Release()
}

// scatter fills o.rows with the physical rows that go to each target.
func (o *output) scatter(b *batch.Batch) {
	keys := make([]*batch.Column, len(o.keys))
	for i, k := range o.keys {
		keys[i] = b.Columns[k]
	}
	o.hashes = batch.Hash(keys, b.N, o.hashes)
	if o.rows == nil {
		o.rows = make([][]int32, len(o.targets))
	}
	for i := range o.rows {
		o.rows[i] = o.rows[i][:0]
	}
	groups := len(o.owner)
	if b.Sel == nil {
		for row, h := range o.hashes[:b.N] {
			to := o.owner[batch.KeyGroup(h, groups)]
			o.rows[to] = append(o.rows[to], int32(row))
		}
		return
	}
	for _, row := range b.Sel {
		to := o.owner[batch.KeyGroup(o.hashes[row], groups)]
		o.rows[to] = append(o.rows[to], row)
	}
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
