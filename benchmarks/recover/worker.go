package recover

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
)

const (
	flowName = "recover"
	sampled  = 512        // one key of so many is in the table
	scatter  = 2654435761 // a prime: row v has key v*scatter modulo the number of keys, which is a multiple of 512
)

// Settings say what a worker does.
type Settings struct {
	Dir         string  `json:"dir"`
	Keys        int64   `json:"keys"`
	Rate        float64 `json:"rate"`
	MemoryLimit int64   `json:"memory_limit"`
}

func (s Settings) table() string      { return filepath.Join(s.Dir, "table") }
func (s Settings) checkpoint() string { return filepath.Join(s.Dir, "checkpoint") }

// Loaded is what a worker says when all keys are there.
type Loaded struct {
	Rows int64 `json:"rows"`
}

// flow is the flow under test.
func (s Settings) flow() *stream.Flow {
	f := stream.New(flowName)
	f.From("numbers", &counter{first: s.Keys, rate: s.Rate}).
		Select(fmt.Sprintf("pmod(value * %d, %d) AS k", int64(scatter), s.Keys), "value").
		GroupBy("k").
		Agg("counts", "count(*) AS n", "sum(value) AS total").
		Where(fmt.Sprintf("k %% %d = 0", sampled)).
		To("table", delta.SinkAt(s.table(), delta.SinkOptions{Keys: []string{"k"}}), stream.Update)
	return f
}

// Worker reads settings from in and runs the flow until in ends, then stops it. It says once when all keys are there; whoever kills it
// does not wait for that.
func Worker(ctx context.Context, in io.Reader, out io.Writer) error {
	var s Settings
	d := json.NewDecoder(in)
	if err := d.Decode(&s); err != nil {
		return err
	}
	var said bool
	position := func(p stream.Progress) {
		for _, source := range p.Sources {
			var end int64
			if json.Unmarshal(source.EndOffset, &end) == nil && end >= s.Keys && !said {
				said = json.NewEncoder(out).Encode(Loaded{Rows: end}) == nil
			}
		}
	}
	options := []stream.Option{stream.CheckpointLocation(s.checkpoint()), stream.Parallelism(1), stream.OnProgress(position)}
	if s.MemoryLimit > 0 {
		options = append(options, stream.MemoryLimit(s.MemoryLimit))
	}
	q, err := deltaic.Start(ctx, s.flow(), options...)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- q.AwaitTermination(ctx) }()
	over := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, io.MultiReader(d.Buffered(), in))
		over <- err
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("bench: the flow ended early: %w", err)
	case err := <-over:
		if err != nil {
			return err
		}
	}
	if err := q.Stop(ctx); err != nil {
		return err
	}
	return <-ended
}
