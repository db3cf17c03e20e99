package batch

// Scatterer sends the rows of batches to parts. It keeps its scratch from call
// to call and is used from one goroutine.
type Scatterer struct {
	parts  int
	part   []int32 // part of each row that counts
	starts []int32 // where the rows of each part begin in rows; one more for the end
	rows   []int32 // physical rows, ordered by part, in order within each
	out    []*Batch
}

// NewScatterer returns a scatterer over parts parts.
func NewScatterer(parts int) *Scatterer {
	return &Scatterer{parts: parts, starts: make([]int32, parts+1), out: make([]*Batch, parts)}
}

// ByHash sends each row that counts to part partOf[KeyGroup(hash, len(partOf))]. hashes has one
// entry a physical row. See [Scatterer.ByPart] for the result.
func (s *Scatterer) ByHash(p *Pool, b *Batch, hashes []uint64, partOf []int32) []*Batch {
	s.part = s.part[:0]
	groups := len(partOf)
	if b.Sel == nil {
		for _, h := range hashes[:b.N] {
			s.part = append(s.part, partOf[KeyGroup(h, groups)])
		}
	} else {
		for _, r := range b.Sel {
			s.part = append(s.part, partOf[KeyGroup(hashes[r], groups)])
		}
	}
	return s.scatter(p, b)
}

// ByPart sends the i-th row that counts to part part[i], 0..parts-1. It returns a batch per
// part, nil where no row goes, without selection, rows in their order, with kinds,
// origins and lateness; the caller releases them. Dictionary columns share their dictionary; if
// one part gets every row, that part shares the columns. b is only read. The
// slice is the scatterer's: it is good until the next call.
func (s *Scatterer) ByPart(p *Pool, b *Batch, part []int32) []*Batch {
	s.part = append(s.part[:0], part[:b.Rows()]...)
	return s.scatter(p, b)
}

func (s *Scatterer) scatter(p *Pool, b *Batch) []*Batch {
	s.sort(b)
	clear(s.out)
	total := int32(len(s.part))
	for i := range s.out {
		rows := s.rows[s.starts[i]:s.starts[i+1]]
		switch {
		case len(rows) == 0:
		case len(rows) == int(total):
			s.out[i] = b.Compact(p)
		default:
			s.out[i] = b.Gather(p, rows)
		}
	}
	return s.out
}

// sort is a counting sort of the rows by part.
func (s *Scatterer) sort(b *Batch) {
	clear(s.starts)
	for _, k := range s.part {
		s.starts[k+1]++
	}
	for i := range s.parts {
		s.starts[i+1] += s.starts[i]
	}
	if cap(s.rows) < len(s.part) {
		s.rows = make([]int32, len(s.part))
	}
	s.rows = s.rows[:len(s.part)]
	for i, k := range s.part {
		r := int32(i)
		if b.Sel != nil {
			r = b.Sel[i]
		}
		s.rows[s.starts[k]] = r
		s.starts[k]++
	}
	// Each start has moved to its end, which is the next one's start.
	copy(s.starts[1:], s.starts[:s.parts])
	s.starts[0] = 0
}
