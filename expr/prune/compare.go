package prune

import (
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

var mirrored = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>", "<=>": "<=>"}

// compare translates a comparison of a column with a value, or of two columns.
func (t *translation) compare(l parse.Node, op string, r parse.Node) string {
	if _, ok := mirrored[op]; !ok {
		return keep
	}
	if _, isColumn := t.column(l); !isColumn {
		l, op, r = r, mirrored[op], l
	}
	i, ok := t.column(l)
	if !ok {
		return keep
	}
	if k, ok := t.column(r); ok {
		return t.compareColumns(i, op, k)
	}
	text, of, ok := t.value(r)
	if !ok || !ordersAlike(t.columns[i].Type(), of) {
		return keep
	}
	return t.against(i, op, text)
}

// ordersAlike reports whether values of a column order the same way when they are compared with values of a type.
func ordersAlike(column, value batch.Type) bool {
	kind := column.Kind
	switch {
	case numeric(kind):
		return numeric(value.Kind) || value.Kind == batch.String
	case kind == batch.Date || kind == batch.Timestamp:
		return value.Kind == batch.Date || value.Kind == batch.Timestamp || value.Kind == batch.String
	case kind == batch.TimestampNTZ:
		return value.Kind == batch.TimestampNTZ || value.Kind == batch.Date || value.Kind == batch.String
	}
	return kind == value.Kind // a string compared with a number is compared as a number
}

func numeric(k batch.Kind) bool {
	switch k {
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.BigInt, batch.Float, batch.Double, batch.Decimal:
		return true
	}
	return false
}

func floating(k batch.Kind) bool { return k == batch.Float || k == batch.Double }

// someValue is true of units in which not every row is null.
func someValue(i int) string { return "NOT " + slot("all", i) }

// against compares a column with a value. NaN is above every bound.
func (t *translation) against(i int, op, value string) string {
	least, greatest := slot("min", i), slot("max", i)
	nan := floating(t.columns[i].Type().Kind)
	below := unless(least + " <= " + value)
	above := unless(greatest + " >= " + value)
	if nan {
		above = or(above, unless("CAST("+value+" AS DOUBLE) = CAST('NaN' AS DOUBLE)"))
	}
	switch op {
	case "<":
		return and(someValue(i), unless(least+" < "+value))
	case "<=":
		return and(someValue(i), below)
	case ">", ">=":
		if nan {
			return someValue(i)
		}
		return and(someValue(i), unless(greatest+" "+op+" "+value))
	case "=":
		return and(someValue(i), below, above)
	case "<>":
		if nan {
			return someValue(i)
		}
		return and(someValue(i), unless("NOT ("+least+" = "+value+" AND "+greatest+" = "+value+")"))
	}
	return or(value+" IS NULL", and(someValue(i), below, above)) // <=>
}

// compareColumns compares two columns of one type.
func (t *translation) compareColumns(i int, op string, k int) string {
	a, b := t.columns[i].Type(), t.columns[k].Type()
	if !a.Equal(b) || floating(a.Kind) {
		return keep
	}
	below := unless(slot("min", i) + " <= " + slot("max", k))
	above := unless(slot("max", i) + " >= " + slot("min", k))
	both := and(someValue(i), someValue(k))
	switch op {
	case "<":
		return and(both, unless(slot("min", i)+" < "+slot("max", k)))
	case "<=":
		return and(both, below)
	case ">":
		return and(both, unless(slot("max", i)+" > "+slot("min", k)))
	case ">=":
		return and(both, above)
	case "=":
		return and(both, below, above)
	}
	return keep
}

// is translates IS [NOT] NULL and IS [NOT] TRUE or FALSE, negated if not.
func (t *translation) is(n *parse.Is, not bool) string {
	switch {
	case n.What == "NULL":
		i, ok := t.column(n.X)
		if !ok {
			return keep
		}
		if not {
			return someValue(i)
		}
		return "NOT " + slot("none", i)
	case n.What == "TRUE" && !not:
		return t.may(n.X)
	case n.What == "FALSE" && !not:
		return t.mayNot(n.X)
	}
	return keep
}

// fewValues is how many values of a list are compared one by one; of more only the least and the greatest are.
const fewValues = 16

func (t *translation) in(n *parse.In) string {
	i, ok := t.column(n.X)
	if !ok || len(n.List) == 0 {
		return keep
	}
	many := len(n.List) > fewValues
	var values []string
	for _, v := range n.List {
		text, of, ok := t.value(v)
		if !ok || !ordersAlike(t.columns[i].Type(), of) {
			return keep
		}
		if many && (floating(of.Kind) || of.Kind == batch.String && t.columns[i].Type().Kind != batch.String) {
			return keep // they do not order among each other as they do beside the column
		}
		values = append(values, text)
	}
	if many {
		if floating(t.columns[i].Type().Kind) {
			return keep
		}
		all := strings.Join(values, ", ")
		return and(t.against(i, ">=", "least("+all+")"), t.against(i, "<=", "greatest("+all+")"))
	}
	var any []string
	for _, v := range values {
		any = append(any, t.against(i, "=", v))
	}
	return or(any...)
}

// like translates a pattern that begins with characters that stand for themselves.
func (t *translation) like(n *parse.Like) string {
	pattern, ok := n.Pattern.(*parse.Literal)
	if !ok || pattern.Kind != batch.String {
		return keep
	}
	prefix := pattern.Text
	if end := strings.IndexAny(prefix, `%_\`); end >= 0 {
		prefix = prefix[:end]
	}
	return t.prefix(n.X, prefix)
}

func (t *translation) prefix(x parse.Node, prefix string) string {
	i, ok := t.column(x)
	if !ok || prefix == "" || t.columns[i].Type().Kind != batch.String {
		return keep
	}
	text := parse.Render(&parse.Literal{Kind: batch.String, Text: prefix})
	cut := parse.Render(&parse.Call{Name: "left", Args: []parse.Node{
		&parse.Name{Parts: []string{slot("min", i)}}, &parse.Call{Name: "length", Args: []parse.Node{&parse.Literal{Kind: batch.String, Text: prefix}}}}})
	return and(someValue(i), unless(cut+" <= "+text), unless(slot("max", i)+" >= "+text))
}
