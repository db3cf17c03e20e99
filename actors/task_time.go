package actors

import (
	"context"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/topology"
)

// taskTime is a task's event time.
type taskTime struct {
	watermark int64 // over the live inputs; it only grows
	idle      bool  // no input that has a watermark is live
	greatest  bool  // inputs of different clocks meet at the greatest, not the least
	clocks    []clockOf
}

// clockOf is the least watermark of the live inputs with one clock.
type clockOf struct {
	clock int
	least int64
}

// meet returns the watermark over the inputs and whether all of them are idle. An input
// that is idle or at its end is not waited for; if no other is left the watermark stays as it is, until
// all are at their end.
func (c *taskTime) meet(inputs []input) (watermark int64, idle bool) {
	c.clocks = c.clocks[:0]
	ended, asleep := true, false
	for i := range inputs {
		in := &inputs[i]
		switch {
		case in.watermark == endOfInput:
			continue
		case in.clock == topology.NoClock:
		case in.idle:
			asleep = true
		default:
			c.note(in.clock, in.watermark)
		}
		ended = false
	}
	if len(c.clocks) == 0 {
		if ended && len(inputs) > 0 {
			return endOfInput, false
		}
		return c.watermark, asleep
	}
	watermark = c.clocks[0].least
	for _, k := range c.clocks[1:] {
		if c.greatest {
			watermark = max(watermark, k.least)
		} else {
			watermark = min(watermark, k.least)
		}
	}
	return max(watermark, c.watermark), false
}

func (c *taskTime) note(clock int, watermark int64) {
	for i := range c.clocks {
		if c.clocks[i].clock == clock {
			c.clocks[i].least = min(c.clocks[i].least, watermark)
			return
		}
	}
	c.clocks = append(c.clocks, clockOf{clock, watermark})
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
