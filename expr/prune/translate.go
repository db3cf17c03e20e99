package prune

import (
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/parse"
)

// translation turns a condition over rows into conditions over bounds.
type translation struct {
	text     string
	schema   *batch.Schema
	options  expr.Options
	constant func(name string) bool
	columns  []Column
}

// may returns the condition that is true of every unit in which n may be true.
func (t *translation) may(n parse.Node) string {
	if exact, ok := t.exact(n, ""); ok {
		return exact
	}
	switch n := n.(type) {
	case *parse.Unary:
		if n.Op == "NOT" {
			return t.mayNot(n.X)
		}
	case *parse.Binary:
		switch n.Op {
		case "AND":
			return and(t.may(n.L), t.may(n.R))
		case "OR":
			return or(t.may(n.L), t.may(n.R))
		}
		return t.compare(n.L, n.Op, n.R)
	case *parse.Is:
		return t.is(n, n.Not)
	case *parse.In:
		if !n.Not {
			return t.in(n)
		}
	case *parse.Between:
		if n.Not {
			return or(t.compare(n.X, "<", n.Low), t.compare(n.X, ">", n.High))
		}
		return and(t.compare(n.X, ">=", n.Low), t.compare(n.X, "<=", n.High))
	case *parse.Like:
		if !n.Not && n.Op == "LIKE" && n.Escape == "" {
			return t.like(n)
		}
	case *parse.Call:
		if strings.EqualFold(n.Name, "startswith") && len(n.Args) == 2 {
			if prefix, ok := n.Args[1].(*parse.Literal); ok && prefix.Kind == batch.String {
				return t.prefix(n.Args[0], prefix.Text)
			}
		}
	case *parse.Name:
		if i, ok := t.column(n); ok && t.columns[i].Type().Kind == batch.Boolean {
			return unless(slot("max", i))
		}
	}
	return keep
}

// opposite is the operator that is true where another one is false.
var opposite = map[string]string{"<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "<>", "<>": "="}

// mayNot returns the condition that is true of every unit in which n may be false.
func (t *translation) mayNot(n parse.Node) string {
	if exact, ok := t.exact(n, "NOT "); ok {
		return exact
	}
	switch n := n.(type) {
	case *parse.Unary:
		if n.Op == "NOT" {
			return t.may(n.X)
		}
	case *parse.Binary:
		switch n.Op {
		case "AND":
			return or(t.mayNot(n.L), t.mayNot(n.R))
		case "OR":
			return and(t.mayNot(n.L), t.mayNot(n.R))
		}
		if op, ok := opposite[n.Op]; ok {
			return t.compare(n.L, op, n.R)
		}
	case *parse.Is:
		return t.is(n, !n.Not)
	case *parse.In:
		if n.Not {
			return t.in(n)
		}
	case *parse.Between:
		c := *n
		c.Not = !n.Not
		return t.may(&c)
	case *parse.Name:
		if i, ok := t.column(n); ok && t.columns[i].Type().Kind == batch.Boolean {
			return unless("NOT " + slot("min", i))
		}
	}
	return keep
}

// exact returns the condition itself, with not before it, if all columns that it looks at are constant: each unit has one answer.
func (t *translation) exact(n parse.Node, not string) (string, bool) {
	var names []*parse.Name
	if !collect(n, &names) || len(names) == 0 || t.constant == nil {
		return "", false
	}
	at := map[*parse.Name]int{}
	for _, name := range names {
		if top := t.top(name.Parts[0]); top < 0 || !t.constant(t.schema.Fields[top].Name) {
			return "", false
		}
		i, ok := t.column(name)
		if !ok {
			return "", false
		}
		at[name] = i
	}
	if b, err := expr.BindNode(n, t.text, t.schema, t.options); err != nil || !b.Deterministic() {
		return "", false
	}
	own := parse.Rewrite(n, func(n parse.Node) (parse.Node, bool) {
		if name, ok := n.(*parse.Name); ok {
			return &parse.Name{Parts: []string{slot("min", at[name])}}, true
		}
		return n, false
	})
	return "coalesce(" + not + "(" + parse.Render(own) + "), false)", true
}

// collect gathers the names in a tree, and reports whether the tree can be judged by them: no lambdas, which have names of their own.
func collect(n parse.Node, to *[]*parse.Name) bool {
	switch n := n.(type) {
	case *parse.Name:
		*to = append(*to, n)
		return true
	case *parse.Lambda, *parse.Star:
		return false
	}
	for _, k := range parse.Kids(n) {
		if !collect(k, to) {
			return false
		}
	}
	return true
}

func (t *translation) top(name string) int {
	found := -1
	for i, f := range t.schema.Fields {
		if strings.EqualFold(f.Name, name) {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	return found
}

// column returns the number of the column that n is.
func (t *translation) column(n parse.Node) (int, bool) {
	name, ok := n.(*parse.Name)
	if !ok {
		return 0, false
	}
	top := t.top(name.Parts[0])
	if top < 0 {
		return 0, false
	}
	path := []batch.Field{t.schema.Fields[top]}
	for _, part := range name.Parts[1:] {
		last := path[len(path)-1].Type
		at := -1
		if last.Kind == batch.Struct {
			at = (&batch.Schema{Fields: last.Fields}).IndexFold(part)
		}
		if at < 0 {
			return 0, false
		}
		path = append(path, last.Fields[at])
	}
	if c := (Column{Path: path}); c.Type().Nested() || c.Type().Kind == batch.Void {
		return 0, false
	}
	for i := range t.columns {
		if samePath(t.columns[i].Path, path) {
			return i, true
		}
	}
	t.columns = append(t.columns, Column{Path: path, Constant: t.constant != nil && t.constant(path[0].Name)})
	return len(t.columns) - 1, true
}

func samePath(a, b []batch.Field) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name {
			return false
		}
	}
	return true
}

// value returns the text and the type of an expression that is the same for all rows.
func (t *translation) value(n parse.Node) (string, batch.Type, bool) {
	var names []*parse.Name
	if !collect(n, &names) || len(names) > 0 {
		return "", batch.Type{}, false
	}
	b, err := expr.BindNode(n, t.text, &batch.Schema{}, t.options)
	if err != nil || !b.Deterministic() {
		return "", batch.Type{}, false
	}
	return "(" + parse.Render(n) + ")", b.Type(), true
}
