// Package mutant plants bugs. Without the build tag "mutants" every question
// is answered with a constant false and the planted code is not compiled in.
// With it, DELTAIC_MUTANT names the one bug that is on.
//
// Each bug is of a kind that unit tests do not see and the crash harness must:
// `make mutants` holds that.
package mutant

// Bug names a planted bug.
type Bug string

// The bugs. The comment says what a correct build does instead.
const (
	BarrierBeforeAlignment Bug = "barrier-before-alignment" // a barrier is forwarded when it has come on every input
	OffsetNotedEarly       Bug = "offset-noted-early"       // the position is that behind the last row sent
	AckBeforeDurable       Bug = "ack-before-durable"       // a sink's ack waits for its files to be durable
	FileNameReused         Bug = "file-name-reused"         // file names are never used twice
	FenceUnchecked         Bug = "fence-unchecked"          // an entry is swapped only for the attempt's own last one
	RollForwardSkipped     Bug = "roll-forward-skipped"     // recovery commits the newest epoch to every table first
	StateOfLastEpochLost   Bug = "state-of-last-epoch-lost" // restore takes every state file of the manifest
	DirtyRowsForgotten     Bug = "dirty-rows-forgotten"     // a change file holds what changed since the last one
	CommitRepeated         Bug = "commit-repeated"          // a repeated commit is a no-op by its txn
	SeekBehind             Bug = "seek-behind"              // a source goes on at the manifest's position
	LostReplyRetried       Bug = "lost-reply-retried"       // an unknown outcome is looked up before it is tried again
	QuarantineDropped      Bug = "quarantine-dropped"       // rejected rows belong to their epoch
	CollectEarly           Bug = "collect-early"            // files are deleted only when a later epoch is decided
	KeyGroupOffByOne       Bug = "key-group-off-by-one"     // a restored task owns the key groups that rows are sent to it by

	WatermarkForgotten    Bug = "watermark-forgotten"     // an attempt goes on from the manifest's watermarks
	WatermarkWithoutDelay Bug = "watermark-without-delay" // a restored watermark is as far as it was
	WatermarkBeforeRows   Bug = "watermark-before-rows"   // a watermark is sent behind the rows before it
	LatenessLost          Bug = "lateness-lost"           // rows keep the watermark that they came behind through an exchange
	GreatestInput         Bug = "greatest-input"          // a task's watermark is the least over its inputs
	FlushForgotten        Bug = "flush-forgotten"         // a step emits what it owes to an epoch before the barrier goes on
	LateRowsForgotten     Bug = "late-rows-forgotten"     // late rows are kept in their epoch
	HoldForGood           Bug = "hold-for-good"           // nobody is held for a split that has nothing left to read
)

// All lists the bugs, in the order of the table that `make mutants` prints.
var All = []Bug{BarrierBeforeAlignment, OffsetNotedEarly, AckBeforeDurable, FileNameReused, FenceUnchecked,
	RollForwardSkipped, StateOfLastEpochLost, DirtyRowsForgotten, CommitRepeated, SeekBehind, LostReplyRetried,
	QuarantineDropped, CollectEarly, KeyGroupOffByOne,
	WatermarkForgotten, WatermarkWithoutDelay, WatermarkBeforeRows, LatenessLost, GreatestInput, FlushForgotten, LateRowsForgotten, HoldForGood}
