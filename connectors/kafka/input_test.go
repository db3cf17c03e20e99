package kafka_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
)

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestReadsFromEarliestToEnd(t *testing.T) {
	b := kafkatest.Start(t, 2, []string{"orders"})
	for i := range 10 {
		b.Values("orders", int32(i%2), fmt.Sprint("v", i))
	}
	in := kafka.Source("orders", kafka.Brokers(b.Addresses()...), kafka.StartAt(kafka.Earliest))
	defer in.Close()
	ctx := within(t)
	at, err := in.Start(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	end, err := in.End(ctx, []connectors.SplitID{"orders/0", "orders/1"})
	if err != nil {
		t.Fatal(err)
	}
	pool := batch.NewPool()
	r, err := in.Open(ctx, at, connectors.OpenOptions{Pool: pool, Rows: 3, Origins: true})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for at["orders/0"] != end["orders/0"] || at["orders/1"] != end["orders/1"] {
		f, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Batch.N {
			got[fmt.Sprintf("%s@%d", f.Split, f.Batch.Origin.Offset[i])] = string(f.Batch.Columns[1].Bytes(i))
		}
		at[f.Split] = f.After
		f.Batch.Release()
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if len(got) != 10 || got["orders/1@2"] != "v5" {
		t.Fatalf("got %v", got)
	}
	if string(in.Offsets(at)) != `{"orders":{"0":5,"1":5}}` {
		t.Fatalf("offsets %s", in.Offsets(at))
	}
	if pool.Lent() != 0 {
		t.Fatalf("%d columns leaked", pool.Lent())
	}
}

// Columns, nulls and headers are Spark's: a tombstone's value and a missing key
// are null, an empty one is not, a row without headers has none.
func TestColumnsAreSparks(t *testing.T) {
	b := kafkatest.Start(t, 2, []string{"orders"})
	at := time.UnixMilli(1_700_000_000_123)
	b.Produce(
		&kgo.Record{Topic: "orders", Partition: 1, Timestamp: at, Key: []byte("k"), Value: []byte("v"),
			Headers: []kgo.RecordHeader{{Key: "a", Value: []byte{0xff}}, {Key: "b"}}},
		&kgo.Record{Topic: "orders", Partition: 1, Timestamp: at.Add(time.Millisecond), Key: []byte("k")},
		&kgo.Record{Topic: "orders", Partition: 1, Timestamp: at.Add(2 * time.Millisecond), Key: []byte{}, Value: []byte{}},
		&kgo.Record{Topic: "orders", Partition: 1, Timestamp: at.Add(3 * time.Millisecond), Value: []byte("no key")},
	)
	in := source(t, b, "orders", kafka.IncludeHeaders())
	if want := "key binary, value binary, topic string, partition int, offset bigint, timestamp timestamp, timestampType int, " +
		"headers array<struct<key:string,value:binary>>"; in.Schema().String() != want {
		t.Errorf("schema %s", in.Schema())
	}
	r := reader(t, in, connectors.Positions{"orders/1": "0"})
	var rows []string
	for len(rows) < 4 {
		f, err := r.Next(within(t))
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Batch.N {
			rows = append(rows, string(batch.AppendRowJSON(nil, f.Batch, i)))
		}
		f.Batch.Release()
	}
	const row = `{"key":%s,"value":%s,"topic":"orders","partition":1,"offset":%d,"timestamp":"2023-11-14T22:13:20.12%d000Z","timestampType":0,"headers":%s}`
	want := []string{
		fmt.Sprintf(row, `"aw=="`, `"dg=="`, 0, 3, `[{"key":"a","value":"/w=="},{"key":"b","value":null}]`),
		fmt.Sprintf(row, `"aw=="`, `null`, 1, 4, `null`),
		fmt.Sprintf(row, `""`, `""`, 2, 5, `null`),
		fmt.Sprintf(row, `null`, `"bm8ga2V5"`, 3, 6, `null`),
	}
	for i := range want {
		if rows[i] != want[i] {
			t.Errorf("row %d is\n%s, want\n%s", i, rows[i], want[i])
		}
	}
}

// Partitions that move between brokers while they are read lose and double
// nothing.
func TestLeadersMove(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders"}, kfake.NumBrokers(3))
	r := reader(t, source(t, b, "orders"), connectors.Positions{"orders/0": "0"})
	var want, got []string
	for round := range 6 {
		if err := b.MoveTopicPartition("orders", 0, int32(round%3)); err != nil {
			t.Fatal(err)
		}
		var values []string
		for i := range 20 {
			values = append(values, fmt.Sprint(round, "-", i))
		}
		want = append(want, values...)
		b.Values("orders", 0, values...)
		got = append(got, drain(t, r, fmt.Sprint(len(want)))...)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %v", got)
	}
}

// A closed reader and a closed source leave nothing running.
func TestNothingIsLeftRunning(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders"})
	b.Values("orders", 0, "a")
	ignore := goleak.IgnoreCurrent()
	in := kafka.Source("orders", kafka.Brokers(b.Addresses()...), kafka.CheckEvery(time.Millisecond))
	at, err := in.Start(within(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := in.Open(within(t), at, connectors.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.Next(within(t)) // a check has run
	if err != nil || f.After != f.End {
		t.Fatalf("got %+v, %v", f, err)
	}
	f.Batch.Release()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	goleak.VerifyNone(t, ignore, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*Cluster).run"),
		goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read"),
		goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).write"))
}

// The name of a group is what brokers know a source by, in every request; none of them is one of a consumer group.
func TestGroupNamesTheClient(t *testing.T) {
	for _, c := range []struct{ group, client, want string }{{"", "", "deltaic"}, {"accounting", "", "accounting"}, {"accounting", "mine", "mine"}} {
		heard, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		options := []kafka.Option{kafka.Brokers(heard.Addr().String())}
		if c.group != "" {
			options = append(options, kafka.Set("kafka.group.id", c.group))
		}
		if c.client != "" {
			options = append(options, kafka.Set("kafka.client.id", c.client))
		}
		in := kafka.Source("orders", options...)
		ctx, cancel := context.WithCancel(within(t))
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = in.Start(ctx, nil)
		}()
		conn, err := heard.Accept()
		if err != nil {
			t.Fatal(err)
		}
		head := make([]byte, 14) // length, key, version, number, length of the name
		if _, err := io.ReadFull(conn, head); err != nil {
			t.Fatal(err)
		}
		name := make([]byte, binary.BigEndian.Uint16(head[12:]))
		if _, err := io.ReadFull(conn, name); err != nil || string(name) != c.want {
			t.Errorf("brokers know the source as %q (%v), want %q", name, err, c.want)
		}
		cancel()
		conn.Close()
		<-done
		in.Close()
		heard.Close()
	}
	b := kafkatest.Start(t, 1, []string{"orders"})
	b.Values("orders", 0, numbers(10)...)
	b.Control(func(request kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		switch kmsg.Key(request.Key()) {
		case kmsg.ApiVersions, kmsg.Metadata, kmsg.ListOffsets, kmsg.Fetch:
		default:
			t.Errorf("a source makes a request of the kind %s", kmsg.Key(request.Key()).Name())
		}
		return nil, nil, false
	})
	drain(t, reader(t, source(t, b, "orders", kafka.Set("kafka.group.id", "accounting")), connectors.Positions{"orders/0": "0"}), "10")
}
