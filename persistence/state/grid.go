package state

const (
	chunkShift   = 13
	chunkRows    = 1 << chunkShift
	chunkMask    = chunkRows - 1
	gridMinRows  = 16
	bitmapShift  = 6
	bitmapMargin = 1 << bitmapShift
)

// grid is the fixed part of rows: one word of the key, then a word a value, side
// by side, so that a row that is far from the processor costs one trip. It never copies more
// than one chunk to grow.
type grid struct {
	chunks [][]uint64
	stride int
	n      int // rows, those that are free included
	charge func(int64)
}

// row returns the words of a row.
func (g *grid) row(i uint32) []uint64 {
	at := int(i&chunkMask) * g.stride
	return g.chunks[i>>chunkShift][at : at+g.stride : at+g.stride]
}

func (g *grid) key(i uint32) uint64 { return g.chunks[i>>chunkShift][int(i&chunkMask)*g.stride] }

// pair returns the key of a row whose key is two words.
func (g *grid) pair(i uint32) *[2]uint64 {
	return (*[2]uint64)(g.chunks[i>>chunkShift][int(i&chunkMask)*g.stride:])
}

// add appends a row of zeros.
func (g *grid) add() uint32 {
	last := g.n >> chunkShift
	if last == len(g.chunks) {
		rows := chunkRows
		if last == 0 {
			rows = gridMinRows
		}
		g.charge(int64(rows*g.stride) * 8)
		g.chunks = append(g.chunks, make([]uint64, rows*g.stride))
	} else if c := g.chunks[last]; (g.n&chunkMask)*g.stride == len(c) {
		wide := make([]uint64, 2*len(c))
		copy(wide, c)
		g.charge(int64(len(c)) * 8)
		g.chunks[last] = wide
	}
	g.n++
	return uint32(g.n - 1)
}

func (g *grid) release() {
	for _, c := range g.chunks {
		g.charge(-int64(len(c)) * 8)
	}
}

// copyRows copies the words of rows, one row behind the other. The rows are far apart: the loop is short, so that
// the processor waits for many of them at once.
func (g *grid) copyRows(out []uint64, rows []uint32) {
	switch g.stride {
	case 1:
		for i, r := range rows {
			out[i] = g.chunks[r>>chunkShift][r&chunkMask]
		}
	case 2:
		for i, r := range rows {
			row := (*[2]uint64)(g.chunks[r>>chunkShift][int(r&chunkMask)*2:])
			*(*[2]uint64)(out[2*i:]) = *row
		}
	case 3:
		for i, r := range rows {
			row := (*[3]uint64)(g.chunks[r>>chunkShift][int(r&chunkMask)*3:])
			*(*[3]uint64)(out[3*i:]) = *row
		}
	default:
		for i, r := range rows {
			copy(out[i*g.stride:], g.row(r))
		}
	}
}
