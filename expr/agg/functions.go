package agg

import (
	"sort"

	"github.com/deltaic/deltaic/batch"
)

// FunctionDoc describes an aggregate to users.
type FunctionDoc struct {
	Name      string
	Signature string
	Doc       string // one line
}

// function is an aggregate and how its state is made.
type function struct {
	doc        FunctionDoc
	least, max int // number of arguments; max -1: any
	// indifferent aggregates give the same with DISTINCT as without.
	indifferent bool
	// cast returns the types that the arguments are brought to; nil: as they are.
	cast func(b *binder, t []batch.Type) ([]batch.Type, error)
	// build makes the slots of the call and sets its type, nullability and finish.
	build func(b *binder, c *Call) error
}

var functions = map[string]*function{}

// define adds an aggregate under one or more names; called while the package
// is initialised.
func define(f function, aliases ...string) {
	functions[f.doc.Name] = &f
	for _, name := range aliases {
		g := f
		g.doc.Name, g.doc.Doc = name, "Same as "+f.doc.Name+". "+f.doc.Doc
		functions[name] = &g
	}
}

// Functions returns every built-in aggregate, ordered by name.
func Functions() []FunctionDoc {
	var l []FunctionDoc
	for _, f := range functions {
		l = append(l, f.doc)
	}
	sort.Slice(l, func(i, j int) bool { return l[i].Name < l[j].Name })
	return l
}

func doc(name, signature, text string) FunctionDoc {
	return FunctionDoc{Name: name, Signature: signature, Doc: text}
}

func init() {
	define(function{doc: doc("count", "count(*) or count([DISTINCT] expr[, ...])", "Number of rows, or of those in which no argument is null."),
		max: -1, build: buildCount})
	define(function{doc: doc("count_if", "count_if(expr)", "Number of rows in which the condition is true."),
		least: 1, max: 1, build: buildCount})
	define(function{doc: doc("sum", "sum([DISTINCT] expr)", "Sum of the values that are not null; null without any."),
		least: 1, max: 1, cast: castNumber, build: buildSum})
	define(function{doc: doc("avg", "avg([DISTINCT] expr)", "Mean of the values that are not null; null without any."),
		least: 1, max: 1, cast: castNumber, build: buildAvg}, "mean")
	define(function{doc: doc("min", "min(expr)", "Least value that is not null; null without any."),
		least: 1, max: 1, indifferent: true, cast: castVoid, build: func(b *binder, c *Call) error { return buildExtreme(b, c, false) }})
	define(function{doc: doc("max", "max(expr)", "Greatest value that is not null; null without any."),
		least: 1, max: 1, indifferent: true, cast: castVoid, build: func(b *binder, c *Call) error { return buildExtreme(b, c, true) }})
}

// castNumber brings strings, which Spark adds as doubles, and nulls to double.
func castNumber(_ *binder, t []batch.Type) ([]batch.Type, error) {
	switch k := t[0].Kind; {
	case k == batch.String || k == batch.Void:
		return []batch.Type{batch.DoubleType}, nil
	case k >= batch.TinyInt && k <= batch.Decimal, k == batch.YearMonth, k == batch.DayTime:
		return nil, nil
	}
	return nil, typeError("a number or an interval", t[0])
}

// castVoid gives NULL a type.
func castVoid(_ *binder, t []batch.Type) ([]batch.Type, error) {
	if t[0].Kind == batch.Void {
		return []batch.Type{batch.StringType}, nil
	}
	return nil, nil
}
