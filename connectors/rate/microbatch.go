package rate

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// MicroBatchOptions say what each epoch of a [MicroBatch] brings.
type MicroBatchOptions struct {
	RowsPerBatch    int64         // 1 to 1,000,000,000
	StartTimestamp  int64         // of the first batch's rows, milliseconds since 1970; at least 0
	AdvancePerBatch time.Duration // how much later the rows of each batch are; whole milliseconds. 0: 1 s
	NumPartitions   int           // the rows of a batch come by value mod this many; 0: 1
	advanceGiven    bool
}

// MicroBatch counts up by epochs: each has the same number of rows, all of one time that grows from epoch to epoch, so what
// is in an epoch follows from its number alone. It is Spark's format "rate-micro-batch". All rows are of one split: an epoch has a
// batch or it has none.
type MicroBatch struct {
	o MicroBatchOptions

	mu sync.Mutex
	at step // where the run began
}

var (
	_ connectors.Source  = (*MicroBatch)(nil)
	_ connectors.Limiter = (*MicroBatch)(nil)
)

// step is a position: the next value, and the time of the batch that it is in. Spark's offset has the same fields.
type step struct {
	Offset    int64 `json:"offset"`
	Timestamp int64 `json:"timestamp"` // milliseconds
}

const microSplit = connectors.SplitID("rate-micro-batch/0")

// NewMicroBatch returns a source.
func NewMicroBatch(o MicroBatchOptions) (*MicroBatch, error) {
	if o.AdvancePerBatch == 0 && !o.advanceGiven {
		o.AdvancePerBatch = time.Second
	}
	if o.NumPartitions == 0 {
		o.NumPartitions = 1
	}
	advance := o.AdvancePerBatch / time.Millisecond
	switch {
	case o.RowsPerBatch < 1 || o.RowsPerBatch > maxRows:
		return nil, supervision.New(supervision.Fatal, "INVALID_OPTION", "rate-micro-batch: rowsPerBatch is %d; want 1 to %d", o.RowsPerBatch, int64(maxRows))
	case o.StartTimestamp < 0 || o.StartTimestamp > math.MaxInt64/2000:
		return nil, supervision.New(supervision.Fatal, "INVALID_OPTION", "rate-micro-batch: startTimestamp is %d; want milliseconds since 1970", o.StartTimestamp)
	case o.AdvancePerBatch < 0 || o.AdvancePerBatch != advance*time.Millisecond:
		return nil, supervision.New(supervision.Fatal, "INVALID_OPTION", "rate-micro-batch: advanceMillisPerBatch is %s; want whole milliseconds, at least 0", o.AdvancePerBatch)
	case o.NumPartitions < 1 || o.NumPartitions > maxPartitions:
		return nil, supervision.New(supervision.Fatal, "INVALID_OPTION", "rate-micro-batch: numPartitions is %d; want 1 to %d", o.NumPartitions, int64(maxPartitions))
	}
	return &MicroBatch{o: o}, nil
}

// KnownMicroBatch are the options that ParseMicroBatch knows.
var KnownMicroBatch = []string{"rowsPerBatch", "startTimestamp", "advanceMillisPerBatch", "numPartitions"}

// ParseMicroBatch makes a source of Spark's options.
func ParseMicroBatch(options map[string]string) (*MicroBatch, error) {
	var o MicroBatchOptions
	for name, text := range options {
		n, err := strconv.ParseInt(text, 10, 64)
		switch strings.ToLower(name) {
		case "rowsperbatch":
			o.RowsPerBatch = n
		case "starttimestamp":
			o.StartTimestamp = n
		case "advancemillisperbatch":
			if err == nil && (n < 0 || n > math.MaxInt64/int64(time.Millisecond)) {
				err = fmt.Errorf("want milliseconds, at least 0")
			}
			o.AdvancePerBatch, o.advanceGiven = time.Duration(n)*time.Millisecond, true
		case "numpartitions":
			o.NumPartitions = int(n)
			if err == nil && n < 1 {
				err = fmt.Errorf("want at least 1")
			}
		default:
			return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "UNKNOWN_OPTION", Message: fmt.Sprintf("rate-micro-batch has no option %q", name),
				Hint: "known options: " + strings.Join(KnownMicroBatch, ", ")}
		}
		if err != nil {
			return nil, supervision.New(supervision.Fatal, "INVALID_OPTION", "rate-micro-batch: %s is %q: %v", name, text, err)
		}
	}
	return NewMicroBatch(o)
}

// Schema returns timestamp and value.
func (m *MicroBatch) Schema() *batch.Schema { return schema }

// Description is Spark's.
func (m *MicroBatch) Description() string {
	return fmt.Sprintf("RatePerMicroBatchStream[rowsPerBatch=%d, numPartitions=%d, startTimestamp=%d, advanceMsPerBatch=%d]",
		m.o.RowsPerBatch, m.o.NumPartitions, m.o.StartTimestamp, m.o.AdvancePerBatch.Milliseconds())
}

func (s step) position() connectors.Position {
	return connectors.Position(fmt.Sprintf(`{"offset":%d,"timestamp":%d}`, s.Offset, s.Timestamp))
}

