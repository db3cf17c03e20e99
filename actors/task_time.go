package actors

import (
	"context"
	"slices"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/topology"
)

// taskTime is a task's event time.
type taskTime struct {
	watermark int64 // over the live inputs; it only grows
	idle      bool  // no input that has a watermark is live
	greatest  bool  // inputs of different clocks meet at the greatest, not the least
	clocks    []clockOf
}

// clockOf is what the inputs with one clock have come to.
type clockOf struct {
	clock    int
	least    int64 // over the live inputs
	greatest int64 // over the idle ones
	live     bool
}

// meet returns the watermark over the inputs and whether all of them are idle. An input that is idle or at its
// end is not waited for. When no other is left nobody is ahead of anybody any more: the greatest of the idle
// ones holds, whichever fell idle last; behind the last end all time is over.
func (c *taskTime) meet(inputs []input) (watermark int64, idle bool) {
	c.clocks = c.clocks[:0]
	ended, live := true, false
	for i := range inputs {
		in := &inputs[i]
		if in.watermark == endOfInput {
			continue
		}
		ended = false
		if in.clock != topology.NoClock {
			c.note(in)
			live = live || !in.idle
		}
	}
	if ended && len(inputs) > 0 {
		return endOfInput, false
	}
	return max(c.watermark, c.combine(live)), !live && len(c.clocks) > 0
}

// note takes in what an input has come to.
func (c *taskTime) note(in *input) {
	i := slices.IndexFunc(c.clocks, func(k clockOf) bool { return k.clock == in.clock })
	if i < 0 {
		i = len(c.clocks)
		c.clocks = append(c.clocks, clockOf{clock: in.clock, least: endOfInput, greatest: noWatermark})
	}
	k := &c.clocks[i]
	if in.idle {
		k.greatest = max(k.greatest, in.watermark)
	} else {
		if mutant.On(mutant.GreatestInput) && k.live && c.watermark > noWatermark && c.watermark/1_000_000%8 == 3 {
			k.least = max(k.least, in.watermark)
			return
		}
		k.least, k.live = min(k.least, in.watermark), true
	}
}

// combine joins the clocks by the flow's policy. Those without a live input count only if there is none at all.
func (c *taskTime) combine(live bool) int64 {
	all, some := int64(noWatermark), false
	for _, k := range c.clocks {
		w := k.greatest
		if live {
			w = k.least
		}
		switch {
		case live && !k.live:
		case !some:
			all, some = w, true
		case c.greatest:
			all = max(all, w)
		default:
			all = min(all, w)
		}
	}
	return all
}

// advance brings what the inputs have come to to the task's steps or writer,
// and to what reads it.
func (t *Task) advance(out *Effects) error {
	watermark, idle := t.time.meet(t.inputs)
	if watermark > t.time.watermark {
		t.time.watermark = watermark
		if err := t.told(watermark); err != nil {
			return err
		}
		if t.chain != nil {
			t.emit(out)
		}
	}
	t.sleep(idle, out)
	return nil
}

func (t *Task) told(watermark int64) error {
	if t.chain != nil {
		return t.chain.advance(watermark)
	}
	if w, ok := t.sink.writer.(connectors.WatermarkTaker); ok {
		return stepError(t.sink.name, w.Advance(watermark))
	}
	return nil
}

// sleep says on every output with a watermark whether the task is idle, if that has changed.
func (t *Task) sleep(idle bool, out *Effects) {
	if idle == t.time.idle {
		return
	}
	t.time.idle = idle
	for i := range t.outputs {
		if o := &t.outputs[i]; o.clocked {
			o.mark(Watermark{Attempt: t.attempt, At: o.told, Idle: idle}, out)
		}
	}
}

// mark queues a watermark. One that nobody has looked at yet is replaced.
func (in *input) mark(m Watermark) {
	if last := len(in.queue) - 1; last >= 0 {
		if before, ok := in.queue[last].(Watermark); ok {
			m.At = max(m.At, before.At)
			in.queue[last] = m
			return
		}
	}
	in.queue = append(in.queue, m)
}

// advance sends a watermark that has grown, behind the data.
func (o *output) advance(attempt, watermark int64, idle bool, out *Effects) {
	if watermark <= o.told {
		return
	}
	o.told = watermark
	o.mark(Watermark{Attempt: attempt, At: watermark, Idle: idle}, out)
}

func (o *output) mark(m Watermark, out *Effects) {
	for j := range o.targets {
		m.Channel = o.targets[j].channel
		o.targets[j].mark(m, out)
	}
}

// readiness is whether the operators have what they need for the epoch's rows.
type readiness struct {
	needed  bool // an operator may want something
	ready   bool
	working bool
}

func (r *readiness) over() { r.ready = false }

func (r *readiness) done(epoch, now int64) {
	r.working = false
	r.ready = epoch == now
}

// prepared reports whether the task may take rows. The first ones of an epoch have what operators
// need for them done beside the task.
func (t *Task) prepared(out *Effects) bool {
	r := &t.readiness
	if !r.needed || r.ready {
		return true
	}
	if r.working {
		return false
	}
	epoch, attempt := t.epoch.Number, t.attempt
	prepare := t.chain.prepare(epoch)
	if prepare == nil {
		r.ready = true
		return true
	}
	r.working = true
	out.Work = append(out.Work, func(ctx context.Context) Finished {
		return Finished{Attempt: attempt, Epoch: epoch, IsReady: true, Err: prepare(ctx)}
	})
	return false
}
