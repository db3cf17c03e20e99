package recover

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/benchmarks/measure"
)

// Options are the settings of a run. The zero value of a field means its default.
type Options struct {
	Keys        int64         // rounded up to a multiple of 512; default 18 750 000: about 1 GB of state in memory
	Kills       int           // default 50
	Rate        float64       // rows a second; default 100 000
	MemoryLimit int64         // memory_limit of the flow; 0: none
	Seed        uint64        // of the moments; default 1
	Settle      time.Duration // how long the flow runs before the first kill, once the keys are there; default 30 s
	Dir         string        // a folder on the disk to measure; default the folder for temporary files
}

func (o *Options) defaults() {
	if o.Keys <= 0 {
		o.Keys = 18_750_000
	}
	o.Keys = (o.Keys + sampled - 1) / sampled * sampled
	if o.Kills <= 0 {
		o.Kills = 50
	}
	if o.Rate <= 0 {
		o.Rate = 100_000
	}
	if o.Settle <= 0 {
		o.Settle = 30 * time.Second
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
}

// early is how many kills it takes until one comes before the first rows: it is not measured, and what it leaves is.
const early = 5

// run is one run of the suite.
type run struct {
	o           Options
	s           Settings
	law         law
	random      *rand.Rand
	report      *measure.Report
	durable     *anchors.Durable
	version     int64 // of the table, the newest seen
	position    int64 // of the table, as it was verified last
	differences int

	first, process, creates []float64 // milliseconds
}

// Run runs the suite. The report says what was wrong; the error is of what kept it from running.
func Run(ctx context.Context, o Options) (*measure.Report, error) {
	o.defaults()
	dir, err := os.MkdirTemp(o.Dir, "deltaic-recover-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r := &run{o: o, s: Settings{Dir: dir, Keys: o.Keys, Rate: o.Rate, MemoryLimit: o.MemoryLimit}, law: newLaw(o.Keys), version: -1,
		random: rand.New(rand.NewPCG(o.Seed, 1)), report: measure.NewReport("recover", "kill-9")}
	if r.durable, err = anchors.NewDurable(dir); err != nil {
		return nil, err
	}
	defer r.durable.Close()
	if err := r.load(ctx); err != nil {
		return nil, err
	}
	for kill := range o.Kills {
		if err := r.kill(ctx, kill%early == early-1); err != nil {
			return nil, fmt.Errorf("kill %d: %w", kill+1, err)
		}
		if err := r.verify(fmt.Sprintf("kill %d", kill+1)); err != nil {
			return nil, err
		}
		if err := r.anchors(ctx); err != nil {
			return nil, err
		}
	}
	return r.report, r.end(ctx)
}

// load makes all keys, lets the flow run for a while and stops it cleanly.
func (r *run) load(ctx context.Context) error {
	child, err := measure.StartChild(ctx, r.s, false, "bench", "worker", "recover")
	if err != nil {
		return err
	}
	var l Loaded
	if err := child.Answer(&l); err != nil {
		return err
	}
	time.Sleep(r.o.Settle) // what came in faster than it is kept going is folded and merged
	if _, err := child.Close(); err != nil {
		return err
	}
	return r.verify("load")
}

// kill starts the flow, waits for its first rows, and kills it some time later; an early kill comes before.
func (r *run) kill(ctx context.Context, early bool) error {
	before, err := r.look(ctx)
	if err != nil {
		return err
	}
	begun := time.Now()
	child, err := measure.StartChild(ctx, r.s, false, "bench", "worker", "recover")
	if err != nil {
		return err
	}
	if early {
		time.Sleep(time.Duration(r.random.Int64N(int64(300 * time.Millisecond))))
		return child.Kill()
	}
	at, err := r.seen(ctx, before)
	if err != nil {
		_ = child.Kill()
		return err
	}
	r.first = append(r.first, at.Sub(begun).Seconds()*1e3)
	time.Sleep(time.Duration(r.random.Int64N(int64(1500 * time.Millisecond))))
	return child.Kill()
}

// anchors measures the start of the same program when it has nothing to do, and what the disk takes for the files of a first
// epoch: the claim, a change file, the manifest, its entry, staged rows, a file of rows and the version of the table.
func (r *run) anchors(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	begun := time.Now()
	_ = exec.CommandContext(ctx, self, "bench", "worker", "nothing").Run()
	r.process = append(r.process, time.Since(begun).Seconds()*1e3)
	took, err := r.durable.Chain(1024, 128<<10, 16<<10, 2048, 4096, 16<<10, 1024)
	r.creates = append(r.creates, took.Seconds()*1e3)
	return err
}

func (r *run) verify(when string) error {
	position, differences, err := r.law.table(r.s.table())
	if err != nil {
		return err
	}
	if position < r.position {
		r.report.Fault(fmt.Sprintf("%s: the table holds what %d rows come to, it held what %d did", when, position, r.position))
	}
	if differences > 0 {
		r.report.Fault(fmt.Sprintf("%s: %d rows of the table are not what %d rows of input come to", when, differences, position))
	}
	r.position = position
	r.differences += differences
	return nil
}

// end verifies all of the state.
func (r *run) end(ctx context.Context) error {
	position, differences, err := r.law.stored(ctx, r.s.checkpoint())
	if err != nil {
		return err
	}
	if differences > 0 || position < r.position {
		r.report.Fault(fmt.Sprintf("%d keys of the state are not what %d rows of input come to; the table has %d", differences, position, r.position))
	}
	disk, err := measure.DiskBytes(filepath.Join(r.s.Dir, "checkpoint"))
	if err != nil {
		return err
	}
	m := r.report
	m.Verified = len(m.Faults) == 0
	m.Settings["keys"], m.Settings["kills"], m.Settings["rows_per_second"], m.Settings["memory_limit"] = r.o.Keys, r.o.Kills, r.o.Rate, r.o.MemoryLimit
	m.Settings["settle_seconds"] = r.o.Settle.Seconds()
	m.Metrics["first_rows_ms"], m.Metrics["first_rows_p99_ms"] = measure.SpreadOf(r.first), measure.Round(measure.Quantile(r.first, 0.99))
	m.Metrics["differences"], m.Metrics["rows"], m.Metrics["checkpoint_bytes"] = r.differences+differences, position, disk
	m.Anchors["process_that_does_nothing_ms"], m.Anchors["seven_durable_creates_ms"] = measure.SpreadOf(r.process), measure.SpreadOf(r.creates)
	m.Ratios["to_process_and_creates"] = measure.Round(measure.Quantile(r.first, 0.5) / (measure.Quantile(r.process, 0.5) + measure.Quantile(r.creates, 0.5)))
	return nil
}
