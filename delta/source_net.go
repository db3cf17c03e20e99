package delta

import (
	"context"

	"github.com/deltaic/deltaic/batch"
)

// netRows is how many rows that came with a version are kept in mind, as 16 bytes of their digest, to be held against those that went.
const netRows = 1 << 20

// net tells of a version without change files only the rows that are not both in what went and in what came: a file that was rewritten for one
// row is that row before and after. Rows are the same if the wanted columns are; of equal rows as many are left out as are on both sides.
//
// It reads what came twice and what went once. A version with more rows than netRows is first summed up by ranges of digests, of which
// only those that differ count then; if too many differ their rows are told as they are, those that are on both sides with them. So memory is
// bounded whatever a version holds.
type net struct {
	r      *sourceRows
	pieces []sourcePiece // what went comes before what came
	most   int64
	ranges *digestRanges // nil: all count
	came   *rowCounts    // nil: nothing is left out of the ranges that count
	sums   [][2]uint64
}

// newNet returns what tells a version's pieces net, nil if there is nothing to hold against each other.
func newNet(pieces []sourcePiece) []sourcePiece {
	went, came := 0, 0
	for i := range pieces {
		switch p := &pieces[i]; {
		case p.skip:
		case p.kind == pieceDelete:
			went++
		default:
			came++
		}
	}
	if went == 0 || came == 0 {
		return pieces
	}
	all := sourcePiece{net: pieces}
	for i := range pieces {
		if p := &pieces[i]; !p.skip {
			all.rows += p.rows
			all.add.Size += p.add.Size
		}
	}
	return []sourcePiece{all}
}

// files returns how many files the piece is of.
func (p *sourcePiece) files() (n int64) {
	for i := range p.net {
		if !p.net[i].skip {
			n++
		}
	}
	return max(n, 1)
}

// readNet gives the rows of a version that changed, those that went first, until give returns false.
func (r *sourceRows) readNet(ctx context.Context, c *sourceCommit, version int64, p *sourcePiece, give func(sourceFound) bool) bool {
	n := &net{r: r, pieces: p.net, most: r.s.netRows}
	defer n.release()
	if err := n.count(ctx); err != nil {
		return give(sourceFound{err: err})
	}
	rows, goesOn := int64(0), true
	for _, came := range []bool{false, true} {
		err := n.each(ctx, came, func(p *sourcePiece, b *batch.Batch) bool {
			n.choose(b, came)
			if len(b.Sel) == 0 {
				b.Release()
				return true
			}
			out, _, err := r.make(b, c, version, p)
			rows += int64(len(b.Sel))
			goesOn = give(sourceFound{b: out, row: rows, err: err})
			return goesOn && err == nil
		})
		if err != nil {
			return give(sourceFound{err: err})
		}
		if !goesOn {
			return false
		}
	}
	return true
}

// each gives the batches of what came, or of what went, until take returns false. They belong to take.
func (n *net) each(ctx context.Context, came bool, take func(p *sourcePiece, b *batch.Batch) bool) (err error) {
	for i := range n.pieces {
		p := &n.pieces[i]
		if p.skip || (p.kind != pieceDelete) != came {
			continue
		}
		goesOn := n.r.t.readPiece(ctx, n.r.rows, n.r.feed, &p.piece, 0, func(rows pieceRows, e error) bool {
			if err = e; err != nil {
				return false
			}
			return take(p, rows.b)
		})
		if !goesOn {
			return err
		}
	}
	return nil
}

// summed gives the digests of the rows on one side.
func (n *net) summed(ctx context.Context, came bool, take func(sums [][2]uint64) bool) error {
	return n.each(ctx, came, func(_ *sourcePiece, b *batch.Batch) bool {
		n.sums = batch.RowSums(b, n.sums)
		b.Release()
		return take(n.sums)
	})
}

// count learns which rows came.
func (n *net) count(ctx context.Context) error {
	expected := int64(0) // by statistics, which may say anything
	for i := range n.pieces {
		if p := &n.pieces[i]; !p.skip && p.kind != pieceDelete {
			expected += p.rows
		}
	}
	if expected > n.most {
		n.ranges = newDigestRanges(n.r.o.Pool, n.most)
		for _, came := range []bool{false, true} {
			if err := n.summed(ctx, came, func(sums [][2]uint64) bool { n.ranges.add(sums, came); return true }); err != nil {
				return err
			}
		}
		if n.ranges.differing() > n.most {
			return nil
		}
	}
	n.came = newRowCounts(n.r.o.Pool)
	return n.summed(ctx, true, func(sums [][2]uint64) bool {
		for _, sum := range sums {
			if n.ranges.differs(sum) {
				n.came.add(sum)
			}
		}
		if int64(n.came.used) > n.most {
			n.came.release()
			n.came = nil
		}
		return n.came != nil
	})
}

