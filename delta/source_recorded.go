package delta

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/supervision"
)

// Recorded tells up to where the rows that the table had when the stream began reach in the Kafka topics they came
// from: for each split (topic/partition) the offset behind the greatest one, by the columns topic, partition and offset. A table without them
// tells it if a flow without state has filled it that keeps its ledger there. It is called after Start.
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
			if after, known, err := s.recordedByFlow(ctx, snapshot.Head); known || err != nil {
				return after, err
			}
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

// recordedByFlow tells it by what the flow that fills the table notes with each of its commits, and reports whether there is such a flow.
func (s *Source) recordedByFlow(ctx context.Context, head *Head) (map[string]int64, bool, error) {
	var entry *epochs.Entry
	for name, d := range head.Domains {
		if flow, is := strings.CutPrefix(name, ledgerDomain); is {
			if entry != nil {
				return nil, false, nil // of two nobody knows whose rows are whose
			}
			var err error
			if entry, err = epochs.DecodeEntry(d.Configuration, flow, s.table.URI()); err != nil {
				return nil, false, err
			}
		}
	}
	if entry == nil {
		return nil, false, nil
	}
	m := entry.Manifest
	if f := entry.ManifestFile; f != nil {
		text, err := s.table.Store().Get(ctx, f.Path, 0)
		if err == nil && epochs.Digest(text) == f.Digest {
			m, err = epochs.DecodeManifest(text, f.Path)
		}
		if m == nil || err != nil { // it lies in a checkpoint location, or is gone since the flow has gone on
			return nil, false, nil
		}
	}
	after := map[string]int64{}
	switch {
	case m == nil:
		return after, true, nil // nothing was put into it
	case len(m.State) > 0:
		f := s.failure("DELTAIC_HANDOFF_OFFSETS_MISSING", head.Version, "the table was filled by the flow %s, which keeps state: some of what it has read is not in the table yet", m.Flow)
		f.Hint = "hand off from a table that is filled row by row, or that has the columns topic, partition and offset"
		return nil, false, f
	}
	for source, at := range m.Positions {
		for split, position := range at {
			offset, err := strconv.ParseInt(string(position), 10, 64)
			if _, there := after[string(split)]; err != nil || there || !strings.Contains(string(split), "/") {
				f := s.failure("DELTAIC_HANDOFF_OFFSETS_MISSING", head.Version, "the table was filled by the flow %s, whose source %s stands at %q of %s, which is no offset of Kafka", m.Flow, source, position, split)
				f.Hint = "hand off by time: handOff: timestamp"
				return nil, false, f
			}
			after[string(split)] = offset
		}
	}
	return after, true, nil
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
