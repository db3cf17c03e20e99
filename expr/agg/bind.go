package agg

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// Options say how aggregates are bound.
type Options struct {
	expr.Options
	// Updating says that the input has rows that take back earlier ones: groups count their rows, and
	// every aggregate must be able to forget.
	Updating bool
	// Aggregates are the users' aggregates; nil: none.
	Aggregates *Registry
}

// Bind finds the aggregates in the items, each a text such as "sum(a) AS total" or
// "max(b) - min(b) AS span", binds their arguments to the columns of s, and what is around them to the
// group columns and the results. groups are the group columns, whose names the items may use; they come
// first in the output.
func Bind(items []string, groups []batch.Field, s *batch.Schema, o Options) (*Plan, error) {
	b := &binder{plan: &Plan{rows: -1, folded: -1, exact: true}, schema: s, groups: groups, o: o,
		byKey: map[string]int{}, inputs: map[string]int{}, masks: map[string]int{}, means: map[string]bool{}}
	var outputs []expr.Tree
	for _, text := range items {
		ast, err := parse.Item(text)
		if err != nil {
			return nil, err
		}
		b.text = text
		rewritten, err := b.extract(ast)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, expr.Tree{Node: rewritten, Text: text})
	}
	if err := b.bindCalls(); err != nil {
		return nil, err
	}
	return b.plan, b.bindOutput(outputs)
}

// binder makes one plan.
type binder struct {
	plan   *Plan
	schema *batch.Schema
	groups []batch.Field
	o      Options
	text   string

	calls  []call
	byKey  map[string]int // slots by what they are
	inputs map[string]int // Plan.inputs by SQL
	masks  map[string]int
	means  map[string]bool // arguments of which there is a mean
}

// call is an aggregate that was found in a text.
type call struct {
	ast  *parse.Call
	text string
}

// result is the name of the column of call i among the results: no text can name it.
func result(i int) string { return fmt.Sprintf("#%d", i) }

// extract replaces the aggregates of an item by names of their results.
func (b *binder) extract(ast parse.Node) (parse.Node, error) {
	if _, star := ast.(*parse.Star); star {
		return nil, parse.At(b.text, ast.Pos(), "INVALID_USAGE_OF_STAR_OR_REGEX", "a star is no aggregate", "name the aggregates")
	}
	name := itemName(ast)
	var failed error
	rewritten := parse.Rewrite(ast, func(n parse.Node) (parse.Node, bool) {
		c, is := n.(*parse.Call)
		if !is || failed != nil {
			return nil, false
		}
		if !b.isAggregate(c.Name) {
			failed = expr.Unresolved(b.text, c, b.o.Options, b.names())
			return nil, false
		}
		failed = b.refuseNested(c)
		column := &parse.Name{Parts: []string{result(b.callOf(c))}}
		column.At = c.At
		return column, true
	})
	if failed == nil {
		failed = b.refuseUngrouped(rewritten)
	}
	if a, is := rewritten.(*parse.Alias); is {
		rewritten = a.X
	}
	return &parse.Alias{X: rewritten, Name: name}, failed
}

// itemName is Spark's name of an item: count(*) is count(1).
func itemName(ast parse.Node) string {
	if _, is := ast.(*parse.Alias); !is {
		ast = parse.Rewrite(ast, func(n parse.Node) (parse.Node, bool) {
			_, star := n.(*parse.Star)
			return &parse.Literal{Kind: batch.Int, Text: "1"}, star
		})
	}
	return expr.ItemName(ast)
}

func (b *binder) isAggregate(name string) bool { return b.lookup(name) != nil }

func (b *binder) refuseNested(c *parse.Call) error {
	var nested error
	for _, kid := range parse.Kids(c) {
		parse.Rewrite(kid, func(n parse.Node) (parse.Node, bool) {
			if inner, is := n.(*parse.Call); is && b.isAggregate(inner.Name) {
				nested = parse.At(b.text, inner.Pos(), "NESTED_AGGREGATE_FUNCTION", "an aggregate cannot be within the arguments of another",
					"aggregate twice, one step after the other")
			}
			return nil, false
		})
	}
	return nested
}

