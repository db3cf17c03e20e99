package delta

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// Recorded tells up to where the rows that the table had when the stream began reach in the Kafka topics they came
// from: for each split (topic/partition) the offset behind the greatest one, by the columns topic, partition and offset. It is called
// after Start.
func (s *Source) Recorded(ctx context.Context) (map[string]int64, error) {
	s.mu.Lock()
	version := s.at.First
	s.mu.Unlock()
	snapshot, err := s.table.SnapshotAt(ctx, version)
	if err != nil {
		return nil, err
	}
	names := []string{"topic", "partition", "offset"}
	for i, kinds := range [][]batch.Kind{{batch.String}, {batch.Int, batch.BigInt}, {batch.BigInt}} {
		at := snapshot.Schema.IndexFold(names[i])
		ok := false
		for _, k := range kinds {
			ok = ok || at >= 0 && snapshot.Schema.Fields[at].Type.Kind == k
		}
		if !ok {
			f := s.failure("DELTAIC_HANDOFF_OFFSETS_MISSING", version, "the table has no column %s of the type that Kafka's has, by which it would be known up to where it was filled; its columns are (%s)", names[i], snapshot.Schema)
			f.Hint = "write the table with Kafka's columns topic, partition and offset, or hand off by time: handOff: timestamp"
			return nil, f
		}
	}
	after := map[string]int64{}
	for b, err := range snapshot.Scan(ctx, ScanOptions{Columns: names, Parallel: piecesAhead, Order: AsRead}) {
		if err != nil {
			return nil, err
		}
		err := recorded(after, b)
		b.Release()
		if err != nil {
			return nil, err
		}
	}
	return after, nil
}

// recorded takes the offsets of a batch of (topic, partition, offset). Rows that follow each other mostly are of one partition.
func recorded(after map[string]int64, b *batch.Batch) error {
	topics, partitions, offsets := b.Columns[0], b.Columns[1], b.Columns[2]
	var topic, split string
	partition, greatest := int64(-1), int64(-1)
	keep := func() {
		if partition >= 0 {
			after[split] = max(after[split], greatest+1)
		}
	}
	for i := range b.Rows() {
		row := b.Row(i)
		if topics.IsNull(row) || partitions.IsNull(row) || offsets.IsNull(row) {
			return supervision.New(supervision.Fatal, "DELTAIC_HANDOFF_OFFSETS_MISSING", "a row of the table has no topic, partition or offset, so it is not known up to where the table was filled")
		}
		p := int64(0)
		if partitions.Type.Kind == batch.Int {
			p = int64(partitions.I32[row])
		} else {
			p = partitions.I64[row]
		}
		if name := topics.Bytes(row); p != partition || string(name) != topic {
			keep()
			topic, partition, greatest = string(name), p, -1
			split = topic + "/" + strconv.FormatInt(p, 10)
		}
		greatest = max(greatest, offsets.I64[row])
	}
	keep()
	return nil
}

// CutAt returns the time before which all rows lie, by SourceOptions.Before. It is called after Start.
func (s *Source) CutAt(ctx context.Context) (time.Time, error) {
	s.mu.Lock()
	at, version := s.cut, s.at.First
	s.mu.Unlock()
	if !at.IsZero() {
		return at, nil
	}
	if at = s.o.Cut; at.IsZero() {
		var err error
		if at, err = s.newestRow(ctx, version); err != nil {
			return at, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = at
	return at, nil
}

// newestRow returns the greatest time in the column Before of a version, or that of the epoch of Unix if there is none.
func (s *Source) newestRow(ctx context.Context, version int64) (time.Time, error) {
	snapshot, err := s.table.SnapshotAt(ctx, version)
	if err != nil {
		return time.Time{}, err
	}
	if at := snapshot.Schema.IndexFold(s.o.Before); at < 0 || snapshot.Schema.Fields[at].Type.Kind != batch.Timestamp {
		return time.Time{}, s.failure("DELTAIC_HANDOFF_TIMES_MISSING", version, "the table has no timestamp column %s, by which it would be known up to when it was filled; its columns are (%s)", s.o.Before, snapshot.Schema)
	}
	newest := int64(0)
	for b, err := range snapshot.Scan(ctx, ScanOptions{Columns: []string{s.o.Before}, Parallel: piecesAhead, Order: AsRead}) {
		if err != nil {
			return time.Time{}, err
		}
		for i := range b.Rows() {
			if row := b.Row(i); !b.Columns[0].IsNull(row) {
				newest = max(newest, b.Columns[0].I64[row])
			}
		}
		b.Release()
	}
	return time.UnixMicro(newest).UTC(), nil
}

// before returns the condition of the rows that are read, "" for all.
func (s *Source) before() string {
	if s.o.Before == "" {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("`%s` < timestamp_micros(%d)", strings.ReplaceAll(s.o.Before, "`", "``"), s.cut.UnixMicro())
}
