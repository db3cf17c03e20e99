package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

const (
	firstPort = 9092
	portTries = 200
	leastKept = 64 << 20
	// batchBytes bounds what the generator sends at once: far below what a partition keeps.
	batchBytes = 256 << 10
)

// BrokerOptions says how the demo's broker runs.
type BrokerOptions struct {
	Port       int   // tried first in a folder that has none yet; 0: 9092
	Partitions int32 // of the topic
	Topic      string
	// KeptBytes is how much of each partition is kept, at least 1 MiB; 0: 64 MiB. See [Plan.KeptBytes].
	KeptBytes int64
	// SyncWrites makes every batch survive a power cut too, at the price of an fsync per
	// batch. Without it acknowledged records survive the death of the process only.
	SyncWrites bool
	Logger     *zap.Logger // nil: silent
}

// Broker is an embedded Kafka broker for trying things out: one node on
// loopback that keeps its log under a folder.
type Broker struct {
	Address string // host:port

	cluster *kfake.Cluster
	lock    *os.File
	once    sync.Once
}

// StartBroker starts the broker of the demo in dir, with its log in
// dir/kafka, and waits until the topic is there. The port is remembered in the folder, so a restart
// is found at the same address unless somebody else took it meanwhile; then the next free
// port is used and remembered. It fails if another process runs the broker of
// this folder. The caller closes the broker; a process that dies instead loses
// no acknowledged record.
func StartBroker(ctx context.Context, dir string, o BrokerOptions) (*Broker, error) {
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	folder := filepath.Join(dir, "kafka")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("demo broker: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "kafka.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("demo broker: %w", err)
	}
	if err := waitForLock(ctx, lock); err != nil {
		lock.Close()
		return nil, fmt.Errorf("demo broker: another process runs the demo in %s; stop it or choose another --dir: %w", dir, err)
	}
	b := &Broker{lock: lock}
	if err := b.listen(dir, folder, o); err != nil {
		return nil, errors.Join(fmt.Errorf("demo broker: %w", err), b.Close())
	}
	if err := b.ensureTopic(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("demo broker: %w", err), b.Close())
	}
	return b, nil
}

// lockPatience is how long a start waits for the lock: a process that was killed holds it
// until the system has taken it apart, and its successor may be there before that.
const lockPatience = 5 * time.Second

// waitForLock takes the lock as soon as it is free, or returns why it is not.
func waitForLock(ctx context.Context, f *os.File) error {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for {
		err := lockFile(f)
		if err == nil || SystemClock().Wait(ctx, 20*time.Millisecond) != nil {
			return err
		}
	}
}

// listen starts the cluster on the remembered or the next free port.
func (b *Broker) listen(dir, folder string, o BrokerOptions) error {
	remembered := filepath.Join(dir, "kafka.port")
	port := o.Port
	if port == 0 {
		port = firstPort
	}
	known := 0
	if text, err := os.ReadFile(remembered); err == nil {
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && n > 0 && n < 1<<16 {
			port, known = n, n
		}
	}
	options := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.DataDir(folder),
		kfake.WithLogger(brokerLogger{o.Logger}),
		kfake.BrokerConfigs(map[string]string{"log.cleaner.backoff.ms": "30000"}),
	}
	if o.SyncWrites {
		options = append(options, kfake.SyncWrites())
	}
	for try := range portTries {
		candidate := port + try
		if candidate >= 1<<16 {
			break
		}
		// The port is taken before the cluster is made: a cluster that fails later has read the whole log in vain.
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(candidate)))
		if err != nil {
			continue
		}
		cluster, err := kfake.NewCluster(append(options, kfake.Ports(candidate),
			kfake.ListenFn(func(string, string) (net.Listener, error) { return listener, nil }))...)
		if err != nil {
			listener.Close()
			return fmt.Errorf("loading %s: %w", folder, err)
		}
		b.cluster, b.Address = cluster, listener.Addr().String()
		if candidate != known {
			return writeDurably(remembered, []byte(strconv.Itoa(candidate)+"\n"))
		}
		return nil
	}
	return fmt.Errorf("no free port in %d..%d on 127.0.0.1", port, port+portTries-1)
}

// ensureTopic creates the topic or checks the one that is there.
func (b *Broker) ensureTopic(ctx context.Context, o BrokerOptions) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Address))
	if err != nil {
		return err
	}
	defer client.Close()
	if o.KeptBytes == 0 {
		o.KeptBytes = leastKept
	}
	o.KeptBytes = max(o.KeptBytes, 4*batchBytes)
	kept, segment, never := strconv.FormatInt(o.KeptBytes, 10), strconv.FormatInt(o.KeptBytes/4, 10), "-1"
	// Records are never dropped by age: the plan's timestamps may be old, and a partition that is emptied
	// whole forgets its end offset when the process is killed. By size the newest batches always stay.
	configs := map[string]*string{"retention.bytes": &kept, "retention.ms": &never, "segment.bytes": &segment}
	admin := kadm.NewClient(client)
	_, err = admin.CreateTopic(ctx, o.Partitions, 1, configs, o.Topic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("creating topic %s: %w", o.Topic, err)
	}
	if err != nil {
		// Set once more: the broker begins to look at sizes only when a topic's settings change.
		if err := setConfigs(ctx, admin, o.Topic, configs); err != nil {
			return fmt.Errorf("settings of topic %s: %w", o.Topic, err)
		}
	}
	topics, err := admin.ListTopics(ctx, o.Topic)
	if err != nil {
		return fmt.Errorf("describing topic %s: %w", o.Topic, err)
	}
	if n := len(topics[o.Topic].Partitions); n != int(o.Partitions) {
		return fmt.Errorf("topic %s has %d partitions where the demo has %d", o.Topic, n, o.Partitions)
	}
	return nil
}

func setConfigs(ctx context.Context, admin *kadm.Client, topic string, configs map[string]*string) error {
	var alter []kadm.AlterConfig
	for name, value := range configs {
		alter = append(alter, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: value})
	}
	answers, err := admin.AlterTopicConfigs(ctx, alter, topic)
	if err != nil {
		return err
	}
	_, err = answers.On(topic, nil)
	if err == nil {
		err = answers[0].Err
	}
	return err
}

// Close stops the broker and makes its log durable. It can be called again.
func (b *Broker) Close() error {
	var err error
	b.once.Do(func() {
		if b.cluster != nil {
			b.cluster.Close()
		}
		err = b.lock.Close()
	})
	return err
}

// brokerLogger passes on what the broker warns of.
type brokerLogger struct{ *zap.Logger }

// Logf implements kfake's logger.
func (l brokerLogger) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		l.Error("demo broker: " + fmt.Sprintf(format, args...))
	case kfake.LogLevelWarn:
		l.Warn("demo broker: " + fmt.Sprintf(format, args...))
	}
}
