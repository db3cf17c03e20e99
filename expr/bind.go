package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// Bind parses an expression and binds it to the schema. An alias is allowed and
// ignored. Errors are *supervision.Failure with Spark's class, line and column,
// a caret below the place and names that are near.
func Bind(text string, s *batch.Schema, o Options) (*Bound, error) {
	n, err := parse.Item(text)
	if err != nil {
		return nil, err
	}
	if a, ok := n.(*parse.Alias); ok {
		n = a.X
	}
	return newBinder(text, s, o).bound(n)
}

// BindNode is Bind of a tree that was parsed from text.
func BindNode(n parse.Node, text string, s *batch.Schema, o Options) (*Bound, error) {
	return newBinder(text, s, o).bound(n)
}

// binder binds the expressions of one text, or of one select list.
type binder struct {
	text   string
	schema *batch.Schema
	o      Options
	nodes  map[string]*node // by what they compute
}

func newBinder(text string, s *batch.Schema, o Options) *binder {
	return &binder{text: text, schema: s, o: o, nodes: map[string]*node{}}
}

func (b *binder) bound(ast parse.Node) (*Bound, error) {
	root, err := b.bind(ast)
	if err != nil {
		return nil, err
	}
	return b.finish(root, ast), nil
}

func (b *binder) finish(root *node, ast parse.Node) *Bound {
	out := &Bound{root: root, ast: ast, options: b.o}
	root.columns(map[*node]bool{}, &out.columns)
	slices.Sort(out.columns)
	out.columns = slices.Compact(out.columns)
	if n := len(out.columns); n > 0 {
		out.width = out.columns[n-1] + 1
	}
	return out
}

func (n *node) columns(seen map[*node]bool, to *[]int) {
	if seen[n] {
		return
	}
	seen[n] = true
	if n.name == opColumn {
		*to = append(*to, n.column)
	}
	for _, a := range n.args {
		a.columns(seen, to)
	}
}

// fail returns an error that points at the node.
func (b *binder) fail(at parse.Node, class, format string, args ...any) error {
	return parse.At(b.text, at.Pos(), class, fmt.Sprintf(format, args...), "")
}

// mismatch is a DATATYPE_MISMATCH at the node.
func (b *binder) mismatch(at parse.Node, format string, args ...any) error {
	return b.fail(at, "DATATYPE_MISMATCH", "cannot resolve %q: %s", clip(parse.Render(at)), fmt.Sprintf(format, args...))
}

func clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "..."
	}
	return s
}

// intern finishes a node: it folds constants, and finds the node that computes
// the same, so that both are computed once.
func (b *binder) intern(n *node, detail string) *node {
	var key strings.Builder
	key.WriteString(n.name)
	key.WriteByte('|')
	key.WriteString(detail)
	key.WriteByte('|')
	key.WriteString(n.t.String())
	for _, a := range n.args {
		fmt.Fprintf(&key, "|%d", a.id)
		n.volatile = n.volatile || a.volatile
		n.epoch = n.epoch || a.epoch
		n.fails = n.fails || a.fails
		n.cheap = n.cheap && a.cheap
	}
	if same, ok := b.nodes[key.String()]; ok && !n.volatile {
		same.uses++
		return same
	}
	n.id = len(b.nodes) + 1
	if n.volatile {
		fmt.Fprintf(&key, "#%d", n.id)
	}
	b.nodes[key.String()] = n
	n.uses = 1
	if c := n.fold(b.o); c != nil {
		*n = node{name: opLiteral, t: n.t, nullable: c.IsNull(0), literal: c, folded: true, id: n.id, cheap: true}
	}
	return n
}

// fold computes a node of constants, or returns nil.
func (n *node) fold(o Options) *batch.Column {
	if n.name == opColumn || n.name == opLiteral || n.volatile || n.epoch || n.t.Kind == batch.Variant {
		return nil
	}
	for _, a := range n.args {
		if a.literal == nil {
			return nil
		}
	}
	ctx := &Context{}
	r := newRun(ctx, &batch.Batch{N: 1})
	r.zone, r.folding = o.zone(), true
	v, err := n.compute(r, nil)
	if err != nil || r.failed || v.c.N != 1 {
		return nil
	}
	return v.c
}

// call makes an eager node.
func (b *binder) call(name string, t batch.Type, k kernel, args ...*node) *node {
	n := &node{name: name, t: t, kernel: k, args: args}
	for _, a := range args {
		n.nullable = n.nullable || a.nullable
	}
	return n
}

// callStrict makes an eager node that is null where any argument is.
func (b *binder) callStrict(name string, t batch.Type, k kernel, args ...*node) *node {
	n := b.call(name, t, k, args...)
	n.strict = true
	return n
}

// bind binds a tree.
func (b *binder) bind(ast parse.Node) (*node, error) {
	switch n := ast.(type) {
	case *parse.Literal:
		return b.literal(n)
	case *parse.Name:
		return b.name(n)
	case *parse.Alias:
		return b.bind(n.X)
	case *parse.Cast:
		x, err := b.bind(n.X)
		if err != nil {
			return nil, err
		}
		mode := castANSI
		if n.Try {
			mode = castTry
		} else if !b.o.ANSI {
			mode = castLegacy
		}
		y, err := b.cast(x, n.Type, mode, n)
		return y.computed(), err
	case *parse.Unary:
		return b.unary(n)
	case *parse.Binary:
		return b.binary(n)
	case *parse.Is:
		return b.is(n)
	case *parse.In:
		return b.in(n)
	case *parse.Like:
		return b.like(n)
	case *parse.Between:
		return b.between(n)
	case *parse.Case:
		return b.caseOf(n)
	case *parse.Call:
		return b.function(n)
	case *parse.Index:
		return b.index(n)
	case *parse.Field:
		x, err := b.bind(n.X)
		if err != nil {
			return nil, err
		}
		return b.field(x, n.Name, n)
	case *parse.Star:
		return nil, b.fail(n, "INVALID_USAGE_OF_STAR_OR_REGEX", "a star stands for columns only as an item of its own")
	case *parse.Lambda:
		return nil, b.fail(n, "INVALID_LAMBDA_FUNCTION_CALL.NON_HIGHER_ORDER_FUNCTION", "no function here takes a lambda")
	}
	return nil, b.fail(ast, "UNSUPPORTED_EXPRESSION", "this expression cannot be used here")
}

// computed is a node that counts as computed although it is the literal that was written.
func (n *node) computed() *node {
	if n == nil || n.literal == nil || n.folded {
		return n
	}
	same := *n
	same.folded = true
	return &same
}

// bindAll binds several trees.
func (b *binder) bindAll(l []parse.Node) ([]*node, error) {
	var out []*node
	for _, ast := range l {
		n, err := b.bind(ast)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}
