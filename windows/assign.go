package windows

import (
	"cmp"
	"slices"
)

// share is the rows of a batch that go into one pane.
type share struct {
	pane int64
	sel  []int32 // ascending physical rows
}

// sorter shares the rows of batches out among panes.
type sorter struct {
	panes  Panes
	shares []share
	pairs  []pair
}

type pair struct {
	pane int64
	row  int32
}

// fewPanes is how many panes of a batch are told apart by looking through them;
// more are sorted.
const fewPanes = 16

// share returns the rows by pane, in the order in which the panes come. It is good until the next call.
func (s *sorter) share(times []int64, rows []int32) []share {
	s.shares = s.shares[:0]
	var now *share
	from, to := int64(0), int64(0)
	for _, r := range rows {
		t := times[r]
		if t < from || t >= to || now == nil {
			from, to = s.panes.Pane(t)
			if now = s.find(from); now == nil {
				return s.sort(times, rows)
			}
		}
		now.sel = append(now.sel, r)
	}
	return s.shares
}

// find returns the share of a pane, made if it is not there, nil if there are too many.
func (s *sorter) find(pane int64) *share {
	for i := len(s.shares) - 1; i >= 0; i-- {
		if s.shares[i].pane == pane {
			return &s.shares[i]
		}
	}
	if len(s.shares) == fewPanes {
		return nil
	}
	return s.add(pane)
}

func (s *sorter) add(pane int64) *share {
	n := len(s.shares)
	if n < cap(s.shares) {
		s.shares = s.shares[:n+1]
	} else {
		s.shares = append(s.shares, share{})
	}
	x := &s.shares[n]
	x.pane, x.sel = pane, x.sel[:0]
	return x
}

// sort is share of rows that are far apart.
func (s *sorter) sort(times []int64, rows []int32) []share {
	s.pairs = s.pairs[:0]
	for _, r := range rows {
		from, _ := s.panes.Pane(times[r])
		s.pairs = append(s.pairs, pair{from, r})
	}
	slices.SortFunc(s.pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.pane, b.pane), cmp.Compare(a.row, b.row))
	})
	s.shares = s.shares[:0]
	var now *share
	for _, p := range s.pairs {
		if now == nil || now.pane != p.pane {
			now = s.add(p.pane)
		}
		now.sel = append(now.sel, p.row)
	}
	return s.shares
}
