package operators

import (
	"bytes"
	"math/bits"

	"github.com/deltaic/deltaic/batch"
)

// grouper numbers the groups of the rows of one batch.
type grouper struct {
	rows   []uint32 // group by physical row
	first  []int32  // physical row that began each group
	count  []int32  // rows of each group
	hashes []uint64 // of each group that can be joined
	slots  []uint32 // groups plus one, by the upper bits of the hash
	shift  int
}

// begin forgets the groups, and makes room for count rows among n.
func (g *grouper) begin(n, count int) {
	if cap(g.rows) < n {
		g.rows = make([]uint32, n)
	}
	g.rows, g.first, g.count, g.hashes = g.rows[:n], g.first[:0], g.count[:0], g.hashes[:0]
	size := 1 << bits.Len(uint(2*count))
	if cap(g.slots) < size {
		g.slots = make([]uint32, size)
	}
	g.slots = g.slots[:size]
	clear(g.slots)
	g.shift = 64 - bits.TrailingZeros(uint(size))
}

// join gives a row the group of its key.
func (g *grouper) join(hash uint64, keys []*batch.Column, row int) {
	mask := len(g.slots) - 1
	for at := int(hash * 0x9E3779B97F4A7C15 >> g.shift); ; at = (at + 1) & mask {
		s := g.slots[at&mask]
		if s == 0 {
			g.slots[at&mask] = uint32(len(g.first)) + 1
			g.rows[row] = uint32(len(g.first))
			g.first, g.count, g.hashes = append(g.first, int32(row)), append(g.count, 1), append(g.hashes, hash)
			return
		}
		if g.hashes[s-1] == hash && equalKeys(keys, int(g.first[s-1]), row) {
			g.rows[row] = s - 1
			g.count[s-1]++
			return
		}
	}
}

// equalKeys says that two rows have the same keys, nulls being equal.
func equalKeys(keys []*batch.Column, i, j int) bool {
	for _, c := range keys {
		switch {
		case c.Type.Nested():
			if batch.CompareRows(c, i, c, j) != 0 {
				return false
			}
		case c.IsNull(i) || c.IsNull(j):
			if !c.IsNull(i) || !c.IsNull(j) {
				return false
			}
		case c.I64 != nil:
			if c.I64[i] != c.I64[j] {
				return false
			}
		case c.Dict != nil && c.I32[i] == c.I32[j]:
		case c.Type.Kind == batch.String || c.Type.Kind == batch.Binary:
			if !bytes.Equal(c.Bytes(i), c.Bytes(j)) {
				return false
			}
		default:
			if batch.CompareRows(c, i, c, j) != 0 {
				return false
			}
		}
	}
	return true
}
