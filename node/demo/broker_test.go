package demo

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const childVariable = "DELTAIC_DEMO_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		child(dir)
		return
	}
	os.Exit(m.Run())
}

func testPlan() Plan { return NewPlan(7, 10_000, 1_750_000_000_000) }

// child is the process that gets killed: it prints the ends it knows to be acknowledged.
func child(dir string) {
	ctx := context.Background()
	plan := testPlan()
	broker, err := StartBroker(ctx, dir, BrokerOptions{Partitions: plan.Partitions, Topic: plan.Topic})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	client, err := kgo.NewClient(ClientOptions(broker.Address)...)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	err = plan.Produce(ctx, client, plan.Rate, 0, SystemClock(), func(p Produced) {
		fmt.Println("acknowledged", p.Ends[0], p.Ends[1], p.Ends[2], p.Ends[3])
	})
	fmt.Println("error", err)
	os.Exit(1)
}

// killAfter runs the child, kills it -9 after the given number of rounds and
// returns the ends that it had reported, nil if none.
func killAfter(t *testing.T, dir string, rounds int) []int64 {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), childVariable+"="+dir)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var ends []int64
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if fields[0] == "error" {
			t.Fatal(lines.Text())
		}
		ends = ends[:0]
		for _, f := range fields[1:] {
			v, err := strconv.ParseInt(f, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			ends = append(ends, v)
		}
		if n == rounds {
			if err := command.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = command.Wait()
	return ends
}

func TestAcknowledgedRecordsSurviveKill(t *testing.T) {
	ctx := t.Context()
	dir, plan := t.TempDir(), testPlan()
	var acknowledged []int64
	for cycle := range 4 {
		acknowledged = killAfter(t, dir, cycle*3)
	}
	broker, err := StartBroker(ctx, dir, BrokerOptions{Partitions: plan.Partitions, Topic: plan.Topic})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	checkTopic(t, ctx, plan, broker.Address, acknowledged)
}

// checkTopic reads the whole topic and compares it with the plan.
func checkTopic(t *testing.T, ctx context.Context, plan Plan, address string, least []int64) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumeTopics(plan.Topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err := plan.Ends(ctx, client)
	if err != nil {
		t.Fatal(err)
	}
	var left int64
	for partition, end := range ends {
		left += end
		if end < least[partition] {
			t.Errorf("partition %d ends at %d, but %d were acknowledged", partition, end, least[partition])
		}
	}
	if left == 0 {
		t.Fatal("the topic is empty")
	}
	next := make([]int64, plan.Partitions)
	for left > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			want := plan.Record(r.Partition, r.Offset)
			if r.Offset != next[r.Partition] || string(r.Value) != string(want.Value) || string(r.Key) != string(want.Key) || r.Timestamp.UnixMilli() != want.Timestamp {
				t.Fatalf("partition %d offset %d (expected %d) holds %s, want %s", r.Partition, r.Offset, next[r.Partition], r.Value, want.Value)
			}
			next[r.Partition]++
			left--
		})
	}
	t.Logf("read back to %v", next)
}

// TestAStartWaitsForALockThatIsGivenBack: a process that was killed keeps its lock for a
// moment, and the next start, which may come at once, must not be refused for that.
func TestAStartWaitsForALockThatIsGivenBack(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	held, wanted := open(), open()
	defer wanted.Close()
	if err := lockFile(held); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		got := make(chan error, 1)
		go func() { got <- waitForLock(t.Context(), wanted) }()
		synctest.Wait()
		select {
		case err := <-got:
			t.Fatalf("it did not wait: %v", err)
		default:
		}
		if err := held.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-got; err != nil {
			t.Error(err)
		}
	})
}

func TestBrokerKeepsItsPortAndItsFolder(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	o := BrokerOptions{Partitions: 4, Topic: "orders"}
	first, err := StartBroker(ctx, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	impatient, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := StartBroker(impatient, dir, o); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second broker on the same folder: %v", err)
	}
	other, err := StartBroker(ctx, t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	if other.Address == first.Address {
		t.Errorf("two brokers at %s", first.Address)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := StartBroker(ctx, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if again.Address != first.Address {
		t.Errorf("restarted at %s, was at %s", again.Address, first.Address)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := StartBroker(ctx, dir, BrokerOptions{Partitions: 5, Topic: "orders"}); err == nil || !strings.Contains(err.Error(), "4 partitions") {
		t.Errorf("another number of partitions: %v", err)
	}
}
