package commit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/internal/oracle"
)

// Options are the settings of a run. The zero value of a field means its default.
type Options struct {
	Commits int    // in each run; default 500
	Ahead   int    // epochs whose files are being made durable at once; default 4
	Rounds  int    // of table, anchor, anchor, table; default 4
	Dir     string // a folder on the disk to measure; default the folder for temporary files
}

func (o *Options) defaults() {
	if o.Commits <= 0 {
		o.Commits = 500
	}
	if o.Ahead <= 0 {
		o.Ahead = 4
	}
	if o.Rounds <= 0 {
		o.Rounds = 4
	}
}

const flow = "commits"

var rows = batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true})

// Run runs the suite. The report says what was wrong; the error is of what kept it from running.
func Run(ctx context.Context, o Options) (*measure.Report, error) {
	o.defaults()
	dir, err := os.MkdirTemp(o.Dir, "deltaic-commit-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r := measure.NewReport("commit", "one-row")
	durable, err := anchors.NewDurable(dir)
	if err != nil {
		return nil, err
	}
	defer durable.Close()
	var table, anchor []float64
	number := 0
	commits := func() error {
		number++
		path := filepath.Join(dir, fmt.Sprint("table-", number))
		rate, err := pipeline(ctx, path, o)
		if err != nil {
			return err
		}
		table = append(table, rate)
		return verify(r, path, o.Commits)
	}
	creates := func() error {
		rate, err := durable.Rate(o.Commits, 4096)
		anchor = append(anchor, rate)
		return err
	}
	for range o.Rounds {
		for _, step := range []func() error{commits, creates, creates, commits} {
			if err := step(); err != nil {
				return nil, err
			}
		}
	}
	r.Verified = len(r.Faults) == 0
	r.Settings["commits"], r.Settings["ahead"], r.Settings["rounds"] = o.Commits, o.Ahead, o.Rounds
	r.Metrics["commits_per_second"] = measure.SpreadOf(table)
	r.Anchors["durable_creates_per_second"] = measure.SpreadOf(anchor)
	quotients := measure.SpreadOf(measure.Ratios(table, anchor))
	r.Ratios["to_durable_creates"] = measure.Round(quotients.Median)
	r.Ratios["to_durable_creates_min"], r.Ratios["to_durable_creates_max"] = measure.Round(quotients.Least), measure.Round(quotients.Most)
	return r, nil
}

// pipeline commits epochs of one row each and returns epochs per second.
func pipeline(ctx context.Context, path string, o Options) (float64, error) {
	sink := delta.SinkAt(path, delta.SinkOptions{})
	defer sink.Close()
	ledger, err := sink.Ledger(ctx, flow)
	if err != nil {
		return 0, err
	}
	if err := sink.Bind(ctx, rows, connectors.Append); err != nil {
		return 0, err
	}
	entry := epochs.Claim(nil, flow, uuid.NewString(), nil)
	text := entry.Encode()
	if _, err := ledger.Swap(ctx, "", text, nil); err != nil {
		return 0, err
	}
	prepared := make([]chan connectors.Prepared, o.Ahead)
	for i := range prepared {
		prepared[i] = make(chan connectors.Prepared, 1)
	}
	g, ctx := errgroup.WithContext(ctx)
	for i := range prepared {
		g.Go(func() error { return prepare(ctx, sink, entry.Incarnation, i, o, prepared[i]) })
	}
	start := time.Now()
	g.Go(func() error {
		for e := int64(1); e <= int64(o.Commits); e++ {
			var p connectors.Prepared
			select {
			case p = <-prepared[int(e)%o.Ahead]:
			case <-ctx.Done():
				return ctx.Err()
			}
			m := &epochs.Manifest{Format: epochs.Format, Flow: flow, Incarnation: entry.Incarnation, Attempt: 1, Epoch: e, Time: time.Now().UnixMicro()}
			next := epochs.Decide(entry, m, nil)
			encoded := next.Encode()
			_, err := ledger.Swap(ctx, text, encoded, &connectors.Commit{Flow: flow, Incarnation: entry.Incarnation, Epoch: e, Attempt: 1, QueryID: entry.Incarnation,
				Time: m.Time, Prepared: []connectors.Prepared{p}})
			if err != nil {
				return err
			}
			entry, text = next, encoded
		}
		return nil
	})
	err = g.Wait()
	return float64(o.Commits) / time.Since(start).Seconds(), err
}

// prepare makes the file of every epoch that is this share's turn durable.
func prepare(ctx context.Context, sink *delta.Sink, incarnation string, share int, o Options, out chan<- connectors.Prepared) error {
	w, err := sink.Writer(ctx, connectors.Share{Flow: flow, Incarnation: incarnation, Attempt: 1, Index: share, Count: o.Ahead})
	if err != nil {
		return err
	}
	defer w.Abort()
	first := share
	if first == 0 {
		first = o.Ahead
	}
	for e := first; e <= o.Commits; e += o.Ahead {
		b := batch.NewBuilder(batch.BigIntType, nil)
		b.Int64(int64(e))
		one := batch.NewBatch(rows, 1, b.Finish())
		err := w.Write(ctx, one)
		one.Release()
		if err != nil {
			return err
		}
		sealed, err := w.Seal(int64(e))
		if err != nil {
			return err
		}
		p, err := sealed.Finish(ctx)
		if err != nil {
			return err
		}
		select {
		case out <- p:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// verify reads the table with the oracle: each number once, each epoch once.
func verify(r *measure.Report, path string, commits int) error {
	t, err := oracle.Replay(path)
	if err != nil {
		return err
	}
	seen := map[int64]int{}
	err = t.Rows(func(_ oracle.File, _ int64, v map[string]any) error {
		n, ok := v["n"].(int64)
		if !ok {
			return errors.New("bench: column n is not a number")
		}
		seen[n]++
		return nil
	})
	if err != nil {
		return err
	}
	for n := int64(1); n <= int64(commits); n++ {
		if seen[n] != 1 {
			r.Fault(fmt.Sprintf("%s: the row of epoch %d is there %d times", filepath.Base(path), n, seen[n]))
		}
	}
	if len(seen) != commits {
		r.Fault(fmt.Sprintf("%s: %d rows, there should be %d", filepath.Base(path), len(seen), commits))
	}
	findings, err := oracle.CheckLedger(path, flow, path)
	for _, f := range findings {
		r.Fault(f.String())
	}
	return err
}
