package operators

import (
	"errors"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/supervision"
)

// Explosion says what Explode makes of a collection.
type Explosion struct {
	// Of is the collection: an array or a map.
	Of *expr.Bound
	// Outer keeps rows whose collection is null or empty: what is generated is null.
	Outer bool
	// Position adds the element's place, from 0, before it.
	Position bool
	// Names are those of the generated columns; nil: Spark's, "pos", "col", "key" and "value".
	Names []string
	// Carry are the columns of the input that go along, in front; nil: all. The collection itself is
	// copied for each of its elements if it is among them.
	Carry []int
}

// Explode makes a row of each element of a collection: explode, posexplode and
// their outer forms. The elements of one row stay together and in order. Kinds
// and origins are those of the row that they came from.
type Explode struct {
	evaluation
	e      Explosion
	schema *batch.Schema
}

// explodeRows bounds the rows of one batch that Explode emits.
const explodeRows = 8192

// NewExplode returns the operator for an input with this schema.
func NewExplode(s *batch.Schema, e Explosion) (*Explode, error) {
	t := e.Of.Type()
	var made []batch.Field
	if e.Position {
		made = append(made, batch.Field{Name: "pos", Type: batch.IntType, Nullable: e.Outer})
	}
	switch t.Kind {
	case batch.Array:
		made = append(made, batch.Field{Name: "col", Type: t.Fields[0].Type, Nullable: e.Outer || t.Fields[0].Nullable})
	case batch.Map:
		made = append(made, batch.Field{Name: "key", Type: t.Fields[0].Type, Nullable: e.Outer},
			batch.Field{Name: "value", Type: t.Fields[1].Type, Nullable: e.Outer || t.Fields[1].Nullable})
	default:
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
			Message: "explode makes rows of the elements of an array or a map, and " + e.Of.SQL() + " is of type " + t.String(),
			Hint:    "split a string with split(text, ',') first, or make an array of values with array(...)"}
	}
	if e.Names != nil && len(e.Names) != len(made) {
		return nil, supervision.New(supervision.Fatal, "UDTF_ALIAS_NUMBER_MISMATCH",
			"%s makes %d columns, and %d names are given", e.Of.SQL(), len(made), len(e.Names))
	}
	for i, n := range e.Names {
		made[i].Name = n
	}
	if e.Carry == nil {
		for i := range s.Fields {
			e.Carry = append(e.Carry, i)
		}
	}
	schema := &batch.Schema{}
	for _, c := range e.Carry {
		schema.Fields = append(schema.Fields, s.Fields[c])
	}
	schema.Fields = append(schema.Fields, made...)
	return &Explode{e: e, schema: schema}, nil
}

// Schema returns the columns of what is emitted: those carried, then those generated.
func (x *Explode) Schema() *batch.Schema { return x.schema }

// Process emits the elements in batches of bounded size.
func (x *Explode) Process(in *batch.Batch, _ int, out Output) error {
	if in.Rows() == 0 {
		return nil
	}
	x.begin()
	x.expression.Halves = true
	of, err := x.e.Of.Eval(&x.expression, in)
	if errors.Is(err, expr.ErrCrowded) {
		return x.halves(in, func(half *batch.Batch) error { return x.Process(half, 0, out) })
	}
	if err != nil {
		return err
	}
	defer of.Release()
	if err := x.reject(in, out); err != nil {
		return err
	}
	carried := &batch.Batch{Schema: x.schema, N: in.N, Kinds: in.Kinds, Origin: in.Origin, Behind: in.Behind}
	for _, c := range x.e.Carry {
		carried.Columns = append(carried.Columns, in.Columns[c])
	}
	pool := x.Context.Pool
	p := exploded{rows: pool.Rows(explodeRows), elements: pool.Rows(explodeRows), positions: pool.Rows(explodeRows)}
	defer func() { pool.PutRows(p.rows); pool.PutRows(p.elements); pool.PutRows(p.positions) }()
	rows := x.survivors(in)
	for i := range in.Rows() {
		row := int32(in.Row(i))
		if rows != nil {
			if i == len(rows) {
				break
			}
			row = rows[i]
		}
		from, to := of.Off[row], of.Off[row+1]
		if of.IsNull(int(row)) {
			to = from
		}
		if from == to && x.e.Outer {
			if err := x.add(&p, carried, of, out, row, -1, 0); err != nil {
				return err
			}
		}
		for e := from; e < to; e++ {
			if err := x.add(&p, carried, of, out, row, e, e-from); err != nil {
				return err
			}
		}
	}
	return x.emit(&p, carried, of, out)
}

// exploded is rows to be made: which row goes along with which element, -1 for none.
type exploded struct{ rows, elements, positions []int32 }

func (x *Explode) add(p *exploded, carried *batch.Batch, of *batch.Column, out Output, row, element, position int32) error {
	p.rows, p.elements, p.positions = append(p.rows, row), append(p.elements, element), append(p.positions, position)
	if len(p.rows) < explodeRows {
		return nil
	}
	return x.emit(p, carried, of, out)
}

func (x *Explode) emit(p *exploded, carried *batch.Batch, of *batch.Column, out Output) error {
	if len(p.rows) == 0 {
		return nil
	}
	pool := x.Context.Pool
	made := carried.Gather(pool, p.rows)
	if x.e.Position {
		at := pool.NewColumn(batch.IntType, made.N)
		copy(at.I32, p.positions)
		blank(at, p.elements)
		made.Columns = append(made.Columns, at)
	}
	for _, kid := range of.Kids {
		made.Columns = append(made.Columns, gatherOuter(pool, kid, p.elements))
	}
	p.rows, p.elements, p.positions = p.rows[:0], p.elements[:0], p.positions[:0]
	return out.Emit(made)
}

// blank makes null the rows of a column being filled for which there is no element.
func blank(c *batch.Column, elements []int32) {
	for i, e := range elements {
		if e < 0 {
			c.NewValid().Clear(i)
		}
	}
}

// gatherOuter gathers rows of c, null where the row is negative.
func gatherOuter(p *batch.Pool, c *batch.Column, rows []int32) *batch.Column {
	if c.N == 0 {
		b := batch.NewBuilder(c.Type, p)
		defer b.Release()
		for range rows {
			b.Null()
		}
		return b.Finish()
	}
	there := p.Rows(len(rows))
	defer p.PutRows(there)
	missing := false
	for _, r := range rows {
		missing = missing || r < 0
		there = append(there, max(r, 0))
	}
	made := batch.Gather(p, c, there)
	if missing && c.Type.Kind != batch.Void {
		blank(made, rows)
	}
	return made
}
