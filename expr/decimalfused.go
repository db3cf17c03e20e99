package expr

import (
	"math/bits"

	"github.com/deltaic/deltaic/batch"
)

// Sums and products of sums and products of decimals are computed together, a stretch of rows after the other, in 64-bit numbers that stay in
// the cache: only the result is written in its 128 bits. A batch in which that may not be enough is computed step by step.

// term is a sum or product of two terms, or a leaf of the tree, times a factor, plus a constant.
type term struct {
	op   byte // '+' or '*'; 0: a leaf
	leaf int
	l, r *term
	f, c int64
}

// fused is a tree of terms that a node computes.
type fused struct {
	root   *term
	leaves []*node
	inner  []*node // nodes below that are computed with it
}

// Most trees are smaller; the others are cut in pieces.
const fusedLeaves, fusedDepth = 8, 4

// fuse returns what computes op of l and r, whose loop there is, nil if it must go by itself.
func fuse(op string, l, r *node) *fused {
	p, q := fusedOf(l), fusedOf(r)
	s1, s2 := int(l.t.Scale), int(r.t.Scale)
	fx, _ := batch.Pow10(max(s2-s1, 0)).Int64()
	fy, _ := batch.Pow10(max(s1-s2, 0)).Int64()
	if op == "*" {
		fx, fy = 1, 1
	} else if op == "-" {
		fy = -fy
	}
	a, isNumber := smallDecimal(l)
	b, areNumbers := smallDecimal(r)
	switch {
	case isNumber && areNumbers:
		return nil
	case areNumbers && p != nil:
		return p.affine(op, fx, fy, b)
	case isNumber && q != nil:
		return q.affine(op, fy, fx, a)
	case p == nil || q == nil:
		return nil
	}
	t := &term{op: '+', f: 1}
	if op == "*" {
		t.op = '*'
	}
	return join(t, p, q, fx, fy)
}

// fusedOf returns a node as a tree: as a leaf, if it is nothing else and does not fail. Leaves may be computed twice.
func fusedOf(n *node) *fused {
	switch {
	case n.fused != nil:
		return &fused{n.fused.root, n.fused.leaves, append([]*node{n}, n.fused.inner...)}
	case n.fails || n.volatile || n.literal != nil || n.t.Kind != batch.Decimal:
		return nil
	}
	return &fused{root: &term{f: 1}, leaves: []*node{n}}
}

// smallDecimal returns the value of a constant.
func smallDecimal(n *node) (int64, bool) {
	if n.literal == nil || n.literal.IsNull(0) {
		return 0, false
	}
	v, ok := n.literal.I128[0].Int64()
	return v, ok && magnitudeOf(v) < half
}

// affine returns p*f + v*g, or p*v.
func (p *fused) affine(op string, f, g, v int64) *fused {
	c, ok := smallProduct(v, g)
	if op == "*" {
		f, c = v, 0
	}
	root, fits := p.root.scaled(f, c)
	if !ok || !fits {
		return nil
	}
	return &fused{root, p.leaves, p.inner}
}

// scaled returns t*f + c.
func (t *term) scaled(f, c int64) (*term, bool) {
	by, ok1 := smallProduct(t.f, f)
	add, ok2 := smallProduct(t.c, f)
	out := *t
	out.f, out.c = by, add+c
	return &out, ok1 && ok2 && magnitudeOf(out.c) < half
}

// join makes t of p*fx and q*fy.
func join(t *term, p, q *fused, fx, fy int64) *fused {
	left, ok1 := p.root.scaled(fx, 0)
	right, ok2 := q.root.scaled(fy, 0)
	if !ok1 || !ok2 || len(p.leaves)+len(q.leaves) > fusedLeaves {
		return nil
	}
	t.l, t.r = left, right.moved(len(p.leaves))
	if t.l.depth() < t.r.depth() { // the deeper one first takes less room
		t.l, t.r = t.r, t.l
	}
	if t.depth() > fusedDepth {
		return nil
	}
	return &fused{t, append(p.leaves[:len(p.leaves):len(p.leaves)], q.leaves...), append(p.inner[:len(p.inner):len(p.inner)], q.inner...)}
}

// moved returns the term with its leaves counted from so many on.
func (t *term) moved(by int) *term {
	out := *t
	if out.leaf += by; t.op != 0 {
		out.l, out.r = t.l.moved(by), t.r.moved(by)
	}
	return &out
}

// depth returns how many stretches of numbers the term is computed in.
func (t *term) depth() int {
	if t.op == 0 {
		return 1
	}
	if t.r.op == 0 {
		return t.l.depth()
	}
	return max(t.l.depth(), t.r.depth()+1)
}

// compute computes the node by its tree, and reports false if that cannot be done with this batch.
func (p *fused) compute(r *run, sel []int32, t batch.Type) (val, bool, error) {
	if len(p.inner) == 0 || r.constant {
		return val{}, false, nil // one step alone has a loop of its own
	}
	for _, n := range p.inner {
		if n.uses > 1 {
			return val{}, false, nil // others wait for its result
		}
	}
	var room [fusedLeaves]val
	leaves := room[:0]
	defer func() {
		for _, v := range leaves {
			v.c.Release()
		}
	}()
	w := fusedWork{}
	for i, n := range p.leaves {
		v, err := n.eval(r, sel)
		if err != nil {
			return val{}, false, err
		}
		leaves = append(leaves, v)
		if v.one {
			return val{}, false, nil
		}
		w.limits[i] = limitOf(n.t)
	}
	out := r.dense(t)
	for lo := 0; lo < r.n; lo += stretch {
		hi := min(lo+stretch, r.n)
		for i, v := range leaves {
			w.leaves[i] = v.c.I128[lo:hi]
		}
		if !w.result(p.root, out.I128[lo:hi]) {
			out.Release()
			return val{}, false, nil
		}
	}
	r.copyNulls(out, leaves...)
	return val{c: out}, true, nil
}

