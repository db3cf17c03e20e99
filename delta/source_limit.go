package delta

import (
	"github.com/deltaic/deltaic/connectors"
)

// allowance is how much of a limit is left.
type allowance struct {
	files, bytes     int64
	byFiles, byBytes bool
	some             bool // something was admitted
}

func (s *Source) allowance() *allowance {
	return &allowance{files: s.o.MaxFiles, bytes: s.o.MaxBytes, byFiles: s.o.MaxFiles > 0, byBytes: s.o.MaxBytes > 0}
}

// admit reports whether so much more is read: what comes first always is, then files while fewer were read than the
// limit, of bytes one file beyond it. What is read as a whole must fit as a whole.
func (a *allowance) admit(files, bytes int64, whole bool) bool {
	fits := (!a.byFiles || a.files >= files) && (!a.byBytes || a.bytes > 0 && (!whole || a.bytes >= bytes))
	if a.some && !fits && files > 0 {
		return false
	}
	a.files, a.bytes, a.some = a.files-files, a.bytes-bytes, a.some || files > 0
	return true
}

// Limit returns how far the next epoch may read: so many files or bytes, over all splits; a version with changes as a whole.
func (s *Source) Limit(from, end connectors.Positions) connectors.Positions {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limited = true
	left, out := s.allowance(), connectors.Positions{}
	at, ends := map[int]sourcePosition{}, map[int]sourcePosition{}
	for id, text := range from {
		i, err := splitNumber(id)
		p, err2 := decodePosition(text)
		e, err3 := decodePosition(end[id])
		if err != nil || err2 != nil || err3 != nil {
			out[id] = text // what is not ours stays where it is, and is refused when it is opened
			continue
		}
		at[i], ends[i] = p, e
	}
	if p, is := at[0]; is {
		s.advance(p)
		if len(at) == p.Splits && !anyStarting(at) {
			s.start = nil // of a large table it is much
		}
	}
	s.noteStart(at)
	for s.admitStart(at, left) {
	}
	if p, is := at[0]; is && !p.starting() {
		at[0] = s.admitVersions(p, ends[0], left)
	}
	for i, p := range at {
		out[splitName(i)] = p.encode()
	}
	return out
}

// noteStart notes which files of the start are read; s.mu is held.
func (s *Source) noteStart(at map[int]sourcePosition) {
	if s.start == nil {
		return
	}
	for i, p := range at {
		if i < len(s.start.next) {
			s.start.next[i] = s.start.indexOf(p)
		}
	}
}

func anyStarting(at map[int]sourcePosition) bool {
	for _, p := range at {
		if p.starting() {
			return true
		}
	}
	return false
}

// advance lets go of the versions before a position; s.mu is held.
func (s *Source) advance(p sourcePosition) {
	for v := s.at.Version; v < p.Version; v++ {
		delete(s.commits, v)
	}
	s.at = p
	s.planned = max(s.planned, p.Version, p.First+1)
}

// admitStart admits the next file of what the table had at first, of the split that is furthest behind, and reports whether it did.
func (s *Source) admitStart(at map[int]sourcePosition, left *allowance) bool {
	next := -1
	for i, p := range at {
		if p.starting() && (next < 0 || p.Index < at[next].Index) {
			next = i
		}
	}
	if next < 0 || s.start == nil {
		return false
	}
	p, rows := at[next], int64(0)
	if p.Index < s.start.n {
		piece := s.start.at(p.Index)
		if piece == nil {
			return false // End reads on
		}
		if !piece.skip {
			if !left.admit(1, piece.add.Size, false) {
				return false
			}
			rows = piece.rows
		}
	}
	at[next] = p.following(s.start.n, p.Rows+rows)
	return true
}

// admitVersions admits pieces and whole versions.
func (s *Source) admitVersions(p, end sourcePosition, left *allowance) sourcePosition {
	for p.compare(end) < 0 {
		next, known := s.plannedAt(p)
		c := next.commit
		switch {
		case !known:
			return p
		case next.pieces == 0:
			p = p.piece(p.Version+1, 0, p.Rows)
		case c.whole:
			if !left.admit(c.files, c.bytes, true) {
				return p
			}
			p = p.piece(p.Version+1, 0, p.Rows+c.rows)
		default:
			piece := next.piece
			rows := piece.rows
			if piece.skip {
				rows = 0
			} else if !left.admit(1, piece.add.Size, false) {
				return p
			}
			p = p.following(next.pieces, p.Rows+rows)
		}
	}
	return p
}
