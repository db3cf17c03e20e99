package expr

import (
	"errors"

	"github.com/deltaic/deltaic/batch"
)

// The bounds of one result column: offsets are 32 bits wide, and a batch is to stay in memory. A row that would begin beyond them makes
// the batch crowded: it is computed again in halves, so that no row fails for what its neighbours hold.
const (
	maxColumn         = 256 << 20 // bytes of texts
	maxColumnElements = 16 << 20  // of lists
	maxJoined         = 1 << 30   // of either, where halves are put together again
)

// ErrCrowded is of a batch whose results are too large for one, if Context.Halves is set: the caller goes on with its halves, each by itself.
var ErrCrowded = errors.New("the results of the batch are too large for one")

// crowd notes that the row's result does not go with those before it; the kernel makes it null.
func (r *run) crowd() {
	if !r.crowded {
		r.crowded, r.crowder = true, r.rule
	}
	r.failed = r.failed || r.folding
}

// crowded reports whether texts or lists of a builder, or below it, have reached their bound.
func crowded(b *batch.Builder) bool {
	if len(b.Column().Data) > maxColumn {
		return true
	}
	for _, k := range b.Kids {
		if b.Type().Kind != batch.Struct && k.Len() > maxColumnElements || crowded(k) {
			return true
		}
	}
	return false
}

// halves computes the batch in two and puts the results together: for callers that cannot go on by halves. Beyond a size that offsets
// could not bear, the rows of the second half fail.
func halves(ctx *Context, bounds []*Bound, in *batch.Batch) ([]*batch.Column, error) {
	middle := in.N / 2
	var parts [2][]*batch.Column
	defer func() { release(parts[0]); release(parts[1]) }()
	for i, from := range []int{0, middle} {
		half := in.Slice(ctx.Pool, from, []int{middle, in.N}[i])
		defer half.Release()
		sub := &Context{Pool: ctx.Pool, Now: ctx.Now, Zone: ctx.Zone, decoders: ctx.decoders, records: ctx.records}
		columns, err := EvalAll(sub, bounds, half)
		if err != nil {
			return nil, err
		}
		parts[i] = columns
		ctx.decoders, ctx.records = sub.decoders, sub.records
		for _, e := range sub.Rejected {
			ctx.reject(from+int(e.Row), e.Rule, e.Class, e.Message, e.Raw)
		}
	}
	out := make([]*batch.Column, 0, len(bounds))
	for k, first := range parts[0] {
		b := batch.NewBuilder(first.Type, ctx.Pool)
		b.AppendRows(first, upTo(first.N))
		if second := parts[1][k]; largest(first)+largest(second) <= maxJoined {
			b.AppendRows(second, upTo(second.N))
		} else {
			for i := range second.N {
				b.Null()
				if !second.IsNull(i) {
					ctx.reject(middle+i, bounds[k].root.name, "COLLECTION_SIZE_LIMIT_EXCEEDED", "the texts or lists of the batch exceed 1 GiB", nil)
				}
			}
		}
		out = append(out, b.Finish())
		b.Release()
	}
	return out, nil
}

func upTo(n int) []int32 {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

// largest is the size of the largest buffer of texts or list of elements.
func largest(c *batch.Column) int {
	n := len(c.Data)
	for _, k := range c.Kids {
		n = max(n, k.N, largest(k))
	}
	return n
}

// forget takes back what was rejected since there were n.
func (c *Context) forget(n int) {
	for _, e := range c.Rejected[n:] {
		c.seen.Clear(int(e.Row))
	}
	clear(c.Rejected[n:])
	c.Rejected = c.Rejected[:n]
}
