package relay

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
)

// NodeSettings say what the process under test does.
type NodeSettings struct {
	Brokers     []string      `json:"brokers"`
	In          string        `json:"in"`
	Out         string        `json:"out"`
	Guarantee   string        `json:"guarantee"` // "": the bare loop
	Shape       string        `json:"shape"`
	Payload     string        `json:"payload"`
	Parallelism int           `json:"parallelism"`
	Checkpoint  string        `json:"checkpoint"`
	Names       string        `json:"names"`   // table that is joined with
	Default     bool          `json:"default"` // epochs by the default trigger
	Epoch       time.Duration `json:"epoch"`   // interval, where not
	Profile     string        `json:"profile"`
}

// NodeResult is what the process under test says at its end.
type NodeResult struct {
	Epochs int64         `json:"epochs"`
	Used   measure.Usage `json:"used"`
	GC     measure.GC    `json:"gc"`
}

// Node reads settings from in, forwards rows until in ends, and writes the result to out.
func Node(ctx context.Context, in io.Reader, out io.Writer) error {
	var s NodeSettings
	d := json.NewDecoder(in)
	if err := d.Decode(&s); err != nil {
		return err
	}
	stop, err := measure.Profile(s.Profile)
	if err != nil {
		return err
	}
	ended := io.MultiReader(d.Buffered(), in)
	run := s.flow
	if s.Guarantee == "" {
		run = s.bare
	}
	var r NodeResult
	if r.Epochs, err = run(ctx, ended); err != nil {
		return err
	}
	if err := stop(); err != nil {
		return err
	}
	r.Used, r.GC = measure.Used(), measure.Collected()
	return json.NewEncoder(out).Encode(r)
}

const bidSchema = "bid STRUCT<auction: BIGINT, bidder: BIGINT, price: BIGINT, channel: STRING>"

// define says the flow.
func (s *NodeSettings) define(ctx context.Context) (*stream.Flow, error) {
	flow := stream.New("relay")
	rows := flow.From("in", kafka.Source(s.In, kafka.Brokers(s.Brokers...), kafka.StartAt(kafka.Earliest)))
	if s.Payload == Bids {
		rows = rows.Select("key", "from_json(CAST(value AS STRING), '"+bidSchema+"') AS e").Where("e.bid IS NOT NULL")
	} else {
		rows = rows.Select("key", "value", "CAST(value AS STRING) AS line")
	}
	mode := stream.Append
	switch {
	case s.Shape == Count:
		group := "e.bid.auction AS g"
		if s.Payload == Lines {
			group = "substring(line, 1, 9) AS g"
		}
		rows = rows.Select(group).GroupBy("g").Agg("per-group", "count(*) AS n").Select("CAST(g AS STRING) AS key", "CAST(n AS STRING) AS value")
		mode = stream.Update
	case s.Shape == Join:
		names, err := delta.OpenStatic(ctx, s.Names, -1)
		if err != nil {
			return nil, err
		}
		o := stream.JoinOptions{Using: []string{"id"}}
		if s.Payload == Bids {
			rows = rows.Select("key", "e.bid.auction % 10000 AS id", "e.bid.auction AS auction", "e.bid.price AS price").JoinStatic("names", names, o).
				Select("key", "auction", "price", "name")
		} else {
			rows = rows.Select("key", "line", "CAST(substring(line, 6, 4) AS BIGINT) AS id").JoinStatic("names", names, o).
				Select("key", "concat(name, substring(line, 10)) AS value")
		}
	case s.Payload == Bids:
		rows = rows.Select("key", "e.bid.auction AS auction", "e.bid.bidder AS bidder", "e.bid.price * 908 AS price", "e.bid.channel AS channel")
	default:
		rows = rows.Select("key", "base64(value) AS value")
	}
	rows.To("out", kafka.Sink(s.Out, kafka.Brokers(s.Brokers...), kafka.Set("deliveryGuarantee", s.Guarantee)), mode)
	return flow, nil
}

// flow runs the flow until ended ends.
func (s *NodeSettings) flow(ctx context.Context, ended io.Reader) (epochs int64, err error) {
	flow, err := s.define(ctx)
	if err != nil {
		return 0, err
	}
	options := []stream.Option{stream.Parallelism(s.Parallelism), stream.CheckpointLocation(s.Checkpoint), stream.OnProgress(func(p stream.Progress) {
		if p.NumInputRows > 0 {
			epochs++
		}
	})}
	if !s.Default {
		options = append(options, stream.ProcessingTime(s.Epoch))
	}
	q, err := deltaic.Start(ctx, flow, options...)
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(io.Discard, ended); err != nil {
		return 0, err
	}
	err = q.Stop(ctx)
	return epochs, err
}

// bare fetches and produces until ended ends: the least that any program of this client does.
func (s *NodeSettings) bare(ctx context.Context, ended io.Reader) (int64, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers...), kgo.ConsumeTopics(s.In), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(0), kgo.MaxBufferedRecords(1<<20))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ctx, stop := context.WithCancelCause(ctx)
	go func() {
		_, err := io.Copy(io.Discard, ended)
		if err == nil {
			err = io.EOF
		}
		stop(err)
	}()
	done := func(_ *kgo.Record, err error) {
		if err != nil {
			stop(err)
		}
	}
	for ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			client.Produce(ctx, &kgo.Record{Topic: s.Out, Key: r.Key, Value: r.Value}, done)
		})
	}
	if err := context.Cause(ctx); err != io.EOF {
		return 0, err
	}
	return 0, nil
}
