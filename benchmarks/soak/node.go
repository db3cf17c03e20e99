package soak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
)

const flowName = "soak"

// NodeSettings say what the flow's process does.
type NodeSettings struct {
	Dir    string        `json:"dir"`
	Broker string        `json:"broker"`
	Epoch  time.Duration `json:"epoch"`
	Every  time.Duration `json:"every"` // of samples
	Memory int64         `json:"memory"`
	Life   int           `json:"life"`
}

// NodeResult is what the process says at its end.
type NodeResult struct {
	Fired int64 `json:"fired"` // writes that met trouble
}

// order is trouble that the process shall have with its sinks.
type order struct {
	Fault string        `json:"fault"`
	For   time.Duration `json:"for"`
}

func (s NodeSettings) table(name string) string { return filepath.Join(s.Dir, "tables", name) }
func (s NodeSettings) checkpoint() string       { return filepath.Join(s.Dir, "checkpoint") }

// flow is the main job: records decoded, broken ones into quarantine, each row once, and sums by minute and key.
func (s NodeSettings) flow(t *trouble) *stream.Flow {
	f := stream.New(flowName)
	f.Quarantine(delta.SinkAt(s.table("quarantine"), delta.SinkOptions{}))
	rows := f.From("orders", kafka.Source(topic, kafka.Brokers(s.Broker), kafka.StartAt(kafka.Earliest))).
		Select("from_json(CAST(value AS STRING), '"+schema+"') AS o").Select("o.*").
		WithWatermark("at", delay).
		DropDuplicates("n", "at")
	rows.To("silver", troubled{delta.SinkAt(s.table("silver"), delta.SinkOptions{}), t}, stream.Append)
	rows.GroupBy("window(at, '1 minute') AS w", "k").Agg("sums", "count(*) AS n", "sum(amount) AS amount").
		Select("w.start AS minute", "k", "n", "amount").
		To("gold", troubled{delta.SinkAt(s.table("gold"), delta.SinkOptions{Keys: []string{"minute", "k"}}), t}, stream.Update)
	return f
}

// Node reads settings from in, then orders, and runs the flow until in ends; then it reads what is there and stops. Samples go
// to a file of their own, since who is killed answers nothing.
func Node(ctx context.Context, in io.Reader, out io.Writer) error {
	var s NodeSettings
	d := json.NewDecoder(in)
	if err := d.Decode(&s); err != nil {
		return err
	}
	samples, err := os.Create(filepath.Join(s.Dir, fmt.Sprintf("samples-%d.jsonl", s.Life)))
	if err != nil {
		return err
	}
	defer samples.Close()
	var t trouble
	m := &meter{}
	q, err := deltaic.Start(ctx, s.flow(&t), stream.CheckpointLocation(s.checkpoint()), stream.Parallelism(2), stream.ProcessingTime(s.Epoch),
		stream.MemoryLimit(s.Memory), stream.OnProgress(m.progress))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err := q.AwaitTermination(ctx); err != nil && ctx.Err() == nil {
			cancel(fmt.Errorf("bench: the flow ended early: %w", err))
			os.Stdin.Close() // the loop below waits there
		}
	}()
	go m.run(ctx, s.Every, json.NewEncoder(samples))
	for {
		var o order
		if err := d.Decode(&o); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			if !errors.Is(err, io.EOF) {
				return err
			}
			break
		}
		t.begin(o, time.Now())
	}
	if err := q.ProcessAllAvailable(ctx); err != nil {
		return err
	}
	if err := q.Stop(ctx); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(NodeResult{Fired: t.fired.Load()})
}
