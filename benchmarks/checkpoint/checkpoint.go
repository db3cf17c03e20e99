package checkpoint

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/deltaic/deltaic/benchmarks/keyed"
	"github.com/deltaic/deltaic/benchmarks/measure"
)

// Options are the settings of a run. The zero value of a field means its default.
type Options struct {
	Keys    int           // default 10 000 000
	Small   int           // keys of the run that growth is told against; default 100 000
	Rate    float64       // updates a second; default 200 000
	Epoch   time.Duration // default 1 s
	Stretch time.Duration // how long each stretch of load is; default 10 s
	Rounds  int           // of with, without, without, with, and the same as fast as it goes; default 2
	Dir     string        // a folder on the disk to measure; default the folder for temporary files
	Profile string        // file for a profile of processor time of the large run
}

func (o *Options) defaults() {
	set := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	set(&o.Keys, 10_000_000)
	set(&o.Small, 100_000)
	set(&o.Rounds, 2)
	if o.Rate <= 0 {
		o.Rate = 200_000
	}
	if o.Epoch <= 0 {
		o.Epoch = time.Second
	}
	if o.Stretch <= 0 {
		o.Stretch = 10 * time.Second
	}
}

// Run runs the suite. The report says what was wrong; the error is of what kept it from running.
func Run(ctx context.Context, o Options) (*measure.Report, error) {
	o.defaults()
	dir, err := os.MkdirTemp(o.Dir, "deltaic-checkpoint-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	worker := func(keys int, compared bool, profile string) (*Result, error) {
		s := Settings{Place: keyed.Place{Dir: filepath.Join(dir, fmt.Sprint(keys)), Profile: profile}, Keys: keys, Rate: o.Rate, Epoch: o.Epoch, Stretch: o.Stretch, Rounds: o.Rounds,
			Compared: compared}
		child, err := measure.StartChild(ctx, s, false, "bench", "worker", "checkpoint")
		if err != nil {
			return nil, err
		}
		var r Result
		if err := child.Finish(&r); err != nil {
			return nil, err
		}
		return &r, os.RemoveAll(s.Dir)
	}
	small, err := worker(o.Small, false, "")
	if err != nil {
		return nil, err
	}
	large, err := worker(o.Keys, true, o.Profile)
	if err != nil {
		return nil, err
	}
	return report(o, small, large), nil
}

// series collects one number of each cost, or of each epoch.
func series(costs []keyed.Cost, of func(c keyed.Cost) float64) []float64 {
	out := make([]float64, len(costs))
	for i, c := range costs {
		out[i] = of(c)
	}
	return out
}

func joined(costs []keyed.Cost, of func(c keyed.Cost) []float64) []float64 {
	var out []float64
	for _, c := range costs {
		out = append(out, of(c)...)
	}
	return out
}

// epochs returns how long each epoch took until it was durable, and its anchor, in milliseconds.
func epochs(costs []keyed.Cost) (durable, anchor []float64) {
	for _, c := range costs {
		for _, d := range c.Durable {
			durable, anchor = append(durable, d.Seconds*1e3), append(anchor, d.Anchor*1e3)
		}
	}
	return durable, anchor
}

func report(o Options, small, large *Result) *measure.Report {
	r := measure.NewReport("checkpoint", "count-and-sum")
	r.Faults = append(small.Faults, large.Faults...)
	r.Verified = len(r.Faults) == 0
	for name, v := range map[string]any{"keys": o.Keys, "small_keys": o.Small, "updates_per_second": o.Rate, "epoch_seconds": o.Epoch.Seconds(),
		"stretch_seconds": o.Stretch.Seconds(), "rounds": o.Rounds} {
		r.Settings[name] = v
	}
	task := func(c keyed.Cost) float64 { return c.Task / float64(c.Updates) * 1e9 }
	beside := func(c keyed.Cost) float64 { return c.Beside / c.Seconds }
	with, without := series(large.With, task), series(large.Without, task)
	r.Metrics["task_ns_per_update"], r.Anchors["task_ns_per_update_without_epochs"] = measure.SpreadOf(with), measure.SpreadOf(without)
	r.Metrics["background_cpu_share"], r.Anchors["background_cpu_share_without_epochs"] = measure.SpreadOf(series(large.With, beside)), measure.SpreadOf(series(large.Without, beside))
	spread(r, "task_cpu_to_without_epochs", measure.Ratios(with, without))
	fast := func(c keyed.Cost) float64 { return float64(c.Updates) / c.Seconds }
	quick, alone := series(large.Fast, fast), series(large.FastAlone, fast)
	r.Metrics["saturated_updates_per_second"], r.Anchors["saturated_updates_per_second_without_epochs"] = measure.SpreadOf(quick), measure.SpreadOf(alone)
	spread(r, "saturated_to_without_epochs", measure.Ratios(quick, alone))
	latencies(r, large)
	durable(r, small, large)
	r.Metrics["state_bytes_per_key"] = measure.Round(float64(large.Charged) / float64(large.Keys))
	r.Metrics["resident_bytes_per_key"] = measure.Round(float64(large.Resident) / float64(large.Keys))
	return r
}

func spread(r *measure.Report, name string, quotients []float64) {
	s := measure.SpreadOf(quotients)
	r.Ratios[name], r.Ratios[name+"_min"], r.Ratios[name+"_max"] = measure.Round(s.Median), measure.Round(s.Least), measure.Round(s.Most)
}

// latencies tells how long updates took from when they were due until they were applied, and how long the task stood still.
func latencies(r *measure.Report, large *Result) {
	applied := func(c keyed.Cost) []float64 { return c.Applied }
	with, without := joined(large.With, applied), joined(large.Without, applied)
	for name, q := range map[string]float64{"p50": 0.5, "p99": 0.99} {
		r.Metrics["applied_"+name+"_ms"] = measure.Round(measure.Quantile(with, q))
		r.Anchors["applied_"+name+"_ms_without_epochs"] = measure.Round(measure.Quantile(without, q))
	}
	r.Metrics["applied_p99_more_ms"] = measure.Round(measure.Quantile(with, 0.99) - measure.Quantile(without, 0.99))
	r.Metrics["pause_ms"] = measure.SpreadOf(joined(large.With, func(c keyed.Cost) []float64 { return c.Pauses }))
	r.Metrics["pause_saturated_ms"] = measure.SpreadOf(joined(large.Fast, func(c keyed.Cost) []float64 { return c.Pauses }))
}

// durable tells how long epochs took from their barrier until they were decided.
func durable(r *measure.Report, small, large *Result) {
	took, anchor := epochs(large.With)
	before, _ := epochs(small.With)
	for name, q := range map[string]float64{"p50": 0.5, "p99": 0.99} {
		l, a, s := measure.Quantile(took, q), measure.Quantile(anchor, q), measure.Quantile(before, q)
		r.Metrics["durable_"+name+"_ms"], r.Anchors["durable_creates_"+name+"_ms"] = measure.Round(l), measure.Round(a)
		r.Metrics["durable_"+name+"_ms_small"] = measure.Round(s)
		r.Ratios["durable_"+name+"_to_durable_creates"], r.Ratios["durable_"+name+"_growth"] = measure.Round(l/a), measure.Round(l/s)
	}
	r.Metrics["epochs"] = len(took)
	r.Metrics["change_bytes"] = measure.SpreadOf(joined(large.With, func(c keyed.Cost) []float64 {
		var sizes []float64
		for _, d := range c.Durable {
			sizes = append(sizes, float64(d.Bytes))
		}
		return sizes
	}))
}
