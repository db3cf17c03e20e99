package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/stream"
)

func init() { roles["copied"] = copiedRole }

// copiedRole copies the topic in to the topic out, exactly once, until it is killed or has read all: args are address,
// folder, parallelism, client id, and "some" or "all".
func copiedRole(args []string) error {
	parallelism, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	client := kafka.Set("kafka.client.id", args[3])
	flow := stream.New("copied")
	flow.From("in", kafka.Source("in", kafka.Brokers(args[0]), kafka.StartAt(kafka.Earliest), kafka.MaxOffsetsPerTrigger(100))).
		Select("key", "value").
		To("out", kafka.Sink("out", kafka.Brokers(args[0]), kafka.ExactlyOnce(), client, kafka.Set("kafka.retry.backoff.ms", "20")), stream.Append)
	options := []stream.Option{stream.CheckpointLocation(filepath.Join(args[1], "checkpoint")), stream.Parallelism(parallelism), stream.EpochInterval(5 * time.Millisecond)}
	if args[4] == "all" {
		options = append(options, stream.AvailableNow())
	}
	q, err := deltaic.Start(context.Background(), flow, options...)
	if err != nil {
		return err
	}
	return q.AwaitTermination(context.Background())
}

// fault is what a round does to the flow. Every one ends its process, and the next begins at another parallelism.
type fault struct {
	name   string
	when   string // before or after a request; "": at any time
	key    kmsg.Key
	frozen bool   // the process stops there, and goes on when another one has done its work
	broker string // the script that is run while the process is there
	dead   string // and when it is not
}

const (
	before = "before"
	after  = "after"
)

var torments = []fault{
	{name: "killed at any time"},
	{name: "killed before a producer begins", when: before, key: kmsg.InitProducerID},
	{name: "killed when a producer has begun", when: after, key: kmsg.InitProducerID},
	{name: "killed before rows of a share are written", when: before, key: kmsg.Produce},
	{name: "killed when rows of a share are written", when: after, key: kmsg.Produce},
	{name: "killed before a share is committed", when: before, key: kmsg.EndTxn},
	{name: "killed when a share is committed", when: after, key: kmsg.EndTxn},
	{name: "killed when a share is committed, the broker too", when: after, key: kmsg.EndTxn, dead: "kill9"},
	{name: "frozen before a share is committed", when: before, key: kmsg.EndTxn, frozen: true},
	{name: "frozen when a share is committed", when: after, key: kmsg.EndTxn, frozen: true},
	{name: "the broker restarts, then killed", broker: "restart"},
	{name: "the broker is killed, then the process", broker: "kill9"},
}

// torment is a flow that is treated so.
type torment struct {
	t        *testing.T
	b        *broker
	trap     *trap
	dir      string
	random   *rand.Rand
	producer *kgo.Client
	perKey   int         // values sent for each key
	begun    []time.Time // processes
	width    int         // parallelism of the newest
	met      map[string]int
}

const copiedKeys = 11

