package expr

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func (b *binder) qualifier(column int) string {
	switch len(b.o.Qualifiers) {
	case 0:
		return ""
	case 1:
		return b.o.Qualifiers[0]
	}
	if column < len(b.o.Qualifiers) {
		return b.o.Qualifiers[column]
	}
	return ""
}

// find returns the columns that the path begins with and how many parts name
// them: qualified names first, as in Spark.
func (b *binder) find(parts []string) (columns []int, used int) {
	if len(parts) > 1 {
		for i, f := range b.schema.Fields {
			if q := b.qualifier(i); q != "" && strings.EqualFold(q, parts[0]) && strings.EqualFold(f.Name, parts[1]) {
				columns = append(columns, i)
			}
		}
		if len(columns) > 0 {
			return columns, 2
		}
	}
	for i, f := range b.schema.Fields {
		if strings.EqualFold(f.Name, parts[0]) {
			columns = append(columns, i)
		}
	}
	return columns, 1
}

// name binds a path: a column, and fields or map keys within it.
func (b *binder) name(n *parse.Name) (*node, error) {
	columns, used := b.find(n.Parts)
	switch len(columns) {
	case 0:
		return nil, b.unresolved(n)
	case 1:
	default:
		return nil, b.fail(n, "AMBIGUOUS_REFERENCE", "%s is ambiguous: %d columns have that name. Say which with its qualifier",
			clip(strings.Join(n.Parts, ".")), len(columns))
	}
	x := b.column(columns[0])
	for _, part := range n.Parts[used:] {
		var err error
		if x, err = b.field(x, part, n); err != nil {
			return nil, err
		}
	}
	return x, nil
}

func (b *binder) column(i int) *node {
	f := b.schema.Fields[i]
	return b.intern(&node{name: opColumn, t: f.Type, nullable: f.Nullable, column: i, cheap: true}, fmt.Sprint(i))
}

func (b *binder) unresolved(n *parse.Name) error {
	var names []string
	for i, f := range b.schema.Fields {
		names = append(names, f.Name)
		if q := b.qualifier(i); q != "" {
			names = append(names, q+"."+f.Name)
		}
	}
	word := strings.Join(n.Parts, ".")
	message := fmt.Sprintf("a column %s cannot be resolved", clip("`"+word+"`"))
	hint := ""
	if near := parse.Nearest(word, names, 3); len(near) > 0 {
		message += ". Did you mean " + strings.Join(near, ", ") + "?"
		hint = "use " + near[0]
	} else if len(names) > 0 {
		message += ". There are " + clip(strings.Join(names[:min(20, len(names))], ", "))
	} else {
		message += ". There are no columns"
	}
	return parse.At(b.text, n.Pos(), "UNRESOLVED_COLUMN", message, hint)
}

// field binds x.name: a field of a struct, a key of a map of strings, or the
// field of each struct of an array.
func (b *binder) field(x *node, name string, at parse.Node) (*node, error) {
	switch x.t.Kind {
	case batch.Struct:
		i := batch.NewSchema(x.t.Fields...).IndexFold(name)
		if i >= 0 {
			return b.structField(x, i), nil
		}
		if i == -2 {
			return nil, b.fail(at, "AMBIGUOUS_REFERENCE_TO_FIELDS", "several fields are named %s", parse.QuoteName(clip(name)))
		}
		var names []string
		for _, f := range x.t.Fields {
			names = append(names, f.Name)
		}
		message := "no such struct field " + parse.QuoteName(clip(name)) + " in " + clip(strings.Join(names, ", "))
		hint := ""
		if near := parse.Nearest(name, names, 1); len(near) > 0 {
			hint = "use " + near[0]
			message += ". Did you mean " + near[0] + "?"
		}
		return nil, parse.At(b.text, at.Pos(), "FIELD_NOT_FOUND", message, hint)
	case batch.Map:
		return b.element(x, b.stringLiteral(name), at, elementOfMap)
	case batch.Array:
		if x.t.Fields[0].Type.Kind == batch.Struct {
			return b.fieldOfEach(x, name, at)
		}
	}
	return nil, b.fail(at, "INVALID_EXTRACT_BASE_FIELD_TYPE", "cannot take %s out of a value of type %s", parse.QuoteName(clip(name)), clip(x.t.String()))
}

func (b *binder) structField(x *node, i int) *node {
	f := x.t.Fields[i]
	n := b.call("get_struct_field", f.Type, fieldKernel(i), x)
	n.nullable = x.nullable || f.Nullable
	return b.intern(n, fmt.Sprint(i))
}

func (b *binder) stringLiteral(s string) *node {
	c := batch.NewBuilder(batch.StringType, nil)
	c.String(s)
	return b.constant(c.Finish(), fmt.Sprintf("%q", s))
}

// constant makes a literal node of a column of one row; the key tells its
// value from others of its type.
func (b *binder) constant(c *batch.Column, key string) *node {
	return b.intern(&node{name: opLiteral, t: c.Type, nullable: c.IsNull(0), literal: c, cheap: true}, key)
}
