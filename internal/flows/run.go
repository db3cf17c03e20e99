package flows

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
)

// Phases are where an attempt is killed: in the sink's calls, or when an epoch is done.
var Phases = []string{"write", "seal", "finish", "commit", "done"}

// Drawn names what must be drawn whatever the verbs are.
func Drawn() []string {
	names := []string{"late row", "retraction", "null", "duplicate", "out of order", "behind", "state below memory", "mode append", "mode update", "mode complete"}
	for _, p := range Phases {
		names = append(names, "crash in "+p)
	}
	return names
}

// patience is how long one attempt may take before it is taken for stuck.
const patience = 5 * time.Minute

// Case is what a seed has drawn.
type Case struct {
	Seed  uint64
	Again int // tries that wrote too few rows
	Rows  int // that were written, changes included
	Late  int
	Takes int // rows that were taken back
}

// tries is how often a seed draws, each time more rows, before it is given up.
const tries = 12

// Run runs the case of a seed in a folder that is there and empty. If it writes fewer rows than least, the seed
// draws another one.
func Run(seed uint64, duck *anchors.Session, dir string, least int) (Case, Counts, error) {
	for try := 0; ; try++ {
		folder := filepath.Join(dir, strconv.Itoa(try))
		if err := os.Mkdir(folder, 0o700); err != nil {
			return Case{}, nil, err
		}
		d := newDraw(seed, try)
		in := drawData(d)
		r := &runner{d: d, in: in, s: drawShape(d, in), dir: folder, duck: duck}
		c, err := r.judge()
		c.Seed, c.Again = seed, try
		if err != nil {
			return c, d.counts, fmt.Errorf("%s, mode %s, try %d, delay %d s, %d attempts: %w", r.s.name, r.s.mode, try, in.delay/second, r.attempts, err)
		}
		if c.Rows >= least {
			return c, d.counts, nil
		}
		if try == tries {
			return c, d.counts, fmt.Errorf("%d tries have not written %d rows", try, least)
		}
	}
}

// judge runs the flow and compares what it wrote.
func (r *runner) judge() (Case, error) {
	var c Case
	want, err := r.asked(r.s.query)
	if err != nil {
		return c, err
	}
	twin, err := r.asked(r.s.twinQuery)
	if err != nil {
		return c, err
	}
	late, err := r.asked(r.s.late)
	if err != nil {
		return c, err
	}
	if r.s.want != nil {
		want, late = r.s.want()
		slices.Sort(want)
		slices.Sort(late)
	}
	if err := r.run(); err != nil {
		return c, err
	}
	got := written{rows: r.out.sorted(), side: r.side.sorted(), late: r.late.sorted(), duck: r.duck}
	c.Rows, c.Takes, c.Late = r.out.written, r.out.taken+r.side.taken, len(got.late)
	r.d.counts["retraction"] += c.Takes
	r.d.counts["late row"] += len(late)
	for _, s := range []*record{r.out, r.side, r.late} {
		if len(s.faults) > 0 {
			return c, errors.New(s.faults[0])
		}
	}
	if r.s.check != nil {
		return c, r.s.check(got)
	}
	if diff := difference(want, got.rows); diff != "" {
		return c, fmt.Errorf("%s\n%s", diff, r.s.query)
	}
	if diff := difference(twin, got.side); r.s.twin != "" && diff != "" {
		return c, fmt.Errorf("in mode %s beside: %s\n%s", r.s.twin, diff, r.s.twinQuery)
	}
	if diff := difference(late, slices.Compact(got.late)); r.keepLate && diff != "" {
		return c, fmt.Errorf("late rows: %s\n%s", diff, r.s.late)
	}
	return c, nil
}

// asked returns what DuckDB answers to a query, sorted as text.
func (r *runner) asked(query string) ([]string, error) {
	if query == "" {
		return nil, nil
	}
	var table []string
	if !r.filled {
		table, r.filled = append(macros, r.in.statements()...), true
	}
	answer, err := r.duck.Query(table, query)
	if err != nil {
		return nil, err
	}
	return texts(answer, r.s.floats)
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
	duck     *anchors.Session
	attempts int
	keepLate bool // the flow keeps late rows
	filled   bool // DuckDB has the rows

	t, other        *memory.Source
	out, side, late *record
	bomb            atomic.Pointer[bomb]
}

