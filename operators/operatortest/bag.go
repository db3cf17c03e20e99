package operatortest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
)

// bag collects rows as text. It takes one batch at a time: the last one stays as it is, unread,
// until the next comes, so an operator that changes what it has passed on is found.
type bag struct {
	rows     []string       // of PortFinal, and what was rejected or late
	net      map[string]int // the table that PortChanges has made
	epoch    map[string]int // what the running flush does to each row: retracted, asserted or both
	complete []string       // of the last flush
	flushing bool
	held     *batch.Batch
	port     int
	err      error
}

func newBag() *bag { return &bag{net: map[string]int{}} }

// result returns everything, sorted.
func (b *bag) result() []string {
	all := slices.Clone(b.rows)
	for row, n := range b.net {
		all = append(all, slices.Repeat([]string{"changed " + row}, n)...)
	}
	all = append(all, b.complete...)
	slices.Sort(all)
	return all
}

// begin starts a flush.
func (b *bag) begin() {
	b.read()
	b.flushing, b.epoch, b.complete = true, map[string]int{}, nil
}

// end checks what the flush changed.
func (b *bag) end() error {
	b.read()
	b.flushing = false
	for row, n := range b.net {
		if n < 0 {
			return fmt.Errorf("the changes retract %s, which is not there", row)
		}
	}
	return b.err
}

// read takes the batch that is held.
func (b *bag) read() {
	out := b.held
	b.held = nil
	if out == nil {
		return
	}
	defer out.Release()
	for i := range out.Rows() {
		r, kind := out.Row(i), batch.Insert
		if out.Kinds != nil {
			kind = out.Kinds[r]
		}
		text := string(batch.AppendRowJSON(nil, out, r))
		switch b.port {
		case operators.PortFinal:
			b.rows = append(b.rows, fmt.Sprintf("%s %d", text, kind))
		case operators.PortComplete:
			b.complete = append(b.complete, fmt.Sprintf("complete %s %d", text, kind))
		default:
			b.change(text, kind)
		}
	}
}

const retracted, asserted = 1, 2

func (b *bag) change(row string, kind batch.RowKind) {
	sign, mark := 1, asserted
	if kind == batch.UpdateBefore || kind == batch.Delete {
		sign, mark = -1, retracted
	}
	if b.epoch[row]|mark == retracted|asserted {
		b.err = errors.Join(b.err, fmt.Errorf("one flush takes back and puts again %s", row))
	}
	b.epoch[row] |= mark
	if b.net[row] += sign; b.net[row] == 0 {
		delete(b.net, row)
	}
}

func (b *bag) take(port int, out *batch.Batch) error {
	b.read()
	b.held, b.port = out, port
	if port != operators.PortFinal && !b.flushing {
		return fmt.Errorf("port %d is written outside of a flush", port)
	}
	return nil
}

// Emit takes the batch's rows.
func (b *bag) Emit(out *batch.Batch) error { return b.take(operators.PortFinal, out) }

// EmitTo takes the batch's rows.
func (b *bag) EmitTo(port int, out *batch.Batch) error { return b.take(port, out) }

// Advance takes a watermark, which is no row.
func (b *bag) Advance(int64) error { return nil }

// Late takes rows that came too late.
func (b *bag) Late(in *batch.Batch, rows []int32, _ int64) error {
	for _, r := range rows {
		b.rows = append(b.rows, fmt.Sprintf("late %s", batch.AppendRowJSON(nil, in, int(r))))
	}
	return nil
}

// Reject takes the rows with what they failed.
func (b *bag) Reject(in *batch.Batch, rows []operators.Rejected) error {
	for _, r := range rows {
		b.rows = append(b.rows, fmt.Sprintf("rejected %s: %s %s %s %q",
			batch.AppendRowJSON(nil, in, int(r.Row)), r.Rule, r.Class, r.Message, r.Raw))
	}
	return nil
}
