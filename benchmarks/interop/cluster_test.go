package interop

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
)

// cluster is three nodes of Kafka, of which the first is the controller as well. Topics have a replica on each.
type cluster struct {
	t     *testing.T
	nodes []*broker
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	kit(t)
	c, port, id := &cluster{t: t}, number(t, "DELTAIC_INTEROP_PORT", 19192), ""
	for n := 1; n <= 3; n++ {
		at := port + 10*(n-1)
		dir := filepath.Join(t.TempDir(), "kafka")
		b := &broker{t: t, port: at, where: []string{"--port", strconv.Itoa(at), "--dir", dir}}
		roles, listeners := "broker", "PLAINTEXT://"+b.address()
		properties := filepath.Join(dir, "data", "meta.properties")
		if n == 1 {
			roles, listeners = "broker,controller", listeners+fmt.Sprintf(",CONTROLLER://127.0.0.1:%d", port+1)
		} else {
			joins(t, properties, id, n)
		}
		flags := []string{"--heap", "384m"}
		for _, set := range []string{
			"node.id=" + strconv.Itoa(n), "process.roles=" + roles, "listeners=" + listeners, "advertised.listeners=PLAINTEXT://" + b.address(),
			fmt.Sprint("controller.quorum.bootstrap.servers=127.0.0.1:", port+1), "default.replication.factor=3", "min.insync.replicas=2",
			"offsets.topic.replication.factor=3", "transaction.state.log.replication.factor=3", "transaction.state.log.min.isr=2", "broker.session.timeout.ms=6000",
		} {
			flags = append(flags, "--set", set)
		}
		t.Cleanup(func() {
			if err := stopBroker(b); err != nil {
				t.Error(err)
			}
		})
		b.script("up", flags...)
		c.nodes = append(c.nodes, b)
		if n == 1 {
			text, err := os.ReadFile(properties)
			if err != nil {
				t.Fatal(err)
			}
			_, id, _ = strings.Cut(string(text), "cluster.id=")
			id, _, _ = strings.Cut(id, "\n")
		}
	}
	return c
}

// joins lays out the folder of a node that belongs to a cluster that is there; the script formats it as one of its own otherwise.
func joins(t *testing.T, properties, id string, node int) {
	t.Helper()
	folder := make([]byte, 16)
	_, _ = rand.Read(folder)
	if err := os.MkdirAll(filepath.Dir(properties), 0o700); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("version=1\ncluster.id=%s\nnode.id=%d\ndirectory.id=%s\n", id, node, base64.RawURLEncoding.EncodeToString(folder))
	if err := os.WriteFile(properties, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) addresses() (all []string) {
	for _, b := range c.nodes {
		all = append(all, b.address())
	}
	return all
}

func (c *cluster) client(options ...kgo.Opt) *kgo.Client {
	return c.nodes[0].client(append([]kgo.Opt{kgo.SeedBrokers(c.addresses()...)}, options...)...)
}

// leaders are those of a topic's partitions.
func (c *cluster) leaders(topic string) (all []int32) {
	c.t.Helper()
	details, err := kadm.NewClient(c.client()).ListTopics(c.t.Context(), topic)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, p := range details[topic].Partitions.Sorted() {
		all = append(all, p.Leader)
	}
	return all
}

// move has every partition of the topics led by the replica that is next to its leader.
func (c *cluster) move(topics ...string) {
	c.t.Helper()
	admin := kadm.NewClient(c.client())
	details, err := admin.ListTopics(c.t.Context(), topics...)
	if err != nil {
		c.t.Fatal(err)
	}
	var assign kadm.AlterPartitionAssignmentsReq
	elect := kadm.TopicsSet{}
	details.EachPartition(func(p kadm.PartitionDetail) {
		first := p.Leader%3 + 1
		assign.Assign(p.Topic, p.Partition, []int32{first, first%3 + 1, (first+1)%3 + 1})
		elect.Add(p.Topic, p.Partition)
	})
	if r, err := admin.AlterPartitionAssignments(c.t.Context(), assign); err != nil || r.Error() != nil {
		c.t.Fatal(err, r.Error())
	}
	before := fmt.Sprint(c.leaders(topics[0]))
	for deadline := time.Now().Add(time.Minute); fmt.Sprint(c.leaders(topics[0])) == before; {
		if _, err := admin.ElectLeaders(c.t.Context(), kadm.ElectPreferredReplica, elect); err != nil {
			c.t.Fatal(err)
		}
		<-time.After(200 * time.Millisecond)
		if time.Now().After(deadline) {
			c.t.Fatal("leaders do not move")
		}
	}
	c.t.Logf("leaders of %s: %s, then %v", topics[0], before, c.leaders(topics[0]))
}

// fill writes to every partition, a record at each tick, until it is told to stop; it returns how many each partition has.
func (c *cluster) fill(ctx context.Context, topic string, partitions int, sent *atomic.Int64) (int, error) {
	client := c.client(kgo.RecordRetries(1000), kgo.RequiredAcks(kgo.AllISRAcks()))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return n, nil
		case <-tick.C:
		}
		var records []*kgo.Record
		for p := range partitions {
			records = append(records, &kgo.Record{Topic: topic, Partition: int32(p), Key: fmt.Appendf(nil, "k%d", p), Value: fmt.Appendf(nil, "%d of %d", n, p)})
		}
		if err := client.ProduceSync(c.t.Context(), records...).FirstErr(); err != nil {
			return n, err
		}
		sent.Add(int64(partitions))
	}
}

