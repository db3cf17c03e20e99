package windows

import (
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
)

// number is the running epoch's, for planted bugs.
func number(c *operators.Context) int64 {
	if c.Epoch == nil {
		return 0
	}
	return c.Epoch.Number
}

// sieve decides which rows come too late. The rule looks at one row and at the
// watermark that its own split had, so cutting the input into other batches or tasks decides alike.
type sieve struct {
	lateness int64
	rows     []int32
	passed   []int64 // the watermark that had passed each of rows
}

// horizon returns the time up to which windows are closed for a row.
func (s *sieve) horizon(in *batch.Batch, row int32, closed int64) int64 {
	if in.Behind == nil {
		return closed
	}
	return max(closed, less(in.Behind[row], s.lateness))
}

// less subtracts without overflow; the ends of time stay.
func less(watermark, by int64) int64 {
	switch {
	case watermark == math.MaxInt64:
		return watermark
	case watermark < math.MinInt64+by:
		return math.MinInt64
	}
	return watermark - by
}

func (s *sieve) reset() { s.rows, s.passed = s.rows[:0], s.passed[:0] }

func (s *sieve) drop(row int32, horizon int64) {
	s.rows, s.passed = append(s.rows, row), append(s.passed, horizon)
}

// tell hands over the rows that were dropped, those of one watermark together.
func (s *sieve) tell(in *batch.Batch, out operators.Output) error {
	for len(s.rows) > 0 {
		passed := s.passed[0]
		var rows, left []int32
		var more []int64
		for i, r := range s.rows {
			if s.passed[i] == passed {
				rows = append(rows, r)
			} else {
				left, more = append(left, r), append(more, s.passed[i])
			}
		}
		s.rows, s.passed = left, more
		slices.Sort(rows)
		if err := out.Late(in, rows, later(passed, s.lateness)); err != nil {
			return err
		}
	}
	return nil
}

func later(horizon, by int64) int64 {
	if horizon > math.MaxInt64-by {
		return math.MaxInt64
	}
	return horizon + by
}

// straggler is a row that comes too late for some of its windows and in time for the others.
type straggler struct {
	row     int32
	horizon int64
}

// sift drops the rows of c.keep that are late for all their windows, and takes those that are
// late for some out of it. closed is the time up to which the task has closed windows.
func (s *sieve) sift(c *clock, p Panes, in *batch.Batch, closed int64, stragglers []straggler) []straggler {
	s.reset()
	if in.Behind == nil && closed == math.MinInt64 {
		return stragglers
	}
	kept := c.keep[:0]
	for _, r := range c.keep {
		t, horizon := c.times[r], s.horizon(in, r, closed)
		switch {
		case t >= horizon || p.FirstEnd(t) > horizon:
			kept = append(kept, r)
		case p.LastEnd(t) <= horizon:
			s.drop(r, horizon)
		default:
			stragglers = append(stragglers, straggler{r, horizon})
		}
	}
	c.keep = kept
	return stragglers
}
