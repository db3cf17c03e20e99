package expr

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func (b *binder) unary(n *parse.Unary) (*node, error) {
	x, err := b.bind(n.X)
	if err != nil {
		return nil, err
	}
	switch n.Op {
	case "NOT":
		if x, err = b.boolean(x, n.X); err != nil {
			return nil, err
		}
		return b.intern(b.call("not", batch.BooleanType, notKernel, x), ""), nil
	case "+":
		x, err = b.number(x, n.X)
		return x.computed(), err
	case "-":
		x, err = b.negate(x, n, n.X)
		if _, written := n.X.(*parse.Literal); written && err == nil {
			x.folded = false // the sign belongs to the number
		}
		return x, err
	}
	return b.bits("~", n, x)
}

func (b *binder) binary(n *parse.Binary) (*node, error) {
	l, err := b.bind(n.L)
	if err != nil {
		return nil, err
	}
	r, err := b.bind(n.R)
	if err != nil {
		return nil, err
	}
	switch n.Op {
	case "AND", "OR":
		return b.logic(n, l, r)
	case "=", "<=>", "<>", "<", "<=", ">", ">=":
		return b.compare(n.Op, l, r, n)
	case "||":
		return b.concat(n, []*node{l, r})
	case "&", "|", "^":
		return b.bits(n.Op, n, l, r)
	}
	mode := castANSI
	if !b.o.ANSI {
		mode = castLegacy
	}
	return b.arithmetic(n.Op, n, l, r, mode)
}

// in binds x IN (list) as x = a OR x = b ..., whose nulls are the same. A list
// of constants is looked up in a set.
func (b *binder) in(n *parse.In) (*node, error) {
	nodes, err := b.bindAll(append([]parse.Node{n.X}, n.List...))
	if err != nil {
		return nil, err
	}
	var out *node
	t, err := b.commonOf(n, nodes)
	if err != nil {
		return nil, err
	}
	if constants(nodes[1:]) && setKind(t.Kind) {
		out = b.call("in", batch.BooleanType, inKernel(t, nodes[1:]), nodes[0])
		out.perEntry = t.Kind == batch.String || t.Kind == batch.Binary
		for _, c := range nodes[1:] {
			out.nullable = out.nullable || c.nullable
		}
		out = b.intern(out, ids(nodes))
	} else {
		if out, err = b.anyOf(nodes[0], nodes[1:], n); err != nil {
			return nil, err
		}
	}
	if n.Not {
		out = b.intern(b.call("not", batch.BooleanType, notKernel, out), "")
	}
	return out, nil
}

// anyOf binds x = a OR x = b ... as a balanced tree: a list may be long.
func (b *binder) anyOf(x *node, list []*node, at parse.Node) (*node, error) {
	if len(list) == 1 {
		return b.compare("=", x, list[0], at)
	}
	l, err := b.anyOf(x, list[:len(list)/2], at)
	if err != nil {
		return nil, err
	}
	r, err := b.anyOf(x, list[len(list)/2:], at)
	if err != nil {
		return nil, err
	}
	return b.junction(false, l, r), nil
}

func (b *binder) between(n *parse.Between) (*node, error) {
	nodes, err := b.bindAll([]parse.Node{n.X, n.Low, n.High})
	if err != nil {
		return nil, err
	}
	low, err := b.compare(">=", nodes[0], nodes[1], n)
	if err != nil {
		return nil, err
	}
	high, err := b.compare("<=", nodes[0], nodes[2], n)
	if err != nil {
		return nil, err
	}
	out := b.junction(true, low, high)
	if n.Not {
		out = b.intern(b.call("not", batch.BooleanType, notKernel, out), "")
	}
	return out, nil
}

func (b *binder) caseOf(n *parse.Case) (*node, error) {
	var conditions, values []*node
	var operand *node
	var err error
	if n.Operand != nil {
		if operand, err = b.bind(n.Operand); err != nil {
			return nil, err
		}
	}
	for _, w := range n.Whens {
		c, err := b.bind(w.If)
		if err != nil {
			return nil, err
		}
		if operand != nil {
			c, err = b.compare("=", operand, c, w.If)
		} else {
			c, err = b.branchCondition(c, w.If, "CASE")
		}
		if err != nil {
			return nil, err
		}
		v, err := b.bind(w.Then)
		if err != nil {
			return nil, err
		}
		conditions, values = append(conditions, c), append(values, v)
	}
	if n.Else != nil {
		v, err := b.bind(n.Else)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return b.branches(n, conditions, values)
}
