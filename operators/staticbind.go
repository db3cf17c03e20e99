package operators

import (
	"fmt"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/supervision"
)

// Join says how a stream is joined with a static table.
type Join struct {
	Type JoinType // "": inner
	// On is the condition: equalities of both sides joined by AND find the rows, what else it has is asked of each pair.
	On string
	// Using are columns that both sides have and that must be equal. They come once, and first, in the result.
	Using []string
	// The sides, with the names before the point by which their columns may be called.
	Stream, Static                     *batch.Schema
	StreamQualifiers, StaticQualifiers []string
}

// JoinPlan is a join that is bound.
type JoinPlan struct {
	Type                   JoinType
	StreamKeys, StaticKeys []*expr.Bound
	Residual               *expr.Bound // over the stream's columns, then the table's; nil: none
	Output                 []int       // which of those columns are passed on
	Schema                 *batch.Schema
	// Qualifiers are those of the columns of Schema, "" for none.
	Qualifiers []string

	joined *batch.Schema
	stream int // columns of the stream
}

// BindJoin binds a join. Rows with a null among their keys match nothing. Keys of
// different types are compared in the type that both fit in, as = does.
func BindJoin(j Join, o expr.Options) (*JoinPlan, error) {
	if j.Type == "" {
		j.Type = InnerJoin
	}
	if err := j.Type.valid(); err != nil {
		return nil, err
	}
	b := joinBinder{Join: j, options: o, plan: &JoinPlan{Type: j.Type, stream: len(j.Stream.Fields)}}
	b.plan.joined = &batch.Schema{Fields: append(slices.Clone(j.Stream.Fields), j.Static.Fields...)}
	b.qualifiers = append(spread(j.StreamQualifiers, len(j.Stream.Fields)), spread(j.StaticQualifiers, len(j.Static.Fields))...)
	for _, name := range j.Using {
		l, r := j.Stream.IndexFold(name), j.Static.IndexFold(name)
		if l < 0 || r < 0 {
			return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "UNRESOLVED_USING_COLUMN_FOR_JOIN",
				Message: fmt.Sprintf("join using %q: the stream has %s, the table has %s", name, j.Stream, j.Static), Hint: "use a column that both sides have once"}
		}
		ast := func(f batch.Field) parse.Node { return &parse.Name{Parts: []string{f.Name}} }
		if err := b.keys(ast(j.Stream.Fields[l]), ast(j.Static.Fields[r]), ""); err != nil {
			return nil, err
		}
	}
	if j.On != "" {
		if err := b.on(); err != nil {
			return nil, err
		}
	}
	b.output()
	return b.plan, nil
}

// spread returns one qualifier a column.
func spread(q []string, n int) []string {
	switch len(q) {
	case 0:
		return make([]string, n)
	case 1:
		return slices.Repeat(q, n)
	}
	return slices.Clone(q)
}

type joinBinder struct {
	Join
	options    expr.Options
	qualifiers []string
	plan       *JoinPlan
}

// on splits the condition into equalities of both sides and the rest.
func (b *joinBinder) on() error {
	ast, err := parse.Item(b.On)
	if err != nil {
		return err
	}
	both := b.options
	both.Qualifiers = b.qualifiers
	whole, err := expr.BindNode(ast, b.On, b.plan.joined, both)
	if err != nil {
		return err
	}
	if whole.Type().Kind != batch.Boolean {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "JOIN_CONDITION_IS_NOT_BOOLEAN_TYPE",
			Message: fmt.Sprintf("the join condition %s is of type %s, not boolean", whole.SQL(), whole.Type()), Hint: "compare a column of each side"}
	}
	var rest parse.Node
	for _, part := range conjuncts(ast) {
		equal, is := part.(*parse.Binary)
		if is && equal.Op == "=" {
			l, r, err := b.sides(equal, both)
			if err != nil {
				return err
			}
			if l != nil {
				if err := b.keys(l, r, b.On); err != nil {
					return err
				}
				continue
			}
		}
		if rest == nil {
			rest = part
		} else {
			rest = &parse.Binary{Op: "AND", L: rest, R: part}
		}
	}
	if rest != nil {
		b.plan.Residual, err = expr.BindNode(rest, b.On, b.plan.joined, both)
	}
	return err
}

