package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Publisher writes single records to a topic, outside of any epoch: alerts, say. It takes the options of a sink.
type Publisher struct {
	topic  string
	c      outputConfig
	client *kgo.Client
}

// NewPublisher returns a publisher; brokers are asked when the first record is written.
func NewPublisher(options map[string]string) (*Publisher, error) {
	out, err := NewSink(options)
	if err != nil {
		return nil, err
	}
	c := out.c
	switch {
	case c.topic == "":
		return nil, invalid("topic", "is required")
	case c.exactly:
		return nil, invalid("deliveryGuarantee", "is exactly-once, and these records belong to no epoch; leave it out")
	}
	client, err := kgo.NewClient(append(c.producing(), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))...)
	if err != nil {
		return nil, c.failure(err, "could not set up the client")
	}
	return &Publisher{topic: c.topic, c: c, client: client}, nil
}

// Publish writes a record and returns once it is acknowledged.
func (p *Publisher) Publish(ctx context.Context, key, value []byte) error {
	err := p.client.ProduceSync(ctx, &kgo.Record{Topic: p.topic, Key: key, Value: value}).FirstErr()
	if err != nil {
		return p.c.failure(err, "could not write to topic "+p.topic)
	}
	return nil
}

// Close ends the connections.
func (p *Publisher) Close() { p.client.Close() }
