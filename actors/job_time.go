package actors

import (
	"slices"
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/internal/mutant"
)

// jobTime is what a job keeps of event time and of processing time that
// operators wait for.
type jobTime struct {
	clocked bool                    // some split has a watermark
	shared  map[string]int64        // by step: the greatest over all splits
	acked   map[int64]int           // by epoch: source tasks whose acks are in
	more    map[int64]bool          // epochs behind which a shared watermark had grown
	due     map[epochs.TaskID]int64 // microseconds
	until   map[string]int64        // by step: how far splits may run ahead
	asking  bool                    // AskEnds is under way
}

// splitClock is a split's event time as the job knows it.
type splitClock struct {
	*SplitClock // nil if there is none
	watermark   int64
	idle        bool
	held        bool
	quiet       time.Time // since when nothing was heard of it
	asked       time.Time // when it was last asked where it stands
	since       time.Time // of idle
}

// tellAgain is how long a job waits before it asks a split again where it
// stands, while others are held for it.
const tellAgain = 200 * time.Millisecond

func newSplitClock(c *SplitClock, now time.Time) splitClock {
	if c == nil {
		return splitClock{watermark: noWatermark}
	}
	return splitClock{SplitClock: c, watermark: c.Watermark, idle: c.Idle, quiet: now, since: now}
}

func newJobTime(o Opened) jobTime {
	t := jobTime{shared: map[string]int64{}, acked: map[int64]int{}, more: map[int64]bool{}, due: map[epochs.TaskID]int64{}, until: map[string]int64{}}
	for _, s := range o.Splits {
		if s.Clock == nil {
			continue
		}
		t.clocked = true
		for step, w := range s.Clock.Shared {
			t.shared[step] = w
		}
	}
	for task, due := range o.Due {
		t.due[task] = due
	}
	return t
}

// stands notes where a split stands.
func (s *splitState) stands(at, end connectors.Position, now time.Time) {
	if at != s.position {
		s.position, s.clock.quiet = at, now
	}
	if end != "" {
		s.end = end
	}
}

// timeSeen takes what a report says of event time.
func (j *Job) timeSeen(t *splitState, s Seen, now time.Time) {
	if t.clock.SplitClock == nil {
		return
	}
	t.clock.watermark, t.clock.held = max(t.clock.watermark, s.Watermark), s.Held
	if s.Idle != t.clock.idle {
		t.clock.idle, t.clock.since = s.Idle, now
	}
}

// timeAcked takes what an ack says of time. Behind the last source task of an epoch the shared
// watermarks hold for the next one.
func (j *Job) timeAcked(a epochs.Ack, now time.Time) {
	delete(j.clocks.due, a.Task)
	if a.Due > 0 {
		j.clocks.due[a.Task] = a.Due
	}
	s := j.splits[a.Task]
	if s == nil {
		return
	}
	s.stands(a.Position, a.End, now)
	if s.clock.SplitClock == nil {
		return
	}
	s.clock.watermark = max(s.clock.watermark, a.Watermark)
	if len(j.clocks.shared) == 0 {
		return
	}
	for _, c := range a.Clocks {
		if w, shared := j.clocks.shared[c.Step]; shared && c.Watermark > w {
			j.clocks.shared[c.Step], j.clocks.more[a.Epoch] = c.Watermark, true
		}
	}
	if j.clocks.acked[a.Epoch]++; j.clocks.acked[a.Epoch] == j.clocked() {
		delete(j.clocks.acked, a.Epoch)
		j.share(a.Epoch, now)
	}
}

func (j *Job) clocked() (n int) {
	for _, s := range j.splits {
		if s.clock.SplitClock != nil {
			n++
		}
	}
	return n
}

// share gives the source tasks the watermarks of the epoch behind this one.
// If one has grown, the next epoch closes even without rows: windows may end in it.
func (j *Job) share(epoch int64, now time.Time) {
	for _, id := range j.sources {
		if c := j.splits[id].clock; c.SplitClock == nil || c.Shared == nil {
			continue
		}
		shared := make(map[string]int64, len(j.clocks.shared))
		for step, w := range j.clocks.shared {
			shared[step] = w
		}
		j.order(SendTask{To: id, Message: Share{Attempt: j.attempt, Epoch: epoch + 1, Watermarks: shared}})
	}
	if j.last || j.trigger.Kind == TriggerOnce {
		delete(j.clocks.more, epoch)
	}
	if j.clocks.more[epoch] && j.fill.first.IsZero() {
		j.fill.first = now
	}
}

// shareRestored makes the first epoch of an attempt close even without rows if it has a shared watermark: that may
// have grown in the last epoch of the attempt before, which did not come to the one behind it.
func (j *Job) shareRestored(now time.Time) {
	if j.trigger.Kind == TriggerOnce {
		return
	}
	for _, w := range j.clocks.shared {
		if w != noWatermark {
			j.fill.first = now
		}
	}
}

// timerDue begins an epoch for operators whose processing time has come.
func (j *Job) timerDue(now time.Time) {
	var earliest int64
	for _, due := range j.clocks.due {
		if earliest == 0 || due < earliest {
			earliest = due
		}
	}
	if earliest == 0 {
		return
	}
	if at := time.UnixMicro(earliest); now.Before(at) {
		j.wakeAt(at)
		return
	}
	j.fill.first, j.fill.timer = now, true
}