// Three nodes: leaders move from one to the next, and one of the three is killed, stays away while the flow goes on, and comes back, again and
// again, under a flow that copies a topic to a table and, exactly once, to another topic: every row is in both once, in order.
func TestKafkaCluster(t *testing.T) {
	const partitions = 6
	c := startCluster(t)
	admin := kadm.NewClient(c.client())
	for topic, n := range map[string]int32{"in": partitions, "out": 3} {
		if _, err := admin.CreateTopic(t.Context(), n, 3, nil, topic); err != nil {
			t.Fatal(err)
		}
	}
	filling, stop := context.WithCancel(t.Context())
	defer stop()
	var sent, done atomic.Int64
	filled := make(chan int, 1)
	go func() {
		n, err := c.fill(filling, "in", partitions, &sent)
		if err != nil {
			t.Error(err)
		}
		filled <- n
	}()
	dir := t.TempDir()
	flow := stream.New("cluster")
	rows := flow.From("in", kafka.Source("in", kafka.Brokers(c.addresses()...), kafka.StartAt(kafka.Earliest))).Select("key", "value")
	rows.To("table", delta.SinkAt(filepath.Join(dir, "table"), delta.SinkOptions{}), stream.Append)
	rows.To("out", kafka.Sink("out", kafka.Brokers(c.addresses()...), kafka.ExactlyOnce()), stream.Append)
	q, err := deltaic.Start(t.Context(), flow, stream.CheckpointLocation(filepath.Join(dir, "checkpoint")), stream.Parallelism(2),
		stream.OnProgress(func(p stream.Progress) { done.Add(p.NumInputRows) }))
	if err != nil {
		t.Fatal(err)
	}
	// on waits until the flow has come further than where the producer is now.
	on := func(what string) {
		t.Helper()
		began, want := time.Now(), sent.Load()+500
		for done.Load() < want {
			if !q.IsActive() {
				t.Fatalf("%s: the flow has ended: %v", what, q.Exception())
			}
			if time.Since(began) > 3*time.Minute {
				t.Fatalf("%s: %d rows of %d: %+v", what, done.Load(), want, q.Status())
			}
			<-time.After(50 * time.Millisecond)
		}
		t.Logf("%s: %d rows after %s", what, want, time.Since(began).Round(10*time.Millisecond))
	}
	on("begun")
	for round := range number(t, "DELTAIC_INTEROP_ROUNDS", 2) {
		c.move("in", "out")
		on("leaders moved")
		for _, n := range []int{2, 1} { // the first is the controller
			b := c.nodes[n]
			b.script("kill9")
			on(fmt.Sprintf("round %d, node %d killed", round, n+1))
			b.script("restart")
			on(fmt.Sprintf("round %d, node %d back", round, n+1))
		}
		c.move("in", "out")
		on("leaders moved again")
	}
	stop()
	each := <-filled
	if err := q.ProcessAllAvailable(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := q.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.each(filepath.Join(dir, "table"), partitions, each)
}

// each holds the table and the topic against what was sent.
func (c *cluster) each(table string, partitions, sent int) {
	c.t.Helper()
	seen := map[string]int{}
	scan(c.t, table, []string{"value"}, func(b *batch.Batch, i int) { seen[string(b.Columns[0].Bytes(i))]++ })
	next := make([]int, partitions)
	for _, r := range c.nodes[0].committed("out") {
		var n, p int
		if _, err := fmt.Sscanf(string(r.Value), "%d of %d", &n, &p); err != nil || n != next[p] {
			c.t.Fatalf("%q comes where %d of %d is to come: %v", r.Value, next[p], p, err)
		}
		next[p]++
	}
	for p := range partitions {
		if next[p] != sent {
			c.t.Errorf("the topic has %d rows of partition %d, want %d", next[p], p, sent)
		}
		for n := range sent {
			if value := fmt.Sprintf("%d of %d", n, p); seen[value] != 1 {
				c.t.Fatalf("the table has %q %d times", value, seen[value])
			}
		}
	}
	if len(seen) != partitions*sent {
		c.t.Errorf("the table has %d rows that differ, want %d", len(seen), partitions*sent)
	}
	c.t.Logf("%d rows, each once in the table, and in the topic in order", partitions*sent)
}
