package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/deltaic/deltaic/benchmarks/nexmark"
)

// BrokerSettings say what the broker's process does.
type BrokerSettings struct {
	Topic       string          `json:"topic"`
	Compression string          `json:"compression"`
	Fill        nexmark.Options `json:"fill"` // no events: the topic stays empty
}

// BrokerResult is what the broker's process says when its topic is filled.
type BrokerResult struct {
	Brokers []string        `json:"brokers"`
	Summary nexmark.Summary `json:"summary"`
}

// Broker runs an in-memory Kafka broker in this process: it reads settings from in, fills the
// topic, says so on out and goes on until in ends.
func Broker(ctx context.Context, in io.Reader, out io.Writer) error {
	debug.SetGCPercent(20) // the backlog is live for the whole run
	var s BrokerSettings
	d := json.NewDecoder(in)
	if err := d.Decode(&s); err != nil {
		return err
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(int32(s.Fill.Partitions), s.Topic))
	if err != nil {
		return fmt.Errorf("bench: the broker: %w", err)
	}
	defer cluster.Close()
	r := BrokerResult{Brokers: cluster.ListenAddrs()}
	if s.Fill.Events > 0 {
		r.Summary, err = nexmark.Produce(ctx, s.Fill, nexmark.Destination{Brokers: r.Brokers, Topic: s.Topic, Compression: s.Compression})
		if err != nil {
			return err
		}
	}
	debug.FreeOSMemory()
	if err := json.NewEncoder(out).Encode(r); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.MultiReader(d.Buffered(), in))
	return err
}
