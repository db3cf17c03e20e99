package latency

import (
	"context"
	"encoding/json"
	"io"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
)

const schema = "sent BIGINT, bid STRUCT<auction: BIGINT, bidder: BIGINT, price: BIGINT, channel: STRING, url: STRING, dateTime: TIMESTAMP, extra: STRING>"

// NodeSettings say what the node's process does.
type NodeSettings struct {
	Brokers     []string `json:"brokers"`
	Topic       string   `json:"topic"`
	Out         string   `json:"out"`
	Parallelism int      `json:"parallelism"`
}

// NodeResult is what the node's process says at its end.
type NodeResult struct {
	Rows   int64         `json:"rows"`
	Epochs int64         `json:"epochs"`
	Used   measure.Usage `json:"used"`
}

// Node reads settings from in, runs the flow until in ends, drains it, and writes the result to out.
func Node(ctx context.Context, in io.Reader, out io.Writer) error {
	var s NodeSettings
	d := json.NewDecoder(in)
	if err := d.Decode(&s); err != nil {
		return err
	}
	flow := stream.New("latency")
	flow.From("events", kafka.Source(s.Topic, kafka.Brokers(s.Brokers...), kafka.StartAt(kafka.Earliest))).
		Select("from_json(CAST(value AS STRING), '"+schema+"') AS event").
		Where("event.bid IS NOT NULL").
		Select("event.sent", "event.bid.*").
		To("bids", delta.SinkAt(s.Out, delta.SinkOptions{}), stream.Append)
	var r NodeResult
	progress := func(p stream.Progress) {
		r.Rows += p.NumInputRows
		if p.NumInputRows > 0 {
			r.Epochs++
		}
	}
	q, err := deltaic.Start(ctx, flow, stream.ProcessingTime(0), stream.OnProgress(progress), stream.Parallelism(s.Parallelism))
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, io.MultiReader(d.Buffered(), in)); err != nil {
		return err
	}
	if err := q.ProcessAllAvailable(ctx); err != nil {
		return err
	}
	if err := q.Stop(ctx); err != nil {
		return err
	}
	r.Used = measure.Used()
	return json.NewEncoder(out).Encode(r)
}