// errKilled is why an attempt ended early.
var errKilled = errors.New("killed")

// run runs the flow to its end, killing it on the way.
func (r *runner) run() (err error) {
	if r.t, err = source(r.in.splits); err != nil {
		return err
	}
	if r.in.other != nil {
		if r.other, err = source(r.in.other.splits); err != nil {
			return err
		}
	}
	if r.s.ended {
		r.t.Finish()
	}
	r.out, r.side, r.late = newRecord(r.tick), newRecord(r.tick), newLateRecord(r.tick)
	if r.keepLate = r.s.tellsLate() && (r.s.check != nil || r.d.chance(2)); r.keepLate {
		r.d.note("verb late rows kept")
	}
	kills := r.d.IntN(4)
	for {
		r.attempts++
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		b := &bomb{}
		if r.attempts <= kills {
			b = newBomb(r.d, cancel)
		}
		r.bomb.Store(b)
		err := r.attempt(ctx, b)
		late := errors.Is(ctx.Err(), context.DeadlineExceeded)
		cancel()
		switch {
		case err == nil:
			return nil
		case b.gone.Load():
			continue
		case late:
			return fmt.Errorf("attempt %d was not done after %s", r.attempts, patience)
		}
		return err
	}
}

func (r *runner) tick(phase string) error { return r.bomb.Load().tick(phase) }

// bomb kills an attempt when so many epochs are done and then a phase has come so often; the zero one never does.
type bomb struct {
	phase  string
	epochs atomic.Int64
	left   atomic.Int64
	cancel context.CancelFunc
	gone   atomic.Bool
	note   func()
}

func newBomb(d *draw, cancel context.CancelFunc) *bomb {
	b := &bomb{phase: Phases[d.IntN(len(Phases))], cancel: cancel}
	b.epochs.Store(int64(d.IntN(pick(d, 1, 20, 80)))) // early, or anywhere
	b.left.Store(1 + int64(d.IntN(12)))
	b.note = func() { d.note("crash in " + b.phase) }
	return b
}

func (b *bomb) tick(phase string) error {
	if b.cancel == nil || phase == "done" && b.epochs.Add(-1) >= 0 || b.epochs.Load() > 0 || phase != b.phase || b.left.Add(-1) != 0 {
		return nil
	}
	b.gone.Store(true)
	b.cancel()
	return errKilled
}

func (r *runner) attempt(ctx context.Context, b *bomb) error {
	flow := stream.New("random")
	if r.keepLate {
		flow.Late(r.late)
	}
	limit := r.in.limit
	if limit == 0 {
		epochs := []int64{100, 40, 40, 6, 1}                                     // about: so many has a run that is not killed
		limit = 1 + r.in.longest()/epochs[r.d.IntN(max(1, len(epochs)-r.d.try))] // a result that is small must be written often
	}
	t := flow.From("t", &limited{r.t, limit})
	var out *stream.Frame
	if r.s.wide != nil {
		s := scene{flow: flow, t: t, side: r.side}
		if r.other != nil {
			s.other = &limited{r.other, limit}
		}
		out = r.s.wide(s)
	} else {
		out = r.s.build(t)
	}
	out.To("out", r.out, r.s.mode)
	if r.s.twin != "" {
		out.To("twin", r.side, r.s.twin)
	}
	q, err := deltaic.Start(ctx, flow, r.options()...)
	if err != nil {
		return err
	}
	err = q.AwaitTermination(context.WithoutCancel(ctx))
	if b.gone.Load() {
		b.note()
		return errKilled
	}
	return err
}

// options draws how an attempt runs: results must not depend on any of it.
func (r *runner) options() []stream.Option {
	rows := pick(r.d, 1, 7, 64, 4096)
	options := []stream.Option{stream.CheckpointLocation(filepath.Join(r.dir, "state")), stream.Ledger(stream.LedgerBeside), stream.AvailableNow(),
		stream.Parallelism(pick(r.d, 1, 2, 3, 7)),
		stream.OnProgress(func(stream.Progress) { _ = r.tick("done") })}
	if r.in.limit == 0 && r.d.chance(5) {
		rows = 64 // an epoch has one batch of each split
		r.d.note("state below memory")
		options = append(options, stream.MemoryLimit(1))
	}
	return append(options, stream.BatchRows(rows))
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
