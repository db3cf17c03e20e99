package actors

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/internal/mutant"
)

// fetchesAhead is how many fetches of a split may wait in its task: one in
// work, one at hand.
const fetchesAhead = 2

// reportBytes is how often a source task tells its job how much the epoch has grown.
const reportBytes = 8 << 20

// sourceShare is the part of a task that reads a split.
type sourceShare struct {
	name    string // of the source in the flow
	split   connectors.SplitID
	index   int32 // of the split among the job's, for origins
	source  connectors.Source
	origins bool

	position connectors.Position // behind the last row sent
	end      connectors.Position // of the split as last heard
	bound    connectors.Position // where a bounded run ends, "" never
	limited  bool                // the epoch has a limit that must be known before rows are sent
	limit    connectors.Position // "" when limited: not known yet
	limitOf  int64               // the epoch that the limit is for

	queue   []connectors.Fetch
	joined  bool // the next rows belong to the same change as those sent last: no barrier comes between
	closing *CloseEpoch
	last    bool // nothing is sent any more

	drained bool // no row comes behind those sent

	rows, bytes      int64 // of the epoch
	reported         int64 // bytes told to the job
	told             bool  // the job knows of rows in this epoch
	began            connectors.Position
	atLimit, atBound bool
	time             splitTime
	behind           bool // only where the bug is planted: the split goes on one row too late
	full             bool
}

func (s *sourceShare) take(t *Task, m Message) error {
	switch m := m.(type) {
	case Fetched:
		if m.Attempt != t.attempt {
			m.Fetch.Batch.Release()
			return nil
		}
		if m.Fetch.End != "" {
			s.end = m.Fetch.End
		}
		s.queue = append(s.queue, m.Fetch)
	case CloseEpoch:
		if m.Epoch != t.epoch.Number {
			return lost("split %s was asked to close epoch %d in epoch %d", s.split, m.Epoch, t.epoch.Number)
		}
		s.closing = &m
	case SetLimit:
		if m.Epoch == t.epoch.Number {
			s.limit, s.limitOf = m.Until, m.Epoch
		}
	case Share:
		s.time.shared, s.time.sharedOf = m.Watermarks, m.Epoch
	case Hold:
		s.time.hold = m.Until
	case Quiet:
		s.time.quiet = &m
	case Wake:
	default:
		return fmt.Errorf("actors: %s cannot take a %T", t.Name, m)
	}
	return nil
}

// work sends what waits, then the barrier if one is asked for.
func (s *sourceShare) work(t *Task, out *Effects) error {
	if err := s.begin(t, out); err != nil {
		return err
	}
	for !t.blocked() && !s.last && (s.closing == nil || s.joined) && len(s.queue) > 0 {
		// A change that is begun is sent to its end: what frees memory, and lets slower splits catch up, is the end of its epoch.
		if (s.stop(t) || s.hold(t) && !s.joined) && !s.quits() || !t.prepared(out) {
			break
		}
		// One batch an epoch goes through however full memory is: an epoch that
		// closes is what frees most of it.
		if s.full = s.bytes > 0 && !s.joined && t.account.Pressed(s.bytes); s.full {
			break
		}
		if err := s.send(t, out); err != nil {
			return err
		}
	}
	if err := s.finish(t, out); err != nil {
		return err
	}
	if s.closing != nil && !s.joined && !t.readiness.working {
		return s.close(t, out)
	}
	s.report(t, out)
	return nil
}

// until returns how far rows may be sent now: the nearer of bound and limit.
func (s *sourceShare) until() (connectors.Position, bool) {
	if s.limited && s.limit != "" {
		if s.bound == "" || s.source.Behind(s.limit, s.bound) >= 0 {
			return s.limit, true
		}
	}
	return s.bound, s.bound != ""
}

// stop reports whether nothing more may be sent in this epoch.
func (s *sourceShare) stop(t *Task) bool {
	if s.limited && s.limitOf != t.epoch.Number || s.time.share && s.time.sharedOf != t.epoch.Number {
		return true // the limit or watermark of this epoch is on its way
	}
	until, bounded := s.until()
	return bounded && s.source.Behind(s.position, until) <= 0
}

// quits reports whether the next fetch has nothing but the word that no row of the split comes any more. No limit stops that: who waits
// for the split's event time would wait for ever.
func (s *sourceShare) quits() bool {
	f := &s.queue[0]
	return f.Last && f.Batch.N == 0 && s.source.Behind(s.position, f.After) <= 0
}

