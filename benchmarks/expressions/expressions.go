package expressions

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/benchmarks/measure"
)

// Options are the settings of a run. The zero value of a field means its default.
type Options struct {
	Cases   []string // of [Cases], by name; default all
	Rows    int      // default 10 000 000
	Rounds  int      // of ours, theirs, theirs, ours; default 3
	Seed    uint64
	Profile string // file for a profile of processor time of Deltaic's side
}

// suite is a run in progress.
type suite struct {
	o      Options
	dir    string
	report *measure.Report
	duck   *theirs // nil: not installed
}

// Run runs the suite. The report says what was wrong; the error is of what kept it from running.
func Run(ctx context.Context, o Options) (r *measure.Report, err error) {
	if o.Rows <= 0 {
		o.Rows = 10_000_000
	}
	if o.Rounds <= 0 {
		o.Rounds = 3
	}
	name := "all"
	if len(o.Cases) == 1 {
		name = o.Cases[0]
	}
	for _, c := range o.Cases {
		if !slices.Contains(names(), c) {
			return nil, fmt.Errorf("bench: there is no case %q; there are %q", c, names())
		}
	}
	dir, err := os.MkdirTemp("", "deltaic-expressions-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &suite{o: o, dir: dir, report: measure.NewReport("expressions", name)}
	for key, v := range map[string]any{"rows": o.Rows, "rounds": o.Rounds, "seed": o.Seed} {
		s.report.Settings[key] = v
	}
	if program := anchors.FindDuckDB(); program != "" {
		session, err := anchors.OpenSession(program)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, session.Close()) }()
		s.duck = &theirs{session}
	} else {
		s.report.Settings["anchors"] = "none: DELTAIC_DUCKDB does not name the program of benchmarks/duckdb; nothing was compared"
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // the collector does not get a processor of its own
	if err := s.kinds(ctx); err != nil {
		return nil, err
	}
	s.report.Verified = len(s.report.Faults) == 0
	return s.report, nil
}

// kinds runs the cases, table by table.
func (s *suite) kinds(ctx context.Context) error {
	stop, err := measure.Profile(s.o.Profile)
	if err != nil {
		return err
	}
	all := tables()
	for _, kind := range []string{"integer", "string", "date", "regex", "nested"} {
		var wanted []Case
		for _, c := range Cases() {
			if c.Kind == kind && (len(s.o.Cases) == 0 || slices.Contains(s.o.Cases, c.Name)) {
				wanted = append(wanted, c)
			}
		}
		if len(wanted) == 0 {
			continue
		}
		if err := s.kind(ctx, all[kind], wanted); err != nil {
			return errors.Join(err, stop())
		}
		debug.FreeOSMemory() // the next table needs the room
	}
	return stop()
}

func (s *suite) kind(ctx context.Context, t table, wanted []Case) error {
	batches := t.batches(s.o.Seed, s.o.Rows)
	runtime.GC()
	if s.duck != nil {
		if err := s.duck.load(s.dir, t.schema, batches); err != nil {
			return err
		}
	}
	for _, c := range wanted {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.compare(c, t, batches); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return nil
}

// compare runs a case on both sides in turn (A B B A), and has them look at the results once.
func (s *suite) compare(c Case, t table, batches []*batch.Batch) error {
	o, err := newOurs(c, t.schema)
	if err != nil {
		return err
	}
	mine, err := o.look(batches)
	if err != nil {
		return err
	}
	var own, other, read []float64
	rows := float64(s.o.Rows)
	for i := range 2 * s.o.Rounds {
		order := []bool{true, false}
		if i%2 == 1 {
			order = []bool{false, true}
		}
		for _, isOwn := range order {
			switch {
			case isOwn:
				count, cpu, err := o.run(batches)
				if err != nil {
					return err
				}
				s.counted(c, "Deltaic", count, mine)
				own = append(own, rows/cpu)
			case s.duck != nil:
				count, cpu, err := s.duck.run(c)
				if err != nil {
					return err
				}
				s.counted(c, "DuckDB", count, mine)
				scan, err := s.duck.scan(c)
				if err != nil {
					return err
				}
				other, read = append(other, rows/cpu), append(read, rows/max(cpu-scan, 1e-9))
			}
		}
	}
	s.tell(c, own, other, read)
	if s.duck == nil {
		return nil
	}
	hers, err := s.duck.look(c)
	if err == nil && hers != mine {
		s.report.Fault(fmt.Sprintf("%s: DuckDB has %d results with digest %d, Deltaic %d with %d", c.Name, hers.count, hers.digest, mine.count, mine.digest))
	}
	return err
}

func (s *suite) counted(c Case, by string, count int64, want seen) {
	if count != want.count {
		s.report.Fault(fmt.Sprintf("%s: %s counted %d results that are not null, there are %d", c.Name, by, count, want.count))
	}
}

// tell reports a case: rates are rows in a second of processor time.
func (s *suite) tell(c Case, own, other, net []float64) {
	numbers := func(rates []float64) map[string]any {
		spread := measure.SpreadOf(rates)
		return map[string]any{"rows_per_cpu_second": spread, "nanoseconds_per_row": measure.Round(1e9 / spread.Median)}
	}
	s.report.Metrics[c.Name] = numbers(own)
	if len(other) == 0 {
		return
	}
	s.report.Anchors[c.Name] = numbers(other)
	s.report.Ratios[c.Name] = measure.Round(measure.SpreadOf(measure.Ratios(own, other)).Median)
	s.report.Ratios[c.Name+"_net"] = measure.Round(measure.SpreadOf(measure.Ratios(own, net)).Median)
}
