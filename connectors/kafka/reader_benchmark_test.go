package kafka_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
)

const (
	benchmarkRecords = 400_000
	benchmarkSize    = 243
	brokerVariable   = "DELTAIC_KAFKA_BENCHMARK_BROKER"
)

// TestMain turns the test binary into a broker when a benchmark asks for one:
// in a process of its own it does not count as the client's CPU.
func TestMain(m *testing.M) {
	if os.Getenv(brokerVariable) == "" {
		os.Exit(m.Run())
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "none", "snappy"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(cluster.ListenAddrs()[0])
	_, _ = io.Copy(io.Discard, os.Stdin) // until the benchmark ends
	cluster.Close()
}

func startBroker(b *testing.B) string {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), brokerVariable+"=1")
	in, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		_ = command.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(address)
}

func fillBenchmark(b *testing.B, address, topic string) {
	codec := kgo.NoCompression()
	if topic == "snappy" {
		codec = kgo.SnappyCompression()
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(0))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	const chunk = 20_000
	for at := 0; at < benchmarkRecords; at += chunk {
		records := make([]*kgo.Record, chunk)
		for i := range records {
			n := at + i
			v := fmt.Appendf(nil, `{"order_id":"o-%d","customer":%d,"region":"eu-%d","amount":%d.25,"at":"2026-01-31T10:20:30.%06dZ","note":"`, n, n%9973, n%7, n%1000, n)
			for len(v) < benchmarkSize-2 {
				v = append(v, byte('a'+(n*31+len(v)*7)%26))
			}
			records[i] = &kgo.Record{Topic: topic, Partition: int32(n % 4), Value: append(v, '"', '}')}
		}
		kafkatest.Produce(b, client, records...)
	}
}

func cpu() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkNext measures the client's side of reading: fetch, decompress,
// decode, copy into columns. ns/record is wall time, cpu-ns/record this
// process's CPU time, the broker's not counted.
func BenchmarkNext(b *testing.B) {
	address := startBroker(b)
	for _, topic := range []string{"none", "snappy"} {
		fillBenchmark(b, address, topic)
		for _, columns := range []string{"value", "all"} {
			b.Run(topic+"/"+columns, func(b *testing.B) { benchmarkNext(b, address, topic, columns == "all") })
		}
		b.Run(topic+"/bare client", func(b *testing.B) { benchmarkClient(b, address, topic) })
	}
}

func benchmarkNext(b *testing.B, address, topic string, all bool) {
	in := kafka.Source(topic, kafka.Brokers(address), kafka.StartAt(kafka.Earliest))
	defer in.Close()
	want := make([]bool, len(in.Schema().Fields))
	for i := range want {
		want[i] = all || in.Schema().Fields[i].Name == "value"
	}
	pool := batch.NewPool()
	ctx := b.Context()
	bytes := int64(0)
	report := measure(b)
	for b.Loop() {
		at, err := in.Start(ctx, nil)
		if err != nil {
			b.Fatal(err)
		}
		r, err := in.Open(ctx, at, connectors.OpenOptions{Pool: pool, Columns: want, Rows: 4096, Bytes: 1 << 20, Origins: true})
		if err != nil {
			b.Fatal(err)
		}
		for rows := 0; rows < benchmarkRecords; {
			f, err := r.Next(ctx)
			if err != nil {
				b.Fatal(err)
			}
			rows += f.Batch.N
			bytes += int64(len(f.Batch.Columns[1].Data))
			f.Batch.Release()
		}
		r.Close()
	}
	report()
	if want := int64(b.N) * benchmarkRecords * benchmarkSize; bytes != want {
		b.Fatalf("%d bytes, want %d", bytes, want)
	}
}

// benchmarkClient is the anchor: the client alone, its records looked at by
// nobody and not copied, without pools as it comes.
func benchmarkClient(b *testing.B, address, topic string) {
	report := measure(b)
	for b.Loop() {
		from := map[int32]kgo.Offset{}
		for id := range int32(4) {
			from[id] = kgo.NewOffset().AtStart()
		}
		client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
		if err != nil {
			b.Fatal(err)
		}
		for rows := 0; rows < benchmarkRecords; {
			rows += client.PollFetches(b.Context()).NumRecords()
		}
		client.Close()
	}
	report()
}

// measure returns the function that reports what was spent since.
func measure(b *testing.B) (report func()) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := cpu()
	return func() {
		spent := cpu() - start
		runtime.ReadMemStats(&after)
		records := float64(b.N) * benchmarkRecords
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/records, "ns/record")
		b.ReportMetric(spent/records, "cpu-ns/record")
		b.ReportMetric(float64(after.Mallocs-before.Mallocs)/records, "allocs/record")
		b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/records, "B/record")
		b.ReportMetric(0, "ns/op")
	}
}
