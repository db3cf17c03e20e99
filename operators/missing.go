package operators

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/supervision"
)

// DropNA passes on the rows that have enough values: neither null nor NaN. It is Spark's dropna.
type DropNA struct {
	Base
	columns []int
	least   int
	have    []int32 // values of each row
}

// NewDropNA returns the operator for an input with this schema. columns are
// those that count, all of them if there are none; a row needs least values, or, if least is
// negative, a value in each (Spark's how "any"). How "all" is a least of 1.
func NewDropNA(s *batch.Schema, least int, columns ...int) *DropNA {
	if len(columns) == 0 {
		for i := range s.Fields {
			columns = append(columns, i)
		}
	}
	if least < 0 {
		least = len(columns)
	}
	return &DropNA{columns: columns, least: least}
}

// Process passes on the rows with enough values.
func (d *DropNA) Process(in *batch.Batch, _ int, out Output) error {
	d.have = slices.Grow(d.have[:0], in.N)[:in.N]
	clear(d.have)
	for _, c := range d.columns {
		countValues(in.Columns[c], d.have)
	}
	keep := batch.Bitmap(d.Context.Pool.Words(batch.BitmapWords(in.N)))
	defer d.Context.Pool.PutWords(keep)
	for i := range in.Rows() {
		if r := in.Row(i); int(d.have[r]) >= d.least {
			keep.Set(r)
		}
	}
	return emitRows(d.Context.Pool, in, keep, out)
}

func countValues(c *batch.Column, have []int32) {
	for i := range have {
		switch {
		case c.IsNull(i):
		case c.Type.Kind == batch.Double && math.IsNaN(c.F64[i]):
		case c.Type.Kind == batch.Float && c.F32[i] != c.F32[i]:
		default:
			have[i]++
		}
	}
}

// Fill says what stands in for missing values.
type Fill struct {
	// Value is a literal in SQL: 0, 'none', true.
	Value string
	// Columns get it, if their type is of the value's kind; nil: all of that kind.
	Columns []string
}

// FillNA returns a select list in which missing values, null and NaN, are filled: Spark's fillna. A number
// fills columns of numbers, cast to their type, a string those of strings, a
// boolean those of booleans. Of two fills the first that fits a column counts.
func FillNA(s *batch.Schema, fills []Fill, o expr.Options) ([]expr.Item, error) {
	kinds := make([]batch.Type, len(fills))
	for i, f := range fills {
		b, err := expr.Bind(f.Value, &batch.Schema{}, o)
		if err != nil {
			return nil, err
		}
		if kinds[i] = b.Type(); family(b.Type()) == 0 {
			return nil, supervision.New(supervision.Fatal, "DATATYPE_MISMATCH", "fillna takes a number, a string or a boolean, and %s is of type %s", f.Value, b.Type())
		}
		for _, c := range f.Columns {
			if s.IndexFold(c) < 0 {
				return nil, supervision.New(supervision.Fatal, "UNRESOLVED_COLUMN", "fillna: there is no column %q; there are %s", c, s)
			}
		}
	}
	items := make([]string, len(s.Fields))
	for i, column := range s.Fields {
		name := parse.QuoteName(column.Name)
		items[i] = name
		at := 0
		for at < len(fills) && !(family(kinds[at]) == family(column.Type) && fills[at].names(column.Name)) {
			at++
		}
		if at == len(fills) {
			continue
		}
		value := name
		if k := column.Type.Kind; k == batch.Double || k == batch.Float {
			value = fmt.Sprintf("nullif(%s, cast('NaN' AS %s))", name, column.Type)
		}
		items[i] = fmt.Sprintf("coalesce(%s, cast(%s AS %s)) AS %s", value, fills[at].Value, column.Type, name)
	}
	return expr.BindSelect(items, s, o)
}

func (f Fill) names(column string) bool {
	return f.Columns == nil || slices.ContainsFunc(f.Columns, func(c string) bool { return strings.EqualFold(c, column) })
}

// family is what a value can fill: 0 nothing, else numbers, strings or booleans.
func family(t batch.Type) int {
	switch t.Kind {
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.BigInt, batch.Float, batch.Double, batch.Decimal:
		return 1
	case batch.String:
		return 2
	case batch.Boolean:
		return 3
	}
	return 0
}
