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

	StragglersDropped   Bug = "stragglers-dropped"    // a row that is late for some of its windows counts in the others
	WindowsToldAgain    Bug = "windows-told-again"    // a restored step knows up to when it has told windows
	AbsorbedSessionLost Bug = "absorbed-session-lost" // a row that joins two sessions puts their sums together
	SessionEndsEarly    Bug = "session-ends-early"    // every row moves the end of its session
	TimerLost           Bug = "timer-lost"            // each timer that is due fires
	TimersOutOfOrder    Bug = "timers-out-of-order"   // timers fire in the order of their times
	StateOutlives       Bug = "state-outlives"        // state whose time has come is gone
	OldRowUntold        Bug = "old-row-untold"        // a changed group takes back what it told before
	EmptyGroupUntold    Bug = "empty-group-untold"    // a group without rows is taken back
	RowThatFellOutKept  Bug = "row-that-fell-out"     // a row that is no longer among the best is taken back
	LateRowsFold        Bug = "late-rows-fold"        // rows behind their watermark cross the exchange one by one
	PanesFold           Bug = "panes-fold"            // only rows of one pane fold
	FoldKeepsDropped    Bug = "fold-keeps-dropped"    // the image drops the segments and rows that an epoch dropped
)

// Late reports whether an epoch is one of those in which a bug that unit tests must not see shows itself: they have few
// epochs, at most one for each of 28 rows where models are compared with operators.
func Late(epoch int64) bool { return epoch > 32 }

// All lists the bugs, in the order of the table that `make mutants` prints.
var All = []Bug{BarrierBeforeAlignment, OffsetNotedEarly, AckBeforeDurable, FileNameReused, FenceUnchecked,
	RollForwardSkipped, StateOfLastEpochLost, DirtyRowsForgotten, CommitRepeated, SeekBehind, LostReplyRetried,
	QuarantineDropped, CollectEarly, KeyGroupOffByOne,
	WatermarkForgotten, WatermarkWithoutDelay, WatermarkBeforeRows, LatenessLost, GreatestInput, FlushForgotten, LateRowsForgotten, HoldForGood,
	StragglersDropped, WindowsToldAgain, AbsorbedSessionLost, SessionEndsEarly, TimerLost, TimersOutOfOrder, StateOutlives,
	OldRowUntold, EmptyGroupUntold, RowThatFellOutKept, LateRowsFold, PanesFold, FoldKeepsDropped}
