package tables

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/benchmarks/measure"
)

// side is what one of them did in a case.
type side struct{ answers []Answer }

// compare runs a case on both sides in turn (A B B A), and on Spark where it is wanted, checks what each saw, and reports it.
func (s *suite) compare(ctx context.Context, name string, o Settings, want Answer) error {
	if !s.wants(name) {
		return nil
	}
	before, err := markOf(o.Path)
	if err != nil {
		return err
	}
	sides := map[string]*side{}
	for _, by := range s.turns(o.Do) {
		a, err := s.turn(ctx, name, by, o)
		if err != nil {
			return fmt.Errorf("%s by %s: %w", name, by, err)
		}
		if sides[by] == nil {
			sides[by] = &side{}
		}
		sides[by].answers = append(sides[by].answers, a)
		s.check(name, by, o.Do, a, want)
		if err := before.undo(); err != nil {
			return err
		}
	}
	bytes, err := dataBytes(o.Path)
	if err != nil {
		return err
	}
	ours := sides[deltaic]
	s.report.Metrics[name] = ours.numbers(o.Do, bytes)
	delete(sides, deltaic)
	for by, other := range sides {
		key := name
		switch engine, way, _ := strings.Cut(by, " "); {
		case engine == string(anchors.Spark):
			key += "_spark"
		case way != "":
			key += "_" + way
		}
		s.report.Anchors[key] = other.numbers(o.Do, bytes)
		if by != string(anchors.Spark) { // which runs once, from cold
			s.ratios(key, o.Do, ours, other)
		}
	}
	return nil
}

const deltaic = "Deltaic"

// turns says who does an operation when: an engine's name, with the way it goes about it if it has several.
func (s *suite) turns(do string) []string {
	rivals := []string{string(anchors.DeltaRS)}
	if do == "scan" {
		rivals = []string{"delta-rs dataset", "delta-rs query"} // through Arrow's dataset, and through its own engine
	}
	if s.kit == nil {
		rivals = nil
	}
	var out []string
	for range s.o.Rounds {
		out = append(out, deltaic)
		for _, r := range rivals {
			out = append(out, r, r)
		}
		out = append(out, deltaic)
	}
	if s.kit != nil && s.o.Spark {
		out = append(out, string(anchors.Spark))
	}
	return out
}

// turn has one of them do it once.
func (s *suite) turn(ctx context.Context, name, by string, o Settings) (a Answer, err error) {
	if by == deltaic {
		return s.own(ctx, name, o)
	}
	engine, way, _ := strings.Cut(by, " ")
	o.By = way
	err = s.kit.Do(ctx, anchors.Engine(engine), o, &a)
	return a, err
}

// own runs Deltaic's side in a process of its own.
func (s *suite) own(ctx context.Context, name string, o Settings) (Answer, error) {
	var a Answer
	if s.o.Profile != "" {
		folder, file := filepath.Split(s.o.Profile)
		o.Profile = filepath.Join(folder, name+"-"+file)
	}
	child, err := measure.StartChild(ctx, o, false, "bench", "worker", "tables")
	if err != nil {
		return a, err
	}
	return a, child.Finish(&a)
}

// check compares what a side saw with what is there.
func (s *suite) check(name, by, do string, got, want Answer) {
	fault := func(what string, got, want int64) {
		if got != want {
			s.report.Fault(fmt.Sprintf("%s: %s saw %s %d, there are %d", name, by, what, got, want))
		}
	}
	if do == "scan" {
		fault("rows", got.Rows, want.Rows)
		fault("sum of ids", got.Sum, want.Sum)
		return
	}
	fault("version", got.Version, want.Version)
	if do == "checkpoint" {
		return // whoever reads it counts what is in it
	}
	fault("files", got.Files, want.Files)
	fault("rows", got.Rows, want.Rows)
}

// series collects one number of every answer.
func (d *side) series(of func(a Answer) float64) []float64 {
	out := make([]float64, len(d.answers))
	for i, a := range d.answers {
		out[i] = of(a)
	}
	return out
}

// each collects the seconds of all further steps.
func (d *side) each() []float64 {
	var out []float64
	for _, a := range d.answers {
		out = append(out, a.Each...)
	}
	return out
}

func seconds(a Answer) float64 { return a.Seconds }
func known(a Answer) float64   { return a.Seconds + a.Told }
func peak(a Answer) float64    { return float64(a.Peak) }
func grown(a Answer) float64   { return float64(a.Peak - a.Start) }

func (d *side) numbers(do string, bytes int64) map[string]any {
	out := map[string]any{"engine": d.answers[0].Engine, "peak_rss_bytes": measure.SpreadOf(d.series(peak)), "start_rss_bytes": d.answers[0].Start}
	switch do {
	case "open":
		out["open_seconds"], out["open_and_count_seconds"] = measure.SpreadOf(d.series(seconds)), measure.SpreadOf(d.series(known))
		out["cpu_seconds"] = measure.SpreadOf(d.series(func(a Answer) float64 { return a.CPU }))
	case "refresh":
		out["refresh_seconds"] = measure.SpreadOf(d.each())
	case "append":
		out["open_and_append_seconds"], out["append_seconds"] = measure.SpreadOf(d.series(seconds)), measure.SpreadOf(d.each())
	case "checkpoint":
		out["checkpoint_seconds"] = measure.SpreadOf(d.series(seconds))
	case "scan":
		out["rows_per_second"] = measure.SpreadOf(d.series(func(a Answer) float64 { return float64(a.Rows) / a.Seconds }))
		out["rows_per_cpu_second"] = measure.SpreadOf(d.series(perCore))
		out["megabytes_per_cpu_second"] = measure.SpreadOf(d.series(func(a Answer) float64 { return float64(bytes) / 1e6 / a.CPU }))
	}
	return out
}

func perCore(a Answer) float64 { return float64(a.Rows) / a.CPU }

// ratios adds what Deltaic takes as a share of what delta-rs takes; of rates, how many times its own is theirs.
func (s *suite) ratios(key, do string, ours, theirs *side) {
	put := func(what string, a, b []float64) {
		q := measure.SpreadOf(measure.Ratios(a, b))
		s.report.Ratios[key+"_"+what+"_to_deltars"] = measure.Round(q.Median)
	}
	put("peak_rss", ours.series(peak), theirs.series(peak))
	put("grown_rss", ours.series(grown), theirs.series(grown))
	switch do {
	case "open":
		put("seconds", ours.series(seconds), theirs.series(seconds))
		put("and_count_seconds", ours.series(known), theirs.series(known))
	case "refresh":
		put("seconds", ours.each(), theirs.each())
	case "append":
		put("first_seconds", ours.series(seconds), theirs.series(seconds))
		put("seconds", ours.each(), theirs.each())
	case "checkpoint":
		put("seconds", ours.series(seconds), theirs.series(seconds))
	case "scan":
		put("rows_per_second", ours.series(func(a Answer) float64 { return float64(a.Rows) / a.Seconds }), theirs.series(func(a Answer) float64 { return float64(a.Rows) / a.Seconds }))
		put("rows_per_cpu_second", ours.series(perCore), theirs.series(perCore))
	}
}

// dataBytes is the size of a table's data files, 0 if it has none.
func dataBytes(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".parquet" || strings.Contains(path, string(os.PathSeparator)+"_delta_log"+string(os.PathSeparator)) {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}
