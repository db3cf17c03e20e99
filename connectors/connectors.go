// Package connectors is the contract of the outside: what a source and a sink
// owe the engine. Leaf packages implement it; connectortest is the kit that
// each must pass.
//
// Nothing here decides when something is exactly once: the engine keeps the
// positions, asks for durable but invisible output at a barrier, and commits
// it when the epoch is decided.
package connectors

import (
	"context"
	"encoding/json"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
)

// SplitID names a unit of a source, stable for ever: a Kafka partition is
// "topic/3".
type SplitID string

// Position is where to go on in a split: everything before it has been read.
// It is opaque to the engine, JSON text, and stored in manifests. Kafka's is
// the next offset as digits.
type Position string

// Positions is a position per split.
type Positions map[SplitID]Position

// Source makes rows out of splits.
type Source interface {
	// Schema returns the columns, in order.
	Schema() *batch.Schema
	// Description names the source as lastProgress shows it, such as
	// KafkaV2[Subscribe[orders]]. It holds no secret.
	Description() string
	// Start returns the splits to read and where: for each split of known its
	// known position, checked to be still readable, and for every other split that exists
	// now its first position by the source's options. A known split that it does not return is over: its position is
	// forgotten with the next epoch, and should it come back, it is one that was not known. It fails, naming what is gone, if data loss
	// matters and a known position is no longer there.
	Start(ctx context.Context, known Positions) (Positions, error)
	// End returns the position behind the last row that exists now, for each
	// of the splits: the bounds of an available-now run, and what lag is measured against.
	End(ctx context.Context, splits []SplitID) (Positions, error)
	// Open begins reading at the positions. Columns says which columns of
	// Schema will be looked at; the others may be left nil in the batches.
	Open(ctx context.Context, at Positions, o OpenOptions) (Reader, error)
	// Behind returns how many rows lie between two positions of a split, or -1 if that cannot be told.
	Behind(at, end Position) int64
	// Before returns how many leading rows of the fetch lie before the position.
	Before(f Fetch, until Position) int
	// Offsets renders positions as Spark's progress shows them.
	Offsets(Positions) json.RawMessage
	// Close ends what the source keeps open between calls.
	Close() error
}

// Finite is a source that may never get another row, such as a file or a made-up stream: when a bounded run has
// read it, all event time is over, and whatever waits for time is emitted.
type Finite interface {
	// Finite reports whether no row comes behind those that exist now.
	Finite() bool
}

// Limiter is a source that bounds an epoch (maxOffsetsPerTrigger).
type Limiter interface {
	// Limited reports whether the option is set.
	Limited() bool
	// Limit returns the positions up to which the next epoch may read, at most
	// the option's number of rows beyond from in all, split over the splits by
	// how much each has waiting. nil: no bound. end is what End returned just now.
	Limit(from, end Positions) Positions
}

// Decided is a source that wants to know from where on the engine never goes back.
type Decided interface {
	// Decided takes the positions of an epoch that is decided. It is called from any goroutine, and does not block.
	Decided(Positions)
}

// Undivided is a source that cannot always give all that is there in one epoch.
type Undivided interface {
	// TakeAtOnce says that the run is one epoch, up to what End tells: End tells no more then than one epoch can have, and the next run reads on.
	// It is called before Start.
	TakeAtOnce()
}

// Lagging is a source that has more to say of what lies between two positions than rows.
type Lagging interface {
	// Lag returns what is waiting, as lastProgress shows it among the source's metrics.
	Lag(at, end Positions) map[string]string
}

// Placing is a source that knows more of where a row came from than its split and offset.
type Placing interface {
	// Place returns where the row of an offset in a split came from, if that is still known. It is asked from any goroutine, for rows
	// that were delivered not long ago.
	Place(split SplitID, offset int64) (Place, bool)
}

// Place is where a row came from. Names that are "" and numbers below 0 are not known.
type Place struct {
	Source    string // "": the split and offset that the engine knows, and what follows beside
	Topic     string
	Partition int32
	Offset    int64
	Version   int64 // of a table
	File      string
	Row       int64 // of the file, from 0
}

// Changing is a source whose rows may be taken back by later ones, where those who read it can take that.
type Changing interface {
	// Changing reports whether it has rows of every kind to give.
	Changing() bool
	// TakeChanges says whether rows of every kind are read; before it is called they are not. If they are not, the
	// source gives rows that never change, or fails at what cannot be given so. It is called before Start.
	TakeChanges(bool)
}

// OpenOptions is what the engine tells a reader.
type OpenOptions struct {
	Columns []bool // by column of the schema: false means never looked at
	Origins bool   // fill Batch.Origin's offsets (Split is the engine's)
	Pool    *batch.Pool
	Rows    int   // rows a batch should hold at most when there is plenty
	Bytes   int64 // bytes a batch should hold at most
	Whole   bool  // all there is is one epoch: a Limiter is not asked for limits
	Bounded bool  // the run ends with the rows that were there when it began: nobody should wait for more
}

// Fetch is what a reader delivers: consecutive rows of one split.
type Fetch struct {
	Split SplitID
	Batch *batch.Batch // may have no rows (control records only); owned by the receiver
	After Position     // where to go on after this batch
	End   Position     // the split's end as last heard from the broker, "" unknown: proves being caught up
	// Joined says that the next fetch of the split has rows of the same change: no epoch ends between the two.
	Joined bool
	// Last says that no row of the split comes behind this fetch: who waits for event time does not wait for the split any more.
	Last bool
}

