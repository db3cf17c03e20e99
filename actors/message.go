package actors

import (
	"context"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
)

// Lane says how a message overtakes others in a mailbox.
type Lane uint8

// The lanes below protoactor's own system messages.
const (
	LaneControl Lane = iota // credits, closing, stopping: before any data
	LaneData                // batches, barriers, watermarks: in order
)

// Message is what a task takes.
type Message interface{ lane() Lane }

// Data carries a batch over a channel. The receiver owns it.
type Data struct {
	Attempt  int64
	Channel  int    // of the receiver's inputs
	Sequence uint64 // of the channel, from 1
	Batch    *batch.Batch
	Bytes    int64
}

// Barrier closes an epoch on a channel.
type Barrier struct {
	Attempt   int64
	Channel   int
	Epoch     int64
	Count     uint64 // batches sent on the channel since the last barrier
	Rows      uint64 // rows in them
	Watermark int64
	Idle      bool
	NextNow   int64 // current_timestamp of the next epoch, microseconds
}

// Watermark says that no row older than At comes on the channel any more.
type Watermark struct {
	Attempt int64
	Channel int
	At      int64 // microseconds
	Idle    bool
}

// Credit lets the sender of a channel send more.
type Credit struct {
	Attempt int64
	Output  int // the sender's output
	Target  int // the channel among the output's
	Batches int
	Bytes   int64
}

// Fetched brings rows of the split to its source task.
type Fetched struct {
	Attempt int64
	Fetch   connectors.Fetch
}

// CloseEpoch asks a source task for a barrier.
type CloseEpoch struct {
	Attempt int64
	Epoch   int64
	NextNow int64 // current_timestamp of the next epoch, microseconds
	Last    bool  // send nothing after it
}

// SetLimit tells a source task how far the epoch may read; "" takes the limit
// away.
type SetLimit struct {
	Attempt int64
	Epoch   int64
	Until   connectors.Position
}

// Share tells a source task the watermark that rows of the epoch are judged by,
// for steps that take the greatest over all splits. It sends no row of the epoch before.
type Share struct {
	Attempt    int64
	Epoch      int64
	Watermarks map[string]int64 // by step
}

// Hold tells a source task not to send rows while its watermark is past Until:
// it is too far ahead of another split.
type Hold struct {
	Attempt int64
	Until   int64
}

// Quiet tells a source task that nothing has been heard of its split for a while: it
// is idle if it still stands where its job thinks and that is the split's end, as the source says.
// Otherwise it reports where it stands.
type Quiet struct {
	Attempt int64
	At      connectors.Position
	End     connectors.Position // "" if the source was not asked
}

// Wake lets a source task look again whether it may go on.
type Wake struct{ Attempt int64 }

// Durable tells a task with keyed state which files the newest decided epoch
// has.
type Durable struct {
	Attempt int64
	Epoch   int64
	State   []epochs.StateFile
}

// Finished brings back what a task's background work made.
type Finished struct {
	Attempt int64
	Epoch   int64              // that the result is for
	Ack     func(*epochs.Ack)  // adds the result to the epoch's ack
	Base    []epochs.StateFile // merged state files, for whichever epoch is acked next
	IsBase  bool
	Kept    func() // with IsBase: tells the task's store that the work was done
	IsReady bool   // what operators wanted done before the epoch's first row is done
	Err     error
}

func (Data) lane() Lane       { return LaneData }
func (Barrier) lane() Lane    { return LaneData }
func (Watermark) lane() Lane  { return LaneData }
func (Credit) lane() Lane     { return LaneControl }
func (Fetched) lane() Lane    { return LaneControl }
func (CloseEpoch) lane() Lane { return LaneControl }
func (SetLimit) lane() Lane   { return LaneControl }
func (Share) lane() Lane      { return LaneControl }
func (Hold) lane() Lane       { return LaneControl }
func (Quiet) lane() Lane      { return LaneControl }
func (Wake) lane() Lane       { return LaneControl }
func (Durable) lane() Lane    { return LaneControl }
func (Finished) lane() Lane   { return LaneControl }

// Effects is what a step of a task asks its driver to do, in order.
type Effects struct {
	Sends  []Send
	Report []Report // to the job
	Work   []Work   // to be run in the background
	// Take returns this many fetches to the reader of the task's split: room
	// for as many more.
	Take int
}

// Send is a message to another task.
type Send struct {
	To      epochs.TaskID
	Message Message
}

// Work is I/O that a task must not wait for. Its result is stepped into the task.
type Work func(context.Context) Finished

// Report is a message from a task to its job.
type Report interface{ report() }

// Acked brings a task's ack.
type Acked struct {
	Attempt int64
	Ack     epochs.Ack
}

// Seen says that a source task has rows in the filling epoch, or has come to a
// limit or bound.
type Seen struct {
	Attempt int64
	Task    epochs.TaskID
	Epoch   int64
	Rows    int64 // in the epoch so far
	Bytes   int64
	Moved   bool // the position has moved in the epoch, perhaps without a row
	AtLimit bool
	AtBound bool
	Full    bool                // memory is full: closing the epoch would free some
	End     connectors.Position // of the split as last heard, "" unknown
	At      connectors.Position

	Watermark int64 // least of the steps that make one
	Idle      bool
	Held      bool // too far ahead of another split
	Timed     bool // the watermark may have moved in the epoch without a row
}

// Failed says that a task cannot go on.
type Failed struct {
	Attempt int64
	Task    epochs.TaskID
	Name    string
	Err     error
}

func (Acked) report()  {}
func (Seen) report()   {}
func (Failed) report() {}
