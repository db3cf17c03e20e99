package expr

// argument computes an argument of a node, those before it having been computed. As in Spark it does not fail in rows in which
// the node is null already: a + 1 / b is null where a is, even if b is 0.
func (n *node) argument(r *run, sel []int32, a *node, before []val) (val, error) {
	if !n.strict || !a.fails || len(before) == 0 || r.constant || r.trial || r.folding {
		return a.eval(r, sel)
	}
	known := r.known(before)
	if known == nil {
		return a.eval(r, sel)
	}
	defer r.pool().PutWords(known)
	failed := r.failed
	r.trial, r.failed = true, false
	v, err := a.eval(r, sel)
	fails := r.failed
	r.trial, r.failed = false, failed
	if err != nil || !fails {
		return v, err
	}
	v.c.Release()
	return a.eval(r, r.pick(sel, func(word int) uint64 { return known[word] }))
}

// divides reports whether an operator is a division, which looks at its right operand first.
func divides(op string) bool { return op == "/" || op == "%" || op == "DIV" || op == "pmod" }
