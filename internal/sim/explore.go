package sim

import (
	"fmt"
	"os"
	"time"

	"github.com/deltaic/deltaic/actors"
)

func (w *World) drawSetting() setting {
	s := setting{parallelism: []int{1, 2, 7}[w.intn(3)], wide: w.Shape != Single && w.chance(8), rows: []int{4, 16, 256}[w.intn(3)],
		limit: []int64{0, 0, 20, 60}[w.intn(4)], interval: []string{"3", "10", "100"}[w.intn(3)]}
	s.trigger.Kind = []actors.TriggerKind{actors.TriggerDefault, actors.TriggerProcessingTime, actors.TriggerProcessingTime, actors.TriggerAvailableNow, actors.TriggerOnce}[w.intn(5)]
	if s.trigger.Kind == actors.TriggerProcessingTime && w.chance(2) {
		s.trigger.Interval = time.Second
	}
	return s
}

// Explore runs the world of a seed: processes with everything that the seed
// does to them, one after the other and beside each other, then a last one in peace,
// and judges at random moments and at the end.
func Explore(seed uint64, log func(string)) *Result {
	return explore(seed, log, nil)
}

// ExploreBucket is Explore with all objects in a bucket.
func ExploreBucket(seed uint64, log func(string)) *Result { return explore(seed, log, newBucket(seed)) }

func explore(seed uint64, log func(string), b *Bucket) *Result {
	shape := Explored[seed%uint64(len(Explored))]
	w := newWorld(seed, shape)
	w.Log, w.bucket = log, b
	r := &Result{Seed: seed, Shape: shape}
	folder, err := os.MkdirTemp("", "deltaic-sim-")
	if err != nil {
		r.Problem = err.Error()
		return r
	}
	defer os.RemoveAll(folder)
	w.Folder = folder
	for range 2 + w.intn(5) {
		if r.Problem = w.round(); r.Problem != "" {
			break
		}
	}
	w.finish(w.drawSetting(), r)
	return r
}

// round starts a process and lets it run, until something has become of it.
func (w *World) round() string {
	w.reweigh()
	w.Power = w.chance(2)
	w.panics = []int{0, 0, 0, 300}[w.intn(4)]
	w.fetchRows = []int{3, 12, 40}[w.intn(3)]
	w.produce(60)
	p := w.start(w.drawSetting())
	p.harm = w.draw()
	budget := 300 + int(w.intn(3000))
	for range budget {
		if p.gone() {
			break
		}
		if w.chance(300) {
			w.produce(10)
		}
		if !w.step() {
			break
		}
	}
	if !p.gone() {
		w.part(p)
	}
	if w.odd != "" {
		return w.odd
	}
	w.bury()
	if w.chance(3) {
		v, err := w.judge(false)
		if err != nil || !v.OK() {
			return fmt.Sprintf("in between: %v %v", err, v.Findings)
		}
	}
	return ""
}

// part ends what a process still does: asked to stop, killed, cut, or left
// running beside its successor.
func (w *World) part(p *process) {
	switch w.intn(4) {
	case 0:
		w.trace("process %d: is asked to stop", p.id)
		p.carryOut(p.job.Stop(w.now))
		for range 20_000 {
			if p.gone() || !w.step() {
				break
			}
		}
	case 1:
		w.trace("process %d: killed", p.id)
		w.count("kill")
		p.faulted = true
		p.fs.Kill()
	case 2:
		w.cut("in between")
	default:
		if w.chance(2) || len(w.processes) > 2 {
			p.fs.Kill()
			return
		}
		w.trace("process %d: goes on beside its successor", p.id)
		w.count("zombie")
	}
}