// refuseUngrouped says which column of the input stands outside an aggregate.
func (b *binder) refuseUngrouped(ast parse.Node) error {
	known := batch.NewSchema(b.groups...)
	var failed error
	parse.Rewrite(ast, func(n parse.Node) (parse.Node, bool) {
		name, is := n.(*parse.Name)
		if is && failed == nil && known.IndexFold(name.Parts[0]) == -1 && b.schema.IndexFold(name.Parts[0]) >= 0 {
			failed = parse.At(b.text, name.Pos(), "MISSING_AGGREGATION",
				fmt.Sprintf("the column %s is neither one of the groups nor within an aggregate", name.Parts[0]),
				fmt.Sprintf("add it to the groups, or take any_value(%s) or max(%s)", name.Parts[0], name.Parts[0]))
		}
		return nil, false
	})
	return failed
}

// callOf returns the number of a call; equal calls are one. count_if(x) is count(*) of the rows where x.
func (b *binder) callOf(c *parse.Call) int {
	if strings.EqualFold(c.Name, "count_if") && len(c.Args) == 1 {
		counted := *c
		counted.Name, counted.Args, counted.Filter = "count", []parse.Node{&parse.Star{}}, c.Args[0]
		if c.Filter != nil {
			counted.Filter = &parse.Binary{Op: "AND", L: c.Args[0], R: c.Filter}
		}
		c = &counted
	}
	sql := parse.Render(c)
	for i, known := range b.calls {
		if parse.Render(known.ast) == sql {
			return i
		}
	}
	b.calls = append(b.calls, call{ast: c, text: b.text})
	return len(b.calls) - 1
}

func typeError(want string, t batch.Type) error {
	return fmt.Errorf("its argument must be %s, this is of type %s", want, t)
}

// errSets is what merging accumulators says that a plan has sets for.
var errSets = supervision.New(supervision.Restart, "INTERNAL_ERROR", "aggregates that keep all values in a set were to be merged")

// fail points at the call.
func (b *binder) fail(c call, class string, err error) error {
	return parse.At(c.text, c.ast.Pos(), class, fmt.Sprintf("%s: %v", strings.ToLower(c.ast.Name), err), "")
}

// bindCalls binds the arguments of all calls together, so that what they have in common is computed once.
func (b *binder) bindCalls() error {
	items, err := b.bindArguments(nil)
	if err != nil {
		return err
	}
	casts := make([][]batch.Type, len(b.calls))
	recast := false
	for i, c := range b.calls {
		f := b.lookup(c.ast.Name)
		if f.cast == nil {
			continue
		}
		var types []batch.Type
		for _, x := range items[i].arguments {
			types = append(types, x.Type())
		}
		if casts[i], err = f.cast(b, types); err != nil {
			return b.fail(c, "DATATYPE_MISMATCH", err)
		}
		recast = recast || casts[i] != nil
	}
	if recast {
		if items, err = b.bindArguments(casts); err != nil {
			return err
		}
	}
	for i, c := range b.calls {
		if name := strings.ToLower(c.ast.Name); name == "avg" || name == "mean" {
			b.means[items[i].arguments[0].SQL()] = true
		}
	}
	if b.o.Updating {
		b.plan.rows = b.count(b.mask(mask{filter: -1, set: -1}))
	}
	for i, c := range b.calls {
		x := items[i]
		x.SQL, x.Name, x.Distinct = parse.Render(c.ast), strings.ToLower(c.ast.Name), c.ast.Distinct
		f := b.lookup(x.Name)
		x.Distinct = x.Distinct && !f.indifferent
		if err := f.build(b, x); err != nil {
			return b.fail(c, "DATATYPE_MISMATCH", err)
		}
		b.plan.Calls = append(b.plan.Calls, x)
	}
	return nil
}

