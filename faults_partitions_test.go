package deltaic_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/internal/cables"
	_ "github.com/deltaic/deltaic/objstore/s3"
	"github.com/deltaic/deltaic/objstore/s3/s3test"
	"github.com/deltaic/deltaic/stream"
)

// partition breaks the cables in one way, lets rows come meanwhile, and mends them.
type partition func(l *cables.Cables, feed func(), done <-chan struct{})

// pause is how long a cut lasts beyond the moment at which something is stopped by it: under make faults longer than clients wait for answers.
func pause(done <-chan struct{}, d time.Duration) {
	select {
	case <-time.After(d):
	case <-done:
	}
}

// cutting stops ways of all cables twice: what waits comes late the first time, and goes with its connection the second.
func cutting(w cables.Way) partition {
	return func(l *cables.Cables, feed func(), done <-chan struct{}) {
		for _, mend := range []func(){l.Heal, l.Reset} {
			l.Cut(w)
			feed()
			l.Held(done)
			pause(done, time.Duration(whole(200, 12_000))*time.Millisecond)
			mend()
			feed()
		}
	}
}

func flapping(l *cables.Cables, feed func(), done <-chan struct{}) {
	for n := range whole(4, 20) {
		l.Cut(cables.Both)
		feed()
		pause(done, 200*time.Millisecond)
		if n%2 == 0 {
			l.Heal()
		} else {
			l.Reset()
		}
		pause(done, 200*time.Millisecond)
	}
}

// swizzling stops the connections one by one, and lets them go on in another order.
func swizzling(l *cables.Cables, feed func(), done <-chan struct{}) {
	random := rand.New(rand.NewPCG(1, 2))
	for range whole(3, 10) {
		feed()
		open := l.Open()
		for _, move := range []func(int){l.Clog, l.Free} {
			random.Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
			for _, n := range open {
				move(n)
				feed()
				pause(done, 20*time.Millisecond)
			}
		}
	}
}

// TestPartitionsOfTheNetwork breaks the network between a flow and its broker, from which it reads and to which it copies exactly once, and between
// a flow and the bucket that has its tables, ledger and state: in both ways, in one, again and again, and by parts. The flow goes on by itself each
// time, and every row is there once, in the table and in the topic.
func TestPartitionsOfTheNetwork(t *testing.T) {
	for _, between := range []string{"broker", "storage"} {
		for name, p := range map[string]partition{"full": cutting(cables.Both), "requests": cutting(cables.Requests), "answers": cutting(cables.Answers),
			"flapping": flapping, "swizzle-clog": swizzling} {
			t.Run(between+" "+name, func(t *testing.T) { parted(t, between, p) })
		}
	}
}

func parted(t *testing.T, between string, p partition) {
	over := map[string]*cables.Cables{}
	wrap := func(of string) func(net.Listener) net.Listener {
		return func(l net.Listener) net.Listener {
			over[of] = cables.Over(l)
			return over[of]
		}
	}
	server := s3test.Start(t, wrap("storage"))
	server.Use(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	broker := kafkatest.Start(t, 3, []string{"in", "out"}, kfake.ListenFn(func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		if err == nil {
			l = wrap("broker")(l)
		}
		return l, err
	}))
	client, rows := broker.Client(), 0
	feed := func() {
		var records []*kgo.Record
		for range 10 {
			records = append(records, &kgo.Record{Topic: "in", Partition: int32(rows % 3), Value: fmt.Append(nil, rows)})
			rows++
		}
		kafkatest.Produce(t, client, records...)
	}
	feed()
	over["broker"].Spare()
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(whole(90, 240))*time.Second)
	defer cancel()
	root := "s3://" + s3test.Bucket + "/parted"
	flow := stream.New("parted")
	in := flow.From("in", kafka.Source("in", kafka.Brokers(broker.Addresses()...), kafka.StartAt(kafka.Earliest))).Select("CAST(CAST(value AS STRING) AS BIGINT) AS n", "value")
	in.To("copies", kafka.Sink("out", kafka.Brokers(broker.Addresses()...), kafka.ExactlyOnce(), kafka.Set("kafka.retry.backoff.ms", "10")), stream.Append)
	in.Select("n").To("rows", delta.SinkAt(root+"/rows", delta.SinkOptions{}), stream.Append)
	in.GroupBy("n % 2 AS k").Agg("by-k", "count(*) AS c", "sum(n) AS s").To("sums", delta.SinkAt(root+"/sums", delta.SinkOptions{Keys: []string{"k"}}), stream.Update)
	q, err := deltaic.Start(ctx, flow, stream.CheckpointLocation(root+"/checkpoint"), stream.Parallelism(2), stream.ProcessingTime(20*time.Millisecond))
	must(t, err)
	must(t, q.ProcessAllAvailable(ctx))
	p(over[between], feed, ctx.Done())
	feed()
	must(t, q.ProcessAllAvailable(ctx))
	must(t, q.Stop(ctx))
	copies := map[string]int{}
	for _, values := range committedValues(t, broker.Addresses(), "out") {
		for _, v := range values {
			copies[v]++
		}
	}
	there := rowsOf(t, root+"/rows")
	for n := range rows {
		if there[fmt.Sprintf(`{"n":%d}`, n)] != 1 || copies[fmt.Sprint(n)] != 1 {
			t.Errorf("row %d of %d is there %d times, and in the topic %d times", n, rows, there[fmt.Sprintf(`{"n":%d}`, n)], copies[fmt.Sprint(n)])
		}
	}
	half := rows / 2
	for _, want := range []string{fmt.Sprintf(`{"k":0,"c":%d,"s":%d}`, half, half*(half-1)), fmt.Sprintf(`{"k":1,"c":%d,"s":%d}`, half, half*half)} {
		if sums := rowsOf(t, root+"/sums"); sums[want] != 1 {
			t.Errorf("the sums are %v, not %s", sums, want)
		}
	}
	if len(there) != rows || len(copies) != rows {
		t.Errorf("%d rows and %d copies, want %d", len(there), len(copies), rows)
	}
}
