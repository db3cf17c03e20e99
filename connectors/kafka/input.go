package kafka

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

// Input is a Kafka source. It is safe for concurrent use; its readers are not.
type Input struct {
	c      config
	err    error // a mistake in the options, returned by every call that could fail
	schema *batch.Schema
	pools  pools // of all readers

	weights weights // of what they have read

	mu     sync.Mutex
	client *shared // for metadata and offsets; borrowed when first needed
	losses []Loss
	anew   map[partition]*anew
	ids    topicIDs // of the topics that attempts have begun with
	begun  divided  // that the newest reader began with; nil before there is one

	waiting atomic.Pointer[string]
	bounded atomic.Bool // the run ends at what is there
	lenient atomic.Bool // topics that are not there are left out: failOnDataLoss is false, and they were there once
	letGo   time.Time   // when an epoch of this process last got rows, where it waits for minOffsetsPerTrigger
}

var _ connectors.Source = (*Input)(nil)
var _ connectors.Limiter = (*Input)(nil)
var _ connectors.Waiter = (*Input)(nil)
var _ connectors.Lagging = (*Input)(nil)
var _ connectors.Decided = (*Input)(nil)

// The columns of the source, in order.
const (
	columnKey = iota
	columnValue
	columnTopic
	columnPartition
	columnOffset
	columnTimestamp
	columnTimestampType
	columnHeaders // only with includeHeaders
	columnCount
)

func newInput(c config) *Input {
	fields := []batch.Field{
		{Name: "key", Type: batch.BinaryType, Nullable: true},
		{Name: "value", Type: batch.BinaryType, Nullable: true},
		{Name: "topic", Type: batch.StringType, Nullable: true},
		{Name: "partition", Type: batch.IntType, Nullable: true},
		{Name: "offset", Type: batch.BigIntType, Nullable: true},
		{Name: "timestamp", Type: batch.TimestampType, Nullable: true},
		{Name: "timestampType", Type: batch.IntType, Nullable: true},
	}
	if c.headers {
		fields = append(fields, batch.Field{Name: "headers", Nullable: true, Type: batch.ArrayType(batch.StructType(
			batch.Field{Name: "key", Type: batch.StringType, Nullable: true},
			batch.Field{Name: "value", Type: batch.BinaryType, Nullable: true},
		), true)})
	}
	return &Input{c: c, schema: batch.NewSchema(fields...)}
}

// Err returns what is wrong with the options the input was made of, or nil.
func (in *Input) Err() error { return in.err }

// Notes returns a sentence for each option that was accepted and has no effect
// here, to be shown once.
func (in *Input) Notes() []string { return in.c.notes }

// Schema returns the columns: Spark's, headers last and only where asked for.
func (in *Input) Schema() *batch.Schema { return in.schema }

// Description names the source as Spark's progress does:
// KafkaV2[Subscribe[orders]].
func (in *Input) Description() string { return "KafkaV2[" + in.c.strategy() + "]" }

// String is Description; it keeps options, and so secrets, out of logs.
func (in *Input) String() string { return in.Description() }

// GoString is Description, for the same reason.
func (in *Input) GoString() string { return in.Description() }

// Waiting says why the brokers are waited for, "" if they answer.
func (in *Input) Waiting() string {
	if why := in.waiting.Load(); why != nil {
		return *why
	}
	return ""
}

// waits notes whether the brokers have answered.
func (in *Input) waits(err error) {
	if err == nil {
		in.waiting.Store(nil)
		return
	}
	why := err.Error()
	in.waiting.Store(&why)
}

// Close ends the connections that Start and End keep open.
func (in *Input) Close() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.client != nil {
		in.client.giveBack()
		in.client = nil
	}
	return nil
}

// admin returns the client for metadata and offsets.
func (in *Input) admin() (*kadm.Client, error) {
	if in.err != nil {
		return nil, in.err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.client == nil {
		client, err := in.c.borrow()
		if err != nil {
			return nil, err
		}
		in.client = client
	}
	return kadm.NewClient(in.client.Client), nil
}

// asking bounds one question to the brokers.
func (in *Input) asking(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, in.c.askTimeout)
}

// defaultAskTimeout is Kafka's default.api.timeout.ms.
const defaultAskTimeout = 60 * time.Second
