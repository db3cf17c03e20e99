package demo

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Old records are dropped by size, never all of them, and the end offsets
// outlive a kill at any moment: the folder is copied beside the running broker.
func TestRetentionKeepsEndOffsetsThroughKill(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	plan := NewPlan(7, 100_000, 1_500_000_000_000) // years before any age limit
	o := BrokerOptions{Partitions: plan.Partitions, Topic: plan.Topic, KeptBytes: 1 << 20}
	dir := t.TempDir()
	broker, err := StartBroker(ctx, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	client, err := kgo.NewClient(ClientOptions(broker.Address)...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range 5 {
		if err := plan.Produce(ctx, client, 500_000, 8000, SystemClock(), nil); err != nil {
			t.Fatal(err)
		}
		broker.cluster.ApplyRetention()
	}
	want, err := plan.Ends(ctx, client)
	if err != nil {
		t.Fatal(err)
	}
	segments, err := filepath.Glob(filepath.Join(dir, "kafka", "partitions", "*", "*.dat"))
	if err != nil {
		t.Fatal(err)
	}
	var bytes int64
	for _, s := range segments {
		info, err := os.Stat(s)
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	if bytes > 8_000_000 || bytes < 4*500_000 {
		t.Errorf("%d bytes in %d segments are kept", bytes, len(segments))
	}
	image := t.TempDir()
	if err := os.CopyFS(image, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	after, err := StartBroker(ctx, image, o)
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	second, err := kgo.NewClient(ClientOptions(after.Address)...)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	got, err := plan.Ends(ctx, second)
	if err != nil {
		t.Fatal(err)
	}
	for p := range want {
		if got[p] != want[p] {
			t.Errorf("partition %d ends at %d behind a kill, before at %d", p, got[p], want[p])
		}
	}
	t.Logf("ends %v, %d bytes in %d segments", got, bytes, len(segments))
}