func parseStep(at connectors.Position) (step, error) {
	var s step
	if err := json.Unmarshal([]byte(at), &s); err != nil || s.Offset < 0 || s.Offset > math.MaxInt64-maxRows {
		return s, supervision.New(supervision.Fatal, "RATE_INVALID_POSITION", "position %q is not one of the rate-micro-batch source", at)
	}
	return s, nil
}

// after is the position behind the batch that begins at s.
func (m *MicroBatch) after(s step) step {
	return step{s.Offset + m.o.RowsPerBatch, s.Timestamp + m.o.AdvancePerBatch.Milliseconds()}
}

// Start begins with the first batch, or where the known position is.
func (m *MicroBatch) Start(_ context.Context, known connectors.Positions) (connectors.Positions, error) {
	at := step{0, m.o.StartTimestamp}
	for id, p := range known {
		if id != microSplit {
			return nil, supervision.New(supervision.Fatal, "RATE_INVALID_POSITION", "split %s is not one of the rate-micro-batch source", id)
		}
		var err error
		if at, err = parseStep(p); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	m.at = at
	m.mu.Unlock()
	return connectors.Positions{microSplit: at.position()}, nil
}

// End returns the position behind the first batch of the run: an available-now run is one batch.
func (m *MicroBatch) End(_ context.Context, splits []connectors.SplitID) (connectors.Positions, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	end := connectors.Positions{}
	for _, id := range splits {
		end[id] = m.after(m.at).position()
	}
	return end, nil
}

// Limited reports that an epoch has a bound.
func (m *MicroBatch) Limited() bool { return true }

// Limit returns the position behind the next batch.
func (m *MicroBatch) Limit(from, _ connectors.Positions) connectors.Positions {
	until := connectors.Positions{}
	for id, p := range from {
		if at, err := parseStep(p); err == nil {
			until[id] = m.after(at).position()
		}
	}
	return until
}

// Behind returns the rows between two positions.
func (m *MicroBatch) Behind(at, end connectors.Position) int64 {
	a, err := parseStep(at)
	e, err2 := parseStep(end)
	if err != nil || err2 != nil {
		return -1
	}
	return max(e.Offset-a.Offset, 0)
}

// Before returns how many leading rows of the fetch lie before the position.
func (m *MicroBatch) Before(f connectors.Fetch, until connectors.Position) int {
	return f.Batch.N - int(min(m.Behind(until, f.After), int64(f.Batch.N)))
}

// Offsets renders the position as Spark's offset.
func (m *MicroBatch) Offsets(at connectors.Positions) json.RawMessage {
	if p := at[microSplit]; p != "" {
		return json.RawMessage(p)
	}
	return json.RawMessage("null")
}

// Close does nothing.
func (m *MicroBatch) Close() error { return nil }

// Open begins reading at the position.
func (m *MicroBatch) Open(_ context.Context, at connectors.Positions, o connectors.OpenOptions) (connectors.Reader, error) {
	r := &microReader{source: m, o: o, Gate: connectors.NewGate()}
	for _, p := range at {
		var err error
		if r.at, err = parseStep(p); err != nil {
			return nil, err
		}
		r.first, r.open = r.at, true
	}
	return r, nil
}

// microReader delivers one batch after the other, in pieces.
type microReader struct {
	source *MicroBatch
	o      connectors.OpenOptions
	open   bool // there is a split
	first  step // where the batch began
	at     step // how far it has come; the time is that of the batch
	*connectors.Gate
}

// Next delivers the next rows of the batch. Rows are there at once: who wants fewer pauses the split.
func (r *microReader) Next(ctx context.Context) (connectors.Fetch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return connectors.Fetch{}, err
		}
		if r.open && !r.Paused(microSplit) {
			return r.cut(), nil
		}
		select {
		case <-ctx.Done():
		case <-r.Changed():
		}
	}
}

func (r *microReader) cut() connectors.Fetch {
	m := r.source
	last := r.first.Offset + m.o.RowsPerBatch
	n := pieceOf(r.o, last-r.at.Offset)
	times, values := batch.NewBuilder(batch.TimestampType, r.o.Pool), batch.NewBuilder(batch.BigIntType, r.o.Pool)
	var origin *batch.Origin
	if r.o.Origins {
		origin = &batch.Origin{Offset: make([]int64, n)}
	}
	for i := range n {
		times.Int64(r.first.Timestamp * 1000)
		values.Int64(r.first.Offset + m.value(r.at.Offset-r.first.Offset+int64(i)))
		if origin != nil {
			origin.Offset[i] = r.at.Offset + int64(i)
		}
	}
	b := finish(r.o, n, times, values, origin)
	r.at.Offset += int64(n)
	joined := r.at.Offset < last
	if !joined {
		r.first = m.after(r.first)
		r.at = r.first
	}
	return connectors.Fetch{Split: microSplit, Batch: b, After: r.at.position(), Joined: joined}
}

// value is the i-th row of a batch, counted from the batch's first value: partition by partition, as Spark's tasks have them.
func (m *MicroBatch) value(i int64) int64 {
	n := int64(m.o.NumPartitions)
	whole, rest := m.o.RowsPerBatch/n, m.o.RowsPerBatch%n // the first rest partitions have a row more
	if big := rest * (whole + 1); i < big {
		return i%(whole+1)*n + i/(whole+1)
	} else if i -= big; whole > 0 {
		return i%whole*n + rest + i/whole
	}
	return i
}

// Close ends the reader.
func (r *microReader) Close() error { return nil }
