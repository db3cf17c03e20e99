package actors

import (
	"context"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/persistence/image"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/topology"
	"go.uber.org/zap"
)

// Config is what a run needs. Plan, Ledger and Unique must be set.
type Config struct {
	Plan       *topology.Plan
	Ledger     epochs.Ledger
	LedgerSink string // name of the sink step whose table is the ledger, "" if it is beside
	// Objects holds manifests that are too large for the ledger, and the files of keyed state.
	Objects objstore.Store
	// Image takes keyed state that does not fit into memory; nil: all of it stays there. The job closes it.
	Image *image.Image
	// Prefix is put before the names in Objects: "" or ending with "/".
	Prefix string

	Trigger Trigger
	Policy  supervision.Policy
	// Parallelism is how many ranges of key groups and shares of a sink there are. 0: as
	// many as processors.
	Parallelism int
	// Retain is how many decided epochs keep what going back to them needs. 0: 10; 2 at least.
	Retain int
	// RetainFor is how long those before them keep it too, reckoned by the epochs' own current_timestamp.
	RetainFor  time.Duration
	BatchRows  int   // rows a batch holds at most; 0: 4096
	BatchBytes int64 // bytes a batch holds at most; 0: 1 MiB
	Account    *batch.Account
	Pool       *batch.Pool
	Logger     *zap.Logger
	// Unique returns a name that was never used before.
	Unique func() string
	// Settled reports whether the table at the path, which the flow wrote before and does not write now,
	// has the epoch. nil: nobody can tell.
	Settled func(ctx context.Context, path, flow, incarnation string, epoch int64) (bool, error)
	// Now is the clock. nil: time.Now.
	Now func() time.Time
	// Sleep waits between tries of a commit, or returns the context's error. nil: a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Jitter is uniform in [0,1). nil: none.
	Jitter func() float64
	// Watch is how often it is looked whether tasks and epochs get on. 0: never.
	Watch time.Duration
	// OnEpoch is called, in order, for every epoch that is done; it must not block.
	OnEpoch func(Progress)

	scheduler scheduler // nil: a pool of as many workers as processors
}

func (c *Config) defaults(workers int) {
	if c.Parallelism <= 0 {
		c.Parallelism = workers
	}
	if p := c.Plan.Graph.Parallelism; p > 0 {
		c.Parallelism = p
	}
	if c.Retain == 0 {
		c.Retain = 10
	}
	c.Retain = max(c.Retain, leastRetained)
	if c.BatchRows <= 0 {
		c.BatchRows = 4096
	}
	if c.BatchBytes <= 0 {
		c.BatchBytes = 1 << 20
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	if c.Pool == nil {
		c.Pool = batch.NewPoolOf(c.Account)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	if c.Jitter == nil {
		c.Jitter = func() float64 { return 0.5 }
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// keyGroups returns the job's number of key groups, for ever.
func (c *Config) keyGroups() int {
	if n := c.Plan.Graph.KeyGroups; n > 0 {
		return n
	}
	return topology.DefaultKeyGroups
}
