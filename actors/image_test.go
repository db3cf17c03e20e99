package actors

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/persistence/image"
	"github.com/deltaic/deltaic/supervision"
)

// toldSink is a sink that counts rows by their first column. They travel in the manifest, so that they outlive an attempt that ends
// between decision and commit.
type toldSink struct {
	repeats connectors.Repeats
	rows    map[int64]int
}

func (*toldSink) Description() string                                              { return "tally" }
func (*toldSink) Durable() bool                                                    { return true }
func (*toldSink) Close() error                                                     { return nil }
func (*toldSink) Bind(context.Context, *batch.Schema, connectors.OutputMode) error { return nil }
func (*toldSink) Writer(context.Context, connectors.Share) (connectors.Writer, error) {
	return &shareOfTold{}, nil
}

func (s *toldSink) Commit(_ context.Context, c connectors.Commit) (connectors.Committed, error) {
	done := connectors.Committed{Version: -1, Repeat: s.repeats.Note(c)}
	for _, p := range c.Prepared {
		var rows []int64
		if p.Data == nil || done.Repeat {
			continue
		}
		if err := json.Unmarshal(p.Data, &rows); err != nil {
			return done, err
		}
		for _, n := range rows {
			s.rows[n]++
		}
	}
	return done, nil
}

// shareOfTold is one share's epoch.
type shareOfTold struct{ rows []int64 }

func (w *shareOfTold) Write(_ context.Context, b *batch.Batch) error {
	for i := range b.Rows() {
		w.rows = append(w.rows, b.Columns[0].I64[b.Row(i)])
	}
	return nil
}

func (w *shareOfTold) Seal(int64) (connectors.Sealed, error) {
	s := &shareOfTold{w.rows}
	w.rows = nil
	return s, nil
}

func (w *shareOfTold) Finish(context.Context) (connectors.Prepared, error) {
	data, err := json.Marshal(w.rows)
	return connectors.Prepared{Rows: int64(len(w.rows)), Data: data}, err
}

func (w *shareOfTold) Abort() {}

// TestAFlowOutlivesItsImage runs a flow whose state lies below memory on a disk that fails again and again, in reads and in
// writes: attempts end, others go on from the checkpoint with an image made anew or as it was, and every row comes once.
func TestAFlowOutlivesItsImage(t *testing.T) {
	f := newFlow(3)
	f.dedup = true
	f.account = batch.NewAccount("memory_limit", 100_000)
	f.pool = batch.NewPoolOf(f.account)
	f.source.Exactly(64)
	sink := &toldSink{rows: map[int64]int{}}
	f.into = sink
	random := rand.New(rand.NewPCG(1, 2))
	var n, next, failed atomic.Int64
	next.Store(60)
	disk := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if at := n.Add(1); at < next.Load() || failed.Load() >= 8 {
			return nil
		}
		failed.Add(1)
		next.Store(n.Load() + 10 + random.Int64N(60))
		if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
			return syscall.EIO
		}
		return syscall.ENOSPC
	}))
	for round, parallelism := range []int{2, 3} {
		for s := range 3 {
			f.add(t, s, 6000*round, 6000+3000*round) // the same in every split
		}
		c := f.config(t, Trigger{Kind: TriggerAvailableNow}, parallelism)
		c.Image = image.New(image.Options{FS: disk, Dir: "image", Cache: 1 << 20})
		c.Policy = supervision.Policy{First: time.Millisecond, Most: time.Millisecond, Limit: 100}
		h, err := Start(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for n := range int64(9000) {
		if sink.rows[n] != 1 {
			t.Fatalf("row %d came %d times; %d rows did", n, sink.rows[n], len(sink.rows))
		}
	}
	if failed.Load() < 3 {
		t.Errorf("the disk failed %d times in %d operations", failed.Load(), n.Load())
	}
}
