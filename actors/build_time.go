package actors

import (
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/topology"
)

// SplitClock is what a job must know of a split for which watermarks are made.
type SplitClock struct {
	Step      string // the first that makes one
	Watermark int64  // least of the steps that make one
	Idle      bool
	IdleAfter int64 // microseconds; 0: never
	Lead      int64 // microseconds; 0: no bound
	// Shared is, by step, the watermark that the first epoch's rows are judged by, for steps that
	// take the greatest over all splits.
	Shared map[string]int64
}

// reportsOfLead is how many times a split tells how far it is while it passes the lead.
const reportsOfLead = 8

// clock gives the makers of a source task what the manifest says of its split,
// and returns what the job must know; nil if there is none.
func (a *attempt) clock(source *topology.Step, split connectors.SplitID, t *Task) *SplitClock {
	s := t.source
	s.time.hold = endOfInput
	if f, ok := source.Source.(connectors.Finite); ok {
		s.time.finite = f.Finite() && s.bound != ""
	}
	if len(t.chain.makers) == 0 {
		return nil
	}
	c := &SplitClock{}
	s.time.clocked = true
	for _, n := range t.chain.makers {
		step := a.stepNamed(t.chain.nodes[n].name)
		at, known := a.manifest.TimeOf(step.Name, source.Name, split)
		if mutant.On(mutant.WatermarkForgotten) && a.died() {
			continue
		}
		if mutant.On(mutant.WatermarkWithoutDelay) && a.died() && at.Watermark != noWatermark {
			at.Watermark += step.Watermark.Delay
		}
		if known {
			t.chain.nodes[n].maker.Restore(at.Watermark)
			t.time.idle = at.Idle
			s.time.ended = at.Ended && s.time.finite && s.done()
		}
		c.add(step, a.manifest.Greatest(step.Name))
	}
	s.time.share, s.time.shared, s.time.sharedOf = c.Shared != nil, c.Shared, a.epoch()
	s.time.sleeps = c.IdleAfter > 0
	c.Watermark, c.Idle = t.chain.watermark(), t.time.idle
	s.time.toldIdle, s.time.reported = c.Idle, c.Watermark
	s.time.step = c.Lead / reportsOfLead
	return c
}

// add takes a step's settings in: the most patient ones hold for the split.
func (c *SplitClock) add(step *topology.Step, greatest int64) {
	w := step.Watermark
	first := c.Step == ""
	if first {
		c.Step = step.Name
	}
	if w.Splits == "max" {
		if c.Shared == nil {
			c.Shared = map[string]int64{}
		}
		c.Shared[step.Name] = greatest
	}
	idle, lead := w.IdleAfter, w.Lead
	if idle == 0 {
		idle = topology.DefaultIdleAfter
	}
	if lead == 0 {
		lead = topology.DefaultLead
	}
	c.IdleAfter, c.Lead = patient(c.IdleAfter, idle, first), patient(c.Lead, lead, first)
	if c.Shared != nil {
		c.IdleAfter, c.Lead = 0, 0
	}
}

// patient returns the longer of two times, of which 0 and less is for ever.
func patient(now, next int64, first bool) int64 {
	switch {
	case next < 0 || !first && now == 0:
		return 0
	}
	return max(now, next)
}

func (a *attempt) stepNamed(name string) *topology.Step {
	for _, s := range a.config.Plan.Graph.Steps {
		if s.Name == name {
			return s
		}
	}
	return nil
}
