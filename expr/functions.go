package expr

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/supervision"
)

// FunctionDoc describes a function to users.
type FunctionDoc struct {
	Name      string
	Signature string
	Doc       string // one line
	Example   string // an expression without columns
	Result    string // of the example, as CAST to string writes it; NULL for null
}

// function is a function and how it is bound.
type function struct {
	doc        FunctionDoc
	least, max int // number of arguments; max -1: any
	bind       func(b *binder, c *parse.Call, args []*node) (*node, error)
	higher     func(b *binder, c *parse.Call) (*node, error) // in place of bind: it takes lambdas, and binds its arguments itself
}

var functions = map[string]*function{}

// define adds functions to the table; called while the package is initialised.
func define(name, signature, doc, example, result string, least, max int,
	bind func(b *binder, c *parse.Call, args []*node) (*node, error)) {
	functions[name] = &function{doc: FunctionDoc{Name: name, Signature: signature, Doc: doc, Example: example, Result: result},
		least: least, max: max, bind: bind}
}

// also gives a function another name, under which it has the same example.
func also(name string, aliases ...string) {
	f := functions[name]
	for _, a := range aliases {
		g := *f
		g.doc.Name = a
		g.doc.Doc = "Same as " + name + ". " + f.doc.Doc
		functions[a] = &g
	}
}

// Functions returns every built-in function, ordered by name.
func Functions() []FunctionDoc {
	var l []FunctionDoc
	for _, f := range functions {
		l = append(l, f.doc)
	}
	sort.Slice(l, func(i, j int) bool { return l[i].Name < l[j].Name })
	return l
}

// UserFunction is a function that a user adds: over columns as it is here, or of rows, as [Function1] and its like make it.
type UserFunction struct {
	Name string
	Doc  string
	// Type returns the type of the result for arguments of these types, or an
	// error that says what is wrong with them.
	Type func(args []batch.Type) (batch.Type, error)
	// Eval computes n rows from columns of n rows, which are borrowed, and gives
	// a reference to the result. Only the rows of sel (nil: all) count; the
	// others may hold anything.
	Eval func(p *batch.Pool, n int, sel []int32, args []*batch.Column) (*batch.Column, error)
	// Volatile says that equal arguments may give different results.
	Volatile bool

	rows *rowForm // in place of Type and Eval: of Function1 and its like
}

// Registry holds users' functions. Fill it before binding; it is not safe to
// add while others bind.
type Registry struct {
	functions map[string]*UserFunction
}

// Add adds a function. Built-in names and names that are taken are refused.
func (g *Registry) Add(f UserFunction) error {
	name := strings.ToLower(f.Name)
	if f.rows != nil {
		if err := f.rows.check(name); err != nil {
			return err
		}
	}
	if name == "" || f.rows == nil && (f.Type == nil || f.Eval == nil) {
		return supervision.New(supervision.Fatal, "INVALID_FUNCTION", "a function needs a name, Type and Eval: %q has not all of them", f.Name)
	}
	if functions[name] != nil || g.functions[name] != nil {
		return supervision.New(supervision.Fatal, "ROUTINE_ALREADY_EXISTS", "there is a function %s already", name)
	}
	if g.functions == nil {
		g.functions = map[string]*UserFunction{}
	}
	g.functions[name] = &f
	return nil
}

// function binds a call.
func (b *binder) function(c *parse.Call) (*node, error) {
	name := strings.ToLower(c.Name)
	f := functions[name]
	var user *UserFunction
	if b.o.Functions != nil {
		user = b.o.Functions.functions[name]
	}
	if f == nil && user == nil {
		return nil, b.unknownFunction(c, name)
	}
	if c.Distinct || c.Filter != nil {
		return nil, b.fail(c, "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX", "%s is no aggregate: it takes neither DISTINCT nor FILTER", name)
	}
	if c.Names != nil {
		placed, err := b.placed(c, name, f)
		if err != nil {
			return nil, err
		}
		c = placed
	}
	if calendarCall(name, c) {
		return b.calendar(name, c)
	}
	if f != nil && (len(c.Args) < f.least || f.max >= 0 && len(c.Args) > f.max) {
		want := fmt.Sprint(f.least)
		if f.max < 0 {
			want += " or more"
		} else if f.max > f.least {
			want += fmt.Sprintf(" to %d", f.max)
		}
		return nil, b.fail(c, "WRONG_NUM_ARGS", "%s takes %s arguments, not %d: %s", name, want, len(c.Args), f.doc.Signature)
	}
	if f != nil && f.higher != nil {
		return f.higher(b, c)
	}
	args, err := b.bindAll(c.Args)
	if err != nil {
		return nil, err
	}
	if user != nil {
		return b.userFunction(user, c, args)
	}
	if err := b.strictArguments(name, c, args); err != nil {
		return nil, err
	}
	if t, ok := nullOfNull[name]; ok && slices.ContainsFunc(args, func(a *node) bool { return a.t.Kind == batch.Void }) {
		return b.implicit(b.constant(nullColumn(batch.VoidType), "null"), t, c)
	}
	return f.bind(b, c, args)
}

var aggregates = " any any_value approx_count_distinct approx_percentile array_agg avg bool_and bool_or collect_list collect_set count count_if every first first_value " +
	"last last_value max max_by mean median min min_by percentile percentile_approx some std stddev stddev_pop stddev_samp sum variance var_pop var_samp "

