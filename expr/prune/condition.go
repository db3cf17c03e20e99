package prune

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/parse"
)

// Column is a column, or a field within structs, that a condition looks at.
type Column struct {
	Path []batch.Field // from the column of the schema down
	// Constant columns have one value, or null, in a whole unit.
	Constant bool
}

// Type returns the type of its values.
func (c *Column) Type() batch.Type { return c.Path[len(c.Path)-1].Type }

// Bounds is what is known of the values of one column, by unit.
type Bounds struct {
	Min, Max *batch.Column // of the column's type; null: not known. Borrowed
	NoNull   batch.Bitmap  // no row is null. Nil: not known of any unit
	AllNull  batch.Bitmap  // every row is null
}

// Condition is a condition over bounds.
type Condition struct {
	columns []Column
	schema  *batch.Schema // of what Keep evaluates: for each column min, max, none, all
	bound   *expr.Bound
}

// New returns the condition over bounds, nil if bounds cannot tell anything about it. constant says which columns of the
// schema are constant; nil: none.
func New(text string, s *batch.Schema, o expr.Options, constant func(name string) bool) (*Condition, error) {
	tree, err := parse.Expr(text)
	if err != nil {
		return nil, err
	}
	t := &translation{text: text, schema: s, options: o, constant: constant}
	over := t.may(tree)
	if over == keep {
		return nil, nil
	}
	c := &Condition{columns: t.columns, schema: &batch.Schema{}}
	for i := range t.columns {
		for _, name := range [...]string{"min", "max"} {
			c.schema.Fields = append(c.schema.Fields, batch.Field{Name: slot(name, i), Type: t.columns[i].Type(), Nullable: true})
		}
		for _, name := range [...]string{"none", "all"} {
			c.schema.Fields = append(c.schema.Fields, batch.Field{Name: slot(name, i), Type: batch.BooleanType})
		}
	}
	if c.bound, err = expr.Bind(over, c.schema, o); err != nil {
		return nil, fmt.Errorf("the condition %s over bounds: %w", over, err)
	}
	return c, nil
}

// Columns returns the columns whose bounds are asked for. The caller does not change them.
func (c *Condition) Columns() []Column { return c.columns }

// Keep appends to rows the units, of n, that may have a row for which the condition is true. bounds are those of Columns.
func (c *Condition) Keep(context *expr.Context, n int, bounds []Bounds, rows []int32) ([]int32, error) {
	b := &batch.Batch{Schema: c.schema, N: n}
	flags := func(known batch.Bitmap) {
		column := context.Pool.NewColumn(batch.BooleanType, n)
		copy(column.Bits, known)
		b.Columns = append(b.Columns, column)
	}
	for i := range bounds {
		b.Columns = append(b.Columns, bounds[i].Min.Retain(), bounds[i].Max.Retain())
		flags(bounds[i].NoNull)
		flags(bounds[i].AllNull)
	}
	defer b.Release()
	context.Reset()
	may, err := c.bound.Eval(context, b)
	if err != nil {
		return rows, err
	}
	defer may.Release()
	for _, r := range context.Rejected { // what cannot be computed is found when the rows are
		may.Bits.Set(int(r.Row))
		if may.Valid != nil {
			may.Valid.Set(int(r.Row))
		}
	}
	return expr.Where(may, nil, rows), nil
}

func slot(what string, column int) string { return fmt.Sprintf("%s_%d", what, column) }

// keep is the condition that is true of every unit.
const keep = "true"

func and(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != keep {
			kept = append(kept, p)
		}
	}
	if len(kept) == 0 {
		return keep
	}
	return "(" + strings.Join(kept, " AND ") + ")"
}

func or(parts ...string) string {
	for _, p := range parts {
		if p == keep {
			return keep
		}
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// unless is a comparison with bounds, true where they are not known.
func unless(comparison string) string { return "coalesce(" + comparison + ", true)" }
