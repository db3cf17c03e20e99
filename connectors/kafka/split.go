package kafka

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// partition names one partition of one topic.
type partition struct {
	topic string
	id    int32
}

// split returns the partition's name as a split.
func (p partition) split() connectors.SplitID {
	return connectors.SplitID(p.topic + "/" + strconv.Itoa(int(p.id)))
}

// position renders an offset.
func position(offset int64) connectors.Position {
	return connectors.Position(strconv.FormatInt(offset, 10))
}

// parsePosition is the inverse of position.
func parsePosition(s connectors.SplitID, p connectors.Position) (int64, error) {
	n, err := strconv.ParseInt(string(p), 10, 64)
	if err != nil || n < 0 {
		return 0, supervision.New(supervision.Fatal, "KAFKA_INVALID_POSITION",
			"position %q of split %s is not an offset; expected digits", p, s)
	}
	return n, nil
}

// offsets is an offset per partition, by topic.
type offsets map[string]map[int32]int64

func (o offsets) set(p partition, offset int64) {
	if o[p.topic] == nil {
		o[p.topic] = map[int32]int64{}
	}
	o[p.topic][p.id] = offset
}

func (o offsets) get(p partition) (int64, bool) {
	n, ok := o[p.topic][p.id]
	return n, ok
}

// Behind returns the offsets between two positions of a split, or -1 if
// either is not an offset. Gaps that transactions or compaction left count.
func (in *Input) Behind(at, end connectors.Position) int64 {
	a, err := parsePosition("", at)
	if err != nil {
		return -1
	}
	e, err := parsePosition("", end)
	if err != nil {
		return -1
	}
	return max(e-a, 0)
}

// Before returns how many leading rows of a fetch lie before the position.
func (in *Input) Before(f connectors.Fetch, until connectors.Position) int {
	bound, err := parsePosition(f.Split, until)
	if err != nil {
		return f.Batch.N
	}
	if f.Batch.Origin != nil {
		p, err := parsePart(f.Split, in.c.stripe)
		if err != nil {
			return f.Batch.N
		}
		n, _ := slices.BinarySearch(f.Batch.Origin.Offset, p.offset(bound))
		return n
	}
	after, err := parsePosition(f.Split, f.After)
	if err != nil {
		return f.Batch.N
	}
	first := after - int64(f.Batch.N)
	return int(min(max(bound-first, 0), int64(f.Batch.N)))
}

// Offsets renders positions as Spark's progress does: {"orders":{"0":23}},
// topics by name and partitions by number. A partition that is divided is at the first offset that none of its parts has read.
func (in *Input) Offsets(at connectors.Positions) json.RawMessage {
	parts, err := parseParts(at, in.c.stripe)
	if err != nil {
		return json.RawMessage("null")
	}
	o := offsets{}
	for p, d := range parts {
		o.set(p, d.least())
	}
	var b []byte
	b = append(b, '{')
	for i, topic := range sortedKeys(o) {
		if i > 0 {
			b = append(b, ',')
		}
		name, _ := json.Marshal(topic)
		b = append(append(b, name...), ':', '{')
		for j, id := range sortedKeys(o[topic]) {
			if j > 0 {
				b = append(b, ',')
			}
			b = append(b, '"')
			b = strconv.AppendInt(b, int64(id), 10)
			b = append(b, '"', ':')
			b = strconv.AppendInt(b, o[topic][id], 10)
		}
		b = append(b, '}')
	}
	return append(b, '}')
}
