package rate

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// Limits of the options.
const (
	maxRows       = 1_000_000_000 // a second
	maxRamp       = 86_400        // seconds
	maxPartitions = 4096
)

// Options say how many rows come.
type Options struct {
	RowsPerSecond int64         // 0: 1
	RampUpTime    time.Duration // until RowsPerSecond is reached; whole seconds
	NumPartitions int           // 0: 1. Fixed at the flow's first start
	// Now is the clock; nil: the system's.
	Now func() time.Time
}

// Source counts up.
type Source struct {
	o    Options
	pace pace

	mu    sync.Mutex
	start int64 // when the flow began, microseconds; 0: not known yet
}

var _ connectors.Source = (*Source)(nil)

// New returns a source.
func New(o Options) (*Source, error) {
	if o.RowsPerSecond == 0 {
		o.RowsPerSecond = 1
	}
	if o.NumPartitions == 0 {
		o.NumPartitions = 1
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	ramp := int64(o.RampUpTime / time.Second)
	for name, bad := range map[string]bool{
		fmt.Sprintf("rowsPerSecond is %d; want 1 to %d", o.RowsPerSecond, int64(maxRows)):       o.RowsPerSecond < 1 || o.RowsPerSecond > maxRows,
		fmt.Sprintf("rampUpTime is %s; want 0 to %d seconds", o.RampUpTime, int64(maxRamp)):     o.RampUpTime < 0 || ramp > maxRamp,
		fmt.Sprintf("numPartitions is %d; want 1 to %d", o.NumPartitions, int64(maxPartitions)): o.NumPartitions < 1 || o.NumPartitions > maxPartitions,
	} {
		if bad {
			return nil, supervision.New(supervision.Fatal, "INVALID_OPTION", "rate: %s", name)
		}
	}
	return &Source{o: o, pace: pace{rows: o.RowsPerSecond, ramp: ramp}}, nil
}

// Known are the options that Parse knows.
var Known = []string{"rowsPerSecond", "rampUpTime", "numPartitions"}

// Parse makes a source of Spark's options; length reads a duration such as "5s".
func Parse(options map[string]string, length func(string) (time.Duration, error)) (*Source, error) {
	var o Options
	for name, text := range options {
		var err error
		switch strings.ToLower(name) {
		case "rowspersecond":
			o.RowsPerSecond, err = strconv.ParseInt(text, 10, 64)
			if err == nil && o.RowsPerSecond == 0 {
				err = fmt.Errorf("want at least 1")
			}
		case "numpartitions":
			o.NumPartitions, err = strconv.Atoi(text)
		case "rampuptime":
			o.RampUpTime, err = length(text)
		default:
			return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "UNKNOWN_OPTION", Message: fmt.Sprintf("rate has no option %q", name),
				Hint: "known options: " + strings.Join(Known, ", ")}
		}
		if err != nil {
			return nil, supervision.New(supervision.Fatal, "INVALID_OPTION", "rate: %s is %q: %v", name, text, err)
		}
	}
	return New(o)
}

var schema = batch.NewSchema(batch.Field{Name: "timestamp", Type: batch.TimestampType}, batch.Field{Name: "value", Type: batch.BigIntType})

// Schema returns timestamp and value.
func (s *Source) Schema() *batch.Schema { return schema }

// Description is Spark's.
func (s *Source) Description() string {
	return fmt.Sprintf("RateStreamV2[rowsPerSecond=%d, rampUpTimeSeconds=%d, numPartitions=%d]", s.o.RowsPerSecond, s.pace.ramp, s.o.NumPartitions)
}

// place is a position: the flow's start, how many rows of the split lie before, and how many splits there are.
type place struct{ start, rows, of int64 }

func (p place) position() connectors.Position {
	return connectors.Position(fmt.Sprintf("[%d,%d,%d]", p.start, p.rows, p.of))
}

func parsePlace(at connectors.Position) (place, error) {
	var parts []int64
	if err := json.Unmarshal([]byte(at), &parts); err != nil || len(parts) != 3 || parts[1] < 0 || parts[1] > math.MaxInt64/maxPartitions {
		return place{}, supervision.New(supervision.Fatal, "RATE_INVALID_POSITION", "position %q is not one of the rate source", at)
	}
	return place{parts[0], parts[1], parts[2]}, nil
}