// Reader delivers the rows of the splits it was opened on. Next and Close are
// called from one goroutine; Pause and Resume from any.
type Reader interface {
	// Next waits for rows of any split that is not paused. It returns ctx's error when ctx ends;
	// io.EOF when every split is at an end that never moves.
	Next(ctx context.Context) (Fetch, error)
	// Pause stops delivery of the split soon; Resume lets it go on.
	Pause(SplitID)
	Resume(SplitID)
	// Close ends the fetches under way and gives back what they hold. Nothing is called after it.
	Close() error
}

// OutputMode says which rows of a changing result a sink is given.
type OutputMode string

// The output modes, in Spark's words.
const (
	Append   OutputMode = "append"
	Update   OutputMode = "update"
	Complete OutputMode = "complete"
)

// Share names one writer of a sink in one attempt. No two writers ever have
// the same share, incarnation and attempt, so names made of them are never used twice.
type Share struct {
	Flow        string
	Incarnation string
	Attempt     int64
	Index       int // 0..Count-1
	Count       int
	Pool        *batch.Pool
	Account     *batch.Account
}

// Sink takes rows and makes them visible epoch by epoch.
type Sink interface {
	// Description names the sink as lastProgress shows it.
	Description() string
	// Bind checks the rows' schema and the mode against the sink, before
	// anything runs; it may create what the sink writes to. It is called once per attempt.
	Bind(ctx context.Context, s *batch.Schema, m OutputMode) error
	// Writer opens one share.
	Writer(ctx context.Context, s Share) (Writer, error)
	// Commit makes the output of a decided epoch visible. It is called once
	// per epoch by the engine and again after a crash: a repeat must be a no-op.
	Commit(ctx context.Context, c Commit) (Committed, error)
	// Durable reports whether committed rows outlive the process. A flow
	// whose sinks are all not durable needs no ledger on disk.
	Durable() bool
	// Close gives back what the sink holds. Shares are closed before it; nothing is called after it.
	Close() error
}

// ModeTaker is a sink that takes other modes than append; one without it takes
// append only. In update mode batches carry row kinds; in complete mode every epoch
// brings the whole result, as inserts, which replaces what the sink had.
type ModeTaker interface {
	// Modes returns the modes that the sink takes.
	Modes() []OutputMode
}

// WatermarkTaker is a writer that is told the watermark of what it writes: no
// row older than it comes any more.
type WatermarkTaker interface {
	// Advance takes the watermark, microseconds; it only grows.
	Advance(watermark int64) error
}

// StateUser is a sink that keeps files of its own beside the checkpoint: rows
// staged until their epoch is decided, an index of keys.
type StateUser interface {
	// UseState names the place: names in objects that begin with prefix. It is called before each Bind, with the
	// same place; not at all if the flow has no checkpoint location.
	UseState(objects objstore.Store, prefix string)
}

// Restorer is a sink that can take its output back to an earlier version.
type Restorer interface {
	// Restore makes the newest version hold what the given one held, as the epoch of an incarnation that goes on from there.
	// It is called before any commit of that incarnation, and may be repeated: a repeat is a no-op.
	Restore(ctx context.Context, flow, incarnation string, epoch, version int64) error
}

// Waiter is a source or sink that waits for what it reads or writes, such as brokers that are away, and says so. It is
// asked from any goroutine.
type Waiter interface {
	// Waiting says what is waited for, "" if nothing is.
	Waiting() string
}

// Located is a sink whose output has a place and an identity of its own, such
// as a table.
type Located interface {
	// Location returns the place and the identity, which is another one when something else lies
	// at the place. Both are "" before Bind.
	Location() (path, id string)
}

// Writer takes the rows of one share. It is called from one goroutine.
type Writer interface {
	// Write takes the rows; the batch is borrowed for the call.
	Write(ctx context.Context, b *batch.Batch) error
	// Seal ends the epoch's output and returns it to be finished. The writer
	// goes on with the next epoch at once, beside Finish. nil: nothing was written.
	Seal(epoch int64) (Sealed, error)
	// Abort gives up whatever is unfinished.
	Abort()
}

// Sealed is one epoch's output of one share on its way to being durable.
type Sealed interface {
	// Finish makes the output durable and not yet visible, and returns what
	// Commit needs to make it visible. Called once, from any goroutine.
	Finish(ctx context.Context) (Prepared, error)
}

// Prepared is what a commit needs of one share's epoch: small, kept in manifests.
type Prepared struct {
	Rows  int64           // rows written
	Bytes int64           // bytes made durable
	Data  json.RawMessage // the sink's own; nil if there is nothing to commit
	// Staged is output that lives in the process only (memory, console).
	Staged any `json:"-"`
}

// Commit is a decided epoch for one sink.
type Commit struct {
	Flow        string
	Incarnation string
	Epoch       int64
	Attempt     int64
	QueryID     string
	Time        int64 // the epoch's current_timestamp, microseconds
	Prepared    []Prepared
}

// Committed says what became of a commit.
type Committed struct {
	Version int64 // of the table, -1 if there is none
	Repeat  bool  // the epoch had been committed before
	Newest  int64 // with Repeat: the newest epoch of the flow that the output has, where that is known
	Files   int   // added
	Bytes   int64 // added
	Removed int   // files that others took the place of
	Changed int64 // keys whose rows were added, replaced or taken away, where the sink writes by key
}
