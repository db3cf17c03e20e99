package actors

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/supervision"
)

// The credits of a channel: how much may be in flight between two tasks.
// Four batches were measured enough to keep two cores busy; a barrier waits for no more than
// this on each channel, so its alignment is bounded too.
const (
	creditBatches = 4
	creditBytes   = 8 << 20
)

// input is the receiving end of a channel.
type input struct {
	from   epochs.TaskID
	output int // of the sender
	target int // of the sender's output

	next      uint64 // sequence expected
	count     uint64 // batches since the last barrier
	rows      uint64
	queue     []Message // waiting: behind a barrier, or the task is blocked
	barrier   bool      // the closing epoch's barrier has come
	watermark int64
	idle      bool
	clock     int // of the edge: topology.NoClock if no watermark travels on it
}

// accept checks a data message against the channel's books.
func (in *input) accept(d Data) error {
	if d.Sequence != in.next {
		return lost("batch %d came where %d was due", d.Sequence, in.next)
	}
	in.next++
	in.count++
	in.rows += uint64(d.Batch.Rows())
	return nil
}

// settle compares the books with the sender's at a barrier and begins new ones.
func (in *input) settle(b Barrier) error {
	if b.Count != in.count || b.Rows != in.rows {
		return lost("the sender counted %d batches with %d rows since the last barrier, the receiver %d with %d",
			b.Count, b.Rows, in.count, in.rows)
	}
	in.count, in.rows = 0, 0
	return nil
}

func lost(format string, args ...any) error {
	return &supervision.Failure{Kind: supervision.Restart, Class: "CHANNEL_BROKEN",
		Message: fmt.Sprintf(format, args...), Hint: "a batch was lost or doubled between two tasks; the attempt is aborted"}
}

// target is the sending end of a channel.
type target struct {
	to      epochs.TaskID
	channel int // of the receiver's inputs

	sequence uint64
	count    uint64
	rows     uint64
	batches  int   // credit left
	bytes    int64 // in flight
	pending  []Message
}

// put queues a batch on the channel and sends what the credit allows.
func (c *target) put(attempt int64, b *batch.Batch, out *Effects) {
	c.pending = append(c.pending, Data{Attempt: attempt, Channel: c.channel, Batch: b, Bytes: b.Size()})
	c.flush(out)
}

// mark queues a barrier or watermark behind the batches that wait.
func (c *target) mark(m Message, out *Effects) {
	c.pending = append(c.pending, m)
	c.flush(out)
}

// flush sends from the head of the queue while the credit lasts.
func (c *target) flush(out *Effects) {
	sent := 0
	for _, m := range c.pending {
		switch m := m.(type) {
		case Data:
			if c.batches == 0 || c.bytes > 0 && c.bytes+m.Bytes > creditBytes {
				c.pending = append(c.pending[:0], c.pending[sent:]...)
				return
			}
			c.batches--
			c.bytes += m.Bytes
			c.sequence++
			c.count++
			c.rows += uint64(m.Batch.Rows())
			m.Sequence = c.sequence
			out.Sends = append(out.Sends, Send{To: c.to, Message: m})
		case Barrier:
			m.Count, m.Rows = c.count, c.rows
			c.count, c.rows = 0, 0
			out.Sends = append(out.Sends, Send{To: c.to, Message: m})
		default:
			out.Sends = append(out.Sends, Send{To: c.to, Message: m})
		}
		sent++
	}
	clear(c.pending)
	c.pending = c.pending[:0]
}

// discard releases what will never be sent.
func (c *target) discard() {
	for _, m := range c.pending {
		if d, ok := m.(Data); ok {
			d.Batch.Release()
		}
	}
	c.pending = nil
}
