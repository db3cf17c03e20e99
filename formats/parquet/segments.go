package parquet

// segments is bytes that only grow, in pieces that are never moved: a row
// group of any size is gathered without copying what is there already, and
// with little room to spare. Its memory is used again after reset.
type segments struct {
	list [][]byte
	used int // of list; those behind are empty
	size int
}

// The sizes of pieces: small ones first, so that a file of one row costs little.
const (
	firstSegment = 4 << 10
	mostSegment  = 256 << 10
)

func (s *segments) reset() { s.used, s.size = 0, 0 }

// append copies b to the end.
func (s *segments) append(b []byte) {
	s.size += len(b)
	for len(b) > 0 {
		if s.used == 0 || len(s.list[s.used-1]) == cap(s.list[s.used-1]) {
			s.more()
		}
		last := &s.list[s.used-1]
		at := len(*last)
		n := min(len(b), cap(*last)-at)
		*last = append(*last, b[:n]...)
		b = b[n:]
	}
}

// more begins a piece.
func (s *segments) more() {
	if s.used == len(s.list) {
		size := firstSegment
		if s.used > 0 {
			size = min(4*cap(s.list[s.used-1]), mostSegment)
		}
		s.list = append(s.list, make([]byte, 0, size))
	}
	s.list[s.used] = s.list[s.used][:0]
	s.used++
}

// pieces returns the bytes, piece by piece.
func (s *segments) pieces() [][]byte { return s.list[:s.used] }

// held returns the bytes of memory.
func (s *segments) held() int64 {
	var n int64
	for _, p := range s.list {
		n += int64(cap(p))
	}
	return n
}
