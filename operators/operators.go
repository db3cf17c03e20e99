// Package operators is the operator contract and the verbs that implement it.
// An operator turns batches into batches; it knows nothing of tasks, actors,
// goroutines, disks or clocks.
package operators

import (
	"context"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
)

// Operator is one step's share of the work in one task. Its task calls it from
// one goroutine at a time. It must not block, start goroutines or read the
// clock. Batches passed in are borrowed: Retain to keep.
type Operator interface {
	// Open is called once before all else.
	Open(c *Context) error
	// Process takes a batch of one input and may emit any number of batches.
	Process(in *batch.Batch, input int, out Output) error
	// Advance says that no row older than the watermark (microseconds) comes any more. What is
	// final by then is emitted. math.MaxInt64 is the end of the input.
	Advance(watermark int64, out Output) error
	// Flush is called once at each barrier, before state is copied: rows that an
	// updating step owes for the epoch are emitted here.
	Flush(out Output) error
	// Close ends the operator. State is the task's to keep.
	Close() error
}

// Base gives an operator the methods that it does not need: embed it and write
// Process alone.
type Base struct{ Context *Context }

// Open keeps the context.
func (b *Base) Open(c *Context) error { b.Context = c; return nil }

// Advance does nothing.
func (b *Base) Advance(int64, Output) error { return nil }

// Flush does nothing.
func (b *Base) Flush(Output) error { return nil }

// Close does nothing.
func (b *Base) Close() error { return nil }

// WatermarkMaker is an operator that makes a watermark of the rows it sees. It
// runs in a source's task, so it sees one split; it tells what reads it by
// Output.Advance, in order with the rows.
type WatermarkMaker interface {
	Operator
	// Watermark returns the watermark after the rows so far, math.MinInt64 before any.
	Watermark() int64
	// Restore sets the watermark that a checkpoint held. It is called before any row.
	Restore(watermark int64)
}

// Waker is an operator that wants an epoch to close at a processing time though
// no row comes: a window or timer on processing time.
type Waker interface {
	// NextDue returns the time, microseconds, and whether there is one. It is asked after each Flush.
	NextDue() (int64, bool)
}

// Preparer is an operator that needs I/O before the first row of an epoch,
// such as the newest version of a static table.
type Preparer interface {
	// Prepare returns what is to be done before the epoch's first row, nil for nothing. It may run on another
	// goroutine, while the operator is not called.
	Prepare(epoch int64) func(context.Context) error
}

// The ports of an operator: streams that tell its result in different ways.
const (
	// PortFinal has rows that never change: output mode append. It is the only port of most verbs.
	PortFinal = 0
	// PortChanges has the changes of the epoch as rows with kinds, emitted in Flush: output mode update.
	PortChanges = 1
	// PortComplete has the whole result, as inserts, in every Flush: output mode complete.
	PortComplete = 2
	// Ports is how many there are.
	Ports = 3
)

// Context is what an operator is given by its task.
type Context struct {
	Step      string // the step's stable name: state is addressed by it
	Pool      *batch.Pool
	State     State
	KeyGroups int // of the job, for ever
	Lo, Hi    int // the key groups of this task, Lo <= g < Hi; of tasks without state 0 and 0
	Epoch     *Epoch
	// Wanted says which ports somebody reads; what is emitted to others is dropped.
	Wanted [Ports]bool
	// Place tells where a physical row came from; nil: nobody knows.
	Place func(in *batch.Batch, row int32) Place
}

// number is the running epoch's, for planted bugs.
func (c *Context) number() int64 {
	if c.Epoch == nil {
		return 0
	}
	return c.Epoch.Number
}

// Epoch is the part of the running epoch that rows can see. The task replaces
// the fields at each barrier.
type Epoch struct {
	Number int64
	Now    int64 // current_timestamp(), microseconds since 1970 UTC; also its processing time
	// Next is the following epoch's Now. It is set before Flush; what is due on
	// processing time by then is due in Flush.
	Next int64
}

// Output takes what an operator makes.
type Output interface {
	// Emit passes a batch on, by PortFinal, and takes over its references.
	Emit(*batch.Batch) error
	// EmitTo passes a batch on by one of the ports.
	EmitTo(port int, b *batch.Batch) error
	// Advance passes a watermark on, in order with the rows. Only a WatermarkMaker calls it.
	Advance(watermark int64) error
	// Late hands over rows that came behind the watermark: physical rows of in, which is borrowed.
	// They are counted by step and kept in the flow's late table if it has one.
	Late(in *batch.Batch, rows []int32, watermark int64) error
	// Reject hands over rows that could not be processed: in.Row indexes are
	// physical rows of in, which is borrowed; rows is the receiver's to keep. It returns an error if the flow has no quarantine.
	Reject(in *batch.Batch, rows []Rejected) error
}

// Rejected is a row that failed, alone.
type Rejected struct {
	Row     int32  // physical row
	Rule    string // what it failed: "from_json", "cast", an expectation's name
	Class   string // error class
	Message string
	Raw     []byte // the value that could not be processed, if one stands out
}

// State opens the typed tables of one task. persistence satisfies it.
type State interface {
	// KeySet opens the set of keys with this name; the types are those of the
	// key columns. The same name with other types than stored is an error that names both.
	KeySet(table string, keys []batch.Type) (KeySet, error)
	// Table opens the table with the spec's name. One that was stored with other columns, or with a
	// later version, is an error that names both.
	Table(spec state.Spec) (*state.Table, error)
}

// KeySet is a set of keys, probed a batch at a time. It is an alias so that
// persistence, a floor below, can return it without importing this room.
type KeySet = interface {
	// Insert adds the keys of the selected rows and sets fresh for the
	// physical rows whose key was not there: of equal keys in one batch the first only.
	// hashes are batch.Hash of the key columns, one a physical row.
	Insert(keys []*batch.Column, sel []int32, n int, hashes []uint64, fresh batch.Bitmap) error
	// Len returns the number of keys.
	Len() int
}
