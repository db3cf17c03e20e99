package actors

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deltaic/deltaic/connectors"
)

// counting is a source that counts the rows that it hands out.
type counting struct {
	connectors.Source
	rows *atomic.Int64
}

func (s counting) Open(ctx context.Context, at connectors.Positions, o connectors.OpenOptions) (connectors.Reader, error) {
	r, err := s.Source.Open(ctx, at, o)
	return countingReader{r, s.rows}, err
}

type countingReader struct {
	connectors.Reader
	rows *atomic.Int64
}

func (r countingReader) Next(ctx context.Context) (connectors.Fetch, error) {
	f, err := r.Reader.Next(ctx)
	if err == nil && f.Batch != nil {
		r.rows.Add(int64(f.Batch.Rows()))
	}
	return f, err
}

// TestASinkThatStallsForAMinute stops a sink in a write for 60 s of a clock that is the test's: credits hold the source from the first moment to
// the last, the sink is named within 30 s, no epoch is given up, and once it goes on nothing more is named and every row comes, once.
func TestASinkThatStallsForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rows = 20_000
		f := newFlow(1)
		h := &hanging{Sink: f.sink, in: "write", here: make(chan struct{}), free: make(chan struct{})}
		f.into = h
		var taken atomic.Int64
		f.reads = func(s connectors.Source) connectors.Source { return counting{s, &taken} }
		for n := 0; n < rows; {
			var some [][]any
			for ; len(some) < 50; n++ {
				some = append(some, []any{int64(n), "s"})
			}
			if err := f.source.AddRows(0, some...); err != nil {
				t.Fatal(err)
			}
		}
		c := f.config(t, Trigger{}, 1)
		c.Watch = time.Second
		run, err := Start(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		<-h.here
		synctest.Wait() // nobody can do anything any more
		held := taken.Load()
		if most := int64(c.BatchRows * 16); held > most {
			t.Errorf("%d rows were taken from the source, want %d at most", held, most)
		}
		for second := 1; second <= 60; second++ {
			time.Sleep(time.Second) // of the bubble: nobody waits
			synctest.Wait()
			if n := taken.Load(); n != held {
				t.Fatalf("after %d s the source has been read on, from %d rows to %d", second, held, n)
			}
			if s := run.Stuck(); second >= 30 && !strings.Contains(s, "out[0] has been at it for") {
				t.Fatalf("after %d s it says %q", second, s)
			}
		}
		close(h.free)
		for tries := 0; f.sink.Len() < rows && tries < 60; tries++ {
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if err := run.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := run.Stuck(); s != "" {
			t.Errorf("in the end it says %q", s)
		}
		seen := map[string]int{}
		for _, row := range f.sink.Rows() {
			seen[row]++
		}
		if len(seen) != rows || f.sink.Len() != rows {
			t.Errorf("%d rows came, %d of them different, want %d", f.sink.Len(), len(seen), rows)
		}
	})
}
