package expr

import (
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// lambda is a bound lambda: its body is an expression over the columns of the expression around it, followed by its
// parameters. It is computed for the elements of all rows of a batch at once.
type lambda struct {
	body     *node
	outer    int     // columns before the parameters
	captured []int   // columns around that the body reads
	columns  []*node // the same as nodes: they become arguments of the function
	text     string
	params   int
}

// lambda binds a lambda whose parameters have these types. Fewer parameters than types are fine from least on.
func (b *binder) lambda(at parse.Node, least int, params ...batch.Field) (*lambda, error) {
	l, ok := at.(*parse.Lambda)
	if !ok { // a value that hangs on no element
		l, least = &parse.Lambda{Body: at}, 0
	}
	if len(l.Params) < least || len(l.Params) > len(params) {
		return nil, b.fail(at, "INVALID_LAMBDA_FUNCTION_CALL.NUM_ARGS_MISMATCH", "the lambda has %d parameters, not %d", len(l.Params), len(params))
	}
	s := &batch.Schema{Fields: slices.Clone(b.schema.Fields)}
	for i, f := range s.Fields {
		for _, p := range l.Params {
			if equalFold(f.Name, p) {
				s.Fields[i].Name = "\x00" + f.Name // the parameter hides it
			}
		}
	}
	for i, p := range l.Params {
		if slices.ContainsFunc(l.Params[:i], func(q string) bool { return equalFold(p, q) }) {
			return nil, b.fail(at, "INVALID_LAMBDA_FUNCTION_CALL.DUPLICATE_ARG_NAMES", "two parameters are named %s", clip(p))
		}
		f := params[i]
		f.Name = p
		s.Fields = append(s.Fields, f)
	}
	inner := newBinder(b.text, s, b.o)
	body, err := inner.bind(l.Body)
	if err != nil {
		return nil, err
	}
	out := &lambda{body: body, outer: len(b.schema.Fields), text: parse.Render(l), params: len(l.Params)}
	var all []int
	body.columns(map[*node]bool{}, &all)
	slices.Sort(all)
	for _, c := range slices.Compact(all) {
		if c < out.outer {
			out.captured = append(out.captured, c)
			out.columns = append(out.columns, b.column(c))
		}
	}
	return out, nil
}

// wrap makes a node of a function of args and the lambdas: its kernel sees args first.
func (b *binder) wrap(name string, t batch.Type, k kernel, args []*node, lambdas ...*lambda) *node {
	detail := ""
	n := b.call(name, t, k, slices.Clone(args)...)
	for _, l := range lambdas {
		n.args = append(n.args, l.columns...)
		n.volatile, n.epoch, n.fails = n.volatile || l.body.volatile, n.epoch || l.body.epoch, n.fails || l.body.fails
		detail += fmt.Sprintf("%s %v;", l.text, l.captured)
	}
	n.nullable = true
	return b.intern(n, detail)
}

// apply computes the body for elements: rows says which row of the batch each is of, params are columns of the elements,
// and captured the values of the columns around.
func (l *lambda) apply(r *run, rows []int32, captured []val, params ...*batch.Column) (*batch.Column, error) {
	return l.applyTo(r, len(rows), rows, captured, params...)
}

// applyTo is apply for n elements: of which rows they are is asked only if there are captured values, or if the body can fail.
func (l *lambda) applyTo(r *run, n int, rows []int32, captured []val, params ...*batch.Column) (*batch.Column, error) {
	in := &batch.Batch{N: n, Columns: make([]*batch.Column, l.outer, l.outer+len(params))}
	for i, c := range l.captured {
		v := captured[i]
		if v.one {
			v = val{c: (&run{ctx: r.ctx, n: n, folding: r.folding}).full(val{c: v.c.Retain(), one: true})}
		} else {
			v = val{c: batch.Gather(r.pool(), v.c, rows)}
		}
		defer v.c.Release()
		in.Columns[c] = v.c
	}
	in.Columns = append(in.Columns, params...)
	ctx := &Context{Pool: r.ctx.Pool, Now: r.ctx.Now, Zone: r.ctx.Zone, decoders: r.ctx.decoders}
	inner := newRun(ctx, in)
	inner.zone = r.zone
	defer inner.close()
	v, err := l.body.eval(inner, nil)
	if err != nil {
		return nil, err
	}
	r.ctx.decoders = ctx.decoders
	if inner.crowded {
		r.crowd()
	}
	rule := r.rule
	for _, e := range ctx.Rejected {
		r.rule = e.Rule
		r.fail(int(rows[e.Row]), e.Class, e.Message, e.Raw)
	}
	r.rule = rule
	return inner.full(v), nil
}

// elements lists the places of the elements of the rows that count, and the row of each.
func (r *run) elements(sel []int32, v val) (places, rows []int32) {
	places, rows = []int32{}, []int32{}
	r.each(sel, func(i int) {
		if v.null(i) {
			return
		}
		at := i & v.mask()
		for j := v.c.Off[at]; j < v.c.Off[at+1]; j++ {
			places, rows = append(places, j), append(rows, int32(i))
		}
	})
	return places, rows
}

// lists makes a list column of elements that stand in the order of their rows; kids are taken over.
func (r *run) lists(t batch.Type, sel []int32, v val, rows []int32, kids ...*batch.Column) *batch.Column {
	c := r.pool().NewColumn(t, r.n)
	c.Kids = kids
	clear(c.Off)
	for _, i := range rows {
		c.Off[i+1]++
	}
	for i := range r.n {
		c.Off[i+1] += c.Off[i]
	}
	r.each(sel, func(i int) {
		if v.null(i) {
			c.NewValid().Clear(i)
		}
	})
	return c
}

// truth returns the rows of a boolean column that are true.
func truth(c *batch.Column, i int) (is, null bool) {
	if c.IsNull(i) {
		return false, true
	}
	return c.Bool(i), false
}
