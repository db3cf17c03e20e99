package expr

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// branches binds "the value of the first condition that is true"; a value more
// than conditions is that of the rest, else it is null. Every value is computed for its
// own rows only.
func (b *binder) branches(at parse.Node, conditions, values []*node) (*node, error) {
	t, err := b.commonOf(at, values)
	if err != nil {
		return nil, err
	}
	n := &node{name: "case", t: t, nullable: len(values) == len(conditions)}
	n.args = append(append(n.args, conditions...), values...)
	for _, v := range values {
		n.nullable = n.nullable || v.nullable
	}
	count := len(conditions)
	n.lazy = func(r *run, n *node, sel []int32) (val, error) {
		return evalBranches(r, n.t, n.args[:count], n.args[count:], sel)
	}
	return b.intern(n, ids(conditions)), nil
}

// coalesce binds "the first value that is not null".
func (b *binder) coalesce(at parse.Node, values []*node) (*node, error) {
	t, err := b.commonOf(at, values)
	if err != nil {
		return nil, err
	}
	n := &node{name: "coalesce", t: t, nullable: true, args: values}
	for _, v := range values {
		n.nullable = n.nullable && v.nullable
	}
	n.lazy = evalCoalesce
	return b.intern(n, ""), nil
}

// merger puts the rows of several columns together.
type merger struct {
	r     *run
	from  []int32 // which of parts each row is of; 0: null
	parts []val
	rest  []int32 // rows that are undecided
}

func newMerger(r *run, sel []int32) *merger {
	m := &merger{r: r, from: r.pool().Rows(r.n)[:r.n]}
	clear(m.from)
	m.rest = r.pick(sel, func(int) uint64 { return ^uint64(0) })
	return m
}

func (m *merger) close() {
	m.r.pool().PutRows(m.rest)
	m.r.pool().PutRows(m.from)
	for _, p := range m.parts {
		p.c.Release()
	}
}

// give makes v, whose reference it takes over, the value of the rows.
func (m *merger) give(v val, rows []int32) {
	m.parts = append(m.parts, v)
	for _, i := range rows {
		m.from[i] = int32(len(m.parts))
	}
}

// split moves the undecided rows that are taken to taken, and returns it.
func (m *merger) split(taken []int32, isTaken func(i int) bool) []int32 {
	left := m.rest[:0]
	for _, i := range m.rest {
		if isTaken(int(i)) {
			taken = append(taken, i)
		} else {
			left = append(left, i)
		}
	}
	m.rest = left
	return taken
}

func evalBranches(r *run, t batch.Type, conditions, values []*node, sel []int32) (val, error) {
	m := newMerger(r, sel)
	defer m.close()
	for k, c := range conditions {
		if len(m.rest) == 0 {
			break
		}
		is, err := c.eval(r, m.rest)
		if err != nil {
			return val{}, err
		}
		taken := m.split(r.pool().Rows(r.n), func(i int) bool {
			bits, valid := is.words(i >> 6)
			return (bits&valid)>>(uint(i)&63)&1 != 0
		})
		is.c.Release()
		if len(taken) > 0 {
			v, err := values[k].eval(r, taken)
			if err != nil {
				r.pool().PutRows(taken)
				return val{}, err
			}
			m.give(v, taken)
		}
		r.pool().PutRows(taken)
	}
	if len(values) > len(conditions) && len(m.rest) > 0 {
		v, err := values[len(values)-1].eval(r, m.rest)
		if err != nil {
			return val{}, err
		}
		m.give(v, m.rest)
	}
	return val{c: m.column(t)}, nil
}

func evalCoalesce(r *run, n *node, sel []int32) (val, error) {
	m := newMerger(r, sel)
	defer m.close()
	for _, a := range n.args {
		if len(m.rest) == 0 {
			break
		}
		v, err := a.eval(r, m.rest)
		if err != nil {
			return val{}, err
		}
		taken := m.split(r.pool().Rows(r.n), func(i int) bool { return !v.null(i) })
		m.give(v, taken)
		r.pool().PutRows(taken)
	}
	return val{c: m.column(n.t)}, nil
}

// column puts the parts together.
func (m *merger) column(t batch.Type) *batch.Column {
	if c := m.single(); c != nil {
		return c
	}
	if !t.Fixed() {
		return m.gathered(t)
	}
	c := m.r.new(t)
	nulls := false
	for i, p := range m.from {
		if p == 0 || m.parts[p-1].null(i) {
			nulls = true
			break
		}
	}
	if nulls {
		v := c.NewValid()
		for i, p := range m.from {
			if p == 0 || m.parts[p-1].null(i) {
				v.Clear(i)
			}
		}
	}
	switch t.Kind {
	case batch.Boolean:
		for i, p := range m.from {
			if p > 0 {
				c.Bits.Put(i, m.parts[p-1].c.Bool(i&m.parts[p-1].mask()))
			}
		}
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ, batch.DayTime:
		place(m, c.I64, func(c *batch.Column) []int64 { return c.I64 })
	case batch.Float:
		place(m, c.F32, func(c *batch.Column) []float32 { return c.F32 })
	case batch.Double:
		place(m, c.F64, func(c *batch.Column) []float64 { return c.F64 })
	case batch.Decimal:
		place(m, c.I128, func(c *batch.Column) []batch.Int128 { return c.I128 })
	default:
		place(m, c.I32, func(c *batch.Column) []int32 { return c.I32 })
	}
	return c
}

// single returns the only part if it is the value of every row.
func (m *merger) single() *batch.Column {
	if len(m.parts) != 1 || m.parts[0].one {
		return nil
	}
	for _, p := range m.from {
		if p == 0 {
			return nil
		}
	}
	return m.parts[0].c.Retain()
}

func place[T any](m *merger, out []T, in func(*batch.Column) []T) {
	slices := make([][]T, len(m.parts))
	for k, p := range m.parts {
		slices[k] = in(p.c)
	}
	for i, p := range m.from {
		if p > 0 {
			out[i] = slices[p-1][i&m.parts[p-1].mask()]
		}
	}
}

// gathered builds strings and nested values: the parts one after the other, and
// then each row from its place.
func (m *merger) gathered(t batch.Type) *batch.Column {
	b := batch.NewBuilder(t, m.r.pool())
	defer b.Release()
	b.Null()
	next := int32(1)
	rows := m.r.pool().Rows(m.r.n)
	where := append(m.r.pool().Rows(m.r.n), make([]int32, m.r.n)...)
	for k, p := range m.parts {
		rows = rows[:0]
		if p.one {
			rows = append(rows, 0)
		}
		for i, from := range m.from {
			switch {
			case int(from) != k+1:
			case p.one:
				where[i] = next
			default:
				where[i] = next + int32(len(rows))
				rows = append(rows, int32(i))
			}
		}
		b.AppendRows(p.c, rows)
		next += int32(len(rows))
	}
	all := b.Finish()
	c := batch.Gather(m.r.pool(), all, where)
	all.Release()
	m.r.pool().PutRows(rows)
	m.r.pool().PutRows(where)
	return c
}
