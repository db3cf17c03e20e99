package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/actors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/internal/crash/judge"
	"github.com/deltaic/deltaic/internal/crash/model"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/faulty"
	"github.com/deltaic/deltaic/objstore/local"
)

// World is one run: a broker, a disk, and processes that come and go. One
// goroutine runs it, and the seed alone says what happens next.
type World struct {
	Seed  uint64
	Shape Shape

	random    *rand.Rand
	now       time.Time
	disk      *Disk
	bucket    *Bucket // nil: objects lie on the disk
	broker    *Broker
	processes []*process
	started   int
	weights   [categories]int
	steps     int
	epochs    int
	panics    int // one delivery in so many panics, 0 none
	fetchRows int
	quiet     bool // faults have ended
	uniques   int
	panicked  string // a panic that nobody injected
	odd       string // a failure that nothing explains

	// Fired counts what happened, by name.
	Fired map[string]int
	// Log, if not nil, is told what happens.
	Log    func(string)
	Folder string // for judging; made and removed by the world

	// Decide, if not nil, is asked before the seed's own faults.
	Decide func(p *process, op Op) Fate
	Cut    int // percent of unsynced data kept by a power cut; -1: drawn
	Power  bool
}

// Result is what became of a run.
type Result struct {
	Seed     uint64
	Shape    Shape
	Verdict  *judge.Verdict
	Steps    int
	Epochs   int
	Attempts int
	Fired    map[string]int
	Problem  string // "" if all is well
}

func newWorld(seed uint64, shape Shape) *World {
	w := &World{Seed: seed, Shape: shape, random: rand.New(rand.NewPCG(seed, 0x5eed)), now: time.Unix(1_700_000_000, 0), disk: NewDisk(), Fired: map[string]int{}, fetchRows: 12, Cut: -1}
	m := model.Model{Seed: seed, Splits: 1 + int(w.intn(4)), Duplicates: 150, Controls: 40}
	if shape == Three {
		m.Broken = 60
	}
	m.Timed = shape.overTime()
	w.broker = &Broker{Model: m, Ends: make([]int64, m.Splits)}
	w.reweigh()
	return w
}

func (w *World) intn(n int64) int64 { return w.random.Int64N(n) }

// chance is true once in n times; never if n is 0.
func (w *World) chance(n int) bool { return n > 0 && w.random.IntN(n) == 0 }

func (w *World) count(what string) { w.Fired[what]++ }

func (w *World) trace(format string, args ...any) {
	if w.Log != nil {
		w.Log(fmt.Sprintf("%6d %s ", w.steps, w.now.UTC().Format("15:04:05.000")) + fmt.Sprintf(format, args...))
	}
}

// reweigh makes some kinds of events fast and others slow: a slow sink, late
// I/O, starved readers.
func (w *World) reweigh() {
	for i := range w.weights {
		w.weights[i] = []int{1, 8, 8, 8, 64}[w.intn(5)]
	}
}

// Read makes the world the source of randomness of the tables.
func (w *World) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(w.random.Uint32())
	}
	return len(b), nil
}

var _ io.Reader = (*World)(nil)

// produce adds offsets to the splits.
func (w *World) produce(most int64) {
	for i := range w.broker.Ends {
		w.broker.Ends[i] += w.intn(most + 1)
	}
}

// start starts a process with the setting.
func (w *World) start(s setting) *process {
	w.started++
	p := &process{world: w, id: w.started, fs: &FS{disk: w.disk, phase: "start"}}
	if w.bucket != nil {
		p.requests = &requests{w: w, p: p, b: w.bucket}
	}
	for _, other := range w.processes {
		if !other.gone() {
			other.rivaled, p.rivaled = true, true
		}
	}
	p.fs.Decide = func(op Op) Fate { return w.fate(p, op) }
	p.fs.Died = func(op Op, f Fate) { w.died(p, op, f) }
	s.shape = w.Shape
	o := outside{broker: w.broker, stores: func(folder string) objstore.Store { return w.store(p, folder) },
		table:  delta.Options{Now: func() time.Time { return w.now }, Random: w, Sleep: w.sleep, Syncs: 1},
		unique: func() string { w.uniques++; return "u" + strconv.Itoa(w.uniques) },
		now:    func() time.Time { return w.now }, sleep: w.sleep, jitter: w.random.Float64}
	w.processes = append(w.processes, p)
	c, err := configure(context.Background(), s, o)
	if err != nil {
		w.trace("process %d: cannot start: %v", p.id, err)
		p.ended, p.err = true, err
		return p
	}
	p.config = c
	p.job = actors.NewJob(c.Trigger, c.Policy, c.Jitter)
	w.trace("process %d: starts with %+v", p.id, s)
	p.carryOut(p.job.Begin())
	return p
}

