package delta

import (
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// Error classes of rows that do not fit a table.
const (
	ClassMismatch = "DELTA_METADATA_MISMATCH"
	ClassMerge    = "DELTA_FAILED_TO_MERGE_FIELDS"
	ClassNotNull  = "DELTA_NOT_NULL_CONSTRAINT_VIOLATED"
)

// fit says where each column of the table comes from: the index of a column of the
// rows, or -1 for one that they do not have, and how its values become the table's.
type fit struct {
	from  []int
	turns []*turn
	table *batch.Schema
}

// turn makes values of one type those of another. Nil leaves them as they are.
type turn struct {
	to   batch.Type
	from []int   // of a struct: where each field comes from, -1: it is null
	kids []*turn // of a struct by field, of an array and a map by element, key and value; nil for simple types
}

// fitRows matches the rows' columns, and the fields within them, with the table's by name, letter case
// ignored, and refuses what would be lost or cannot be held. Columns for which fills says so
// need not be there though they are NOT NULL.
func fitRows(rows, table *batch.Schema, fills ...int) (*fit, error) {
	from, turns, err := fitFields(rows.Fields, table, "", fills)
	if err != nil {
		return nil, err
	}
	return &fit{from: from, turns: turns, table: table}, nil
}

func fitFields(rows []batch.Field, table *batch.Schema, path string, fills []int) (from []int, turns []*turn, err error) {
	from, turns = make([]int, len(table.Fields)), make([]*turn, len(table.Fields))
	for i := range from {
		from[i] = -1
	}
	for i, r := range rows {
		at := table.Index(r.Name)
		if at < 0 {
			at = table.IndexFold(r.Name)
		}
		if at < 0 {
			e := supervision.New(supervision.Fatal, ClassMismatch, "the column %s%s %s is not in the table (%s)", path, r.Name, r.Type, table)
			e.Hint = "leave it out, or write with mergeSchema to add it to the table"
			return nil, nil, e
		}
		if from[at] >= 0 {
			return nil, nil, supervision.New(supervision.Fatal, "DELTA_DUPLICATE_COLUMNS_FOUND", "the column %s%s comes twice", path, r.Name)
		}
		if turns[at], err = newTurn(r.Type, table.Fields[at].Type, path+table.Fields[at].Name); err != nil {
			return nil, nil, err
		}
		from[at] = i
	}
	for i, c := range table.Fields {
		if from[i] < 0 && !c.Nullable && !slices.Contains(fills, i) {
			return nil, nil, supervision.New(supervision.Fatal, "DELTA_MISSING_NOT_NULL_COLUMN_VALUE", "the column %s%s is NOT NULL in the table and the rows do not have it", path, c.Name)
		}
	}
	return from, turns, nil
}

// newTurn returns how values of a column are made those of the table's type.
func newTurn(from, to batch.Type, path string) (*turn, error) {
	switch {
	case from.Equal(to):
		return nil, nil
	case from.Kind == batch.Void || !to.Nested() && assignable(from, to):
		return &turn{to: to}, nil
	case from.Kind == to.Kind && to.Kind == batch.Struct:
		at, kids, err := fitFields(from.Fields, &batch.Schema{Fields: to.Fields}, path+".", nil)
		return &turn{to: to, from: at, kids: kids}, err
	case from.Kind == to.Kind && (to.Kind == batch.Array || to.Kind == batch.Map):
		t := &turn{to: to}
		for i := range to.Fields {
			kid, err := newTurn(from.Fields[i].Type, to.Fields[i].Type, path+"."+to.Fields[i].Name)
			if err != nil {
				return nil, err
			}
			t.kids = append(t.kids, kid)
		}
		return t, nil
	}
	e := supervision.New(supervision.Fatal, ClassMerge, "the column %s is %s in the table and %s in the rows", path, to, from)
	e.Hint = "cast it to " + to.String()
	return nil, e
}

func compatible(rows, table *batch.Schema) error {
	_, err := fitRows(rows, table)
	return err
}

// assignable reports whether rows may bring values of from for a column of to: each is one of to's, but that a double keeps the
// first 15 digits of a long, as in Spark.
func assignable(from, to batch.Type) bool {
	if from.Kind == batch.Void || from.Equal(to) {
		return true
	}
	switch to.Kind {
	case batch.SmallInt:
		return from.Kind == batch.TinyInt
	case batch.Int:
		return from.Kind == batch.TinyInt || from.Kind == batch.SmallInt
	case batch.BigInt:
		return from.Kind == batch.TinyInt || from.Kind == batch.SmallInt || from.Kind == batch.Int
	case batch.Double:
		return from.Kind == batch.Float || from.Kind != batch.Decimal && digits(from) > 0
	case batch.Decimal:
		return digits(from) >= 0 && from.Scale <= to.Scale && digits(from) <= digits(to)
	}
	return false
}

// digits is how many digits before the point values of a whole or decimal type can have, -1 for other types.
func digits(t batch.Type) int {
	switch t.Kind {
	case batch.TinyInt:
		return 3
	case batch.SmallInt:
		return 5
	case batch.Int:
		return 10
	case batch.BigInt:
		return 19
	case batch.Decimal:
		return int(t.Precision) - int(t.Scale)
	}
	return -1
}

// columns returns the batch's columns in the table's order and types. Each is
// a reference of its own.
func (f *fit) columns(b *batch.Batch, pool *batch.Pool) []*batch.Column {
	out := make([]*batch.Column, len(f.from))
	for i, from := range f.from {
		if from < 0 {
			out[i] = nulls(f.table.Fields[i].Type, b.N, pool)
		} else {
			out[i] = f.turns[i].column(b.Columns[from], pool)
		}
	}
	return out
}

// column returns a reference of its own to the column as the type turned to.
func (t *turn) column(c *batch.Column, pool *batch.Pool) *batch.Column {
	switch {
	case t == nil:
		return c.Retain()
	case c.Type.Kind == batch.Void:
		return nulls(t.to, c.N, pool)
	case t.kids == nil:
		return widen(c, t.to)
	}
	out := &batch.Column{Type: t.to, N: c.N, Valid: slices.Clone(c.Valid), Off: slices.Clone(c.Off)}
	for i, kid := range t.kids {
		switch {
		case t.to.Kind != batch.Struct:
			out.Kids = append(out.Kids, kid.column(c.Kids[i], pool))
		case t.from[i] < 0:
			out.Kids = append(out.Kids, nulls(t.to.Fields[i].Type, c.N, pool))
		default:
			out.Kids = append(out.Kids, kid.column(c.Kids[t.from[i]], pool))
		}
	}
	return out
}

// nulls returns a column of n nulls.
func nulls(t batch.Type, n int, pool *batch.Pool) *batch.Column {
	b := batch.NewBuilder(t, pool)
	for range n {
		b.Null()
	}
	return b.Finish()
}

// widen returns the column as the type, which assignable allowed.
func widen(c *batch.Column, to batch.Type) *batch.Column {
	if c.Type.Kind == to.Kind && c.Type.Kind != batch.Decimal {
		return c.Retain()
	}
	// A new column may share the buffers of the old one only while that lives:
	// the copy costs less than to keep it alive.
	out := &batch.Column{Type: to, N: c.N, Valid: append(batch.Bitmap(nil), c.Valid...)}
	if c.Valid == nil {
		out.Valid = nil
	}
	switch {
	case to.Kind == batch.Decimal:
		out.I128 = decimals(c, to)
	case to.Kind == batch.BigInt:
		out.I64 = make([]int64, len(c.I32))
		for i, v := range c.I32 {
			out.I64[i] = int64(v)
		}
	case to.Kind == batch.Double && c.Type.Kind == batch.Float:
		out.F64 = make([]float64, len(c.F32))
		for i, v := range c.F32 {
			out.F64[i] = float64(v)
		}
	case to.Kind == batch.Double && c.Type.Kind == batch.BigInt:
		out.F64 = make([]float64, len(c.I64))
		for i, v := range c.I64 {
			out.F64[i] = float64(v)
		}
	case to.Kind == batch.Double:
		out.F64 = make([]float64, len(c.I32))
		for i, v := range c.I32 {
			out.F64[i] = float64(v)
		}
	default:
		out.I32 = append(out.I32, c.I32...)
	}
	return out
}

// decimals returns the unscaled values of a column of whole numbers or decimals as those of another type, which has room for them. Of a
// null there may be any.
func decimals(c *batch.Column, to batch.Type) []batch.Int128 {
	out := make([]batch.Int128, c.N)
	for i := range out {
		switch v := &out[i]; c.Type.Kind {
		case batch.Decimal:
			*v = c.I128[i]
		case batch.BigInt:
			*v = batch.MulInt64(c.I64[i], 1)
		default:
			*v = batch.MulInt64(int64(c.I32[i]), 1)
		}
		out[i], _ = out[i].Rescale(int(c.Type.Scale), int(to.Scale))
	}
	return out
}

// checkNulls refuses a row that is null where the field is NOT NULL. Rows are
// counted from 0 among those that are selected.
func checkNulls(f batch.Field, c *batch.Column, sel []int32, path string) error {
	name := path + f.Name
	if !f.Nullable && c.Nulls() > 0 {
		if row := firstNull(c, sel); row >= 0 {
			e := supervision.New(supervision.Poison, ClassNotNull, "the column %s is NOT NULL and row %d of the batch has no value for it", name, row)
			e.Hint = "filter such rows, or give them a value (coalesce)"
			return e
		}
	}
	if f.Type.Kind != batch.Struct || !holdsNotNull(f.Type) {
		return nil // within arrays and maps NOT NULL is a property of the file's schema only
	}
	inner := sel
	if c.Valid != nil { // a field of a struct that is null is not a violation
		inner = make([]int32, 0, c.N)
		for i := range rowsOf(sel, c.N) {
			if r := rowAt(sel, i); !c.IsNull(int(r)) {
				inner = append(inner, r)
			}
		}
	}
	for i, k := range c.Kids {
		if err := checkNulls(f.Type.Fields[i], k, inner, name+"."); err != nil {
			return err
		}
	}
	return nil
}

func holdsNotNull(t batch.Type) bool {
	for _, f := range t.Fields {
		if !f.Nullable || holdsNotNull(f.Type) {
			return true
		}
	}
	return false
}

func rowsOf(sel []int32, n int) int {
	if sel != nil {
		return len(sel)
	}
	return n
}

func rowAt(sel []int32, i int) int32 {
	if sel != nil {
		return sel[i]
	}
	return int32(i)
}

func firstNull(c *batch.Column, sel []int32) int {
	for i := range rowsOf(sel, c.N) {
		if c.IsNull(int(rowAt(sel, i))) {
			return i
		}
	}
	return -1
}
