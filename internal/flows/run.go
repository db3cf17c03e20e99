package flows

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
)

// Phases are where an attempt is killed: in the sink's calls, or when an epoch is done.
var Phases = []string{"write", "seal", "finish", "commit", "done"}

// patience is how long one attempt may take before it is taken for stuck.
const patience = 60 * time.Second

// Case is what a seed has drawn.
type Case struct {
	Seed  uint64
	Rows  int // that were written, changes included
	Late  int
	Takes int // rows that were taken back
}

// Run runs the case of a seed in a folder that is there and empty.
func Run(seed uint64, duck *DuckDB, dir string) (Case, Counts, error) {
	d := newDraw(seed)
	in := drawData(d)
	s := drawShape(d, in)
	c := Case{Seed: seed}
	wantedRows, err := duck.Query(append(macros, in.statements()...), s.query)
	if err != nil {
		return c, d.counts, err
	}
	want, err := wanted(wantedRows, s.floats)
	if err != nil {
		return c, d.counts, err
	}
	wantLate := []string{}
	if s.late != "" {
		rows, err := duck.Query(nil, s.late)
		if err != nil {
			return c, d.counts, err
		}
		if wantLate, err = wanted(rows, nil); err != nil {
			return c, d.counts, err
		}
	}
	c.Late = len(wantLate)
	for range wantLate {
		d.note("late row")
	}
	r := &runner{d: d, in: in, s: s, dir: dir}
	got, err := r.run()
	if err != nil {
		return c, d.counts, fmt.Errorf("%s, mode %s: %w", s.name, s.mode, err)
	}
	c.Rows, c.Takes = got.written, got.taken
	for range got.taken {
		d.note("retraction")
	}
	if len(got.faults) > 0 {
		return c, d.counts, fmt.Errorf("%s, mode %s: %s", s.name, s.mode, got.faults[0])
	}
	if diff := difference(want, got.sorted()); diff != "" {
		return c, d.counts, fmt.Errorf("%s, mode %s, delay %d s, %d attempts: %s\n%s", s.name, s.mode, in.delay/second, r.attempts, diff, s.query)
	}
	return c, d.counts, nil
}

// difference says how two sorted lists differ, "" if they do not.
func difference(want, got []string) string {
	var missing, extra []string
	i, j := 0, 0
	for i < len(want) || j < len(got) {
		switch {
		case j == len(got) || i < len(want) && want[i] < got[j]:
			missing = append(missing, want[i])
			i++
		case i == len(want) || got[j] < want[i]:
			extra = append(extra, got[j])
			j++
		default:
			i, j = i+1, j+1
		}
	}
	if len(missing)+len(extra) == 0 {
		return ""
	}
	return fmt.Sprintf("%d rows wanted, %d there; missing %s; extra %s", len(want), len(got), few(missing), few(extra))
}

func few(rows []string) string {
	text := strings.Join(rows[:min(len(rows), 5)], "; ")
	if len(rows) > 5 {
		text += fmt.Sprintf("; and %d more", len(rows)-5)
	}
	return "[" + text + "]"
}

type runner struct {
	d        *draw
	in       *data
	s        shape
	dir      string
	attempts int
}

// errKilled is why an attempt ended early.
var errKilled = errors.New("killed")

// run runs the flow to its end, killing it on the way, and returns the sink.
func (r *runner) run() (*record, error) {
	source, err := r.in.source()
	if err != nil {
		return nil, err
	}
	if r.s.ended {
		source.Finish()
	}
	kills := r.d.IntN(4)
	var bomb atomic.Pointer[bomb]
	sink := newRecord(func(phase string) error {
		if b := bomb.Load(); b != nil {
			return b.tick(phase)
		}
		return nil
	})
	for {
		r.attempts++
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		b := &bomb0
		if r.attempts <= kills {
			b = newBomb(r.d, cancel)
		}
		bomb.Store(b)
		err := r.attempt(ctx, source, sink, b)
		late := errors.Is(ctx.Err(), context.DeadlineExceeded)
		cancel()
		switch {
		case err == nil:
			return sink, nil
		case b.gone.Load():
			continue
		case late:
			return nil, fmt.Errorf("attempt %d was not done after %s", r.attempts, patience)
		}
		return nil, err
	}
}

// bomb kills an attempt when a phase has come so often.
type bomb struct {
	phase  string
	left   atomic.Int64
	cancel context.CancelFunc
	gone   atomic.Bool
	note   func()
}

var bomb0 bomb // never goes off

func newBomb(d *draw, cancel context.CancelFunc) *bomb {
	b := &bomb{phase: Phases[d.IntN(len(Phases))], cancel: cancel}
	b.left.Store(1 + int64(d.IntN(12)))
	b.note = func() { d.note("crash in " + b.phase) }
	return b
}

func (b *bomb) tick(phase string) error {
	if b.cancel == nil || phase != b.phase || b.left.Add(-1) != 0 {
		return nil
	}
	b.gone.Store(true)
	b.cancel()
	return errKilled
}

func (r *runner) attempt(ctx context.Context, all *memory.Source, sink *record, b *bomb) error {
	flow := stream.New("random")
	rows := pick(r.d, 1, 7, 64, 4096)
	source := &limited{all, int64(pick(r.d, 3, 20, 100, 100000))}
	r.s.build(flow.From("t", source)).To("out", sink, r.s.mode)
	options := []stream.Option{stream.CheckpointLocation(filepath.Join(r.dir, "state")), stream.Ledger(stream.LedgerBeside), stream.AvailableNow(),
		stream.Parallelism(pick(r.d, 1, 2, 3, 7)), stream.BatchRows(rows),
		stream.OnProgress(func(stream.Progress) { _ = b.tick("done") })}
	q, err := deltaic.Start(ctx, flow, options...)
	if err != nil {
		return err
	}
	err = q.AwaitTermination(context.WithoutCancel(ctx))
	if b.gone.Load() {
		if b.note != nil {
			b.note()
		}
		return errKilled
	}
	return err
}

// Folder makes an empty folder for a case below dir.
func Folder(dir string, seed uint64) (string, error) {
	return os.MkdirTemp(dir, fmt.Sprintf("flow-%d-", seed))
}

// limited lets an epoch read so many rows of each split, so that a bounded run has many epochs.
type limited struct {
	*memory.Source
	rows int64
}

var _ connectors.Limiter = (*limited)(nil)

func (l *limited) Limited() bool { return true }

func (l *limited) Limit(from, end connectors.Positions) connectors.Positions {
	until := connectors.Positions{}
	for split, at := range from {
		n, _ := strconv.ParseInt(string(at), 10, 64)
		until[split] = connectors.Position(strconv.FormatInt(n+min(l.rows, l.Behind(at, end[split])), 10))
	}
	return until
}