func (w *World) sleep(_ context.Context, d time.Duration) error {
	w.now = w.now.Add(d)
	return nil
}

// store is a folder of the disk as the process sees it, with the replies of
// conditional writes lost and repeated by chance.
func (w *World) store(p *process, folder string) objstore.Store {
	if w.bucket != nil {
		return w.inBucket(p, folder)
	}
	s, err := local.New(folder, local.Options{FS: p.fs, Random: w})
	if err != nil {
		panic(err)
	}
	hook := func(_ context.Context, _ faulty.Kind, name string) error {
		p.fs.object = folder + "/" + name
		return nil
	}
	return faulty.Wrap(s, faulty.Options{Hook: hook, Decide: func(o faulty.Op) faulty.Fault {
		if w.quiet || w.Decide != nil || o.Kind != faulty.PutIfAbsent || !w.chance(40) {
			return faulty.None
		}
		f := []faulty.Fault{faulty.LoseReply, faulty.LoseReply, faulty.LoseRequest, faulty.Repeat}[w.intn(4)]
		p.faulted = true
		w.count(f.String())
		w.trace("process %d: %s of %s", p.id, f, o)
		return f
	}})
}

// died is told at the moment of a process's death.
func (w *World) died(p *process, op Op, f Fate) {
	p.faulted = true
	when := map[Fate]string{Before: "before", After: "after"}[f]
	if !w.Power || p.plain {
		w.trace("process %d: killed %s %s", p.id, when, op)
		w.count("kill")
		return
	}
	w.cut(fmt.Sprintf("%s %s of process %d", when, op, p.id))
}

// cut is a power cut: every process dies and what was not synced may be gone.
func (w *World) cut(why string) {
	percent := w.Cut
	if percent < 0 {
		percent = []int{0, 0, 25, 50, 75, 100}[w.intn(6)]
	}
	w.trace("power cut %s, %d%% of what was not synced stays", why, percent)
	w.count("power-cut")
	for _, p := range w.processes {
		if !p.gone() {
			p.faulted = true
		}
		p.fs.Kill()
	}
	w.disk.PowerCut(percent, w.random.Uint64())
	// The old disk goes on to serve the calls of the dead, which see nothing but errors.
	w.disk = &Disk{w.disk.mem}
}

// step lets one thing happen in one of the processes, or time pass. It is
// false if nothing is left to happen.
func (w *World) step() bool {
	w.steps++
	var list []event
	for _, p := range w.processes {
		list = p.events(list)
	}
	if len(list) == 0 {
		return w.pass()
	}
	w.now = w.now.Add(time.Duration(w.intn(2000)) * time.Microsecond)
	total := 0
	for _, e := range list {
		total += w.weights[e.category]
	}
	draw := int(w.intn(int64(total)))
	for _, e := range list {
		if draw -= w.weights[e.category]; draw < 0 {
			e.happen()
			break
		}
	}
	return true
}

// pass moves the clock to the next time that somebody waits for.
func (w *World) pass() bool {
	next := time.Time{}
	for _, p := range w.processes {
		if !p.gone() && !p.busy && !p.wake.IsZero() && (next.IsZero() || p.wake.Before(next)) {
			next = p.wake
		}
	}
	if next.IsZero() {
		return false
	}
	if next.After(w.now) {
		w.now = next
	}
	return true
}

// export writes what is committed to the folder.
func (w *World) export() error {
	if w.bucket != nil {
		return w.bucket.Export(w.Folder)
	}
	return w.disk.Export(root, w.Folder)
}

