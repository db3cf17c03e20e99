package agg

import "github.com/deltaic/deltaic/batch"

// Over an input that takes rows back, first and last have a position for each value of the group: when it came first, or
// last, since it is there. A value that is there several times keeps it until all of them are taken back. That, and not which of
// equal rows it was that went, is what can be known: a row that takes back says what it was, not when.

// positionWord is a word of a set's values with the positions that one slot gives them.
type positionWord struct {
	name string
	word *int // of the slot: it is behind the counts, of which there may come more
}

// addPosition gives the values of the set a word for positions, unless it is there.
func (s *Set) addPosition(name string, word *int) {
	for _, p := range s.positions {
		if p.name == name {
			return
		}
	}
	s.positions = append(s.positions, positionWord{name, word})
}

// positionsIn returns the positions of the values in the rows of a batch.
func (s *rankedSlot) positionsIn(in *Input) (positions words, rows []uint32) {
	return segmentWords(in.Sets[s.set].Words(s.position).Layout()), in.values[s.set]
}

// arrive gives values that are new a position; last gives it to each row that comes.
func (s *rankedSlot) arrive(c *cells, in *Input, columns []*batch.Column, rows []uint32, sel []int32, n int) error {
	positions, values := s.positionsIn(in)
	return each(sel, n, func(i int) error {
		r, position := rows[i], positions.at(values[i])
		count, newest := c.words[s.at+1].at(r), c.words[s.at+2].at(r)
		*newest++
		others := *count
		switch {
		case *position == 0:
			*count++
		case s.most:
			s.drop(c, r, s.key(columns, i, *position))
		default:
			return nil
		}
		if *position = *newest; s.most {
			others = 0 // it is better than all of them
		}
		s.offer(c, r, s.key(columns, i, *position), others)
		return nil
	})
}

// depart takes values from their groups that nobody has any more.
func (s *rankedSlot) depart(c *cells, in *Input, columns []*batch.Column, rows []uint32, sel []int32, n int) {
	positions, values := s.positionsIn(in)
	counts := segmentWords(in.Sets[s.set].Words(s.bit).Layout())
	_ = each(sel, n, func(i int) error { // never fails
		if position := positions.at(values[i]); *position != 0 && *counts.at(values[i]) == 0 {
			s.lose(c, rows[i], s.key(columns, i, *position))
			*position = 0
		}
		return nil
	})
}