func splitID(i int) connectors.SplitID { return connectors.SplitID("rate/" + strconv.Itoa(i)) }

func (s *Source) split(id connectors.SplitID) (int, error) {
	digits, is := strings.CutPrefix(string(id), "rate/")
	i, err := strconv.Atoi(digits)
	if !is || err != nil || i < 0 || i >= s.o.NumPartitions {
		return 0, s.changed("split " + string(id))
	}
	return i, nil
}

func (s *Source) changed(what string) error {
	return supervision.New(supervision.Fatal, "RATE_PARTITIONS_CHANGED", "the flow has read %s, and the source has %d partitions: numPartitions is fixed at the first start", what, s.o.NumPartitions)
}

// Start begins now, or where the known positions are.
func (s *Source) Start(_ context.Context, known connectors.Positions) (connectors.Positions, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start = s.o.Now().UnixMicro()
	at := connectors.Positions{}
	for id, p := range known {
		if _, err := s.split(id); err != nil {
			return nil, err
		}
		began, err := parsePlace(p)
		if err != nil {
			return nil, err
		}
		if began.of != int64(s.o.NumPartitions) {
			return nil, s.changed(strconv.FormatInt(began.of, 10) + " partitions")
		}
		at[id], s.start = p, began.start
	}
	for i := range s.o.NumPartitions {
		if id := splitID(i); at[id] == "" {
			at[id] = place{s.start, 0, int64(s.o.NumPartitions)}.position()
		}
	}
	return at, nil
}

// End returns the positions behind what has come by now.
func (s *Source) End(_ context.Context, splits []connectors.SplitID) (connectors.Positions, error) {
	now := s.o.Now().UnixMicro()
	s.mu.Lock()
	start := s.start
	s.mu.Unlock()
	at := connectors.Positions{}
	for _, id := range splits {
		i, err := s.split(id)
		if err != nil {
			return nil, err
		}
		at[id] = place{start, s.due(i, now-start), int64(s.o.NumPartitions)}.position()
	}
	return at, nil
}

// due returns how many rows of a split have come by a time after the start.
func (s *Source) due(split int, micros int64) int64 {
	n := int64(s.o.NumPartitions)
	return (s.pace.by(micros) + n - 1 - int64(split)) / n
}

// Behind returns the rows between two positions.
func (s *Source) Behind(at, end connectors.Position) int64 {
	a, err := parsePlace(at)
	e, err2 := parsePlace(end)
	if err != nil || err2 != nil {
		return -1
	}
	return max(e.rows-a.rows, 0)
}

// Before returns how many leading rows of the fetch lie before the position.
func (s *Source) Before(f connectors.Fetch, until connectors.Position) int {
	return f.Batch.N - int(min(s.Behind(until, f.After), int64(f.Batch.N)))
}

// Offsets renders positions as {"0":30,"1":30}: rows by partition.
func (s *Source) Offsets(at connectors.Positions) json.RawMessage {
	b := []byte{'{'}
	for i := range s.o.NumPartitions {
		if p, err := parsePlace(at[splitID(i)]); err == nil {
			if len(b) > 1 {
				b = append(b, ',')
			}
			b = fmt.Appendf(b, `"%d":%d`, i, p.rows)
		}
	}
	return append(b, '}')
}

// Close does nothing.
func (s *Source) Close() error { return nil }

// Open begins reading at the positions.
func (s *Source) Open(_ context.Context, at connectors.Positions, o connectors.OpenOptions) (connectors.Reader, error) {
	r := &reader{source: s, o: o, Gate: connectors.NewGate()}
	for id, p := range at {
		i, err := s.split(id)
		if err != nil {
			return nil, err
		}
		where, err := parsePlace(p)
		if err != nil {
			return nil, err
		}
		r.cursors = append(r.cursors, &cursor{id: id, split: i, at: where})
	}
	slices.SortFunc(r.cursors, func(a, b *cursor) int { return a.split - b.split })
	return r, nil
}
