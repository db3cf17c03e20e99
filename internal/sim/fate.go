package sim

// harm is what is going to be done to a process.
type harm struct {
	dieAt  int // number of its durable operation, 0 never
	after  bool
	failAt int // first operation that fails
	fails  int // how many do
	fail   Fate
	rival  int // operation before which a successor starts and runs for a while
	ahead  int // its steps meanwhile
}

// draw decides what happens to the next process.
func (w *World) draw() *harm {
	h := &harm{}
	if w.chance(3) {
		return h
	}
	reach := []int64{40, 150, 600}[w.intn(3)]
	if !w.chance(4) {
		h.dieAt, h.after = 1+int(w.intn(reach)), w.chance(2)
	}
	if w.chance(3) {
		h.failAt, h.fails, h.fail = 1+int(w.intn(reach)), 1, Breaks
		if w.chance(2) {
			h.fail, h.fails = NoSpace, 1+int(w.intn(20))
		}
	}
	if w.chance(3) {
		h.rival, h.ahead = 1+int(w.intn(reach)), 50+int(w.intn(1500))
	}
	return h
}

// fate says what becomes of a durable operation of the process.
func (w *World) fate(p *process, op Op) Fate {
	if w.Decide != nil {
		return w.Decide(p, op)
	}
	h := p.harm
	if h == nil || w.quiet {
		return Passes
	}
	if h.rival == op.N && len(w.processes) < 3 {
		w.count("rival " + op.Point())
		w.trace("process %d: held before %s", p.id, op)
		w.overtake(h.ahead)
		w.trace("process %d: goes on", p.id)
		if p.fs.Dead() {
			return Passes
		}
	}
	switch {
	case op.N == h.dieAt && h.after:
		return After
	case op.N == h.dieAt:
		return Before
	case op.N >= h.failAt && op.N < h.failAt+h.fails && h.failAt > 0 && op.Verb != "remove":
		p.faulted = true
		w.count(map[Fate]string{NoSpace: "no-space", Breaks: "io-error"}[h.fail])
		w.trace("process %d: fails %s", p.id, op)
		return h.fail
	}
	return Passes
}

// overtake starts a successor and lets the others run for so many steps.
func (w *World) overtake(steps int) {
	w.start(w.drawSetting())
	for range steps {
		if !w.step() {
			return
		}
	}
}
