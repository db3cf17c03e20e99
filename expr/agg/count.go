package agg

// countSlot counts rows: one word.
type countSlot struct{ at int }

func (s *countSlot) add(c *cells, _ *Input, rows []uint32, sel []int32, n int) error {
	addToAll(c.words[s.at], rows, sel, n, 1)
	return nil
}

func (s *countSlot) remove(c *cells, _ *Input, rows []uint32, sel []int32, n int) error {
	addToAll(c.words[s.at], rows, sel, n, ^uint64(0))
	return nil
}

func addToAll(w words, rows []uint32, sel []int32, n int, by uint64) {
	if sel == nil {
		for _, r := range rows[:n] {
			*w.at(r) += by
		}
		return
	}
	for _, i := range sel {
		*w.at(rows[i]) += by
	}
}

func (s *countSlot) merge(to *cells, rows []uint32, from *cells, n int) error {
	w := to.words[s.at]
	for i, v := range from.one[s.at][:n] {
		*w.at(rows[i]) += v
	}
	return nil
}

func (s *countSlot) unmerge(to *cells, rows []uint32, from *cells, n int) error {
	w := to.words[s.at]
	for i, v := range from.one[s.at][:n] {
		*w.at(rows[i]) -= v
	}
	return nil
}
