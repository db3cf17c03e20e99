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

func evalBranches(r *run, t batch.Type, conditions, values []*node, sel []int32) (val, error) {
	m := newMerger(r, sel)
	defer m.close()
	for k, c := range conditions {
		if !m.open() {
			break
		}
		is, err := m.eval(c, m.rest)
		if err != nil {
			return val{}, err
		}
		taken, any := m.take(func(w int) uint64 { bits, valid := is.words(w); return bits & valid })
		is.c.Release()
		if any {
			err = m.give(values[k], taken)
		} else {
			r.pool().PutWords(taken)
		}
		if err != nil {
			return val{}, err
		}
	}
	if len(values) > len(conditions) && m.open() {
		taken, _ := m.take(func(int) uint64 { return ^uint64(0) })
		if err := m.give(values[len(values)-1], taken); err != nil {
			return val{}, err
		}
	}
	return val{c: m.column(t)}, nil
}

func evalCoalesce(r *run, n *node, sel []int32) (val, error) {
	m := newMerger(r, sel)
	defer m.close()
	for _, a := range n.args {
		if !m.open() {
			break
		}
		v, err := m.eval(a, m.rest)
		if err != nil {
			return val{}, err
		}
		taken, _ := m.take(v.validWord)
		m.part(v, taken)
	}
	return val{c: m.column(n.t)}, nil
}
