package expr

import (
	"time"

	"github.com/deltaic/deltaic/batch"
)

// val is a column, or one row that stands for every row.
type val struct {
	c   *batch.Column
	one bool
}

// mask returns what a row index is and-ed with: -1, or 0 for a constant.
func (v val) mask() int {
	if v.one {
		return 0
	}
	return -1
}

func (v val) null(i int) bool { return v.c.IsNull(i & v.mask()) }

// kernel computes a result of r.n rows from borrowed arguments. Only the rows
// of sel (nil: all) may fail. If every argument is a constant it is called with
// r.n of 1. Nulls are its own business.
type kernel func(r *run, sel []int32, a []val) (*batch.Column, error)

// lazy computes a node that decides itself which rows of its arguments count.
type lazy func(r *run, n *node, sel []int32) (val, error)

const (
	opColumn  = "column"
	opLiteral = "literal"
	opCast    = "cast"
)

// node is a bound expression.
type node struct {
	name     string
	t        batch.Type
	nullable bool
	args     []*node
	id       int // equal nodes of one binder have one id

	column  int           // opColumn
	literal *batch.Column // opLiteral: one row
	folded  bool          // the literal was computed: its digits say nothing about its type
	kernel  kernel
	lazy    lazy
	fused   *fused // computes it together with what is below it; nil: nothing does

	fails    bool // some row may be rejected
	volatile bool
	epoch    bool // depends on Context.Now
	cheap    bool // costs about as much for all rows as for some
	perEntry bool // depends on the string alone, so a dictionary's entries can stand for the rows
	uses     int

	strict     bool // null where an argument is
	rightFirst bool // of two arguments the right one is computed first: of divisions, as in Spark
}

// run is one evaluation of expressions over one batch.
type run struct {
	ctx   *Context
	in    *batch.Batch
	n     int
	zone  *time.Location
	rule  string // of the node at work, for row errors
	cache map[int]val

	constant bool // a constant is being computed, in place of rows of outer
	outer    []int32
	outerN   int
	folding  bool // at bind time: a failure only prevents the folding
	trial    bool // for rows that may not count: a failure only ends the trial
	failed   bool
	crowded  bool   // the results are too large for one batch
	crowder  string // what made them so, as rule
}

func newRun(ctx *Context, in *batch.Batch) *run {
	return &run{ctx: ctx, in: in, n: in.N, zone: time.UTC}
}

func (r *run) close() {
	for _, v := range r.cache {
		v.c.Release()
	}
}

// eval computes the node for the rows of sel.
func (n *node) eval(r *run, sel []int32) (val, error) {
	switch n.name {
	case opColumn:
		return val{c: r.in.Columns[n.column].Retain()}, nil
	case opLiteral:
		return val{c: n.literal.Retain(), one: true}, nil
	}
	if n.uses < 2 || r.constant {
		return n.compute(r, sel)
	}
	if v, ok := r.cache[n.id]; ok {
		return val{c: v.c.Retain(), one: v.one}, nil
	}
	v, err := n.compute(r, sel)
	if err == nil && r.whole(sel) && !(r.trial && r.failed) {
		if r.cache == nil {
			r.cache = map[int]val{}
		}
		r.cache[n.id] = val{c: v.c.Retain(), one: v.one}
	}
	return v, err
}

// whole reports whether sel names every row that counts.
func (r *run) whole(sel []int32) bool {
	if r.in.Sel == nil {
		return sel == nil
	}
	return len(sel) == len(r.in.Sel)
}

func (n *node) compute(r *run, sel []int32) (val, error) {
	if n.lazy != nil {
		return n.lazy(r, n, sel)
	}
	if n.fused != nil {
		if v, ok, err := n.fused.compute(r, sel, n.t); ok || err != nil {
			return v, err
		}
	}
	var room [4]val
	args := append(room[:0], make([]val, len(n.args))...)
	defer func() {
		for _, a := range args {
			if a.c != nil {
				a.c.Release()
			}
		}
	}()
	one := true
	for k := range args {
		before := args[:k]
		if n.rightFirst {
			k = len(args) - 1 - k
			before = args[k+1:]
		}
		v, err := n.argument(r, sel, n.args[k], before)
		if err != nil {
			return val{}, err
		}
		args[k] = v
		one = one && v.one
	}
	if one {
		return n.once(r, sel, args)
	}
	if n.perEntry {
		if v, ok, err := n.entries(r, args); ok || err != nil {
			return v, err
		}
	}
	rule := r.rule
	r.rule = n.name
	c, err := n.kernel(r, sel, args)
	r.rule = rule
	return val{c: c}, err
}

