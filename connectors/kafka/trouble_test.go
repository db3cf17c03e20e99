package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/supervision"
)

func source(t testing.TB, b *kafkatest.Broker, topic string, more ...kafka.Option) *kafka.Input {
	t.Helper()
	in := kafka.Source(topic, append([]kafka.Option{
		kafka.Brokers(b.Addresses()...), kafka.StartAt(kafka.Earliest), kafka.Set("kafka.retry.backoff.ms", "10"),
		kafka.Set("kafka.retry.backoff.max.ms", "50"), kafka.CheckEvery(20 * time.Millisecond),
	}, more...)...)
	if in.Err() != nil {
		t.Fatal(in.Err())
	}
	t.Cleanup(func() { in.Close() })
	return in
}

func reader(t testing.TB, in *kafka.Input, at connectors.Positions) connectors.Reader {
	t.Helper()
	r, err := in.Open(within(t), at, connectors.OpenOptions{Pool: batch.NewPool()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// drain reads values until the position reaches the end.
func drain(t testing.TB, r connectors.Reader, end string) (values []string) {
	t.Helper()
	ctx := within(t)
	for {
		f, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("Next: %v", err)
		}
		for i := range f.Batch.N {
			values = append(values, string(f.Batch.Columns[1].Bytes(i)))
		}
		f.Batch.Release()
		if string(f.After) == end {
			return values
		}
	}
}

// until calls Next until it fails.
func until(t testing.TB, r connectors.Reader) error {
	t.Helper()
	ctx := within(t)
	for {
		f, err := r.Next(ctx)
		if err != nil {
			return err
		}
		f.Batch.Release()
	}
}

func admin(t testing.TB, b *kafkatest.Broker) *kadm.Client { return kadm.NewClient(b.Client()) }

func deleteBefore(t testing.TB, b *kafkatest.Broker, topic string, offset int64) {
	t.Helper()
	o := kadm.Offsets{}
	o.AddOffset(topic, 0, offset, -1)
	if _, err := admin(t, b).DeleteRecords(within(t), o); err != nil {
		t.Fatal(err)
	}
}

func numbers(n int) (values []string) {
	for i := range n {
		values = append(values, fmt.Sprint("v", i))
	}
	return values
}

func wantFailure(t testing.TB, err error, class string, says ...string) {
	t.Helper()
	var f *supervision.Failure
	if !errors.As(err, &f) || f.Kind != supervision.Fatal || f.Class != class {
		t.Fatalf("got %v, want a fatal %s", err, class)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
}

// What retention removed is a failure that names it, or is reported and passed
// over: at the start and in the middle.
func TestDataLoss(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders"})
	b.Values("orders", 0, numbers(10)...)
	deleteBefore(t, b, "orders", 4)

	strict := source(t, b, "orders")
	_, err := strict.Start(within(t), connectors.Positions{"orders/0": "2"})
	wantFailure(t, err, "KAFKA_DATA_LOSS", "orders[0]", "wanted offset 2", "available 4 to 10")
	_, err = strict.Start(within(t), connectors.Positions{"orders/0": "11"})
	wantFailure(t, err, "KAFKA_DATA_LOSS", "wanted offset 11", "available 4 to 10")
	_, err = strict.Start(within(t), connectors.Positions{"orders/0": "5", "gone/1": "3"})
	wantFailure(t, err, "KAFKA_DATA_LOSS", "gone[1]", "partition is gone")
	wantFailure(t, until(t, reader(t, strict, connectors.Positions{"orders/0": "2"})), "KAFKA_DATA_LOSS", "wanted offset 2", "available 4 to 10")

	lax := source(t, b, "orders", kafka.FailOnDataLoss(false))
	at, err := lax.Start(within(t), connectors.Positions{"orders/0": "2"})
	if err != nil || at["orders/0"] != "4" {
		t.Errorf("got %v, %v", at, err)
	}
	if got := lax.Losses(); len(got) != 1 || got[0] != (kafka.Loss{Topic: "orders", Wanted: 2, Earliest: 4, Latest: 10}) {
		t.Errorf("losses %v", got)
	}
	if got := drain(t, reader(t, lax, connectors.Positions{"orders/0": "2"}), "10"); len(got) != 6 || got[0] != "v4" {
		t.Errorf("got %v", got)
	}
	if got := lax.Losses(); len(got) != 1 || got[0].Wanted != 2 {
		t.Errorf("losses %v", got)
	}
}

// A log that is found to be shorter than what was read of it in parts is divided anew by the next attempt, from its beginning, also if it has
// grown meanwhile; until an epoch is decided, and no longer.
func TestALogThatIsReplacedIsDividedAnew(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders"})
	b.Values("orders", 0, numbers(10)...)
	in := source(t, b, "orders", kafka.FailOnDataLoss(false), kafka.MinPartitions(2), kafka.StripeOf(4))
	known := connectors.Positions{"orders/0/1of2@8": "12", "orders/0/2of2@8": "10"} // at offsets 24 and 22
	if err := until(t, reader(t, in, known)); supervision.KindOf(err) != supervision.Restart || !strings.Contains(fmt.Sprint(err), "KAFKA_LOG_REPLACED") || !strings.Contains(fmt.Sprint(err), "orders[0]") {
		t.Fatalf("got %v, want a new attempt", err)
	}
	if got := in.Losses(); len(got) != 1 || got[0].Wanted != 22 || got[0].Latest != 10 {
		t.Errorf("losses %v", got)
	}
	b.Values("orders", 0, numbers(50)...)
	for range 2 { // the first attempt may end before an epoch is decided
		at, err := in.Start(within(t), known)
		if err != nil || len(at) != 2 || at["orders/0/1of2@0"] != "0" || at["orders/0/2of2@0"] != "0" {
			t.Fatalf("starts at %v: %v", at, err)
		}
	}
	if got := in.Losses(); len(got) != 0 {
		t.Errorf("told twice: %v", got)
	}
	for _, known := range []connectors.Positions{{"orders/0/1of2@0": "3", "orders/0/2of2@0": "5"}, known} {
		if at, err := in.Start(within(t), known); err != nil || !maps.Equal(at, known) {
			t.Errorf("goes on at %v, known is %v: %v", at, known, err)
		}
	}
}

func TestTopicThatIsNotThere(t *testing.T) {
	b := kafkatest.Start(t, 2, []string{"orders"})
	_, err := source(t, b, "order").Start(within(t), nil)
	wantFailure(t, err, "UNKNOWN_TOPIC_OR_PARTITION", `"order"`)
	in := source(t, b, "", kafka.Assign(map[string][]int32{"orders": {1, 7}}))
	_, err = in.Start(within(t), nil)
	wantFailure(t, err, "UNKNOWN_TOPIC_OR_PARTITION", "partition 7")
}

func TestTopicThatVanishes(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders", "payments"})
	b.Values("orders", 0, "a")
	b.Values("payments", 0, "b")
	r := reader(t, source(t, b, "orders,payments"), connectors.Positions{"orders/0": "0", "payments/0": "0"})
	drain(t, r, "1")
	if _, err := admin(t, b).DeleteTopics(within(t), "payments"); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, until(t, r), "UNKNOWN_TOPIC_OR_PARTITION", "payments")
}

// A quiet split is told once to be caught up, with its end, so that idleness
// can be proved; nothing else is told.
func TestQuietSplitIsProvedCaughtUp(t *testing.T) {
	b := kafkatest.Start(t, 2, []string{"orders"})
	b.Values("orders", 0, "a")
	r := reader(t, source(t, b, "orders"), connectors.Positions{"orders/0": "1", "orders/1": "0"})
	seen := map[connectors.SplitID]connectors.Fetch{}
	for len(seen) < 2 {
		f, err := r.Next(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if f.Batch.N != 0 || f.After != f.End {
			t.Fatalf("got %+v", f)
		}
		if _, again := seen[f.Split]; again {
			t.Fatalf("%s was told twice", f.Split)
		}
		seen[f.Split] = f
	}
	short, cancel := context.WithTimeout(within(t), 200*time.Millisecond)
	defer cancel()
	if f, err := r.Next(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %+v, %v", f, err)
	}
}

// An aborted transaction longer than a fetch, and one still open: the position
// reaches the last stable offset exactly.
func TestOpenTransactionBoundsTheEnd(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders"})
	b.Values("orders", 0, "a", "b")
	client := b.Client(kgo.TransactionalID("open"))
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	kafkatest.Produce(t, client, &kgo.Record{Topic: "orders", Value: []byte("pending")})
	b.Values("orders", 0, "after")
	in := source(t, b, "orders")
	end, err := in.End(within(t), []connectors.SplitID{"orders/0"})
	if err != nil || end["orders/0"] != "2" {
		t.Fatalf("end %v, %v", end, err)
	}
	r := reader(t, in, connectors.Positions{"orders/0": "0"})
	if got := drain(t, r, "2"); len(got) != 2 {
		t.Fatalf("got %v", got)
	}
	if err := client.EndTransaction(within(t), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	if got := drain(t, r, "5"); len(got) != 1 || got[0] != "after" {
		t.Fatalf("got %v", got)
	}
}

func TestEveryCodec(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders"})
	codecs := []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}
	var want []string
	for i, codec := range codecs {
		var records []*kgo.Record
		for j := range 50 {
			v := strings.Repeat(fmt.Sprint(i, " ", j, " "), 20)
			want = append(want, v)
			records = append(records, &kgo.Record{Topic: "orders", Value: []byte(v)})
		}
		kafkatest.Produce(t, b.Client(kgo.ProducerBatchCompression(codec)), records...)
	}
	got := drain(t, reader(t, source(t, b, "orders"), connectors.Positions{"orders/0": "0"}), "250")
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Error("values differ")
	}
}

// A large record passes; a batch that would become larger than the bound is a
// failure that names it, and not memory.
func TestLargeRecordAndBomb(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders"}, kfake.BrokerConfigs(map[string]string{"message.max.bytes": "100000000"}))
	const size = 64 << 20
	big := bytes.Repeat([]byte("x"), size)
	client := b.Client(kgo.ProducerBatchMaxBytes(size+4096), kgo.ProducerBatchCompression(kgo.SnappyCompression()), kgo.BrokerMaxWriteBytes(100<<20))
	kafkatest.Produce(t, client, &kgo.Record{Topic: "orders", Value: big})
	got := drain(t, reader(t, source(t, b, "orders"), connectors.Positions{"orders/0": "0"}), "1")
	if len(got) != 1 || len(got[0]) != size {
		t.Fatalf("got %d values", len(got))
	}
	r := reader(t, source(t, b, "orders", kafka.MaxBatchBytes(1<<20)), connectors.Positions{"orders/0": "0"})
	wantFailure(t, until(t, r), "KAFKA_BATCH_TOO_LARGE", "orders[0]@0", "maxBatchBytes")
}

// Brokers that are away for a while cost time and nothing else.
func TestBrokersAway(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders"})
	b.Values("orders", 0, numbers(5)...)
	r := reader(t, source(t, b, "orders"), connectors.Positions{"orders/0": "0"})
	drain(t, r, "5")
	failures := 0
	b.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		if failures++; failures > 3 {
			b.DropControl()
			return nil, nil, false
		}
		return nil, errors.New("the connection is cut"), true
	})
	b.Values("orders", 0, "later")
	if got := drain(t, r, "6"); len(got) != 1 || got[0] != "later" {
		t.Errorf("got %v", got)
	}
	b.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		resp.ErrorCode = kerr.NotLeaderForPartition.Code
		return resp, nil, true
	})
	b.Values("orders", 0, "last")
	if got := drain(t, r, "7"); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