// fusedWork computes a stretch of rows.
type fusedWork struct {
	leaves [fusedLeaves][]batch.Int128
	limits [fusedLeaves]uint64
	rooms  [fusedDepth][stretch]int64
}

// result writes a term's numbers, and reports whether they are right.
func (w *fusedWork) result(t *term, out []batch.Int128) bool {
	d := w.rooms[0][:len(out)]
	if t.op != '*' || t.r.op != 0 || t.f != 1 || t.c != 0 {
		_, ok := w.numbers(t, 0, len(out))
		inFull(out, d)
		return ok
	}
	a, ok := w.numbers(t.l, 0, len(out))
	if !ok {
		return false
	}
	b, ok := w.bound(t.r, timesWidened(out, d, w.leaves[t.r.leaf], t.r.f, t.r.c))
	_, fits := product(a, b)
	return ok && fits
}

// numbers computes n numbers of a term into a room, and returns what none is greater than, and whether they are right.
func (w *fusedWork) numbers(t *term, room, n int) (bound uint64, ok bool) {
	d := w.rooms[room][:n]
	if t.op == 0 {
		return w.bound(t, loadTerm(d, w.leaves[t.leaf], t.f, t.c))
	}
	a, ok := w.numbers(t.l, room, n)
	if !ok {
		return 0, false
	}
	b, ok := w.operand(t, room, n)
	if !ok {
		return 0, false
	}
	if t.op == '*' {
		bound, ok = product(a, b)
	} else {
		bound, ok = a+b, a+b < 1<<63
	}
	if t.f == 1 && t.c == 0 || !ok {
		return bound, ok
	}
	for i := range d {
		d[i] = d[i]*t.f + t.c
	}
	return scaledBound(bound, t)
}

// operand adds or multiplies the right side of t to the left one, which is in the room.
func (w *fusedWork) operand(t *term, room, n int) (bound uint64, ok bool) {
	d, r := w.rooms[room][:n], t.r
	switch {
	case r.op == 0 && t.op == '*':
		return w.bound(r, timesTerm(d, w.leaves[r.leaf], r.f, r.c))
	case r.op == 0:
		return w.bound(r, plusTerm(d, w.leaves[r.leaf], r.f, r.c))
	}
	if bound, ok = w.numbers(r, room+1, n); !ok {
		return 0, false
	}
	e := w.rooms[room+1][:n]
	if t.op == '*' {
		for i := range d {
			d[i] *= e[i]
		}
	} else {
		for i := range d {
			d[i] += e[i]
		}
	}
	return bound, true
}

// bound returns the bound of a leaf's numbers by what was seen of it.
func (w *fusedWork) bound(t *term, p magnitudes) (uint64, bool) {
	if p.beyond(w.limits[t.leaf]) {
		return 0, false
	}
	return scaledBound(uint64(p.magnitude)+1, t)
}

func scaledBound(bound uint64, t *term) (uint64, bool) {
	v, ok := product(bound, magnitudeOf(t.f))
	v += magnitudeOf(t.c)
	return v, ok && v < 1<<63
}

// product returns a*b and whether numbers below it fit.
func product(a, b uint64) (uint64, bool) {
	high, low := bits.Mul64(a, b)
	return low, high == 0 && low < 1<<63
}

// smallProduct returns a*b and whether it is small.
func smallProduct(a, b int64) (int64, bool) {
	high, low := bits.Mul64(magnitudeOf(a), magnitudeOf(b))
	return a * b, high == 0 && low < half
}

func magnitudeOf(v int64) uint64 { return uint64((v ^ v>>63) - v>>63) }

func loadTerm(d []int64, x []batch.Int128, f, c int64) (p magnitudes) {
	x = x[:len(d)]
	for i := range d {
		a := int64(x[i].Lo)
		p.high |= x[i].Hi ^ a>>63
		p.magnitude |= a ^ a>>63
		d[i] = a*f + c
	}
	return p
}

func timesTerm(d []int64, x []batch.Int128, f, c int64) (p magnitudes) {
	x = x[:len(d)]
	for i := range d {
		a := int64(x[i].Lo)
		p.high |= x[i].Hi ^ a>>63
		p.magnitude |= a ^ a>>63
		d[i] *= a*f + c
	}
	return p
}

func plusTerm(d []int64, x []batch.Int128, f, c int64) (p magnitudes) {
	x = x[:len(d)]
	for i := range d {
		a := int64(x[i].Lo)
		p.high |= x[i].Hi ^ a>>63
		p.magnitude |= a ^ a>>63
		d[i] += a*f + c
	}
	return p
}

func timesWidened(out []batch.Int128, d []int64, x []batch.Int128, f, c int64) (p magnitudes) {
	d, x = d[:len(out)], x[:len(out)]
	for i := range out {
		a := int64(x[i].Lo)
		p.high |= x[i].Hi ^ a>>63
		p.magnitude |= a ^ a>>63
		s := d[i] * (a*f + c)
		out[i] = batch.Int128{Hi: s >> 63, Lo: uint64(s)}
	}
	return p
}

func inFull(out []batch.Int128, d []int64) {
	d = d[:len(out)]
	for i, s := range d {
		out[i] = batch.Int128{Hi: s >> 63, Lo: uint64(s)}
	}
}
