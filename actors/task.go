package actors

import (
	"context"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/supervision"
)

// Task is one parallel share of a stage: a source split, a range of key groups
// or a share of a sink, with the steps fused to it. It is pure: Step takes a
// message and says what to do. One goroutine at a time may step it.
type Task struct {
	ID      epochs.TaskID
	Name    string
	attempt int64
	pool    *batch.Pool
	account *batch.Account

	inputs  []input
	outputs []output // by edge of the plan that leaves the stage
	edgeOut map[int]int
	chain   *chain
	epoch   *operators.Epoch

	source *sourceShare
	keyed  *keyedShare
	sink   *sinkShare

	turn      int // input to look at next
	barriers  int // inputs whose barrier has come
	nextNow   int64
	acks      map[int64]*owed
	time      taskTime
	readiness readiness
	failed    error
}

// owed is an ack that waits for background work.
type owed struct {
	ack  epochs.Ack
	left int
}

// Step takes a message and appends what follows from it to out. An error is
// the end of the task and of its attempt.
func (t *Task) Step(m Message, out *Effects) error {
	if t.failed != nil {
		release(m)
		return nil // the attempt is being aborted already
	}
	if err := t.take(m, out); err != nil {
		t.failed = err
		return err
	}
	return nil
}

func (t *Task) take(m Message, out *Effects) error {
	switch m := m.(type) {
	case Data:
		if due, err := t.due(m.Attempt); !due {
			m.Batch.Release()
			return err
		}
		in := &t.inputs[m.Channel]
		if err := in.accept(m); err != nil {
			m.Batch.Release()
			return err
		}
		in.queue = append(in.queue, m)
	case Barrier:
		if due, err := t.due(m.Attempt); !due {
			return err
		}
		// The books are closed where the barrier comes, not where it is looked at: behind
		// blocked outputs rows of the next epoch may be there by then.
		if err := t.inputs[m.Channel].settle(m); err != nil {
			return err
		}
		t.inputs[m.Channel].queue = append(t.inputs[m.Channel].queue, m)
	case Watermark:
		if due, err := t.due(m.Attempt); !due {
			return err
		}
		t.inputs[m.Channel].mark(m)
	case Credit:
		c := &t.outputs[m.Output].targets[m.Target]
		c.batches += m.Batches
		c.bytes -= m.Bytes
		c.flush(out)
	case Finished:
		if err := t.finished(m, out); err != nil {
			return err
		}
	case Durable:
		t.keyed.durable(t, m, out)
	default:
		if t.source == nil {
			return fmt.Errorf("actors: %s was sent a %T", t.Name, m)
		}
		if err := t.source.take(t, m); err != nil {
			return err
		}
	}
	return t.work(out)
}

// due reports whether a message of the attempt is to be taken. One of a lower
// attempt is dropped; a higher one means that this task has outlived its own.
func (t *Task) due(attempt int64) (bool, error) {
	if attempt > t.attempt {
		return false, supervision.New(supervision.Restart, "ATTEMPT_MISMATCH", "task %s of attempt %d was sent data of attempt %d", t.Name, t.attempt, attempt)
	}
	return attempt == t.attempt, nil
}

// work goes on with whatever waits until it is done or the outputs are blocked.
func (t *Task) work(out *Effects) error {
	if t.source != nil {
		return t.source.work(t, out)
	}
	for !t.blocked() {
		in := t.ready()
		if in < 0 || !t.prepared(out) {
			return nil
		}
		if err := t.process(in, out); err != nil {
			return err
		}
	}
	return nil
}

// blocked reports whether nothing more may be taken in: an output has no credit, or memory is short and what is
// under way beside the task frees some.
func (t *Task) blocked() bool {
	if t.keyed != nil && t.keyed.merging && t.account.Swamped() {
		return true
	}
	for i := range t.outputs {
		if t.outputs[i].blocked() {
			return true
		}
	}
	return false
}

// ready returns an input whose next message may be processed, -1 for none. An
// input behind its barrier waits for the others: alignment.
func (t *Task) ready() int {
	for range t.inputs {
		t.turn++
		if t.turn >= len(t.inputs) {
			t.turn = 0
		}
		if in := &t.inputs[t.turn]; !in.barrier && len(in.queue) > 0 {
			return t.turn
		}
	}
	return -1
}

func (t *Task) process(i int, out *Effects) error {
	in := &t.inputs[i]
	m := in.queue[0]
	in.queue[0] = nil
	in.queue = in.queue[1:]
	switch m := m.(type) {
	case Data:
		err := t.rows(m.Batch, out)
		m.Batch.Release()
		out.Sends = append(out.Sends, Send{To: in.from, Message: Credit{Attempt: t.attempt, Output: in.output, Target: in.target, Batches: 1, Bytes: m.Bytes}})
		return err
	case Watermark:
		in.watermark, in.idle = max(in.watermark, m.At), m.Idle
		return t.advance(out)
	case Barrier:
		return t.barrier(in, m, out)
	}
	return fmt.Errorf("actors: %s cannot process a %T", t.Name, m)
}

// rows processes a borrowed batch.
func (t *Task) rows(b *batch.Batch, out *Effects) error {
	if t.sink != nil {
		return stepError(t.sink.name, t.sink.writer.Write(context.Background(), b))
	}
	if err := t.chain.run(b); err != nil {
		return err
	}
	t.chain.stageHeld(false)
	t.emit(out)
	return nil
}