// bindArguments binds arguments and filters of every call.
func (b *binder) bindArguments(casts [][]batch.Type) ([]*Call, error) {
	var trees []expr.Tree
	for i, c := range b.calls {
		args, err := b.argumentsOf(c)
		if err != nil {
			return nil, err
		}
		for k, arg := range args {
			if casts != nil && casts[i] != nil && casts[i][k].Kind != batch.Invalid {
				arg = &parse.Cast{X: arg, Type: casts[i][k]}
			}
			trees = append(trees, expr.Tree{Node: arg, Text: c.text})
		}
		if c.ast.Filter != nil {
			trees = append(trees, expr.Tree{Node: c.ast.Filter, Text: c.text})
		}
	}
	bound, err := expr.BindTrees(trees, b.schema, b.o.Options)
	if err != nil {
		return nil, err
	}
	calls := make([]*Call, len(b.calls))
	for i, c := range b.calls {
		args, _ := b.argumentsOf(c)
		x := &Call{}
		for _, item := range bound[:len(args)] {
			x.arguments = append(x.arguments, item.Bound)
		}
		bound = bound[len(args):]
		if c.ast.Filter != nil {
			x.filter, bound = bound[0].Bound, bound[1:]
			if x.filter.Type().Kind != batch.Boolean {
				return nil, b.fail(c, "DATATYPE_MISMATCH", fmt.Errorf("FILTER needs a condition, this is of type %s", x.filter.Type()))
			}
		}
		calls[i] = x
	}
	return calls, nil
}

// argumentsOf returns the arguments of a call: none for count(*).
func (b *binder) argumentsOf(c call) ([]parse.Node, error) {
	name, args := strings.ToLower(c.ast.Name), c.ast.Args
	if len(args) == 1 {
		if star, is := args[0].(*parse.Star); is {
			if name != "count" || len(star.Qualifier) > 0 || c.ast.Distinct {
				return nil, b.fail(c, "INVALID_USAGE_OF_STAR_OR_REGEX", errors.New("a star goes with count alone, as count(*)"))
			}
			return nil, nil
		}
	}
	f := b.lookup(name)
	if len(args) < f.least || f.max >= 0 && len(args) > f.max || name == "count" && len(args) == 0 {
		return nil, b.fail(c, "WRONG_NUM_ARGS", fmt.Errorf("it does not take %d arguments: %s", len(args), f.doc.Signature))
	}
	return args, nil
}

// bindOutput binds what is around the aggregates.
func (b *binder) bindOutput(outputs []expr.Tree) error {
	fields := append([]batch.Field(nil), b.groups...)
	for i, c := range b.plan.Calls {
		fields = append(fields, batch.Field{Name: result(i), Type: c.Type, Nullable: c.Nullable})
	}
	b.plan.inner = batch.NewSchema(fields...)
	var trees []expr.Tree
	for _, g := range b.groups {
		trees = append(trees, expr.Tree{Node: &parse.Name{Parts: []string{g.Name}}})
	}
	var err error
	o := b.o.Options
	o.Qualifiers = nil
	b.plan.Items, err = expr.BindTrees(append(trees, outputs...), b.plan.inner, o)
	return err
}

// input returns the number of an evaluated expression.
func (b *binder) input(x *expr.Bound) int {
	key := x.SQL()
	if i, ok := b.inputs[key]; ok {
		return i
	}
	b.inputs[key] = len(b.plan.inputs)
	b.plan.inputs = append(b.plan.inputs, x)
	return b.inputs[key]
}

// maskOf returns the number of the mask of the call's rows.
func (b *binder) maskOf(c *Call) int {
	m := b.rowsOf(c, c.arguments)
	if !c.Distinct {
		return m
	}
	return b.distinct(c.arguments, m)
}

// rowsOf returns the number of the mask of the rows that the call's filter lets through and in
// which none of the values is null.
func (b *binder) rowsOf(c *Call, values []*expr.Bound) int {
	filter := -1
	if c.filter != nil {
		filter = b.input(c.filter)
	}
	var nulls []int
	for _, x := range values {
		if x.Nullable() {
			nulls = append(nulls, b.input(x))
		}
	}
	return b.mask(mask{filter: filter, nulls: nulls, set: -1})
}

func (b *binder) mask(m mask) int {
	key := fmt.Sprint(m)
	if i, ok := b.masks[key]; ok {
		return i
	}
	b.masks[key] = len(b.plan.masks)
	b.plan.masks = append(b.plan.masks, m)
	return b.masks[key]
}

