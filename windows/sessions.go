package windows

import (
	"fmt"
	"math"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// Sessions keeps the aggregates of each session of a key: rows of which each begins no later
// than the gap of another has passed. A row that comes out of order may make one session of two. By PortFinal a session is told when the watermark
// is later than its end (at its end a row may still continue it); by PortComplete all that there ever were.
//
// What is kept of a key: its open sessions as intervals, the accumulators of each, and when the first of them is due.
// A session ends only if its key pauses for the gap: see [Spec.AtMost].
type Sessions struct {
	intake
	keys    *state.Segment // open sessions by key
	open    openValues
	sums    *state.Segment // accumulators by key and ordinal, and how many distinct values there are
	values  []*sessionValues
	sets    []*state.Segment
	arrived [][]int32 // by set, the rows of the batch that brought a new value
	wheel   wheel

	rows    []uint32 // of keys
	fresh   batch.Bitmap
	ordinal []int64 // the session of each row
	placed  placement
	merges  []merge
	due     []int64 // of rows to be put on the wheel
	put     []int32
	list    intervals
	merged  []int64
	text    []byte
}

// openValues are the values of a row of open sessions: the newest apart, so that the usual row touches words alone.
type openValues struct {
	next                *state.Words // the ordinal that the next session gets
	count               *state.Words // of open sessions
	ordinal, start, end *state.Words // of the one that begins last
	due                 *state.Words // the bucket that counts
	rest                *state.Bytes // the others
}

var openColumns = []state.Column{{Name: "next", Type: batch.BigIntType}, {Name: "count", Type: batch.BigIntType}, {Name: "ordinal", Type: batch.BigIntType},
	{Name: "start", Type: batch.BigIntType}, {Name: "end", Type: batch.BigIntType}, {Name: "due", Type: batch.BigIntType}, {Name: "rest", Type: batch.BinaryType}}

// merge is two sessions of a key that became one.
type merge struct {
	key        uint32 // state row
	row        int32  // a physical row with the key
	from, into int64  // ordinals
}

func newSessions(s *batch.Schema, o Options) (operators.Operator, error) {
	if len(o.Keys) == 0 {
		return nil, o.Window.failure("UNSUPPORTED_FEATURE.SESSION_WINDOW_WITHOUT_KEYS",
			"a session needs another group column beside it: without one it would be a session of all rows; group by a key too")
	}
	if o.Plan.Counts() {
		return nil, o.Window.failure("UNSUPPORTED_FEATURE.SESSION_WINDOW_OF_UPDATES",
			"sessions cannot be made of rows that may be taken back: without the row that joined them two sessions of one key would have to part again, and their rows are not kept; "+
				"read the final results of the step before, in output mode append")
	}
	if !o.Plan.Divisible() {
		return nil, o.Window.failure("UNSUPPORTED_FEATURE.SESSION_WINDOW_WITHOUT_MERGE",
			"two sessions may become one, and an aggregate written in Go has no Merge: give it one")
	}
	return &Sessions{intake: newIntake(s, o)}, nil
}

// Tables of sessions, part of the state's address: they never change.
const (
	openTable = "open"
	sumsTable = "sessions"
	dueTable  = "due"
)

// buckets is how many buckets the wheel has for the length of a gap.
const buckets = 16

// anyGap is the width of a bucket if each row has a gap of its own.
const anyGap = 10_000_000

// Open opens the tables.
func (w *Sessions) Open(c *operators.Context) error {
	if c.Wanted[operators.PortChanges] {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "UNSUPPORTED_OUTPUT_MODE", Step: c.Step,
			Message: "sessions cannot be told in output mode update: a session that grows is another one", Hint: "use append or complete"}
	}
	if err := w.begin(c, w.o.Plan.Plain(c.Pool)); err != nil {
		return err
	}
	keys := w.o.keys(w.schema)
	numbered := append(keys[:len(keys):len(keys)], state.Column{Name: "ordinal", Type: batch.BigIntType})
	sums := state.Spec{Name: sumsTable, Keys: numbered, Prefix: len(keys), Values: w.o.Plan.Values(), Version: 1}
	var due *state.Table
	for _, t := range []struct {
		table **state.Table
		into  **state.Segment
		spec  state.Spec
	}{
		{nil, &w.keys, state.Spec{Name: openTable, Keys: keys, Values: openColumns}},
		{nil, &w.sums, withCounts(sums, w.o.Plan.Sets())},
		{&due, nil, state.Spec{Name: w.dueName(), Keys: keys, Windowed: true}},
	} {
		t.spec.Version = 1
		made, err := c.State.Table(t.spec)
		if err != nil {
			return err
		}
		if t.into != nil {
			*t.into = made.Segment(0)
		} else {
			*t.table = made
		}
	}
	if err := w.openValues(sums); err != nil {
		return err
	}
	s := w.keys
	w.open = openValues{s.Words(0), s.Words(1), s.Words(2), s.Words(3), s.Words(4), s.Words(5), s.Bytes(6)}
	return w.wheel.open(due, w.width(), c.Pool)
}

