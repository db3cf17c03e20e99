package actors

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/supervision"
)

// rash is a source that panics where it is told to.
type rash struct {
	*memory.Source
	start, open, next *atomic.Int32 // how often it still panics
}

func (r rash) Start(ctx context.Context, known connectors.Positions) (connectors.Positions, error) {
	burst(r.start)
	return r.Source.Start(ctx, known)
}

func (r rash) Open(ctx context.Context, at connectors.Positions, o connectors.OpenOptions) (connectors.Reader, error) {
	burst(r.open)
	reader, err := r.Source.Open(ctx, at, o)
	return rashReader{reader, r.next}, err
}

type rashReader struct {
	connectors.Reader
	panics *atomic.Int32
}

func (r rashReader) Next(ctx context.Context) (connectors.Fetch, error) {
	burst(r.panics)
	return r.Reader.Next(ctx)
}

func burst(left *atomic.Int32) {
	if left.Add(-1) >= 0 {
		panic("rash")
	}
}

func times(n int32) *atomic.Int32 {
	var left atomic.Int32
	left.Store(n)
	return &left
}

// A source that panics ends the attempt, not the process: the next one goes on, and where it never ends, the flow fails and says so.
func TestAPanicBesideTheTasksEndsTheAttemptOnly(t *testing.T) {
	for what, s := range map[string]rash{"start": {start: times(1)}, "open": {open: times(1)}, "next": {next: times(1)}, "ever": {start: times(1 << 20)}} {
		t.Run(what, func(t *testing.T) {
			f := newFlow(2)
			f.add(t, 0, 0, 100)
			f.add(t, 1, 100, 200)
			c := f.config(t, Trigger{Kind: TriggerAvailableNow}, 2)
			c.Policy.First = 1
			s.Source = f.source
			for _, left := range []**atomic.Int32{&s.start, &s.open, &s.next} {
				if *left == nil {
					*left = times(0)
				}
			}
			c.Plan.Graph.Steps[0].Source = s
			if what == "ever" {
				c.Policy = supervision.Policy{First: 1, Limit: 2}
			}
			h, err := Start(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			err = h.Wait(t.Context())
			if what == "ever" {
				var failure *supervision.Failure
				if !errors.As(err, &failure) || failure.Class != "INTERNAL_ERROR" || !strings.Contains(err.Error(), "opening an attempt: panic: rash") {
					t.Fatalf("ended with %v", err)
				}
				return
			}
			if err != nil || f.sink.Len() != 200 || len(count(t, f.sink.Rows())) != 200 {
				t.Fatalf("%d rows, want 200: %v", f.sink.Len(), err)
			}
		})
	}
}