func (b *binder) unknownFunction(c *parse.Call, name string) error {
	if strings.Contains(aggregates, " "+name+" ") {
		return b.fail(c, "INVALID_AGGREGATE", "%s is an aggregate: it belongs into the aggregation of groups, not into an expression of rows", name)
	}
	return unresolved(b.text, c, b.o, nil)
}

// Unresolved returns an error that says that there is no function called so, and what is near: also of others, which the
// caller knows, such as aggregates. It returns nil if there is one.
func Unresolved(text string, c *parse.Call, o Options, others []string) error {
	name := strings.ToLower(c.Name)
	if functions[name] != nil || o.Functions != nil && o.Functions.functions[name] != nil {
		return nil
	}
	return unresolved(text, c, o, others)
}

func unresolved(text string, c *parse.Call, o Options, others []string) error {
	names := slices.AppendSeq(slices.Clone(others), maps.Keys(functions))
	if o.Functions != nil {
		names = slices.AppendSeq(names, maps.Keys(o.Functions.functions))
	}
	name := strings.ToLower(c.Name)
	message, hint := fmt.Sprintf("there is no function %s", clip("`"+name+"`")), ""
	if near := parse.Nearest(name, names, 3); len(near) > 0 {
		message += ". Did you mean " + strings.Join(near, ", ") + "?"
		hint = "use " + near[0]
	}
	return parse.At(text, c.Pos(), "UNRESOLVED_ROUTINE", message, hint)
}

func (b *binder) userFunction(f *UserFunction, c *parse.Call, args []*node) (*node, error) {
	if f.rows != nil {
		return b.userRows(f, c, args)
	}
	var types []batch.Type
	for _, a := range args {
		types = append(types, a.t)
	}
	t, err := f.typed(types)
	if err != nil {
		return nil, b.mismatch(c, "%v", err)
	}
	n := &node{name: strings.ToLower(f.Name), t: t, nullable: true, args: args, volatile: f.Volatile}
	n.lazy = func(r *run, n *node, sel []int32) (val, error) {
		var columns []*batch.Column
		defer func() { release(columns) }()
		for _, a := range n.args {
			v, err := a.eval(r, sel)
			if err != nil {
				return val{}, err
			}
			columns = append(columns, r.full(v))
		}
		out, err := f.guarded(r.pool(), r.n, sel, columns)
		if err == nil && out == nil {
			err = supervision.New(supervision.Fatal, "INVALID_FUNCTION", "function %s gave no column", f.Name)
		}
		if err == nil && (out.N != r.n || !out.Type.Equal(t)) {
			err = supervision.New(supervision.Fatal, "INVALID_FUNCTION", "function %s gave %d rows of %s, not %d of %s", f.Name, out.N, out.Type, r.n, t)
			out.Release()
		}
		return val{c: out}, err
	}
	return b.intern(n, ""), nil
}

// typed calls Type; a panic of it is an error of the call.
func (f *UserFunction) typed(args []batch.Type) (t batch.Type, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("function %s has no type for these arguments: panic: %v", f.Name, p)
		}
	}()
	return f.Type(args)
}

// guarded calls Eval; a panic of it is an error of the batch.
func (f *UserFunction) guarded(p *batch.Pool, n int, sel []int32, args []*batch.Column) (out *batch.Column, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, supervision.New(supervision.Restart, "FAILED_EXECUTE_UDF", "function %s: panic: %v", f.Name, p)
		}
	}()
	return f.Eval(p, n, sel, args)
}

// to brings arguments to a type, each.
func (b *binder) to(t batch.Type, c *parse.Call, args []*node, which ...int) error {
	for _, i := range which {
		if i >= len(args) {
			continue
		}
		if !accepts(args[i].t, t) {
			return b.mismatch(c, "argument %d of %s is of type %s; %s is needed", i+1, strings.ToLower(c.Name), clip(args[i].t.String()), t)
		}
		var err error
		if args[i], err = b.implicit(args[i], t, c.Args[min(i, len(c.Args)-1)]); err != nil {
			return err
		}
	}
	return nil
}

// eager makes a bind function of a kernel and the types of its arguments. The kernel is null where an argument is; one that
// cannot fail may be computed of the entries of a dictionary.
func eager(t batch.Type, types []batch.Type, fails bool, k kernel) func(*binder, *parse.Call, []*node) (*node, error) {
	return eagerOf(t, types, fails, true, k)
}

// eagerRows is eager of a kernel that cannot fail, and that is not null wherever an argument is.
func eagerRows(t batch.Type, types []batch.Type, k kernel) func(*binder, *parse.Call, []*node) (*node, error) {
	return eagerOf(t, types, false, false, k)
}

func eagerOf(t batch.Type, types []batch.Type, fails, strict bool, k kernel) func(*binder, *parse.Call, []*node) (*node, error) {
	return func(b *binder, c *parse.Call, args []*node) (*node, error) {
		for i := range args {
			want := types[min(i, len(types)-1)]
			if want.Kind == batch.Invalid {
				continue
			}
			if err := b.to(want, c, args, i); err != nil {
				return nil, err
			}
		}
		n := b.call(strings.ToLower(c.Name), t, k, args...)
		n.fails = fails
		n.strict, n.perEntry = strict, strict && !fails
		n.nullable = true
		return b.intern(n, ""), nil
	}
}