// emit sends what the chain staged.
func (t *Task) emit(out *Effects) {
	if mutant.On(mutant.WatermarkBeforeRows) && t.attempt > 2 {
		slices.SortStableFunc(t.chain.staged, func(a, b staged) int {
			switch {
			case a.batch == nil && b.batch != nil:
				return -1
			case a.batch != nil && b.batch == nil:
				return 1
			}
			return 0
		})
	}
	for _, s := range t.chain.staged {
		o := &t.outputs[t.edgeOut[s.edge]]
		if s.batch == nil {
			o.advance(t.attempt, s.watermark, t.time.idle, out)
			continue
		}
		o.send(t.pool, t.attempt, s.batch, out)
	}
	clear(t.chain.staged)
	t.chain.staged = t.chain.staged[:0]
}

// barrier records the barrier of one input; the last one closes the epoch here.
func (t *Task) barrier(in *input, b Barrier, out *Effects) error {
	if b.Epoch != t.epoch.Number {
		return lost("barrier of epoch %d came in epoch %d", b.Epoch, t.epoch.Number)
	}
	in.barrier = true
	in.watermark, in.idle = max(in.watermark, b.Watermark), b.Idle
	t.nextNow = b.NextNow
	t.barriers++
	if t.barriers < len(t.inputs) && !(mutant.On(mutant.BarrierBeforeAlignment) && t.attempt > 2 && len(t.inputs) > 3 && t.epoch.Number%8 == 6) {
		return nil
	}
	t.barriers = 0
	for i := range t.inputs {
		t.inputs[i].barrier = false
	}
	if err := t.advance(out); err != nil {
		return err
	}
	return t.close(epochs.Ack{Watermark: t.time.watermark, Idle: t.time.idle}, out)
}

// close ends the epoch in this task: state is copied, output sealed, the barrier
// passed on, the ack given when the background work is done.
func (t *Task) close(ack epochs.Ack, out *Effects) error {
	ack.Task, ack.Epoch = t.ID, t.epoch.Number
	if t.chain != nil {
		t.epoch.Next = t.nextNow
		if !mutant.On(mutant.FlushForgotten) || t.attempt < 3 || t.epoch.Number%8 != 6 {
			if err := t.chain.flush(); err != nil {
				return err
			}
		}
		t.chain.stageHeld(true)
		t.emit(out)
		var err error
		if ack.Observed, err = t.chain.observed(); err != nil {
			return err
		}
		ack.Rejected, t.chain.rejected = t.chain.rejected, 0
		ack.Dropped, ack.Hot, ack.Due = t.chain.dropped(), t.chain.hot(), t.chain.due()
		ack.Spent = t.chain.spent()
	}
	o := &owed{ack: ack, left: 1}
	t.acks[ack.Epoch] = o
	if t.keyed != nil {
		t.keyed.checkpoint(t, o, out)
	}
	if t.sink != nil {
		if err := t.sink.seal(t, o, out); err != nil {
			return err
		}
	}
	t.mark(Barrier{Attempt: t.attempt, Epoch: t.epoch.Number, Idle: t.time.idle, NextNow: t.nextNow}, out)
	t.epoch.Number++
	t.epoch.Now = t.nextNow
	t.readiness.over()
	t.settled(o, out)
	return nil
}

// mark sends a barrier on every channel, behind the data.
func (t *Task) mark(b Barrier, out *Effects) {
	for i := range t.outputs {
		o := &t.outputs[i]
		b.Watermark = o.told
		for j := range o.targets {
			b.Channel = o.targets[j].channel
			o.targets[j].mark(b, out)
		}
	}
}

// background runs work for the ack.
func (t *Task) background(o *owed, w Work, out *Effects) {
	o.left++
	out.Work = append(out.Work, w)
}

func (t *Task) finished(m Finished, out *Effects) error {
	if m.Err != nil {
		return m.Err
	}
	if m.IsBase {
		t.keyed.based(m)
		return nil
	}
	if m.IsReady {
		t.readiness.done(m.Epoch, t.epoch.Number)
		return nil
	}
	o := t.acks[m.Epoch]
	if o == nil {
		return fmt.Errorf("actors: %s finished work for epoch %d, which owes no ack", t.Name, m.Epoch)
	}
	if m.Ack != nil {
		m.Ack(&o.ack)
	}
	t.settled(o, out)
	return nil
}

// settled gives the ack if nothing is left to wait for.
func (t *Task) settled(o *owed, out *Effects) {
	o.left--
	if o.left == 0 {
		delete(t.acks, o.ack.Epoch)
		out.Report = append(out.Report, Acked{Attempt: t.attempt, Ack: o.ack})
	}
}

// Close ends the task: what waits is released, writers give up what is unfinished.
func (t *Task) Close() {
	for i := range t.inputs {
		for _, m := range t.inputs[i].queue {
			release(m)
		}
		t.inputs[i].queue = nil
	}
	for i := range t.outputs {
		for j := range t.outputs[i].targets {
			t.outputs[i].targets[j].discard()
		}
	}
	if t.chain != nil {
		t.chain.close()
	}
	if t.source != nil {
		t.source.discard()
	}
	if t.keyed != nil {
		t.keyed.close()
	}
	if t.sink != nil {
		t.sink.writer.Abort()
	}
}

// release gives back the batch of a message that nobody will process.
func release(m Message) {
	switch m := m.(type) {
	case Data:
		m.Batch.Release()
	case Fetched:
		m.Fetch.Batch.Release()
	}
}

// sinkShare is the part of a task that writes to a sink.
type sinkShare struct {
	name   string
	writer connectors.Writer
}

func (s *sinkShare) seal(t *Task, o *owed, out *Effects) error {
	o.ack.Sink = s.name
	sealed, err := s.writer.Seal(t.epoch.Number)
	if err != nil {
		return stepError(s.name, err)
	}
	if sealed == nil {
		return nil
	}
	t.background(o, finishSink(t.attempt, t.epoch.Number, s.name, sealed), out)
	return nil
}