// passTime looks which splits have become quiet, and which run too far ahead.
func (j *Job) passTime(now time.Time) {
	if !j.clocks.clocked || j.last {
		return
	}
	j.holdBack(now)
	if j.clocks.asking {
		return
	}
	ask := map[string][]connectors.SplitID{}
	for _, id := range j.sources {
		s := j.splits[id]
		if s.clock.SplitClock == nil || s.clock.IdleAfter == 0 || s.clock.idle || s.AtBound {
			continue
		}
		due := s.clock.quiet.Add(time.Duration(s.clock.IdleAfter) * time.Microsecond)
		if now.Before(due) {
			j.wakeAt(due)
			continue
		}
		ask[s.Source] = append(ask[s.Source], s.Split)
	}
	if len(ask) > 0 {
		j.clocks.asking = true
		j.order(AskEnds{Attempt: j.attempt, Splits: ask})
	}
}

// Ends takes the answer to AskEnds. That a source cannot say where it ends proves
// nothing: it is asked again.
func (j *Job) Ends(attempt int64, ends map[string]connectors.Positions, now time.Time) []Order {
	if j.stale(attempt) {
		return nil
	}
	j.clocks.asking = false
	for _, id := range j.sources {
		s := j.splits[id]
		end, asked := ends[s.Source][s.Split]
		if !asked || s.clock.SplitClock == nil {
			continue
		}
		s.end = end
		j.order(SendTask{To: id, Message: Quiet{Attempt: attempt, At: s.position, End: end}})
	}
	for _, s := range j.splits {
		if c := &s.clock; c.SplitClock != nil && c.IdleAfter > 0 && !now.Before(c.quiet.Add(time.Duration(c.IdleAfter)*time.Microsecond)) {
			c.quiet = now
		}
	}
	j.consider(now)
	return j.flush()
}

// holdBack bounds how far splits run ahead of the slowest one that has more to
// read. One that has nothing to read is left to its idleness, so nobody waits for what cannot come.
func (j *Job) holdBack(now time.Time) {
	least := map[string]int64{}
	for _, id := range j.sources {
		s := j.splits[id]
		if c := s.clock; c.SplitClock == nil || !s.behind() {
			continue
		}
		if w, some := least[s.clock.Step]; !some || s.clock.watermark < w {
			least[s.clock.Step] = s.clock.watermark
		}
	}
	for _, step := range j.steps() {
		until := int64(endOfInput)
		lead := j.lead(step)
		if w, some := least[step]; some && lead > 0 {
			until = w + min(lead, endOfInput-1-max(w, 0))
		}
		before, told := j.clocks.until[step]
		if !told {
			before = endOfInput
		}
		if until == before || until != endOfInput && until > before && until-before < lead/reportsOfLead {
			continue
		}
		j.clocks.until[step] = until
		for _, id := range j.sources {
			if c := j.splits[id].clock; c.SplitClock != nil && c.Step == step {
				j.order(SendTask{To: id, Message: Hold{Attempt: j.attempt, Until: until}})
			}
		}
	}
	j.hurrySlow(least, now)
}

// behind reports whether the split is known to have more to read, so that others may wait for it.
func (s *splitState) behind() bool {
	if mutant.On(mutant.HoldForGood) && s.clock.watermark/1_000_000%4 == 1 {
		return true
	}
	return !s.clock.idle && !s.AtBound && s.clock.watermark != noWatermark && s.clock.watermark != endOfInput && s.end != "" && s.end != s.position
}

// hurrySlow asks those for which others are held where they stand, now and then.
func (j *Job) hurrySlow(least map[string]int64, now time.Time) {
	for _, id := range j.sources {
		if s := j.splits[id]; s.clock.held && s.clock.SplitClock != nil {
			j.ask(s.clock.Step, least[s.clock.Step], now)
		}
	}
}

func (j *Job) ask(step string, least int64, now time.Time) {
	for _, id := range j.sources {
		s := j.splits[id]
		if s.clock.SplitClock == nil || s.clock.Step != step || !s.behind() || s.clock.watermark > least {
			continue
		}
		next := s.clock.asked.Add(tellAgain)
		if now.Before(next) {
			j.wakeAt(next)
			continue
		}
		s.clock.asked = now
		j.wakeAt(now.Add(tellAgain))
		j.order(SendTask{To: id, Message: Quiet{Attempt: j.attempt, At: s.position}})
	}
}

// steps returns the steps that make watermarks, in the order of the splits.
func (j *Job) steps() []string {
	var all []string
	for _, id := range j.sources {
		if c := j.splits[id].clock; c.SplitClock != nil && !slices.Contains(all, c.Step) {
			all = append(all, c.Step)
		}
	}
	return all
}

func (j *Job) lead(step string) int64 {
	for _, id := range j.sources {
		if c := j.splits[id].clock; c.SplitClock != nil && c.Step == step {
			return c.Lead
		}
	}
	return 0
}
