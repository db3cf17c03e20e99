package kafka

import (
	"fmt"

	"github.com/deltaic/deltaic/supervision"
)

// Loss is a range of offsets that was to be read and is no longer there.
type Loss struct {
	Topic     string
	Partition int32
	Wanted    int64 // the first offset that was to be read
	Earliest  int64 // the first offset that exists; -1 if the partition is gone
	Latest    int64 // the offset behind the last one that exists; -1 if unknown or gone
	Anew      bool  // the topic was deleted and made again: what exists is of the new one
}

// String says what was lost.
func (l Loss) String() string {
	switch {
	case l.Earliest < 0:
		return fmt.Sprintf("%s[%d]: wanted offset %d, the partition is gone or no longer subscribed", l.Topic, l.Partition, l.Wanted)
	case l.Anew:
		return fmt.Sprintf("%s[%d]: wanted offset %d, the topic was deleted and made again, with offsets %d to %d", l.Topic, l.Partition, l.Wanted, l.Earliest, l.Latest)
	case l.Latest < 0:
		return fmt.Sprintf("%s[%d]: wanted offset %d, available from %d", l.Topic, l.Partition, l.Wanted, l.Earliest)
	}
	return fmt.Sprintf("%s[%d]: wanted offset %d, available %d to %d", l.Topic, l.Partition, l.Wanted, l.Earliest, l.Latest)
}

// Losses returns what was lost since the last call, where failOnDataLoss is
// false, and forgets it.
func (in *Input) Losses() []Loss {
	in.mu.Lock()
	defer in.mu.Unlock()
	l := in.losses
	in.losses = nil
	return l
}

// Lost returns what Losses does as sentences: how the engine asks, for any
// source.
func (in *Input) Lost() []string {
	var all []string
	for _, l := range in.Losses() {
		all = append(all, l.String())
	}
	return all
}

// maxLosses bounds the notes kept for a caller that never asks.
const maxLosses = 10_000

// lost notes a loss, or returns the failure where losses are failures.
func (in *Input) lost(l Loss) error {
	if in.c.failOnDataLoss {
		return &supervision.Failure{
			Kind: supervision.Fatal, Class: "KAFKA_DATA_LOSS",
			Message:   "data may have been lost: " + l.String(),
			Hint:      "Records were removed by retention, or the topic was deleted or made anew. To go on at the earliest offset that exists, set failOnDataLoss to false.",
			Topic:     l.Topic,
			Partition: &l.Partition,
			Offset:    &l.Wanted,
		}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.losses) < maxLosses {
		in.losses = append(in.losses, l)
	}
	return nil
}
