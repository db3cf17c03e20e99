package parse

// Rewrite returns the tree with every node for which f gives another one in
// its place; below such a node f is not asked. The tree itself is not changed: what has a
// changed child is a copy.
func Rewrite(n Node, f func(Node) (Node, bool)) Node {
	if n == nil {
		return nil
	}
	if other, ok := f(n); ok {
		return other
	}
	switch n := n.(type) {
	case *Unary:
		c := *n
		c.X = Rewrite(n.X, f)
		return &c
	case *Binary:
		c := *n
		c.L, c.R = Rewrite(n.L, f), Rewrite(n.R, f)
		return &c
	case *Is:
		c := *n
		c.X, c.From = Rewrite(n.X, f), Rewrite(n.From, f)
		return &c
	case *In:
		c := *n
		c.X, c.List = Rewrite(n.X, f), rewriteAll(n.List, f)
		return &c
	case *Like:
		c := *n
		c.X, c.Pattern = Rewrite(n.X, f), Rewrite(n.Pattern, f)
		return &c
	case *Between:
		c := *n
		c.X, c.Low, c.High = Rewrite(n.X, f), Rewrite(n.Low, f), Rewrite(n.High, f)
		return &c
	case *Case:
		c := *n
		c.Operand, c.Else, c.Whens = Rewrite(n.Operand, f), Rewrite(n.Else, f), nil
		for _, w := range n.Whens {
			c.Whens = append(c.Whens, When{If: Rewrite(w.If, f), Then: Rewrite(w.Then, f)})
		}
		return &c
	}
	return rewriteRest(n, f)
}

func rewriteRest(n Node, f func(Node) (Node, bool)) Node {
	switch n := n.(type) {
	case *Cast:
		c := *n
		c.X = Rewrite(n.X, f)
		return &c
	case *Call:
		c := *n
		c.Args, c.Filter = rewriteAll(n.Args, f), Rewrite(n.Filter, f)
		return &c
	case *Index:
		c := *n
		c.X, c.I = Rewrite(n.X, f), Rewrite(n.I, f)
		return &c
	case *Field:
		c := *n
		c.X = Rewrite(n.X, f)
		return &c
	case *Lambda:
		c := *n
		c.Body = Rewrite(n.Body, f)
		return &c
	case *Alias:
		c := *n
		c.X = Rewrite(n.X, f)
		return &c
	}
	return n
}

func rewriteAll(l []Node, f func(Node) (Node, bool)) []Node {
	out := make([]Node, 0, len(l))
	for _, n := range l {
		out = append(out, Rewrite(n, f))
	}
	return out
}
