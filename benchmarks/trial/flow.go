package trial

import (
	"context"
	"errors"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/stream"
)

// Options are how a flow runs. The zero value of a field means the engine's default.
type Options struct {
	Checkpoint  string // folder of the checkpoint; must be given
	Epoch       time.Duration
	BatchRows   int
	MemoryLimit int64
	Profile     string // file for a profile of processor time
}

// Run is what a flow took.
type Run struct {
	Seconds    float64
	CPU        float64 // seconds of processor time
	PeakRSS    int64   // of the process
	StateRows  int64   // at the end
	StateBytes int64
	Epochs     int
	Late       int64 // rows that were left out behind the watermark
}

// Flow runs a flow to the end of its input.
func Flow(ctx context.Context, f *stream.Flow, o Options) (Run, error) {
	var r Run
	stop, err := measure.Profile(o.Profile)
	if err != nil {
		return r, err
	}
	before, start := measure.Used(), time.Now()
	query, err := deltaic.Start(ctx, f, stream.AvailableNow(), stream.CheckpointLocation(o.Checkpoint), stream.Ledger(stream.LedgerBeside),
		stream.BatchRows(o.BatchRows), stream.MemoryLimit(o.MemoryLimit), stream.EpochInterval(o.Epoch), stream.OnProgress(r.note))
	if err == nil {
		err = query.AwaitTermination(ctx)
	}
	used := measure.Used()
	r.Seconds, r.CPU, r.PeakRSS = time.Since(start).Seconds(), used.CPU-before.CPU, used.PeakRSS
	return r, errors.Join(err, stop())
}

func (r *Run) note(p stream.Progress) {
	r.Epochs++
	r.StateRows, r.StateBytes = 0, 0
	for _, s := range p.StateOperators {
		r.StateRows += s.NumRowsTotal
		r.StateBytes += s.MemoryUsedBytes
		r.Late += s.NumRowsDroppedByWatermark
	}
}