// A broker that says a good position is out of range, once, is asked again: no
// loss is reported and no row is lost or doubled.
func TestOutOfRangeThatIsNot(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders"})
	b.Values("orders", 0, numbers(6)...)
	b.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		req := kreq.(*kmsg.FetchRequest)
		if len(req.Topics) == 0 {
			b.KeepControl()
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		p := kmsg.NewFetchResponseTopicPartition()
		p.ErrorCode, p.HighWatermark, p.LogStartOffset = kerr.OffsetOutOfRange.Code, -1, -1
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic, topic.TopicID = req.Topics[0].Topic, req.Topics[0].TopicID
		topic.Partitions = append(topic.Partitions, p)
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
	in := source(t, b, "orders")
	if got := drain(t, reader(t, in, connectors.Positions{"orders/0": "3"}), "6"); strings.Join(got, " ") != "v3 v4 v5" {
		t.Errorf("got %v", got)
	}
}

func TestSASLPlain(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders"}, kfake.EnableSASL(), kfake.Superuser("PLAIN", "ada", "lovelace"))
	client := b.Client(kgo.SASL(plain.Auth{User: "ada", Pass: "lovelace"}.AsMechanism()))
	kafkatest.Produce(t, client, &kgo.Record{Topic: "orders", Value: []byte("a")})
	login := func(password string) *kafka.Input {
		return source(t, b, "orders", kafka.Set("kafka.security.protocol", "SASL_PLAINTEXT"),
			kafka.Set("kafka.sasl.mechanism", "PLAIN"), kafka.Set("kafka.sasl.jaas.config", jaas("ada", password)))
	}
	in := login("lovelace")
	if _, err := in.Start(within(t), nil); err != nil {
		t.Fatal(err)
	}
	if got := drain(t, reader(t, in, connectors.Positions{"orders/0": "0"}), "1"); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	b.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) { // as Kafka answers
		b.KeepControl()
		resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
		return resp, nil, true
	})
	_, err := login("wrongsecret").Start(within(t), nil)
	if err == nil || strings.Contains(err.Error(), "wrongsecret") || supervision.KindOf(err) != supervision.Fatal {
		t.Errorf("a wrong password: got %v", err)
	}
	err = until(t, reader(t, login("wrongsecret"), connectors.Positions{"orders/0": "0"}))
	if supervision.KindOf(err) != supervision.Fatal {
		t.Errorf("a wrong password, reading: got %v", err)
	}
}

