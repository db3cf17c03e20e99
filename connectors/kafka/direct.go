package kafka

import (
	"context"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// direct is a share whose rows leave as they come.
type direct struct {
	client  *kgo.Client
	c       *outputConfig
	maker   *rowMaker
	account *batch.Account
	ctx     context.Context // of the records; ends with the share
	stop    context.CancelFunc
	now     *flight
}

// flight is what an epoch of a share has on its way.
type flight struct {
	c     *outputConfig
	left  atomic.Int64 // records without an answer, and one more before the epoch is sealed
	err   atomic.Pointer[supervision.Failure]
	done  chan struct{}
	told  func(topic string, err error) // take, made once
	rows  int64
	bytes int64
}

func newDirect(o *Output, share connectors.Share) *direct {
	d := &direct{client: o.client, c: &o.c, maker: o.layout.maker(), account: share.Account}
	d.ctx, d.stop = context.WithCancel(context.Background())
	d.now = d.begin()
	return d
}

func (d *direct) begin() *flight { return newFlight(d.c) }

func newFlight(c *outputConfig) *flight {
	f := &flight{c: c, done: make(chan struct{})}
	f.told = f.take
	f.left.Store(1)
	return f
}

// take takes the answer to one record.
func (f *flight) take(topic string, err error) {
	if err != nil {
		f.err.CompareAndSwap(nil, f.c.writeFailure(topic, err))
	}
	if f.left.Add(-1) == 0 {
		close(f.done)
	}
}

// failed returns why a row could not be written.
func (f *flight) failed() error {
	if err := f.err.Load(); err != nil {
		return err
	}
	return nil
}

// lost is failed for rows that are not here any more: they have to be read again.
func (f *flight) lost() error {
	err := f.err.Load()
	if err == nil {
		return nil
	}
	lost := *err
	if lost.Kind == supervision.Transient {
		lost.Kind = supervision.Restart
	}
	return &lost
}

// Write hands the rows to the client and does not wait for it.
func (d *direct) Write(_ context.Context, b *batch.Batch) error {
	f := d.now
	if f.failed() != nil {
		return f.lost()
	}
	r, err := d.maker.make(b, d.account, f.told)
	if err != nil || r == nil {
		return err
	}
	f.rows += int64(len(r.all))
	f.bytes += r.charged
	f.left.Add(int64(len(r.all)))
	produce(d.ctx, d.client, r)
	return nil
}

// produce hands all records to the client. r is not the caller's any more.
func produce(ctx context.Context, client *kgo.Client, r *records) {
	all, promise := r.all, r.promise
	for i := range all {
		client.Produce(ctx, &all[i], promise)
	}
}

// Seal ends the epoch.
func (d *direct) Seal(int64) (connectors.Sealed, error) {
	f := d.now
	if f.rows == 0 {
		return nil, f.lost()
	}
	d.now = d.begin()
	f.take("", nil)
	return f, nil
}

// Finish waits until the brokers have acknowledged every row.
func (f *flight) Finish(ctx context.Context) (connectors.Prepared, error) {
	select {
	case <-f.done:
		return connectors.Prepared{Rows: f.rows, Bytes: f.bytes}, f.lost()
	case <-ctx.Done():
		return connectors.Prepared{}, ctx.Err()
	}
}

// Abort gives up what is still on its way.
func (d *direct) Abort() { d.stop() }
