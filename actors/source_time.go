package actors

import (
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/operators"
)

// splitTime is the event time of a split, as its task keeps it.
type splitTime struct {
	begun    bool
	clocked  bool             // a step makes a watermark of the split
	share    bool             // some step takes the greatest watermark over all splits
	shared   map[string]int64 // by step
	sharedOf int64            // the epoch that they are for; rows wait for it
	passed   int64            // the epoch that they were passed on in

	hold   int64  // rows wait while the watermark is past it
	held   bool   // they do
	quiet  *Quiet // to be answered
	sleeps bool   // the split may become idle

	finite bool // the source never resumes
	ended  bool // and this split has come to its end
	timed  bool // the watermark may have moved in this epoch without a row

	step      int64 // how far the watermark moves between two reports
	reported  int64 // watermark
	toldIdle  bool
	toldHeld  bool
	toldTimed bool
	asked     bool // the job wants to know where the split stands
}

// begin does what comes before the rows: an attempt goes on from the watermarks of the manifest, an epoch
// from those that all splits have come to.
func (s *sourceShare) begin(t *Task, out *Effects) error {
	c := &s.time
	if !c.clocked && !c.finite {
		c.quiet = nil
		return nil
	}
	if !c.begun {
		c.begun = true
		if err := s.resume(t, out); err != nil {
			return err
		}
	}
	if c.share && c.sharedOf == t.epoch.Number && c.passed != c.sharedOf {
		c.passed = c.sharedOf
		if err := t.chain.share(c.shared); err != nil {
			return err
		}
		t.emit(out)
	}
	if c.quiet != nil {
		s.settle(t, out)
	}
	return nil
}

// resume tells what the manifest said of the split.
func (s *sourceShare) resume(t *Task, out *Effects) error {
	idle := t.time.idle
	t.time.idle = false
	for _, n := range t.chain.makers {
		w := t.chain.nodes[n].maker.Watermark()
		if _, shared := t.chain.nodes[n].maker.(operators.SharedMaker); shared && s.time.isShared(t.chain.nodes[n].name) || w == noWatermark {
			continue
		}
		if err := t.chain.pass(n, w); err != nil {
			return err
		}
	}
	t.emit(out)
	// A split that a bounded run finds without a row, and of which there never was one, is waited for by nobody.
	t.sleep(s.time.sleeps && (idle || s.done() && t.chain.watermark() == noWatermark), out)
	if s.time.ended {
		return s.over(t, out)
	}
	return nil
}

func (c *splitTime) isShared(step string) bool {
	_, is := c.shared[step]
	return is
}

// settle answers the job's question whether the split is idle.
func (s *sourceShare) settle(t *Task, out *Effects) {
	q := s.time.quiet
	s.time.quiet = nil
	if s.time.sleeps && len(s.queue) == 0 && s.position == q.At && !t.time.idle && s.proved(q.End) {
		t.sleep(true, out)
		s.time.timed = true
		return
	}
	s.time.asked = true
}

// proved reports whether the split stands at its end.
func (s *sourceShare) proved(end connectors.Position) bool {
	return end != "" && (s.position == end || s.source.Behind(s.position, end) == 0)
}

// hold reports whether rows must wait for splits that are far behind.
func (s *sourceShare) hold(t *Task) bool {
	c := &s.time
	c.held = c.clocked && c.hold != endOfInput && t.chain.watermark() > c.hold
	return c.held
}

// finish tells the end of the input behind the last row of a split that never
// gets another one.
func (s *sourceShare) finish(t *Task, out *Effects) error {
	if s.drained && s.time.clocked && s.time.begun && !t.time.idle {
		t.sleep(true, out) // for good, whatever idleAfter says
		s.time.timed = true
	}
	if !s.time.finite || s.time.ended || !s.done() {
		return nil
	}
	s.time.ended, s.time.timed = true, true
	return s.over(t, out)
}

func (s *sourceShare) over(t *Task, out *Effects) error {
	t.sleep(false, out)
	if err := t.chain.advance(endOfInput); err != nil {
		return err
	}
	t.emit(out)
	return nil
}

// tell reports whether the job is to hear of the split's event time, and the watermark.
func (c *splitTime) tell(chain *chain, idle bool) (bool, int64) {
	if !c.clocked && !c.finite {
		return false, noWatermark
	}
	w := chain.watermark()
	tell := c.asked || idle != c.toldIdle || c.held != c.toldHeld || c.timed && !c.toldTimed ||
		c.step > 0 && w != noWatermark && (c.reported == noWatermark || w/2-c.reported/2 >= c.step/2)
	if tell {
		c.asked, c.toldIdle, c.toldHeld, c.toldTimed, c.reported = false, idle, c.held, c.timed, w
	}
	return tell, w
}
