package windows

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/persistence/state"
)

// fold is the panes of a window merged, as it slides. It is no part of the state: after a
// restore it is made anew of the panes. A pane that a fold holds does not change any more.
type fold interface {
	// retire takes the panes before a time out.
	retire(before int64) error
	// enter takes in those of these panes, ascending, that come after all that the fold has held.
	enter(panes []int64) error
	// parts returns the segments whose merge is the result; a group may be in several.
	parts() []*state.Segment
	release()
}

// source calls f with the groups of a pane, keys and accumulators, which are lent, and with the
// same ones each time.
type source func(pane int64, f taker) error

// taker takes groups: their keys and as many accumulators, both lent.
type taker func(keys []*batch.Column, p *agg.Partial) error

// merger is what both folds do with groups.
type merger struct {
	spec         state.Spec // of a table of groups
	pool         *batch.Pool
	accumulators *agg.Accumulators
	from         source

	hashes []uint64
	rows   []uint32
	fresh  batch.Bitmap
}

// newFold returns the fold that is cheapest for the plan.
func (a *Aggregate) newFold(from source) (fold, error) {
	panes := a.tallies[ofPanes]
	m := merger{spec: panes.table.Spec(), pool: a.Context.Pool, accumulators: a.accumulators, from: from}
	if a.o.Plan.Mergeable() {
		return newPlainFold(m, a.o.Plan.Inverts())
	}
	return newDistinctFold(m, a.o.Plan, panes.setsOf)
}

// newPlainFold returns a running fold if aggregates can be taken back exactly.
func newPlainFold(m merger, inverts bool) (fold, error) {
	m.spec.Windowed = false
	m.spec.Values = append(m.spec.Values[:len(m.spec.Values):len(m.spec.Values)], state.Column{Name: "panes", Type: batch.BigIntType})
	if inverts {
		r := &running{merger: m}
		return r, r.begin()
	}
	s := &stacks{merger: m}
	return s, s.begin()
}

func (m *merger) table() (*state.Table, error) {
	return state.NewTable(m.spec, m.pool, m.pool.Account())
}

// groups finds the rows of the groups in s, and makes those that are not there.
func (m *merger) groups(s *state.Segment, keys []*batch.Column, n int) error {
	m.hashes = batch.Hash(keys, n, m.hashes)
	m.rows, m.fresh = sized(m.rows, n), cleared(m.fresh, n)
	return s.Upsert(keys, nil, n, m.hashes, m.rows, m.fresh)
}

// merge takes groups into s.
func (m *merger) merge(s *state.Segment, keys []*batch.Column, p *agg.Partial) error {
	if err := m.groups(s, keys, p.N); err != nil {
		return err
	}
	return m.accumulators.Merge(s, m.rows, m.fresh, p)
}

// running is the fold of aggregates that can be taken back: one sum to which
// panes are added when they enter, and from which they are subtracted when they leave.
type running struct {
	merger
	all   *state.Table
	sum   *state.Segment
	panes queue
	empty []uint32
}

// queue is the panes that a fold holds, ascending.
type queue struct {
	panes []int64
	last  int64 // the newest that was ever there
	any   bool
}

// oldest returns the first pane if it is before a time.
func (q *queue) oldest(before int64) (int64, bool) {
	if len(q.panes) == 0 || q.panes[0] >= before {
		return 0, false
	}
	return q.panes[0], true
}

// fresh returns those of the panes that are new.
func (q *queue) fresh(panes []int64) []int64 {
	if q.any {
		panes = panes[lowerBound(panes, q.last+1):]
	}
	return panes
}

func (q *queue) push(pane int64) { q.panes, q.last, q.any = append(q.panes, pane), pane, true }

func (r *running) begin() (err error) {
	if r.all, err = r.table(); err == nil {
		r.sum = r.all.Segment(0)
	}
	return err
}

func (r *running) retire(before int64) error {
	for p, ok := r.panes.oldest(before); ok; p, ok = r.panes.oldest(before) {
		if err := r.from(p, r.leave); err != nil {
			return err
		}
		r.panes.panes = r.panes.panes[1:]
	}
	return nil
}

func (r *running) enter(panes []int64) error {
	for _, p := range r.panes.fresh(panes) {
		if err := r.from(p, r.join); err != nil {
			return err
		}
		r.panes.push(p)
	}
	return nil
}

// count returns where it stands how many panes a group is in.
func (r *running) count() *state.Words { return r.sum.Words(len(r.spec.Values) - 1) }