// distinct returns the mask of the first row of each value among those of mask m.
func (b *binder) distinct(values []*expr.Bound, m int) int {
	var args []int
	var names []string
	for _, x := range values {
		args, names = append(args, b.input(x)), append(names, x.SQL())
	}
	name := "distinct(" + strings.Join(names, ", ") + ")"
	at := -1
	for i, s := range b.plan.sets {
		if !slices.Equal(s.args, args) {
			continue
		}
		if bit := slices.Index(s.masks, m); bit >= 0 {
			return b.mask(mask{set: i, bit: bit})
		}
		if at = i; len(s.masks) == 64 {
			at, name = -1, name+"+"
		}
	}
	if at < 0 {
		at = len(b.plan.sets)
		set := &Set{Name: name, args: args}
		for i, x := range values {
			set.Columns = append(set.Columns, state.Column{Name: names[i], Type: x.Type()})
		}
		b.plan.sets = append(b.plan.sets, set)
		b.plan.exact = false
	}
	s := b.plan.sets[at]
	s.masks = append(s.masks, m)
	b.nameSet(s)
	return b.mask(mask{set: at, bit: len(s.masks) - 1})
}

// nameSet names the words of a set by which rows they tell of.
func (b *binder) nameSet(s *Set) {
	s.Values = nil
	var of []string
	for _, m := range s.masks {
		of = append(of, "rows"+b.maskName(m, -1))
	}
	if !b.o.Updating {
		s.Values = []state.Column{{Name: strings.Join(of, "; "), Type: batch.BigIntType}}
		return
	}
	for _, name := range of {
		s.Values = append(s.Values, state.Column{Name: name, Type: batch.BigIntType})
	}
	for _, p := range s.positions {
		*p.word = len(s.Values)
		s.Values = append(s.Values, state.Column{Name: p.name, Type: batch.BigIntType})
	}
}

// share returns the slot that keeps the same, or adds s with as many words. If words is 0 or
// less it has a text, and behind it words for what is below 0.
func share[S slot](b *binder, kind string, arg, m, words int, s S, at *int) S {
	key := fmt.Sprint(kind, " ", arg, " ", m)
	if i, ok := b.byKey[key]; ok {
		return b.plan.slots[i].(S)
	}
	*at = len(b.plan.values)
	b.byKey[key] = len(b.plan.slots)
	b.plan.slots, b.plan.mask = append(b.plan.slots, s), append(b.plan.mask, m)
	name := b.valueName(kind, arg, m)
	if words <= 0 {
		b.plan.values = append(b.plan.values, state.Column{Name: name, Type: batch.BinaryType})
		name, words = name+"#n", -words
	}
	for k := range words {
		suffix := ""
		if k > 0 {
			suffix = fmt.Sprintf("#%d", k)
		}
		b.plan.values = append(b.plan.values, state.Column{Name: name + suffix, Type: batch.BigIntType})
	}
	return s
}

// valueName names a value of the state by what it is, so that state of other aggregates is not taken for it.
func (b *binder) valueName(kind string, arg, m int) string {
	text := "*"
	if arg >= 0 {
		text = b.plan.inputs[arg].SQL()
	}
	return kind + "(" + text + ")" + b.maskName(m, arg)
}

// maskName says which rows a mask has, apart from those without a null in arg.
func (b *binder) maskName(m, arg int) string {
	x, name := b.plan.masks[m], ""
	if x.set >= 0 {
		s := b.plan.sets[x.set]
		return " " + s.Name + b.maskName(s.masks[x.bit], -1)
	}
	for _, c := range x.nulls {
		if c != arg {
			name += " not null " + b.plan.inputs[c].SQL()
		}
	}
	if x.filter >= 0 {
		name += " where " + b.plan.inputs[x.filter].SQL()
	}
	return name
}

// count returns the value that counts the rows of a mask.
func (b *binder) count(m int) int {
	s := &countSlot{}
	return share(b, "count", -1, m, 1, s, &s.at).at
}

// some returns the value that counts the rows of the call, -1 if every group has one: but that of all rows, which is there without.
func (b *binder) some(c *Call) int {
	m := b.maskOf(c)
	if x := b.plan.masks[m]; x.set < 0 && x.filter < 0 && len(x.nulls) == 0 && !b.o.Updating && len(b.groups) > 0 {
		return -1
	}
	return b.count(m)
}

func sortedKeys(m map[int]bool) []int {
	var l []int
	for k := range m {
		l = append(l, k)
	}
	sort.Ints(l)
	return l
}