// choose selects the rows of a batch that the other side lacks. What went is asked first, and takes what came out of mind.
func (n *net) choose(b *batch.Batch, came bool) {
	n.sums = batch.RowSums(b, n.sums)
	sel := make([]int32, 0, len(n.sums))
	for i, sum := range n.sums {
		if n.ranges.differs(sum) && (n.came == nil || n.came.take(sum) == came) {
			sel = append(sel, int32(b.Row(i)))
		}
	}
	b.Sel = sel
}

func (n *net) release() {
	n.came.release()
	n.ranges.release()
}

// rowCounts counts rows by their digest, in an open table.
type rowCounts struct {
	pool *batch.Pool
	keys [2]*batch.Column
	n    *batch.Column // 0: free; else one more than rows
	used int
}

func newRowCounts(pool *batch.Pool) *rowCounts {
	c := &rowCounts{pool: pool}
	c.grow(1 << 10)
	return c
}

func (c *rowCounts) grow(size int) {
	old := *c
	c.keys = [2]*batch.Column{c.pool.NewColumn(batch.BigIntType, size), c.pool.NewColumn(batch.BigIntType, size)}
	c.n = c.pool.NewColumn(batch.IntType, size)
	clear(c.n.I32)
	if old.n == nil {
		return
	}
	for i, n := range old.n.I32 {
		if n > 0 {
			at := c.find([2]uint64{uint64(old.keys[0].I64[i]), uint64(old.keys[1].I64[i])})
			c.keys[0].I64[at], c.keys[1].I64[at], c.n.I32[at] = old.keys[0].I64[i], old.keys[1].I64[i], n
		}
	}
	old.release()
}

// find returns where a digest is, or would be.
func (c *rowCounts) find(sum [2]uint64) int {
	mask := len(c.n.I32) - 1
	for at := int(sum[1]) & mask; ; at = (at + 1) & mask {
		if c.n.I32[at] == 0 || uint64(c.keys[0].I64[at]) == sum[0] && uint64(c.keys[1].I64[at]) == sum[1] {
			return at
		}
	}
}

func (c *rowCounts) add(sum [2]uint64) {
	at := c.find(sum)
	if c.n.I32[at] > 0 {
		c.n.I32[at]++
		return
	}
	c.keys[0].I64[at], c.keys[1].I64[at], c.n.I32[at] = int64(sum[0]), int64(sum[1]), 2
	if c.used++; c.used > len(c.n.I32)/4*3 {
		c.grow(2 * len(c.n.I32))
	}
}

// take takes a row out, and reports whether it was there.
func (c *rowCounts) take(sum [2]uint64) bool {
	at := c.find(sum)
	if c.n.I32[at] < 2 {
		return false
	}
	c.n.I32[at]--
	return true
}

func (c *rowCounts) release() {
	if c == nil {
		return
	}
	for _, column := range []*batch.Column{c.keys[0], c.keys[1], c.n} {
		column.Release()
	}
}

// digestRanges are sums of digests by range: of those that came, less those that went. Where a range holds the same rows on
// both sides its sum is 0, and of other rows no sum of 128 bits is, as far as one can tell.
type digestRanges struct {
	sums [2]*batch.Column // least significant first
	came *batch.Column    // rows
}

func newDigestRanges(pool *batch.Pool, rows int64) *digestRanges {
	size := 1
	for int64(size) < max(rows/2, 1) {
		size *= 2
	}
	r := &digestRanges{sums: [2]*batch.Column{pool.NewColumn(batch.BigIntType, size), pool.NewColumn(batch.BigIntType, size)}, came: pool.NewColumn(batch.IntType, size)}
	clear(r.sums[0].I64)
	clear(r.sums[1].I64)
	clear(r.came.I32)
	return r
}

func (r *digestRanges) of(sum [2]uint64) int { return int(sum[0]>>32) & (r.came.N - 1) }

func (r *digestRanges) add(sums [][2]uint64, came bool) {
	for _, sum := range sums {
		at := r.of(sum)
		low, high := uint64(r.sums[0].I64[at]), uint64(r.sums[1].I64[at])
		if came {
			now := low + sum[0]
			high += sum[1]
			if now < low {
				high++
			}
			low = now
			r.came.I32[at]++
		} else {
			if low < sum[0] {
				high--
			}
			low, high = low-sum[0], high-sum[1]
		}
		r.sums[0].I64[at], r.sums[1].I64[at] = int64(low), int64(high)
	}
}

// differs reports whether the range of a digest holds other rows on one side than on the other.
func (r *digestRanges) differs(sum [2]uint64) bool {
	if r == nil {
		return true
	}
	at := r.of(sum)
	return r.sums[0].I64[at] != 0 || r.sums[1].I64[at] != 0
}

// differing returns how many rows came in ranges that differ.
func (r *digestRanges) differing() (rows int64) {
	for i, n := range r.came.I32 {
		if r.sums[0].I64[i] != 0 || r.sums[1].I64[i] != 0 {
			rows += int64(n)
		}
	}
	return rows
}

func (r *digestRanges) release() {
	if r == nil {
		return
	}
	for _, column := range []*batch.Column{r.sums[0], r.sums[1], r.came} {
		column.Release()
	}
}
