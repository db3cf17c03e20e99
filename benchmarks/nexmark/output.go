package nexmark

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Destination says where a run goes: to a file, or to a topic. Exactly one of
// Out and Brokers is set.
type Destination struct {
	Out         string   // file, "-" for standard output
	Brokers     []string // host:port
	Topic       string   // made with Options.Partitions if it is not there; must be empty to have row k's place as documented
	Compression string   // none (default), lz4, snappy or zstd
}

// Result is what `bench generate` prints.
type Result struct {
	Summary
	Seconds float64 `json:"seconds"`
}

// Run makes a run and sends it to its destination. With Options.Partitions 0
// and a topic that exists, the topic's number of partitions is taken. Rows reach a partition in their order.
// Kafka's own timestamps are the time of sending: a broker would at once retire records of 2015.
func Run(ctx context.Context, o Options, d Destination) (Result, error) {
	start := time.Now()
	var s Summary
	var err error
	switch {
	case (d.Out == "") == (len(d.Brokers) == 0):
		return Result{}, errors.New("nexmark: give either a file or brokers and a topic")
	case d.Out == "-":
		s, err = Write(ctx, o, os.Stdout)
	case d.Out != "":
		s, err = WriteFile(ctx, o, d.Out)
	default:
		s, err = Produce(ctx, o, d)
	}
	return Result{Summary: s, Seconds: time.Since(start).Seconds()}, err
}

// Write writes the run's records as NDJSON, those of all partitions in the order of emission.
func Write(ctx context.Context, o Options, w io.Writer) (Summary, error) {
	buffered := bufio.NewWriterSize(w, 1<<20)
	s, err := Generate(o, func(_ int, record []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := buffered.Write(record); err != nil {
			return err
		}
		return buffered.WriteByte('\n')
	})
	return s, errors.Join(err, buffered.Flush())
}

// WriteFile is [Write] into a new file, or over an old one.
func WriteFile(ctx context.Context, o Options, path string) (Summary, error) {
	f, err := os.Create(path)
	if err != nil {
		return Summary{}, fmt.Errorf("nexmark: %w", err)
	}
	s, err := Write(ctx, o, f)
	return s, errors.Join(err, f.Close())
}

const slabSize = 1 << 18

// Produce sends the run to a topic and returns when every record is acknowledged by all replicas.
func Produce(ctx context.Context, o Options, d Destination) (Summary, error) {
	codec, err := compression(d.Compression)
	if err != nil {
		return Summary{}, err
	}
	if d.Topic == "" {
		return Summary{}, errors.New("nexmark: give the topic")
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(d.Brokers...),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codec),
		kgo.ProducerBatchMaxBytes(1_000_000),
		kgo.MaxBufferedRecords(200_000),
		kgo.ProducerLinger(5*time.Millisecond),
	)
	if err != nil {
		return Summary{}, fmt.Errorf("nexmark: %w", err)
	}
	defer client.Close()
	if o.Partitions, err = ensureTopic(ctx, client, d.Topic, o.Partitions); err != nil {
		return Summary{}, err
	}
	var failed atomic.Pointer[error]
	var slab []byte
	s, err := Generate(o, func(partition int, record []byte) error {
		if e := failed.Load(); e != nil {
			return *e
		}
		if cap(slab)-len(slab) < len(record) {
			slab = make([]byte, 0, max(slabSize, len(record)))
		}
		start := len(slab)
		slab = append(slab, record...) // the client keeps it until it is acknowledged
		client.Produce(ctx, &kgo.Record{Topic: d.Topic, Partition: int32(partition), Value: slab[start:len(slab):len(slab)]},
			func(_ *kgo.Record, err error) {
				if err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			})
		return nil
	})
	if flushed := client.Flush(ctx); err == nil {
		err = flushed
	}
	if e := failed.Load(); e != nil && err == nil {
		err = *e
	}
	if err != nil {
		return s, fmt.Errorf("nexmark: producing to %s: %w", d.Topic, err)
	}
	return s, nil
}

func compression(name string) (kgo.CompressionCodec, error) {
	switch name {
	case "", "none":
		return kgo.NoCompression(), nil
	case "lz4":
		return kgo.Lz4Compression(), nil
	case "snappy":
		return kgo.SnappyCompression(), nil
	case "zstd":
		return kgo.ZstdCompression(), nil
	}
	return kgo.NoCompression(), fmt.Errorf("nexmark: compression is %q; it is one of none, lz4, snappy, zstd", name)
}

// ensureTopic returns the number of partitions of a topic that is there now.
func ensureTopic(ctx context.Context, client *kgo.Client, topic string, partitions int) (int, error) {
	admin := kadm.NewClient(client)
	made := max(partitions, 1)
	_, err := admin.CreateTopic(ctx, int32(made), -1, nil, topic)
	if err == nil {
		return made, nil
	}
	if !errors.Is(err, kerr.TopicAlreadyExists) {
		return 0, fmt.Errorf("nexmark: creating topic %s: %w", topic, err)
	}
	topics, err := admin.ListTopics(ctx, topic)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("nexmark: describing topic %s: %w", topic, err)
	}
	found := len(topics[topic].Partitions)
	if partitions != 0 && partitions != found {
		return 0, fmt.Errorf("nexmark: topic %s has %d partitions, %d were asked for", topic, found, partitions)
	}
	return found, nil
}
