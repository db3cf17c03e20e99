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
)

// All lists the bugs, in the order of the table that `make mutants` prints.
var All = []Bug{BarrierBeforeAlignment, OffsetNotedEarly, AckBeforeDurable, FileNameReused, FenceUnchecked,
	RollForwardSkipped, StateOfLastEpochLost, DirtyRowsForgotten, CommitRepeated, SeekBehind, LostReplyRetried,
	QuarantineDropped, CollectEarly, KeyGroupOffByOne}
