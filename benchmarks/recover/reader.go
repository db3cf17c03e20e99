package recover

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

type reader struct {
	*counter
	pool       *batch.Pool
	from, next int64
	opened     time.Time
	paused     atomic.Bool
	wake       chan struct{}
}

const (
	most = 4096                 // rows of a batch
	step = 5 * time.Millisecond // how often rows come
)

// Next delivers the numbers whose time has come: a batch at once, as of a backlog, then as many a second as there are to be.
func (r *reader) Next(ctx context.Context) (connectors.Fetch, error) {
	for {
		due := max(r.first, r.from+most+int64(r.rate*time.Since(r.opened).Seconds()))
		if due > r.next && !r.paused.Load() {
			return r.cut(min(due-r.next, most)), nil
		}
		timer := time.NewTimer(step)
		select {
		case <-ctx.Done():
			timer.Stop()
			return connectors.Fetch{}, ctx.Err()
		case <-r.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (r *reader) cut(n int64) connectors.Fetch {
	c := r.pool.NewColumn(batch.BigIntType, int(n))
	for i := range c.I64 {
		c.I64[i] = r.next + int64(i)
	}
	r.next += n
	return connectors.Fetch{Split: split, Batch: batch.NewBatch(numbers, int(n), c), After: positionOf(r.next)}
}

func (r *reader) Pause(connectors.SplitID) { r.paused.Store(true) }

func (r *reader) Resume(connectors.SplitID) {
	r.paused.Store(false)
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *reader) Close() error { return nil }