func conjuncts(ast parse.Node) []parse.Node {
	if and, is := ast.(*parse.Binary); is && strings.EqualFold(and.Op, "AND") {
		return append(conjuncts(and.L), conjuncts(and.R)...)
	}
	return []parse.Node{ast}
}

// sides returns the two sides of an equality, the stream's first; nil if it is not of one with the other.
func (b *joinBinder) sides(equal *parse.Binary, both expr.Options) (stream, static parse.Node, err error) {
	where := func(n parse.Node) (int, error) {
		x, err := expr.BindNode(n, b.On, b.plan.joined, both)
		if err != nil || len(x.Columns()) == 0 || !x.Deterministic() {
			return 0, err
		}
		switch {
		case x.Columns()[len(x.Columns())-1] < b.plan.stream:
			return 1, nil
		case x.Columns()[0] >= b.plan.stream:
			return 2, nil
		}
		return 0, nil
	}
	l, err := where(equal.L)
	if err != nil {
		return nil, nil, err
	}
	r, err := where(equal.R)
	switch {
	case l == 1 && r == 2:
		return equal.L, equal.R, err
	case l == 2 && r == 1:
		return equal.R, equal.L, err
	}
	return nil, nil, err
}

// keys adds an equality: each side bound to its own columns, cast if the types differ.
func (b *joinBinder) keys(stream, static parse.Node, text string) error {
	left, right := b.options, b.options
	left.Qualifiers, right.Qualifiers = b.StreamQualifiers, b.StaticQualifiers
	l, err := expr.BindNode(stream, text, b.Stream, left)
	if err != nil {
		return err
	}
	r, err := expr.BindNode(static, text, b.Static, right)
	if err != nil {
		return err
	}
	if !l.Type().Equal(r.Type()) {
		common, err := commonType(l.Type(), r.Type(), b.options)
		if err != nil {
			return err
		}
		if l, err = expr.BindNode(&parse.Cast{X: stream, Type: common}, text, b.Stream, left); err != nil {
			return err
		}
		if r, err = expr.BindNode(&parse.Cast{X: static, Type: common}, text, b.Static, right); err != nil {
			return err
		}
	}
	b.plan.StreamKeys, b.plan.StaticKeys = append(b.plan.StreamKeys, l), append(b.plan.StaticKeys, r)
	return nil
}

// commonType returns the type in which values of two types are compared.
func commonType(l, r batch.Type, o expr.Options) (batch.Type, error) {
	o.Qualifiers = nil
	s := batch.NewSchema(batch.Field{Name: "l", Type: l, Nullable: true}, batch.Field{Name: "r", Type: r, Nullable: true})
	if _, err := expr.Bind("l = r", s, o); err != nil {
		return batch.Type{}, err
	}
	common, err := expr.Bind("coalesce(l, r)", s, o)
	if err != nil {
		return batch.Type{}, err
	}
	return common.Type(), nil
}

// output chooses the columns of the result: those of USING first, as in Spark.
func (b *joinBinder) output() {
	p, stream := b.plan, len(b.Stream.Fields)
	once := map[int]bool{}
	for _, name := range b.Using {
		l := b.Stream.IndexFold(name)
		p.Output = append(p.Output, l)
		once[l], once[stream+b.Static.IndexFold(name)] = true, true
	}
	n := len(p.joined.Fields)
	if p.Type == SemiJoin || p.Type == AntiJoin {
		n, once, p.Output = stream, nil, nil // the stream's rows as they are
	}
	for i := range n {
		if !once[i] {
			p.Output = append(p.Output, i)
		}
	}
	p.Schema = &batch.Schema{}
	for _, i := range p.Output {
		f := p.joined.Fields[i]
		f.Nullable = f.Nullable || i >= stream && p.Type == LeftJoin
		p.Schema.Fields = append(p.Schema.Fields, f)
		p.Qualifiers = append(p.Qualifiers, b.qualifiers[i])
	}
}