// send processes one fetch, or the part of it that may still go.
func (s *sourceShare) send(t *Task, out *Effects) error {
	f := s.queue[0]
	b, after := f.Batch, f.After
	if mutant.On(mutant.SeekBehind) && s.behind && b.Rows() > 0 {
		s.behind = false
		b.Sel = firstRows(b.N)[1:]
	}
	rest := connectors.Fetch{}
	if until, bounded := s.until(); bounded && s.source.Behind(until, f.After) > 0 {
		n := s.source.Before(f, until)
		rest = connectors.Fetch{Split: f.Split, Batch: tail(t.pool, b, n), After: f.After, End: f.End, Joined: f.Joined, Last: f.Last}
		b.Sel = firstRows(n)
		after = until
	}
	s.origin(b)
	if mutant.On(mutant.OffsetNotedEarly) && s.closing == nil {
		s.position = after
	}
	size := b.Size()
	rows := int64(b.Rows())
	if rows > 0 {
		t.sleep(false, out)
		if err := t.rows(b, out); err != nil {
			return err
		}
	}
	b.Release()
	s.position = after
	s.rows += rows
	s.bytes += size
	s.joined, s.drained = rest.Batch == nil && f.Joined, rest.Batch == nil && f.Last
	if rest.Batch != nil {
		s.queue[0] = rest
		return nil
	}
	s.queue[0] = connectors.Fetch{}
	s.queue = s.queue[1:]
	out.Take++
	return nil
}

// origin completes the batch's origin with the split, which the reader does not know.
func (s *sourceShare) origin(b *batch.Batch) {
	if b.Origin == nil || len(b.Origin.Split) == b.N {
		return
	}
	split := make([]int32, b.N)
	for i := range split {
		split[i] = s.index
	}
	b.Origin.Split = split
}

func firstRows(n int) []int32 {
	sel := make([]int32, n)
	for i := range sel {
		sel[i] = int32(i)
	}
	return sel
}

// tail returns the rows from n on as a batch of its own.
func tail(pool *batch.Pool, b *batch.Batch, n int) *batch.Batch {
	rows := make([]int32, 0, b.N-n)
	for i := n; i < b.N; i++ {
		rows = append(rows, int32(i))
	}
	return b.Gather(pool, rows)
}

// close sends the barrier and begins the next epoch.
func (s *sourceShare) close(t *Task, out *Effects) error {
	c := s.closing
	s.closing, s.last = nil, c.Last
	t.nextNow = c.NextNow
	position := s.position
	if mutant.On(mutant.OffsetNotedEarly) && len(s.queue) > 0 {
		position = s.queue[0].After
	}
	ack := epochs.Ack{Source: s.name, Split: s.split, Position: position, End: s.end, Clocks: t.chain.clocks(), Watermark: t.chain.watermark(),
		Idle: t.time.idle, Ended: s.time.ended, AtBound: s.done(), RowsIn: s.rows, BytesIn: s.bytes}
	s.rows, s.bytes, s.reported, s.told = 0, 0, 0, false
	s.time.timed, s.time.toldTimed, s.time.reported = false, false, ack.Watermark
	s.began, s.atLimit = s.position, false
	if err := t.close(ack, out); err != nil {
		return err
	}
	return s.work(t, out)
}

// done reports whether the split has reached the bound of the run.
func (s *sourceShare) done() bool {
	return s.bound != "" && s.source.Behind(s.position, s.bound) <= 0
}

// report tells the job what it needs to decide when to close the epoch.
func (s *sourceShare) report(t *Task, out *Effects) {
	moved := s.position != s.began
	limit := s.limited && s.limitOf == t.epoch.Number && s.stop(t)
	tell, watermark := s.time.tell(t.chain, t.time.idle)
	bound := s.done()
	if !(moved && !s.told || s.bytes >= s.reported+reportBytes || limit && !s.atLimit || bound && !s.atBound || s.full || tell) {
		return
	}
	s.told, s.atLimit, s.atBound = s.told || moved, limit, bound
	s.reported = s.bytes
	out.Report = append(out.Report, Seen{Attempt: t.attempt, Task: t.ID, Epoch: t.epoch.Number, Rows: s.rows, Bytes: s.bytes,
		Moved: moved, AtLimit: limit, AtBound: bound, Full: s.full, End: s.end, At: s.position,
		Watermark: watermark, Idle: t.time.idle, Held: s.time.held, Timed: s.time.timed})
}

// discard releases what has not been sent.
func (s *sourceShare) discard() {
	for _, f := range s.queue {
		f.Batch.Release()
	}
	s.queue = nil
}
