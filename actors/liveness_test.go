package actors

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
)

// hanging is a sink that hangs in one of its calls until it is let go.
type hanging struct {
	*memory.Sink
	in   string
	here chan struct{} // closed when it hangs
	free chan struct{}
	once atomic.Bool
}

func (h *hanging) at(call string) {
	if call == h.in && !h.once.Swap(true) {
		close(h.here)
		<-h.free
	}
}

func (h *hanging) Writer(ctx context.Context, s connectors.Share) (connectors.Writer, error) {
	w, err := h.Sink.Writer(ctx, s)
	return hangingWriter{w, h}, err
}

func (h *hanging) Commit(ctx context.Context, c connectors.Commit) (connectors.Committed, error) {
	h.at("commit")
	return h.Sink.Commit(ctx, c)
}

type hangingWriter struct {
	connectors.Writer
	h *hanging
}

func (w hangingWriter) Write(ctx context.Context, b *batch.Batch) error {
	w.h.at("write")
	return w.Writer.Write(ctx, b)
}

func (w hangingWriter) Seal(epoch int64) (connectors.Sealed, error) {
	s, err := w.Writer.Seal(epoch)
	if s == nil || err != nil {
		return s, err
	}
	return hangingSealed{s, w.h}, nil
}

type hangingSealed struct {
	connectors.Sealed
	h *hanging
}

func (s hangingSealed) Finish(ctx context.Context) (connectors.Prepared, error) {
	s.h.at("finish")
	return s.Sealed.Finish(ctx)
}

// TestWhoDoesNotGetOnIsNamed: a task that does not come back, work beside one, a decision and a commit that take too long are named, and
// nothing is once they have come back.
func TestWhoDoesNotGetOnIsNamed(t *testing.T) {
	for in, want := range map[string]string{"write": "out[0] has been at it for 30 s", "finish": "out[0], work beside it has been at it for 30 s",
		"commit": "waits for the commits of out", "decide": "waits for its decision in the ledger"} {
		t.Run(in, func(t *testing.T) {
			f := newFlow(1)
			h := &hanging{Sink: f.sink, in: in, here: make(chan struct{}), free: make(chan struct{})}
			f.into = h
			f.ledger.fail = func(next string) error {
				if strings.Contains(next, `"epoch":1`) {
					h.at("decide")
				}
				return nil
			}
			c := f.config(t, Trigger{}, 1)
			var passed atomic.Int64
			c.Now, c.Watch = func() time.Time { return time.Unix(1_790_000_000, passed.Load()) }, time.Millisecond
			run, err := Start(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			f.add(t, 0, 0, 10)
			<-h.here
			until := func(what string, there func(string) bool) {
				t.Helper()
				for ctx, end := t.Context(), time.After(20*time.Second); !there(run.Stuck()); {
					select {
					case <-ctx.Done():
					case <-end:
						t.Fatalf("%s: it says %q", what, run.Stuck())
					case <-time.After(time.Millisecond):
					}
				}
			}
			if s := run.Stuck(); s != "" {
				t.Errorf("at once: %q", s)
			}
			passed.Store(int64(30 * time.Second))
			until(want, func(s string) bool { return strings.Contains(s, want) })
			close(h.free)
			until("nothing", func(s string) bool { return s == "" })
			if err := run.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := f.sink.Len(); n != 10 {
				t.Errorf("%d rows", n)
			}
		})
	}
}
