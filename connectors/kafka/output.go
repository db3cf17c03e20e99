package kafka

import (
	"context"
	"errors"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/staged"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// Output is a Kafka sink. It is safe for concurrent use; its writers are not.
//
// At least once, rows leave as they come, and an epoch is decided when the
// brokers have acknowledged all its rows. Exactly once, rows are staged beside
// the checkpoint, and written in one transaction a share when their epoch has been decided.
type Output struct {
	c   outputConfig
	err error // a mistake in the options, returned by every call that could fail

	mu      sync.Mutex
	client  *kgo.Client // for metadata, and for rows where they leave as they come
	layout  *layout     // of the rows bound
	schema  *batch.Schema
	mode    connectors.OutputMode
	objects objstore.Store
	prefix  string
	known   map[string]int // partitions of topics
	topic   positionTopic
	redo    redo
	waiting atomic.Pointer[error]
}

var (
	_ connectors.Sink      = (*Output)(nil)
	_ connectors.ModeTaker = (*Output)(nil)
	_ connectors.StateUser = (*Output)(nil)
	_ connectors.Waiter    = (*Output)(nil)
)

func newOutput(c outputConfig) *Output { return &Output{c: c, known: map[string]int{}} }

// Err returns what is wrong with the options the sink was made of, or nil.
func (o *Output) Err() error { return o.err }

// Notes returns a sentence for each option that was accepted and has no effect
// here, to be shown once.
func (o *Output) Notes() []string { return o.c.notes }

// Description names the sink: Kafka[orders].
func (o *Output) Description() string {
	if o.c.topic == "" {
		return "Kafka[by row]"
	}
	return "Kafka[" + o.c.topic + "]"
}

// String is Description; it keeps options, and so secrets, out of logs.
func (o *Output) String() string { return o.Description() }

// GoString is Description, for the same reason.
func (o *Output) GoString() string { return o.Description() }

// Modes returns every mode: in update mode a delete is a record without a value.
func (o *Output) Modes() []connectors.OutputMode {
	return []connectors.OutputMode{connectors.Append, connectors.Update, connectors.Complete}
}

// Durable reports true.
func (o *Output) Durable() bool { return true }

// UseState names the place of staged rows.
func (o *Output) UseState(objects objstore.Store, prefix string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.objects, o.prefix = objects, prefix
}

// step is the name of the sink's step: all of the place of its state that lies below that of the sinks, as names may have folders of their own.
func (o *Output) step() string {
	whole := strings.TrimSuffix(o.prefix, "/")
	if _, name, found := strings.Cut("/"+whole, "/sinks/"); found {
		return name
	}
	return path.Base("/" + whole)
}

// Bind checks the columns, and that the brokers answer and have the topic.
func (o *Output) Bind(ctx context.Context, s *batch.Schema, m connectors.OutputMode) error {
	if o.err != nil {
		return o.err
	}
	l, err := newLayout(s, &o.c)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.c.exactly && o.objects == nil {
		f := supervision.New(supervision.Fatal, "CHECKPOINT_LOCATION_MISSING", "%s writes exactly once: it keeps the rows of an epoch until they are written, and has no place for them", o.Description())
		f.Hint = "give the flow a checkpointLocation"
		return f
	}
	if o.client == nil {
		// Producing never waits: what is on its way counts against memory_limit, which makes sources wait.
		unbounded := []kgo.Opt{kgo.MaxBufferedRecords(1 << 40)}
		if o.client, err = kgo.NewClient(append(o.c.producing(), unbounded...)...); err != nil {
			return o.c.failure(err, "could not set up the client")
		}
	}
	if o.c.topic != "" {
		if err := o.look(ctx, map[string]int32{o.c.topic: -1}); err != nil {
			return err
		}
	}
	o.layout, o.schema, o.mode = l, s, m
	return nil
}

// look makes sure that topics are there, each with more partitions than the number of one that is meant. o.mu is held.
func (o *Output) look(ctx context.Context, meant map[string]int32) error {
	var ask []string
	for _, topic := range sortedKeys(meant) {
		if int(meant[topic]) >= o.known[topic] {
			ask = append(ask, topic)
		}
	}
	if len(ask) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, o.c.askTimeout)
	defer cancel()
	details, err := kadm.NewClient(o.client).ListTopics(ctx, ask...)
	if err != nil {
		return o.c.failure(err, "could not ask for topics")
	}
	for _, topic := range ask {
		d, ok := details[topic]
		switch {
		case !ok || errors.Is(d.Err, kerr.UnknownTopicOrPartition):
			f := missing(partition{topic, -1})
			var known *supervision.Failure
			if errors.As(f, &known) {
				known.Hint = "Create it, or correct the option or the column topic; the brokers do not make topics by themselves."
			}
			return f
		case d.Err != nil:
			f := o.c.failure(d.Err, "could not ask for topic "+topic)
			f.Topic = topic
			return f
		}
		o.known[topic] = len(d.Partitions)
		if n := meant[topic]; int(n) >= len(d.Partitions) {
			f := supervision.New(supervision.Fatal, "KAFKA_INVALID_ROW", "a row names partition %d of topic %s, which has %d", n, topic, len(d.Partitions))
			f.Topic, f.Partition = topic, &n
			return f
		}
	}
	return nil
}

// Writer opens a share.
func (o *Output) Writer(_ context.Context, share connectors.Share) (connectors.Writer, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.layout == nil {
		return nil, errors.New("kafka: the sink is not bound")
	}
	if !o.c.exactly {
		return newDirect(o, share), nil
	}
	return &stager{Share: staged.NewShare(share, o.objects, o.prefix, o.schema), out: o, mode: o.mode, maker: o.layout.maker(), topics: map[string]int32{}}, nil
}

// Close ends the connections.
func (o *Output) Close() error {
	o.redo.close()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client != nil {
		o.client.Close()
		o.client = nil
	}
	return nil
}
