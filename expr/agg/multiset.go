package agg

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
)

// multisetSlot keeps every value in its ordered form with how often it is there, in a text: what a summary would have
// forgotten cannot be taken back. For each value, ascending, how much greater it is than the one before, and how often.
type multisetSlot struct {
	at, arg int
	call    string
	values  []int64
	order   []uint64
	a, b    []counted
	to      []counted
	scratch []byte
}

// counted is a value and how often it is there.
type counted struct{ value, times int64 }

// decodeMultiset returns the values of a text and how many they are.
func decodeMultiset(text []byte, to []counted) (n uint64, l []counted) {
	l = to[:0]
	for last := int64(math.MinInt64); len(text) > 0; {
		more, w := binary.Uvarint(text)
		text = text[w:]
		times, w := binary.Varint(text)
		text = text[w:]
		last += int64(more)
		n += uint64(times)
		l = append(l, counted{last, times})
	}
	return n, l
}

func encodeMultiset(l []counted, to []byte) []byte {
	to = to[:0]
	last := int64(math.MinInt64)
	for _, c := range l {
		to = binary.AppendVarint(binary.AppendUvarint(to, uint64(c.value)-uint64(last)), c.times)
		last = c.value
	}
	return to
}

// addMultisets appends to out the values of both; what is there no more is left out.
func addMultisets(a, b, out []counted) []counted {
	for out = out[:0]; len(a) > 0 || len(b) > 0; {
		var next counted
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].value < b[0].value:
			next, a = a[0], a[1:]
		case len(a) == 0 || b[0].value < a[0].value:
			next, b = b[0], b[1:]
		default:
			next = counted{a[0].value, a[0].times + b[0].times}
			a, b = a[1:], b[1:]
		}
		if next.times != 0 {
			out = append(out, next)
		}
	}
	return out
}

func (s *multisetSlot) add(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	return s.count(c, in, rows, sel, n, 1)
}

func (s *multisetSlot) remove(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	return s.count(c, in, rows, sel, n, -1)
}

// count takes the values of a batch in, times is 1, or out.
func (s *multisetSlot) count(c *cells, in *Input, rows []uint32, sel []int32, n int, times int64) error {
	s.values = ordered(in.Columns[s.arg], s.values, n)
	var err error
	s.order, err = byGroup(rows, sel, n, s.order, func(row uint32, members []uint64) error {
		s.b = s.b[:0]
		for _, m := range members {
			s.b = append(s.b, counted{s.values[uint32(m)], times})
		}
		slices.SortFunc(s.b, func(x, y counted) int { return cmp.Compare(x.value, y.value) })
		kept := s.b[:1]
		for _, x := range s.b[1:] {
			if last := &kept[len(kept)-1]; last.value == x.value {
				last.times += times
			} else {
				kept = append(kept, x)
			}
		}
		s.b = kept
		return s.take(c.texts[s.at], row, int(uint32(members[0])))
	})
	return err
}

// take adds b to the values of a row; by is the row of the input or of the partial that brought them.
func (s *multisetSlot) take(t texts, row uint32, by int) error {
	_, s.a = decodeMultiset(t.at(row), s.a)
	s.to = addMultisets(s.a, s.b, s.to)
	if s.scratch = encodeMultiset(s.to, s.scratch); len(s.scratch) > groupMost {
		return tooMany(by, s.call, groupMost)
	}
	t.set(row, s.scratch)
	return nil
}

func (s *multisetSlot) merge(to *cells, rows []uint32, from *cells, n int) error {
	return s.combine(to, rows, from, n, 1)
}

func (s *multisetSlot) unmerge(to *cells, rows []uint32, from *cells, n int) error {
	return s.combine(to, rows, from, n, -1)
}

func (s *multisetSlot) combine(to *cells, rows []uint32, from *cells, n int, sign int64) error {
	for i := range n {
		if _, s.b = decodeMultiset(from.texts[s.at].at(uint32(i)), s.b); len(s.b) == 0 {
			continue
		}
		for k := range s.b {
			s.b[k].times *= sign
		}
		if err := s.take(to.texts[s.at], rows[i], i); err != nil {
			return err
		}
	}
	return nil
}

// rankOf returns the value of which that share of n values is not greater.
func rankOf(n uint64, l []counted, share float64) int64 {
	rank := max(1, int64(math.Ceil(share*float64(n))))
	for _, c := range l {
		if rank -= c.times; rank <= 0 {
			return c.value
		}
	}
	return l[len(l)-1].value
}