func TestStartingOffsets(t *testing.T) {
	b := kafkatest.Start(t, 3, []string{"orders"})
	for p := range int32(3) {
		b.Values("orders", p, numbers(4)...)
	}
	start := func(text string) (string, error) {
		in := source(t, b, "orders", kafka.Set("startingOffsets", text))
		at, err := in.Start(within(t), nil)
		return string(in.Offsets(at)), err
	}
	for text, want := range map[string]string{
		"latest":                           `{"orders":{"0":4,"1":4,"2":4}}`,
		"earliest":                         `{"orders":{"0":0,"1":0,"2":0}}`,
		`{"orders":{"0":-1,"1":-2,"2":3}}`: `{"orders":{"0":4,"1":0,"2":3}}`,
	} {
		if got, err := start(text); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
	_, err := start(`{"orders":{"1":0}}`)
	wantFailure(t, err, "KAFKA_INVALID_OPTION", "missing: orders[0], orders[2]")
	_, err = start(`{"orders":{"0":0,"1":0,"2":0,"3":0}}`)
	wantFailure(t, err, "KAFKA_INVALID_OPTION", "orders[3]")
	// Beside known positions a new partition starts at its first record.
	in := source(t, b, "orders", kafka.StartAt(kafka.Latest))
	at, err := in.Start(within(t), connectors.Positions{"orders/1": "2"})
	if got := string(in.Offsets(at)); err != nil || got != `{"orders":{"0":0,"1":2,"2":0}}` {
		t.Errorf("got %s, %v", got, err)
	}
}

// A listener that asks for SASL closes connections without it, as a starting broker does: waiting is right, and
// the hint says what else it may be.
func TestSASLNotConfigured(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders"}, kfake.EnableSASL(), kfake.Superuser("PLAIN", "ada", "lovelace"))
	_, err := source(t, b, "orders").Start(within(t), nil)
	var f *supervision.Failure
	if !errors.As(err, &f) || f.Kind != supervision.Transient || !strings.Contains(f.Hint, "kafka.security.protocol") {
		t.Fatalf("%v, hint %q", err, f.Hint)
	}
}

// Brokers that are away are waited for, and the source says so: while it reads, and where a flow that has read before begins again.
func TestWaitingIsSaid(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders"})
	b.Values("orders", 0, "a")
	in := source(t, b, "orders", kafka.Set("kafka.default.api.timeout.ms", "50"))
	r := reader(t, in, connectors.Positions{"orders/0": "0"})
	drain(t, r, "1")
	var back atomic.Bool
	b.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		return nil, errors.New("the connection is cut"), !back.Load()
	})
	said := func(want bool, do func()) {
		for ctx := within(t); (in.Waiting() != "") != want; do() {
			if ctx.Err() != nil {
				t.Fatalf("it says %q", in.Waiting())
			}
		}
	}
	next := func() {
		short, cancel := context.WithTimeout(within(t), 20*time.Millisecond)
		defer cancel()
		_, _ = r.Next(short)
	}
	said(true, next)
	back.Store(true)
	said(false, next)
	back.Store(false)
	started := make(chan error, 1)
	go func() {
		_, err := in.Start(within(t), connectors.Positions{"orders/0": "1"})
		started <- err
	}()
	said(true, runtime.Gosched)
	back.Store(true)
	if err := <-started; err != nil || in.Waiting() != "" {
		t.Errorf("%v, %q", err, in.Waiting())
	}
}
