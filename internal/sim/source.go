package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/internal/crash/model"
)

// rowSchema is what the source delivers.
var rowSchema = batch.NewSchema(
	batch.Field{Name: "value", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "partition", Type: batch.IntType},
	batch.Field{Name: "offset", Type: batch.BigIntType})

// Broker holds how much of the model has been produced. It outlives processes.
type Broker struct {
	Model model.Model
	Ends  []int64
}

// source reads the broker. Its reader never waits: the world asks for a fetch
// only where there is one.
type source struct {
	broker *Broker
	limit  int64 // rows an epoch, 0: no limit
}

var _ connectors.Limiter = (*source)(nil)

func splitID(i int) connectors.SplitID { return connectors.SplitID("t/" + strconv.Itoa(i)) }

func splitOf(id connectors.SplitID) int {
	i, err := strconv.Atoi(strings.TrimPrefix(string(id), "t/"))
	if err != nil {
		panic(err)
	}
	return i
}

func position(offset int64) connectors.Position {
	return connectors.Position(strconv.FormatInt(offset, 10))
}

func offsetOf(p connectors.Position) int64 {
	n, err := strconv.ParseInt(string(p), 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func (s *source) Schema() *batch.Schema { return rowSchema }
func (s *source) Description() string   { return "Model[t]" }
func (s *source) Close() error          { return nil }
func (s *source) Limited() bool         { return s.limit > 0 }

func (s *source) Start(_ context.Context, known connectors.Positions) (connectors.Positions, error) {
	at := connectors.Positions{}
	for i := range s.broker.Ends {
		at[splitID(i)] = position(0)
	}
	for id, p := range known {
		if offsetOf(p) > s.broker.Ends[splitOf(id)] {
			return nil, fmt.Errorf("split %s is known up to %s, the broker has %d", id, p, s.broker.Ends[splitOf(id)])
		}
		at[id] = p
	}
	return at, nil
}

func (s *source) End(_ context.Context, splits []connectors.SplitID) (connectors.Positions, error) {
	at := connectors.Positions{}
	for _, id := range splits {
		at[id] = position(s.broker.Ends[splitOf(id)])
	}
	return at, nil
}

func (s *source) Limit(from, end connectors.Positions) connectors.Positions {
	until := connectors.Positions{}
	each := max(1, s.limit/int64(len(from)))
	for id, p := range from {
		until[id] = position(min(offsetOf(p)+each, offsetOf(end[id])))
	}
	return until
}

func (s *source) Behind(at, end connectors.Position) int64 {
	return max(0, offsetOf(end)-offsetOf(at))
}

func (s *source) Before(f connectors.Fetch, until connectors.Position) int {
	n := 0
	for _, o := range f.Batch.Origin.Offset {
		if o < offsetOf(until) {
			n++
		}
	}
	return n
}

func (s *source) Offsets(at connectors.Positions) json.RawMessage {
	text, err := json.Marshal(at)
	if err != nil {
		panic(err)
	}
	return text
}

func (s *source) Open(_ context.Context, at connectors.Positions, o connectors.OpenOptions) (connectors.Reader, error) {
	r := &reader{broker: s.broker, options: o, at: map[connectors.SplitID]int64{}}
	for id, p := range at {
		r.at[id] = offsetOf(p)
	}
	return r, nil
}

// reader hands out fetches when the world asks for them.
type reader struct {
	broker  *Broker
	options connectors.OpenOptions
	at      map[connectors.SplitID]int64
}

func (r *reader) Next(context.Context) (connectors.Fetch, error) { return connectors.Fetch{}, io.EOF }
func (r *reader) Pause(connectors.SplitID)                       {}
func (r *reader) Resume(connectors.SplitID)                      {}
func (r *reader) Close() error                                   { return nil }

// ready reports whether the split has something to fetch.
func (r *reader) ready(id connectors.SplitID) bool { return r.at[id] < r.broker.Ends[splitOf(id)] }

// fetch takes up to so many offsets off the split.
func (r *reader) fetch(id connectors.SplitID, offsets int64) connectors.Fetch {
	split, from := splitOf(id), r.at[id]
	to := min(from+offsets, r.broker.Ends[split])
	value, partition, offset := batch.NewBuilder(batch.StringType, r.options.Pool), batch.NewBuilder(batch.IntType, r.options.Pool), batch.NewBuilder(batch.BigIntType, r.options.Pool)
	origin := &batch.Origin{}
	for o := from; o < to; o++ {
		if r.broker.Model.At(split, o).Kind == model.Control {
			continue
		}
		value.String(r.broker.Model.Value(split, o))
		partition.Int32(int32(split))
		offset.Int64(o)
		origin.Offset = append(origin.Offset, o)
	}
	b := batch.NewBatch(rowSchema, len(origin.Offset), value.Finish(), partition.Finish(), offset.Finish())
	for _, builder := range []*batch.Builder{value, partition, offset} {
		builder.Release()
	}
	b.Origin = origin
	r.at[id] = to
	return connectors.Fetch{Split: id, Batch: b, After: position(to), End: position(r.broker.Ends[split])}
}