func (w *Sessions) width() int64 {
	if w.o.Window.Spec.gap > 0 {
		return max(1, w.o.Window.Spec.gap/buckets)
	}
	return anyGap
}

// dueName holds the width: buckets of another width are another table.
func (w *Sessions) dueName() string { return fmt.Sprintf("%s(%d)", dueTable, w.width()) }

// gap returns the gap of a row.
func (w *Sessions) gap(row int32) int64 {
	if w.o.Window.Spec.gap > 0 {
		return w.o.Window.Spec.gap
	}
	return w.clock.gaps[row]
}

// Process takes the rows into their sessions.
func (w *Sessions) Process(in *batch.Batch, _ int, out operators.Output) error {
	if in.Rows() == 0 {
		return nil
	}
	if err := w.catchUp(w.close, out); err != nil {
		return err
	}
	if err := w.read(in, out); err != nil {
		return err
	}
	if w.o.Window.Processing() {
		w.clock.notBefore(w.closed.at)
	} else if drops(w.Context) {
		w.sift(in)
		if err := w.sieve.tell(in, out); err != nil {
			return err
		}
	}
	if len(w.clock.keep) == 0 {
		return nil
	}
	return w.take(in, out)
}

// sift drops the rows that the watermark has passed, though their own gap may not be over: whether such a
// row joins an older session would depend on when that one was told (docs/decisions/0008).
func (w *Sessions) sift(in *batch.Batch) {
	w.sieve.reset()
	if in.Behind == nil && w.closed.at == math.MinInt64 {
		return
	}
	kept := w.clock.keep[:0]
	for _, r := range w.clock.keep {
		t, horizon := w.clock.times[r], w.sieve.horizon(in, r, w.closed.at)
		if t >= horizon {
			kept = append(kept, r)
		} else {
			w.sieve.drop(r, horizon)
		}
	}
	w.clock.keep = kept
}

// take evaluates the arguments, finds the session of each row, and updates it.
func (w *Sessions) take(in *batch.Batch, out operators.Output) error {
	sel := w.clock.keep
	if len(sel) == in.N {
		sel = nil
	}
	input, err := w.evaluate(in, sel, out)
	if err != nil {
		return err
	}
	defer input.Release()
	defer w.taken()
	w.rows, w.fresh = sized(w.rows, in.N), cleared(w.fresh, in.N)
	if err := w.keys.Upsert(w.columns, w.clock.keep, in.N, w.hashes, w.rows, w.fresh); err != nil {
		return err
	}
	if err := w.assign(in.N); err != nil {
		return err
	}
	if err := w.wheel.put(w.columns, in.N, w.hashes, w.put, func(r int32) int64 { return w.due[r] }); err != nil {
		return err
	}
	return w.update(in.N, input)
}

// Advance tells the sessions that the watermark has passed.
func (w *Sessions) Advance(watermark int64, out operators.Output) error {
	if err := w.catchUp(w.close, out); err != nil || w.o.Window.Processing() && watermark != math.MaxInt64 {
		return err
	}
	return w.close(less(watermark, w.o.Lateness), out)
}

// Flush tells all sessions if they are wanted.
func (w *Sessions) Flush(out operators.Output) error {
	if err := w.catchUp(w.close, out); err != nil {
		return err
	}
	if w.o.Window.Processing() && w.Context.Epoch != nil {
		if err := w.close(w.Context.Epoch.Next, out); err != nil {
			return err
		}
	}
	if w.Context.Wanted[operators.PortComplete] {
		if err := w.tellAll(out); err != nil {
			return err
		}
	}
	return w.closed.save()
}

// NextDue returns a time before which no session on processing time ends.
func (w *Sessions) NextDue() (int64, bool) {
	if !w.o.Window.Processing() || !w.Context.Wanted[operators.PortFinal] {
		return 0, false
	}
	at, ok := w.wheel.next()
	return at + 1, ok // a session that ends then may still be continued
}

// Close gives the memory of the wheel back.
func (w *Sessions) Close() error {
	w.wheel.close()
	w.writer.close()
	return nil
}
