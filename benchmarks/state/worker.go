package state

import (
	"context"
	"io"
	"runtime/debug"
	"time"

	"github.com/deltaic/deltaic/benchmarks/keyed"
	"github.com/deltaic/deltaic/benchmarks/measure"
)

// aggregates are four words behind the key.
var aggregates = []string{"count(*) AS n", "sum(v) AS s", "min(v) AS low", "max(v) AS high"}

// Settings say what a worker does.
type Settings struct {
	keyed.Place
	Distribution string        `json:"distribution"`
	Keys         int           `json:"keys"`
	Updates      uint64        `json:"updates"`
	Epoch        time.Duration `json:"epoch"`
	MemoryLimit  int64         `json:"memory_limit"`
	Process      int64         `json:"process"` // bytes that the runtime keeps the process within; 0: it is not told
}

// Result is what a worker says.
type Result struct {
	Load    keyed.Cost    `json:"load"`
	Updates keyed.Cost    `json:"updates"`
	Used    measure.Usage `json:"used"`
	Keys    int           `json:"keys"`
	Disk    int64         `json:"disk"`    // bytes of the checkpoint location at the end
	Written int64         `json:"written"` // bytes that the process has written while it updated
	Peak    int64         `json:"peak"`    // bytes that were charged to memory_limit at once
	Faults  []string      `json:"faults"`
}

// Worker reads settings from in, plays the load and writes the result to out.
func Worker(ctx context.Context, in io.Reader, out io.Writer) error {
	return keyed.Work(in, out, func(s Settings) (*Result, error) {
		if s.Process > 0 {
			debug.SetMemoryLimit(s.Process)
		}
		return run(ctx, s)
	})
}

func run(ctx context.Context, s Settings) (*Result, error) {
	share, err := keyed.Open(ctx, keyed.Options{Dir: s.Dir, Aggregates: aggregates, MemoryLimit: s.MemoryLimit})
	if err != nil {
		return nil, err
	}
	defer share.Close()
	draw, err := keyed.NewDraw(s.Distribution, s.Keys)
	if err != nil {
		return nil, err
	}
	p, r := keyed.NewPlayer(share, draw), &Result{}
	if r.Load, err = p.Play(keyed.Phase{Updates: uint64(s.Keys), Epoch: s.Epoch}); err != nil {
		return nil, err
	}
	written := measure.Written()
	if r.Updates, err = p.Play(keyed.Phase{Updates: s.Updates, Epoch: s.Epoch}); err != nil {
		return nil, err
	}
	r.Written = measure.Written() - written
	if r.Disk, err = measure.DiskBytes(s.Dir); err != nil {
		return nil, err
	}
	r.Keys, _ = share.Keys()
	r.Faults, err = p.Verify()
	r.Used, r.Peak = measure.Used(), share.Account.Peak()
	return r, err
}
