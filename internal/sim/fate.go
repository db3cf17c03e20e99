package sim

// fate says what becomes of a durable operation of the process.
func (w *World) fate(p *process, op Op) Fate {
	if w.Decide != nil {
		return w.Decide(p.id, op)
	}
	return Passes
}
