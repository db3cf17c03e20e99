package actors

import (
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/topology"
)

// Order is what a job asks its driver to do. The driver answers each with one
// event.
type Order interface{ order() }

// OpenAttempt asks for a claim and all that follows it; answered by Opened or
// OpenFailed.
type OpenAttempt struct{}

// DecideEpoch asks for the epoch's entry in the ledger; answered by Decided or
// CommitFailed.
type DecideEpoch struct {
	Attempt  int64
	Decision *epochs.Decision
}

// CommitSink asks for a decided epoch's commit to a sink; answered by
// SinkCommitted or CommitFailed.
type CommitSink struct {
	Attempt int64
	epochs.SinkCommit
}

// SendTask asks for a message to a task.
type SendTask struct {
	To      epochs.TaskID
	Message Message
}

// AskLimits asks the sources how far the epoch may read; answered by Limits.
type AskLimits struct {
	Attempt int64
	Epoch   int64
	From    map[string]connectors.Positions
}

// AskEnds asks the sources where splits end that have been quiet for a while; answered by Ends.
type AskEnds struct {
	Attempt int64
	Splits  map[string][]connectors.SplitID // by source
}

// StopTasks asks for the end of every task and reader of the attempt;
// answered by TasksStopped.
type StopTasks struct{ Attempt int64 }

// WakeAt asks for a Tick at the time or a little later. A later WakeAt replaces it.
type WakeAt struct{ Time time.Time }

// EpochDone says that an epoch is decided and every sink has it.
type EpochDone struct {
	Manifest *epochs.Manifest
	Acks     []epochs.Ack
	Stats    EpochStats
	// Watermarks is how far event time has come, and what it waits for.
	Watermarks []topology.StepWatermark
	More       bool // the watermark has moved for the next epoch, which will close without rows
}

// Ended says that the job is over; Err is nil if it ended as asked.
type Ended struct{ Err error }

func (OpenAttempt) order() {}
func (DecideEpoch) order() {}
func (CommitSink) order()  {}
func (SendTask) order()    {}
func (AskLimits) order()   {}
func (AskEnds) order()     {}
func (StopTasks) order()   {}
func (WakeAt) order()      {}
func (EpochDone) order()   {}
func (Ended) order()       {}

// EpochStats is when things happened to an epoch.
type EpochStats struct {
	FirstRow  time.Time // heard of
	Closed    time.Time // barrier asked for
	Prepared  time.Time // last ack
	Decided   time.Time
	Done      time.Time
	Version   int64 // of the ledger's table
	Ledger    connectors.Committed
	Committed map[string]connectors.Committed
}

// SplitTask is a source task as the job knows it.
type SplitTask struct {
	Task    epochs.TaskID
	Source  string
	Split   connectors.SplitID
	AtBound bool
	Clock   *SplitClock // nil if no step makes a watermark of the split
}

// Opened answers OpenAttempt.
type Opened struct {
	Shape   epochs.Shape
	Splits  []SplitTask
	Keyed   []epochs.TaskID         // tasks with keyed state
	Limited bool                    // some source limits epochs
	Due     map[epochs.TaskID]int64 // processing times that operators wait for
}
