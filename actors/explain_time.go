package actors

import (
	"fmt"
	"time"

	"github.com/deltaic/deltaic/topology"
)

// Watermarks says how far event time has come for each step that makes a
// watermark, as the splits have told last, and which split everything waits for.
func (j *Job) Watermarks() []topology.StepWatermark {
	var all []topology.StepWatermark
	for _, step := range j.steps() {
		all = append(all, j.explainStep(step))
	}
	return all
}

func (j *Job) explainStep(step string) topology.StepWatermark {
	w := topology.StepWatermark{Step: step}
	var slow *splitState
	at, all := int64(endOfInput), int64(noWatermark)
	for _, id := range j.sources {
		s := j.splits[id]
		if s.clock.SplitClock == nil || s.clock.Step != step {
			continue
		}
		w.Splits = append(w.Splits, s.explain())
		all = max(all, s.clock.watermark)
		if !s.clock.idle && s.clock.watermark != endOfInput && (slow == nil || s.clock.watermark < at) {
			slow, at = s, s.clock.watermark
		}
	}
	if shared, is := j.clocks.shared[step]; is {
		w.Watermark = instantOf(shared)
		w.Why = "it follows the split that is furthest ahead, from one epoch to the next"
		return w
	}
	if slow == nil {
		w.Watermark, w.Why = instantOf(all), "no split is waited for: all are idle"
		return w
	}
	w.Watermark, w.WaitsFor = instantOf(at), slow.Source+"/"+string(slow.Split)
	w.Why = fmt.Sprintf("everything waits for split %s of %s, %s", slow.Split, slow.Source, slow.why())
	return w
}

// why says what keeps a split where it is.
func (s *splitState) why() string {
	e := s.explain()
	switch {
	case e.State == topology.SplitReading:
		return "which has more to read"
	case e.State == topology.SplitDone:
		return "which has come to the end of this run: its event time goes on with the next"
	case s.clock.watermark == noWatermark:
		return "which has had no row with an event time" + e.Patience()
	}
	return "which has nothing to read" + e.Patience()
}

func (s *splitState) explain() (k topology.SplitWatermark) {
	c := s.clock
	k = topology.SplitWatermark{Source: s.Source, Split: string(s.Split), Watermark: instantOf(c.watermark), Since: told(c.quiet),
		Position: string(s.position), End: string(s.end)}
	switch {
	case c.idle:
		k.State, k.Since = topology.SplitIdle, told(c.since)
	case s.AtBound:
		k.State = topology.SplitDone
	case c.held:
		k.State = topology.SplitHeld
	case s.end != "" && s.end != s.position:
		k.State = topology.SplitReading
	default:
		k.State = topology.SplitCaughtUp
		if c.IdleAfter > 0 {
			k.IdleAt = told(c.quiet.Add(time.Duration(c.IdleAfter) * time.Microsecond))
		}
	}
	return k
}

func told(t time.Time) string { return topology.Instant(t.UnixMicro()) }

func instantOf(watermark int64) string {
	if watermark == noWatermark || watermark == endOfInput {
		return ""
	}
	return topology.Instant(watermark)
}