// once computes a node whose arguments are all constants: one row for all.
func (n *node) once(r *run, sel []int32, args []val) (val, error) {
	if !r.constant {
		r.constant, r.outer, r.outerN = true, sel, r.n
		defer func(n int) { r.constant, r.n = false, n }(r.n)
		r.n = 1
	}
	rule := r.rule
	r.rule = n.name
	c, err := n.kernel(r, nil, args)
	r.rule = rule
	return val{c: c, one: true}, err
}

// try computes a node for all rows that count, though only some of them are wanted, if that is no dearer and none fails.
func (n *node) try(r *run, sel []int32) (v val, ok bool, err error) {
	if !n.cheap || r.trial {
		return v, false, nil
	}
	before := r.failed
	r.trial, r.failed = true, false
	v, err = n.eval(r, sel)
	ok = err == nil && !r.failed
	if err == nil && !ok {
		v.c.Release()
	}
	r.trial, r.failed = false, before
	return v, ok, err
}

// fail rejects a row; the kernel makes its result null.
func (r *run) fail(row int, class, message string, raw []byte) {
	switch {
	case r.folding, r.trial:
		r.failed = true
	case !r.constant:
		r.ctx.reject(row, r.rule, class, message, raw)
	case r.outer != nil:
		for _, i := range r.outer {
			r.ctx.reject(int(i), r.rule, class, message, raw)
		}
	default:
		for i := range r.outerN {
			r.ctx.reject(i, r.rule, class, message, raw)
		}
	}
}

// pool returns where buffers come from.
func (r *run) pool() *batch.Pool {
	if r.folding {
		return nil
	}
	return r.ctx.Pool
}

// new returns a column of r.n rows, none null, all zero.
func (r *run) new(t batch.Type) *batch.Column { return r.pool().NewColumn(t, r.n) }

// dense is new for a kernel that sets every row.
func (r *run) dense(t batch.Type) *batch.Column { return r.pool().NewDense(t, r.n) }

// full makes a column of all rows of v, whose reference it takes over.
func (r *run) full(v val) *batch.Column {
	if !v.one {
		return v.c
	}
	defer v.c.Release()
	if k := v.c.Type.Kind; (k == batch.String || k == batch.Binary) && !v.c.IsNull(0) {
		return batch.NewConst(r.pool(), v.c.Type, v.c.Bytes(0), r.n)
	}
	rows := r.pool().Rows(r.n)
	for range r.n {
		rows = append(rows, 0)
	}
	c := batch.Gather(r.pool(), v.c, rows)
	r.pool().PutRows(rows)
	return c
}

// entries computes a function of one dictionary column and constants over the
// dictionary's entries. It reports false if the arguments are not of that kind.
func (n *node) entries(r *run, args []val) (val, bool, error) {
	at := -1
	for i, a := range args {
		if a.one {
			continue
		}
		if at >= 0 || a.c.Dict == nil || a.c.Dict.N > r.n {
			return val{}, false, nil
		}
		at = i
	}
	if at < 0 {
		return val{}, false, nil
	}
	column := args[at].c
	var room [4]val
	inner := append(room[:0], args...)
	inner[at] = val{c: column.Dict}
	rows := r.n
	r.n = column.Dict.N
	c, err := n.kernel(r, nil, inner)
	r.n = rows
	if err != nil {
		return val{}, true, err
	}
	k := c.Type.Kind
	if (k == batch.String || k == batch.Binary) && c.Valid == nil && c.Dict == nil {
		d := r.pool().NewDict(c, r.n)
		copy(d.I32, column.I32)
		d.CopyValid(column)
		return val{c: d}, true, nil
	}
	d := batch.Gather(r.pool(), c, column.I32)
	c.Release()
	if column.Valid != nil {
		v := d.NewValid()
		for i := range column.Valid[:batch.BitmapWords(r.n)] {
			v[i] &= column.Valid[i]
		}
	}
	return val{c: d}, true, nil
}