// TestKafkaToKafkaThroughCrashes kills and freezes the process of a flow from Kafka to Kafka, and restarts and kills the broker, again and
// again, at points that the protocol names and at any time; a reader of committed records sees every row once, and those of a key in
// order. DELTAIC_INTEROP_KILLS says how many rounds there are.
func TestKafkaToKafkaThroughCrashes(t *testing.T) {
	kit(t)
	rounds := number(t, "DELTAIC_INTEROP_KILLS", len(torments))
	trap := newTrap(t, fmt.Sprint("127.0.0.1:", number(t, "DELTAIC_INTEROP_PORT", 19192)))
	b := startBroker(t, "--heap", "512m", "--set", "advertised.listeners=PLAINTEXT://"+trap.address())
	b.create("in", 4)
	b.create("out", 3)
	k := &torment{t: t, b: b, trap: trap, dir: t.TempDir(), random: rand.New(rand.NewPCG(uint64(number(t, "DELTAIC_INTEROP_SEED", 1)), 2)),
		met: map[string]int{}, producer: b.client(kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))}
	for round := range rounds {
		k.send(30)
		f, began := torments[round%len(torments)], time.Now()
		k.suffer(f)
		t.Logf("round %d, parallelism %d, %s: %s", round, k.width, f.name, time.Since(began).Round(time.Millisecond))
		if round%24 == 23 {
			k.settle()
		}
	}
	k.settle()
	divided := k.divided()
	t.Logf("%d rounds, %d processes; rounds in which the point was met: %v; epochs of which one process wrote some shares and another the rest: %d",
		rounds, len(k.begun), k.met, divided)
	for _, f := range torments {
		if rounds >= len(torments) && k.met[f.name] == 0 {
			t.Errorf("%s: the point was never met", f.name)
		}
	}
	if rounds >= 100 && divided == 0 {
		t.Error("no epoch was ended by another process than the one that began to write it")
	}
}

// send sends so many values for each key.
func (k *torment) send(each int) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), time.Minute)
	defer cancel()
	var records []*kgo.Record
	for range each {
		for key := range copiedKeys {
			records = append(records, &kgo.Record{Topic: "in", Key: fmt.Append(nil, "k", key), Value: fmt.Appendf(nil, "k%d %d", key, k.perKey)})
		}
		k.perKey++
	}
	if err := k.producer.ProduceSync(ctx, records...).FirstErr(); err != nil {
		k.t.Fatal(err)
	}
}

// process is one that runs the flow.
type process struct {
	*exec.Cmd
	ended chan error
}

// begin begins the flow at another parallelism than that of the process before. aim is told it, and returns what is to be waited for.
func (k *torment) begin(mode string, aim func(p *process, client string) *snare) (*process, *snare) {
	k.t.Helper()
	k.begun = append(k.begun, time.Now())
	k.width = 1 + (k.width+k.random.IntN(4))%5
	client := fmt.Sprint("copied-", len(k.begun))
	p := &process{again(k.t, "copied", k.b.address(), k.dir, strconv.Itoa(k.width), client, mode), make(chan error, 1)}
	s := aim(p, client)
	k.trap.lay(s)
	if err := p.Start(); err != nil {
		k.t.Fatal(err)
	}
	if s != nil {
		close(s.ready)
	}
	go func() { p.ended <- p.Wait() }()
	return p, s
}

func nothing(*process, string) *snare { return nil }

func (k *torment) kill(p *process) {
	k.t.Helper()
	_ = p.Process.Kill()
	<-p.ended
}

// suffer runs the flow through one fault.
func (k *torment) suffer(f fault) {
	k.t.Helper()
	end := k.end()
	p, s := k.begin("some", func(p *process, client string) *snare {
		if f.when == "" {
			return nil
		}
		signal, most := syscall.SIGKILL, 2*k.width
		if f.frozen {
			signal = syscall.SIGSTOP
		}
		if f.key == kmsg.InitProducerID {
			most = min(k.width, 2)
		}
		return &snare{client: client, key: int16(f.key), skip: k.random.IntN(most), after: f.when == after, act: func() { _ = p.Process.Signal(signal) }}
	})
	met := true
	if s != nil {
		select {
		case <-s.caught:
		case <-time.After(10 * time.Second):
			met = false // fewer shares had rows
			k.trap.lay(nil)
		}
	} else {
		k.moved(p, end)
	}
	switch {
	case met && f.frozen:
		k.replace(p)
	case f.broker != "":
		k.b.script(f.broker, comeBack(f.broker)...)
		end = k.end()
		k.send(10)
		k.moved(p, end)
	}
	if s == nil {
		<-time.After(time.Duration(k.random.IntN(60)) * time.Millisecond)
	}
	k.kill(p)
	if f.dead != "" {
		k.b.script(f.dead, comeBack(f.dead)...)
	}
	if met {
		k.met[f.name]++
	}
}

