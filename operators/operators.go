// Package operators is the operator contract and the verbs that implement it.
// An operator turns batches into batches; it knows nothing of tasks, actors,
// goroutines, disks or clocks.
package operators

import (
	"github.com/deltaic/deltaic/batch"
)

// Operator is one step's share of the work in one task. Its task calls it from
// one goroutine at a time. It must not block, start goroutines or read the
// clock. Batches passed in are borrowed: Retain to keep.
type Operator interface {
	// Open is called once before all else.
	Open(c *Context) error
	// Process takes a batch of one input and may emit any number of batches.
	Process(in *batch.Batch, input int, out Output) error
	// Advance says that no row older than the watermark (microseconds) comes any more.
	Advance(watermark int64, out Output) error
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

// Close does nothing.
func (b *Base) Close() error { return nil }

// Context is what an operator is given by its task.
type Context struct {
	Step      string // the step's stable name: state is addressed by it
	Pool      *batch.Pool
	State     State
	KeyGroups int // of the job, for ever
	Epoch     *Epoch
}

// Epoch is the part of the running epoch that rows can see. The task replaces
// the fields at each barrier.
type Epoch struct {
	Number int64
	Now    int64 // current_timestamp(), microseconds since 1970 UTC
}

// Output takes what an operator makes.
type Output interface {
	// Emit passes a batch on and takes over its references.
	Emit(*batch.Batch) error
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
