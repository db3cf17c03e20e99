package expr

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/supervision"
)

// Bound is an expression bound to a schema. It is immutable and safe for
// concurrent use with one Context a goroutine.
type Bound struct {
	root    *node
	ast     parse.Node
	options Options
	columns []int
	width   int // columns of the schema
}

// Type returns the type of the result.
func (b *Bound) Type() batch.Type { return b.root.t }

// Nullable reports whether the result can be null.
func (b *Bound) Nullable() bool { return b.root.nullable }

// Columns returns the columns of the schema that are read, ascending.
func (b *Bound) Columns() []int { return b.columns }

// SQL returns the expression as SQL that binds to the same.
func (b *Bound) SQL() string { return parse.Render(b.ast) }

// Deterministic reports whether equal rows give equal results within an epoch.
func (b *Bound) Deterministic() bool { return !b.root.volatile }

// UsesEpochTime reports whether the result depends on Context.Now.
func (b *Bound) UsesEpochTime() bool { return b.root.epoch }

// CanReject reports whether rows can fail by their values: if not,
// Context.Rejected stays as it is, unless a row alone passes the limits of a column.
func (b *Bound) CanReject() bool { return b.root.fails }

// Column returns the column of the schema that the expression is, unchanged,
// or -1.
func (b *Bound) Column() int {
	if b.root.name == opColumn {
		return b.root.column
	}
	return -1
}

// Constant returns the value of an expression that depends on no row as a
// column of one row, which the caller must not release, and whether it is one.
func (b *Bound) Constant() (*batch.Column, bool) {
	return b.root.literal, b.root.literal != nil
}

// Eval computes the expression for the batch, which is borrowed: one reference
// to a column of in.N rows, of which those that in.Sel does not name have no
// meaning. The error is of the whole batch; rows that fail are in ctx.Rejected.
func (b *Bound) Eval(ctx *Context, in *batch.Batch) (*batch.Column, error) {
	out, err := EvalAll(ctx, []*Bound{b}, in)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// EvalAll is Eval of several expressions. What those that were bound by one
// BindSelect have in common is computed once.
func EvalAll(ctx *Context, bounds []*Bound, in *batch.Batch) ([]*batch.Column, error) {
	before := len(ctx.Rejected)
	out, r, err := evalAll(ctx, bounds, in)
	if err != nil || !r.crowded {
		return out, err
	}
	if in.Rows() < 2 { // the row alone is too large
		for i := range in.Rows() {
			ctx.reject(in.Row(i), r.crowder, "COLLECTION_SIZE_LIMIT_EXCEEDED", "the texts of the row exceed 256 MiB, or its lists 16,777,216 elements", nil)
		}
		return out, nil
	}
	release(out)
	ctx.forget(before)
	if ctx.Halves {
		return nil, ErrCrowded
	}
	return halves(ctx, bounds, in)
}

func evalAll(ctx *Context, bounds []*Bound, in *batch.Batch) ([]*batch.Column, *run, error) {
	out := make([]*batch.Column, 0, len(bounds))
	r := newRun(ctx, in)
	defer r.close()
	for _, b := range bounds {
		if len(in.Columns) < b.width {
			return release(out), r, supervision.New(supervision.Restart, "INTERNAL_ERROR",
				"expression %s was bound to %d columns, the batch has %d", b.SQL(), b.width, len(in.Columns))
		}
		r.zone = b.options.zone()
		if ctx.Zone != nil {
			r.zone = ctx.Zone
		}
		v, err := b.root.eval(r, in.Sel)
		if err != nil {
			return release(out), r, err
		}
		if r.crowded && in.Rows() > 1 { // the rest is not needed
			v.c.Release()
			return release(out), r, nil
		}
		out = append(out, r.full(v))
	}
	return out, r, nil
}

func release(columns []*batch.Column) []*batch.Column {
	for _, c := range columns {
		c.Release()
	}
	return nil
}

// Item is one column of a select list.
type Item struct {
	Name string // as Spark names it
	*Bound
}

// Schema returns the schema of a select list's result.
func Schema(items []Item) *batch.Schema {
	s := &batch.Schema{}
	for _, i := range items {
		s.Fields = append(s.Fields, batch.Field{Name: i.Name, Type: i.Type(), Nullable: i.Nullable()})
	}
	return s
}