// comeBack are the arguments that make a script leave a broker behind.
func comeBack(script string) []string {
	if script == "kill9" {
		return []string{"--restart"}
	}
	return nil
}

// replace lets another process do the work of a frozen one, which then goes on for a while.
func (k *torment) replace(frozen *process) {
	k.t.Helper()
	k.all()
	_ = frozen.Process.Signal(syscall.SIGCONT)
	select {
	case err := <-frozen.ended:
		if err == nil {
			k.t.Error("a process that another one has replaced ended as if nothing were wrong")
		}
		frozen.ended <- err
	case <-time.After(3 * time.Second):
	}
}

// all lets a process read all that there is.
func (k *torment) all() {
	k.t.Helper()
	p, _ := k.begin("all", nothing)
	select {
	case err := <-p.ended:
		if err != nil {
			k.t.Fatalf("reading all: %v", err)
		}
	case <-time.After(2 * time.Minute):
		_ = p.Process.Signal(syscall.SIGQUIT)
		<-p.ended
		k.t.Fatal("reading all does not end")
	}
}

// end is how far the topic out goes.
func (k *torment) end() (n int64) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), time.Minute)
	defer cancel()
	ends, err := kadm.NewClient(k.producer).ListEndOffsets(ctx, "out")
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		k.t.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n
}

// moved waits until rows were written.
func (k *torment) moved(p *process, end int64) {
	k.t.Helper()
	for deadline := time.Now().Add(90 * time.Second); k.end() == end; {
		select {
		case err := <-p.ended:
			k.t.Fatalf("the process has ended: %v", err)
		case <-time.After(time.Duration(k.random.IntN(20)) * time.Millisecond):
		}
		if time.Now().After(deadline) {
			_ = p.Process.Signal(syscall.SIGQUIT)
			<-p.ended
			k.t.Fatal("nothing is written for 90 s")
		}
	}
}

// settle lets the flow read all, and looks at what came of it.
func (k *torment) settle() {
	k.t.Helper()
	k.all()
	next, total := map[string]int{}, 0
	records := k.b.committed("out")
	slices.SortStableFunc(records, func(a, b *kgo.Record) int { return int(a.Partition) - int(b.Partition) })
	for _, r := range records {
		var key string
		var n int
		if _, err := fmt.Sscanf(string(r.Value), "%s %d", &key, &n); err != nil || key != string(r.Key) {
			k.t.Fatalf("%s=%s: %v", r.Key, r.Value, err)
		}
		if n != next[key] {
			k.t.Fatalf("key %s: %d comes where %d is to come (partition %d, offset %d)", key, n, next[key], r.Partition, r.Offset)
		}
		next[key]++
		total++
	}
	if want := copiedKeys * k.perKey; total != want {
		k.t.Fatalf("%d rows, want %d", total, want)
	}
	k.t.Logf("%d rows, each once and in order", total)
}

// divided counts the epochs of which one process wrote some shares and another the rest, as the topic of positions tells it.
func (k *torment) divided() (n int) {
	span := map[int64][2]time.Time{} // by epoch: when the first of its shares was written, and the last
	for _, r := range k.b.committed("deltaic-positions-copied") {
		var v struct{ Epoch int64 }
		if err := json.Unmarshal(r.Value, &v); err != nil {
			k.t.Fatal(err)
		}
		s, known := span[v.Epoch]
		if !known || r.Timestamp.Before(s[0]) {
			s[0] = r.Timestamp
		}
		if r.Timestamp.After(s[1]) {
			s[1] = r.Timestamp
		}
		span[v.Epoch] = s
	}
	for _, s := range span {
		if slices.ContainsFunc(k.begun, func(at time.Time) bool { return s[0].Before(at) && at.Before(s[1]) }) {
			n++
		}
	}
	return n
}
