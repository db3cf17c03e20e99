package rates

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/benchmarks/trial"
)

// subject is a case: a flow whose rate is measured, and who does the same beside it.
type subject struct {
	name   string
	events uint64
	run    func(context.Context) (trial.Run, error)
	rival  func() (cpu float64, err error) // DuckDB; nil: it is not there or has no answer
	faults []string

	perCPU, perSecond, rivals []float64
	last                      trial.Run
}

// compare names two subjects whose rates are divided.
type compare struct{ over, under string }

// rounds runs all subjects, each beside its rival, forwards and backwards. The first pass is not timed.
func rounds(ctx context.Context, subjects []*subject, n int) error {
	for i := range 2*n + 1 {
		order := slices.Clone(subjects)
		if i%2 == 0 {
			slices.Reverse(order)
		}
		for _, s := range order {
			if err := s.once(ctx, i%2 == 0, i > 0); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return nil
}

func (s *subject) once(ctx context.Context, rivalFirst, timed bool) error {
	steps := []func(context.Context, bool) error{s.flow, s.beside}
	if rivalFirst {
		slices.Reverse(steps)
	}
	for _, step := range steps {
		if err := step(ctx, timed); err != nil {
			return err
		}
	}
	return nil
}

func (s *subject) flow(ctx context.Context, timed bool) error {
	runtime.GC() // what earlier runs left is not this one's cost
	r, err := s.run(ctx)
	if err != nil || !timed {
		return err
	}
	s.last = r
	s.perCPU = append(s.perCPU, float64(s.events)/r.CPU)
	s.perSecond = append(s.perSecond, float64(s.events)/r.Seconds)
	return nil
}

func (s *subject) beside(_ context.Context, timed bool) error {
	if s.rival == nil {
		return nil
	}
	cpu, err := s.rival()
	if err == nil && timed {
		s.rivals = append(s.rivals, float64(s.events)/cpu)
	}
	return err
}

// report runs the subjects and tells what came out.
func report(ctx context.Context, suite string, o *Options, subjects []*subject, pairs []compare) (*measure.Report, error) {
	if err := rounds(ctx, subjects, o.Rounds); err != nil {
		return nil, err
	}
	name := "all"
	if len(o.Cases) == 1 {
		name = o.Cases[0]
	}
	r := measure.NewReport(suite, name)
	r.Settings["cases"], r.Settings["events"], r.Settings["tps"], r.Settings["seed"] = o.Cases, o.Events, o.TPS, o.Seed
	r.Settings["rounds"], r.Settings["parallelism"], r.Settings["epoch_seconds"] = o.Rounds, o.Parallelism, o.Epoch.Seconds()
	if anchors.FindDuckDB() == "" {
		r.Anchors["duckdb"] = "not installed: DELTAIC_DUCKDB names no program"
	}
	for _, s := range subjects {
		r.Metrics[s.name] = map[string]any{"events_per_cpu_second": measure.SpreadOf(s.perCPU), "events_per_second": measure.SpreadOf(s.perSecond),
			"events": s.events, "state_rows": s.last.StateRows, "state_bytes": s.last.StateBytes, "epochs": s.last.Epochs, "late_rows": s.last.Late}
		if len(s.rivals) > 0 {
			r.Anchors["duckdb_"+s.name+"_events_per_cpu_second"] = measure.SpreadOf(s.rivals)
			ratio(r, s.name+"_to_duckdb", s.perCPU, s.rivals)
		}
		for _, fault := range s.faults {
			r.Fault(fault)
		}
	}
	for _, p := range pairs {
		over, under := find(subjects, p.over), find(subjects, p.under)
		if over != nil && under != nil {
			ratio(r, p.over+"_to_"+p.under, over.perCPU, under.perCPU)
			ratio(r, p.over+"_to_"+p.under+"_by_the_clock", over.perSecond, under.perSecond)
		}
	}
	r.Verified = len(r.Faults) == 0
	return r, nil
}

func find(subjects []*subject, name string) *subject {
	for _, s := range subjects {
		if s.name == name {
			return s
		}
	}
	return nil
}

// ratio notes the quotients of two series of the run.
func ratio(r *measure.Report, name string, a, b []float64) {
	q := measure.SpreadOf(measure.Ratios(a, b))
	r.Ratios[name], r.Ratios[name+"_min"], r.Ratios[name+"_max"] = measure.Round(q.Median), measure.Round(q.Least), measure.Round(q.Most)
}
