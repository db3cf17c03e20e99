package interop

import (
	"context"
	"testing"
	"time"

	"github.com/deltaic/deltaic/benchmarks/nexmark"
	"github.com/deltaic/deltaic/benchmarks/nexmark/recompute"
	"github.com/deltaic/deltaic/benchmarks/nexmark/suite"
)

// Every query of one stream, read as JSON from a real broker, equals the recomputation that is held to the golden sums,
// at parallelism 1, 2 and 7 and with epochs of half a second.
func TestNexmarkFromKafka(t *testing.T) {
	b := startBroker(t)
	const topic, partitions = "nexmark", 4
	events := nexmark.Options{Events: 100_000, TPS: 1000, Seed: 1, Partitions: partitions}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	if _, err := nexmark.Run(ctx, events, nexmark.Destination{Brokers: []string{b.address()}, Topic: topic}); err != nil {
		t.Fatal(err)
	}
	for _, query := range recompute.Queries {
		for _, parallelism := range []int{1, 2, 7} {
			o := suite.Options{Query: query, Events: events.Events, TPS: events.TPS, Seed: events.Seed, Partitions: partitions, Source: "kafka",
				Brokers: []string{b.address()}, Topic: topic, Clock: "event", Parallelism: parallelism, Epoch: 500 * time.Millisecond, Verify: true}
			r, err := suite.Run(ctx, o)
			if err != nil {
				t.Fatalf("%s, parallelism %d: %v", query, parallelism, err)
			}
			if !*r.Verified {
				t.Errorf("%s, parallelism %d: got %v, want %v", query, parallelism, r.Result, r.Expected)
			}
		}
	}
}
