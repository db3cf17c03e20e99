package kafka_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
)

// A part that is paused stops no other part of its partition, holds no more than a bound, and misses nothing when it goes on.
func TestPausedPartsMissNothing(t *testing.T) {
	const rows, parts = 20_000, 4
	b := kafkatest.Start(t, 1, []string{"orders"})
	b.Values("orders", 0, numbers(rows)...)
	in := source(t, b, "orders", kafka.MinPartitions(parts), kafka.StripeOf(100), kafka.Aside(64), kafka.Set("kafka.max.partition.fetch.bytes", "4096"))
	at, err := in.Start(within(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	end, err := in.End(within(t), slices.Collect(maps.Keys(at)))
	if err != nil || len(end) != parts {
		t.Fatalf("ends %v: %v", end, err)
	}
	r := reader(t, in, at)
	splits := slices.Sorted(maps.Keys(at))
	for _, s := range splits[:2] {
		r.Pause(s)
	}
	seen := map[string]int{}
	left := maps.Clone(end)
	read := func(wanted ...connectors.SplitID) {
		t.Helper()
		for slices.ContainsFunc(wanted, func(s connectors.SplitID) bool { return left[s] != "" }) {
			f, err := r.Next(within(t))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(wanted, f.Split) {
				t.Fatalf("%s is paused and delivers %d rows", f.Split, f.Batch.N)
			}
			for i := range f.Batch.N {
				seen[string(f.Batch.Columns[1].Bytes(i))]++
			}
			f.Batch.Release()
			if f.After == end[f.Split] {
				delete(left, f.Split)
			}
		}
	}
	read(splits[2:]...)
	if n := len(seen); n != rows/2 {
		t.Errorf("two of four parts have %d of %d rows", n, rows)
	}
	r.Resume(splits[0])
	r.Pause(splits[2])
	r.Pause(splits[3])
	read(splits[0])
	for _, s := range splits {
		r.Resume(s)
	}
	read(splits...)
	for _, v := range numbers(rows) {
		if seen[v] != 1 {
			t.Fatalf("row %s was read %d times", v, seen[v])
		}
	}
}