func (r *running) join(keys []*batch.Column, p *agg.Partial) error {
	if err := r.merge(r.sum, keys, p); err != nil {
		return err
	}
	count := r.count()
	for _, i := range r.rows {
		*count.Slot(i)++
	}
	return nil
}

func (r *running) leave(keys []*batch.Column, p *agg.Partial) error {
	if err := r.groups(r.sum, keys, p.N); err != nil {
		return err
	}
	if err := r.accumulators.Subtract(r.sum, r.rows, p); err != nil {
		return err
	}
	count := r.count()
	r.empty = r.empty[:0]
	for _, i := range r.rows {
		if *count.Slot(i)--; count.At(i) == 0 {
			r.empty = append(r.empty, i)
		}
	}
	r.sum.Remove(r.empty)
	return nil
}

func (r *running) parts() []*state.Segment { return []*state.Segment{r.sum} }

func (r *running) release() { r.all.Release() }

// stacks is the fold of aggregates that cannot be taken back. New panes are
// merged into back. Those that will leave are in front, merged from the newest to the oldest, with a record of what
// each has changed: it leaves by undoing that. When front is used up, it is made anew of all panes, and back is emptied.
// So each group of a pane is merged twice and undone once, however many panes a window has.
type stacks struct {
	merger
	front, back *state.Table
	panes       queue // in front, then in back
	ahead       int   // how many are in front
	records     []record
}

// record is what one pane changed in front, or a part of it.
type record struct {
	pane  int64
	rows  []uint32
	fresh batch.Bitmap
	old   *agg.Partial
}

func (s *stacks) begin() (err error) {
	if s.front, err = s.table(); err == nil {
		s.back, err = s.table()
	}
	return err
}

func (s *stacks) retire(before int64) error {
	for p, ok := s.panes.oldest(before); ok; p, ok = s.panes.oldest(before) {
		if s.ahead == 0 {
			return s.turn(before)
		}
		s.undo(p)
		s.panes.panes, s.ahead = s.panes.panes[1:], s.ahead-1
	}
	return nil
}

func (s *stacks) enter(panes []int64) error {
	for _, p := range s.panes.fresh(panes) {
		if err := s.from(p, func(keys []*batch.Column, p *agg.Partial) error {
			return s.merge(s.back.Segment(0), keys, p)
		}); err != nil {
			return err
		}
		s.panes.push(p)
	}
	return nil
}

// turn makes front of the panes of back, without those before a time.
func (s *stacks) turn(before int64) error {
	s.panes.panes = s.panes.panes[lowerBound(s.panes.panes, before):]
	s.ahead = len(s.panes.panes)
	s.front.Drop(0)
	s.back.Drop(0)
	for i := s.ahead - 1; i >= 0; i-- {
		pane := s.panes.panes[i]
		if err := s.from(pane, func(keys []*batch.Column, p *agg.Partial) error { return s.record(pane, keys, p) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *stacks) record(pane int64, keys []*batch.Column, p *agg.Partial) error {
	front := s.front.Segment(0)
	if err := s.groups(front, keys, p.N); err != nil {
		return err
	}
	s.records = append(s.records, record{pane: pane, rows: append([]uint32(nil), s.rows...),
		fresh: append(batch.Bitmap(nil), s.fresh...), old: s.accumulators.Export(front, s.rows)})
	return s.accumulators.Merge(front, s.rows, s.fresh, p)
}

// undo takes the oldest pane out of front.
func (s *stacks) undo(pane int64) {
	front := s.front.Segment(0)
	for n := len(s.records); n > 0 && s.records[n-1].pane == pane; n = len(s.records) {
		r := s.records[n-1]
		s.records[n-1] = record{}
		s.records = s.records[:n-1]
		s.accumulators.Import(front, r.rows, r.old)
		s.accumulators.Free(r.old)
		var gone []uint32
		for i, row := range r.rows {
			if r.fresh.Get(i) {
				gone = append(gone, row)
			}
		}
		front.Delete(gone)
	}
}

func (s *stacks) parts() []*state.Segment {
	var l []*state.Segment
	for _, t := range []*state.Table{s.front, s.back} {
		if x := t.Lookup(0); x != nil && x.Len() > 0 {
			l = append(l, x)
		}
	}
	return l
}

func (s *stacks) release() {
	s.front.Release()
	s.back.Release()
	s.records = nil
}