// judge looks at what is committed now.
func (w *World) judge(final bool) (*judge.Verdict, error) {
	if err := os.RemoveAll(w.Folder); err != nil {
		return nil, err
	}
	if err := w.export(); err != nil {
		return nil, err
	}
	c := judged(w.Shape, w.Folder, w.broker)
	if final {
		c.End = w.broker.Ends
	}
	v := judge.Check(c, final)
	if final && v.OK() {
		err := w.sound(v)
		return v, err
	}
	return v, nil
}

// sound holds every table against what the engine's own check of tables finds: the crash left nothing that it calls wrong.
func (w *World) sound(v *judge.Verdict) error {
	logs, err := filepath.Glob(filepath.Join(w.Folder, "*", "*", "_delta_log"))
	for _, log := range logs {
		store, err := local.New(filepath.Dir(log), local.Options{})
		if err != nil {
			return err
		}
		for f, err := range delta.Open(store, delta.Options{}).Check(context.Background(), delta.CheckOptions{Deep: true}) {
			if err != nil {
				return err
			}
			if !f.Harmless {
				v.Findings = append(v.Findings, fmt.Sprintf("fsck of %s: %s %s: %s", filepath.Dir(log), f.Kind, f.Path, f.Message))
			}
		}
	}
	return err
}

// unexplained notes a failure of a process to which nothing was done. To be fenced
// takes a rival: a lost reply does not explain it.
func (w *World) unexplained(p *process, err error) {
	if err == nil || p.rivaled || (p.faulted || p.harmed.Load()) && !errors.Is(err, epochs.ErrFenced) || w.odd != "" {
		return
	}
	w.odd = fmt.Sprintf("process %d, to which nothing was done, failed: %v", p.id, err)
}

// bury gives back what dead processes hold.
func (w *World) bury() {
	alive := w.processes[:0]
	for _, p := range w.processes {
		if p.gone() && !p.busy {
			p.close()
		} else {
			alive = append(alive, p)
		}
	}
	w.processes = alive
}

// settle starts a process that has nothing against it and lets it run to the
// end of what there is: whatever happened before, this must succeed.
func (w *World) settle(s setting) error {
	w.quiet, w.panics = true, 0
	for _, p := range w.processes {
		p.fs.Kill()
	}
	w.bury()
	s.trigger = actors.Trigger{Kind: actors.TriggerAvailableNow}
	p := w.start(s)
	for limit := w.steps + 200_000; !p.gone(); {
		if !w.step() {
			return fmt.Errorf("the last process waits for nothing and is not at the end")
		}
		if w.steps > limit {
			return fmt.Errorf("the last process has not come to the end in 200,000 steps")
		}
	}
	if p.err != nil {
		return fmt.Errorf("the last process, with nothing against it, ended: %w", p.err)
	}
	for _, i := range p.config.Plan.Graph.Sinks() {
		if err := p.config.Plan.Graph.Steps[i].Sink.Close(); err != nil {
			return err
		}
	}
	if used, lent := p.config.Account.Used(), p.config.Pool.Lent(); used != 0 || lent != 0 {
		return fmt.Errorf("%d bytes are still charged to memory at the end, %d columns lent", used, lent)
	}
	return nil
}

// finish settles the world and judges it.
func (w *World) finish(s setting, r *Result) {
	var problems []string
	if err := w.settle(s); err != nil {
		problems = append(problems, err.Error())
	}
	w.bury()
	if w.bucket != nil {
		for _, key := range w.bucket.left("") {
			if strings.Contains(key, "/state/") || strings.Contains(key, "/manifests/") {
				problems = append(problems, "an upload of the dead is left: "+key)
			}
		}
		for what, n := range w.bucket.fired {
			w.Fired[what] += n
		}
	}
	v, err := w.judge(true)
	if err != nil {
		problems = append(problems, err.Error())
	} else {
		r.Verdict = v
		problems = append(problems, v.Findings...)
	}
	if w.odd != "" {
		problems = append(problems, w.odd)
	}
	if w.panicked != "" {
		problems = append(problems, "panic: "+w.panicked)
	}
	r.Steps, r.Epochs, r.Fired, r.Attempts = w.steps, w.epochs, w.Fired, w.started
	if r.Problem == "" {
		r.Problem = strings.Join(problems, "\n  ")
	}
}
