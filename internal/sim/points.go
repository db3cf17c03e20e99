package sim

import (
	"fmt"
	"os"

	"github.com/deltaic/deltaic/actors"
)

// Death is how the world stops at a point.
type Death struct {
	After bool // the operation has happened
	Power bool // a power cut, not a kill of the process alone
	Cut   int  // percent of unsynced data that stays
}

// Deaths lists the ways to stop at a point.
var Deaths = []Death{{}, {After: true}, {Power: true}, {Power: true, After: true}, {Power: true, Cut: 50}, {Power: true, After: true, Cut: 50},
	{Power: true, Cut: 100}, {Power: true, After: true, Cut: 100}}

// Reference runs the flow as Stop does, without stopping it, and returns its
// durable operations: the points.
func Reference(seed uint64, shape Shape) ([]Op, *Result) {
	return runPoint(seed, shape, -1, Death{}, nil)
}

// Stop runs the flow, stops the world at the n-th durable operation, recovers, runs to the
// end and judges.
func Stop(seed uint64, shape Shape, n int, d Death, log func(string)) *Result {
	_, r := runPoint(seed, shape, n, d, log)
	return r
}

// halfDone is where the second process of a reference run dies: the epoch is decided and not in
// every table yet, or everything is durable and it is not decided.
func halfDone(shape Shape, op Op) bool {
	if shape == Three {
		return op.Phase == "commit" && op.Verb == "link"
	}
	return op.Phase == "decide" && op.Verb == "link"
}

// runPoint is: a process with a few epochs, its clean end; a second one that is killed half-way
// through an epoch; a third, whose recovery is part of the points. The last one ends
// what the crash left.
func runPoint(seed uint64, shape Shape, n int, d Death, log func(string)) (ops []Op, r *Result) {
	w := newWorld(seed, shape)
	w.Power, w.Cut, w.Log = d.Power, d.Cut, log
	r = &Result{Seed: seed, Shape: shape}
	folder, err := os.MkdirTemp("", "deltaic-sim-")
	if err != nil {
		r.Problem = err.Error()
		return nil, r
	}
	defer os.RemoveAll(folder)
	w.Folder = folder
	count := 0
	w.Decide = func(p *process, op Op) Fate {
		if w.quiet {
			return Passes
		}
		if p.id == 2 && p.epochs >= 1 && halfDone(shape, op) {
			p.plain = true
			return Before
		}
		count++
		op.N = count
		ops = append(ops, op)
		if count != n {
			return Passes
		}
		w.count("point " + op.Point())
		if d.After {
			return After
		}
		return Before
	}
	base := setting{parallelism: 2, rows: 8, interval: "2", limit: 24, trigger: actors.Trigger{Kind: actors.TriggerAvailableNow}}
	for round := range 3 {
		w.produce(60)
		s := base
		s.parallelism = []int{2, 1, 7}[round]
		p := w.start(s)
		for !p.gone() && w.step() {
		}
		died := len(ops) == n
		if !p.fs.Dead() && p.err != nil {
			r.Problem = fmt.Sprintf("process %d ended: %v", p.id, p.err)
			return ops, r
		}
		w.bury()
		if died {
			if v, err := w.judge(false); err != nil || !v.OK() {
				r.Verdict, r.Problem = v, fmt.Sprintf("after the crash, before recovery: %v %v", err, v.Findings)
				return ops, r
			}
			break
		}
	}
	w.finish(base, r)
	return ops, r
}
