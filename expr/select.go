package expr

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// BindSelect binds a select list: one item a string, each an expression, an
// expression with an alias, or a star (*, t.*, o.*), which becomes one item a
// column. Names are Spark's: the alias, the last part of a path, or the text
// of the expression.
func BindSelect(items []string, s *batch.Schema, o Options) ([]Item, error) {
	shared := newBinder("", s, o)
	var out []Item
	for _, text := range items {
		ast, err := parse.Item(text)
		if err != nil {
			return nil, err
		}
		shared.text = text
		more, err := shared.item(ast)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

func (b *binder) item(ast parse.Node) ([]Item, error) {
	if star, ok := ast.(*parse.Star); ok {
		return b.star(star)
	}
	if c, ok := ast.(*parse.Call); ok && strings.EqualFold(c.Name, "json_tuple") {
		return b.tuple(c)
	}
	root, err := b.bind(ast)
	if err != nil {
		return nil, err
	}
	if root, err = b.implicit(root, root.t.Whole(), ast); err != nil {
		return nil, err
	}
	x := b.finish(root, ast)
	if a, ok := ast.(*parse.Alias); ok {
		x.ast = a.X
	}
	return []Item{{Name: itemName(ast), Bound: x}}, nil
}

// tuple makes columns c0, c1, ... of json_tuple, whose struct is computed once.
func (b *binder) tuple(c *parse.Call) ([]Item, error) {
	var items []Item
	for i := range max(1, len(c.Args)-1) {
		name := fmt.Sprintf("c%d", i)
		x, err := b.bound(&parse.Field{X: c, Name: name})
		if err != nil {
			return nil, err
		}
		items = append(items, Item{Name: name, Bound: x})
	}
	return items, nil
}

// itemName names an item as Spark does.
func itemName(ast parse.Node) string {
	switch n := ast.(type) {
	case *parse.Alias:
		return n.Name
	case *parse.Name:
		return n.Parts[len(n.Parts)-1]
	case *parse.Field:
		return n.Name
	case *parse.Cast: // a cast column keeps its name
		if name, ok := n.X.(*parse.Name); ok && len(name.Parts) == 1 {
			return name.Parts[0]
		}
	}
	return parse.Mask(parse.Pretty(ast))
}

func (b *binder) star(star *parse.Star) ([]Item, error) {
	var out []Item
	if len(star.Qualifier) <= 1 {
		for i, f := range b.schema.Fields {
			if len(star.Qualifier) == 0 || strings.EqualFold(b.qualifier(i), star.Qualifier[0]) {
				ast := &parse.Name{Parts: []string{f.Name}}
				if q := b.qualifier(i); q != "" {
					ast.Parts = []string{q, f.Name}
				}
				ast.At = star.At
				out = append(out, Item{Name: f.Name, Bound: b.finish(b.column(i), ast)})
			}
		}
		if len(out) > 0 || len(star.Qualifier) == 0 {
			return out, nil
		}
	}
	name := &parse.Name{Parts: star.Qualifier}
	name.At = star.At
	x, err := b.name(name)
	if err != nil {
		return nil, err
	}
	if x.t.Kind != batch.Struct {
		return nil, b.fail(star, "INVALID_STAR_EXPANSION", "%s.* needs a struct or the name of a stream, this is of type %s",
			clip(strings.Join(star.Qualifier, ".")), clip(x.t.String()))
	}
	for i, f := range x.t.Fields {
		ast := &parse.Name{Parts: append(append([]string(nil), star.Qualifier...), f.Name)}
		ast.At = star.At
		out = append(out, Item{Name: f.Name, Bound: b.finish(b.structField(x, i), ast)})
	}
	return out, nil
}

// Tree is a parsed expression with the text that it was parsed from, for the
// places in its errors.
type Tree struct {
	Node parse.Node
	Text string
}

// ItemName names a select item as Spark does: the alias, the last part of a path, or
// the text of the expression.
func ItemName(ast parse.Node) string { return itemName(ast) }

// BindTrees is BindSelect of trees, each from a text of its own: one item a
// tree, so a star is refused.
func BindTrees(trees []Tree, s *batch.Schema, o Options) ([]Item, error) {
	shared := newBinder("", s, o)
	var out []Item
	for _, t := range trees {
		shared.text = t.Text
		ast := t.Node
		if a, ok := ast.(*parse.Alias); ok {
			ast = a.X
		}
		x, err := shared.bound(ast)
		if err != nil {
			return nil, err
		}
		out = append(out, Item{Name: itemName(t.Node), Bound: x})
	}
	return out, nil
}
