package parse

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
)

// Render writes a tree as SQL that parses to an equal tree, positions aside.
func Render(n Node) string {
	w := &writer{quote: true}
	w.node(n)
	return w.String()
}

// Pretty writes a tree as Spark names a column without an alias: strings
// without quotes, names without backticks.
func Pretty(n Node) string {
	w := &writer{}
	w.node(n)
	return w.String()
}

type writer struct {
	strings.Builder
	quote bool
}

func (w *writer) name(parts ...string) {
	for i, p := range parts {
		if i > 0 {
			w.WriteByte('.')
		}
		if w.quote {
			p = QuoteName(p)
		}
		w.WriteString(p)
	}
}

// operand writes a node that a sign, point or bracket touches: what begins with
// a digit would grow together with it.
func (w *writer) operand(n Node) {
	inner := &writer{quote: w.quote}
	inner.node(n)
	s := inner.String()
	if w.quote && s != "" && (digit(s[0]) || s[0] == '.' || s[0] == '-') {
		s = "(" + s + ")"
	}
	w.WriteString(s)
}

func (w *writer) list(l []Node) {
	for i, n := range l {
		if i > 0 {
			w.WriteString(", ")
		}
		w.node(n)
	}
}

// all writes strings and nodes in turn.
func (w *writer) all(parts ...any) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			w.WriteString(p)
		case Node:
			w.node(p)
		}
	}
}

func not(b bool) string {
	if b {
		return " NOT "
	}
	return " "
}

func (w *writer) node(n Node) {
	switch n := n.(type) {
	case *Literal:
		w.literal(n)
	case *Name:
		w.name(n.Parts...)
	case *Star:
		w.name(n.Qualifier...)
		if len(n.Qualifier) > 0 {
			w.WriteByte('.')
		}
		w.WriteByte('*')
	case *Unary:
		w.all("(", n.Op, " ")
		w.operand(n.X)
		w.WriteByte(')')
	case *Binary:
		w.all("(", n.L, " ", n.Op, " ", n.R, ")")
	case *Is:
		if n.From != nil {
			w.all("(", n.X, " IS"+not(n.Not)+"DISTINCT FROM ", n.From, ")")
		} else {
			w.all("(", n.X, " IS"+not(n.Not)+n.What, ")")
		}
	case *In:
		w.all("(", n.X, not(n.Not)+"IN (")
		w.list(n.List)
		w.WriteString("))")
	case *Like:
		w.all("(", n.X, not(n.Not)+n.Op+" ", n.Pattern)
		if n.Escape != "" {
			w.WriteString(" ESCAPE " + QuoteString(n.Escape))
		}
		w.WriteByte(')')
	case *Between:
		w.all("(", n.X, not(n.Not)+"BETWEEN ", n.Low, " AND ", n.High, ")")
	default:
		w.rest(n)
	}
}

func (w *writer) rest(n Node) {
	switch n := n.(type) {
	case *Case:
		w.WriteString("CASE ")
		if n.Operand != nil {
			w.all(n.Operand, " ")
		}
		for _, b := range n.Whens {
			w.all("WHEN ", b.If, " THEN ", b.Then, " ")
		}
		if n.Else != nil {
			w.all("ELSE ", n.Else, " ")
		}
		w.WriteString("END")
	case *Cast:
		w.all(map[bool]string{true: "TRY_CAST(", false: "CAST("}[n.Try], n.X, " AS ", TypeSQL(n.Type), ")")
	case *Call:
		w.call(n)
	case *Index:
		w.operand(n.X)
		w.all("[", n.I, "]")
	case *Field:
		w.operand(n.X)
		w.WriteByte('.')
		w.name(n.Name)
	case *Lambda:
		if len(n.Params) == 1 { // parentheses are for several
			w.name(n.Params[0])
			w.all(" -> ", n.Body)
			return
		}
		w.WriteString("(")
		for i, p := range n.Params {
			if i > 0 {
				w.WriteString(", ")
			}
			w.name(p)
		}
		w.all(") -> ", n.Body)
	case *Alias:
		w.all(n.X, " AS ")
		w.name(n.Name)
	}
}

func (w *writer) call(n *Call) {
	if w.quote {
		w.callName(n.Name)
	} else {
		w.WriteString(strings.ToLower(n.Name))
	}
	w.WriteByte('(')
	if n.Distinct {
		w.WriteString("DISTINCT ")
	}
	for i, a := range n.Args {
		if i > 0 {
			w.WriteString(", ")
		}
		if n.Names != nil && n.Names[i] != "" {
			w.name(n.Names[i])
			w.WriteString(" => ")
		}
		w.all(a)
	}
	w.WriteByte(')')
	if n.Filter != nil {
		w.all(" FILTER (WHERE ", n.Filter, ")")
	}
}

// callName quotes only what would be read as something else before "(".
func (w *writer) callName(name string) {
	switch upper := strings.ToUpper(name); upper {
	case "LEFT", "RIGHT", "LIKE", "ILIKE", "RLIKE", "REGEXP", "FILTER":
		w.WriteString(name)
	case "CAST", "TRY_CAST", "EXTRACT", "TRIM":
		if upper == "TRIM" {
			w.WriteString("`" + name + "`")
			return
		}
		w.WriteString("`" + name + "`")
	default:
		w.name(name)
	}
}

var literalSuffix = map[batch.Kind]string{batch.TinyInt: "Y", batch.SmallInt: "S", batch.BigInt: "L",
	batch.Float: "F", batch.Double: "D", batch.Decimal: "BD"}

func (w *writer) literal(l *Literal) {
	if !w.quote && l.Kind != batch.YearMonth && l.Kind != batch.DayTime && l.Kind != batch.Void {
		switch l.Kind {
		case batch.Date, batch.Timestamp, batch.TimestampNTZ:
			fmt.Fprintf(w, "%s '%s'", strings.ToUpper(l.Kind.String()), l.Text)
		case batch.Binary:
			w.WriteString("X'" + strings.ToUpper(hex.EncodeToString([]byte(l.Text))) + "'")
		default:
			w.WriteString(l.Text)
		}
		return
	}
	switch l.Kind {
	case batch.Void:
		w.WriteString("NULL")
	case batch.String:
		w.WriteString(QuoteString(l.Text))
	case batch.Binary:
		w.WriteString("X'" + hex.EncodeToString([]byte(l.Text)) + "'")
	case batch.Date, batch.Timestamp, batch.TimestampNTZ:
		w.WriteString(strings.ToUpper(l.Kind.String()) + " " + QuoteString(l.Text))
	case batch.YearMonth:
		w.WriteString(IntervalSQL(batch.IntervalType(l.Kind, l.From, l.To), int64(l.Months)))
	case batch.DayTime:
		w.WriteString(IntervalSQL(batch.IntervalType(l.Kind, l.From, l.To), l.Micros))
	default:
		w.WriteString(l.Text + literalSuffix[l.Kind])
	}
}

// IntervalSQL writes an interval with the units that its type shows, as Spark does: INTERVAL '1-2' YEAR TO MONTH.
func IntervalSQL(t batch.Type, value int64) string {
	sign, v := "", uint64(value)
	if value < 0 {
		sign, v = "-", -v
	}
	units := strings.ToUpper(strings.TrimPrefix(t.String(), "interval "))
	from, to := t.Units()
	if t.Kind == batch.YearMonth {
		text := fmt.Sprint(v)
		if from == 0 {
			text = fmt.Sprint(v / 12)
			if to == 1 {
				text += fmt.Sprintf("-%d", v%12)
			}
		}
		return "INTERVAL '" + sign + text + "' " + units
	}
	seconds := v / 1e6
	fraction := ""
	if f := v % 1e6; f != 0 && to == 3 {
		fraction = strings.TrimRight(fmt.Sprintf(".%06d", f), "0")
	}
	parts := [...]uint64{seconds / 86400, seconds / 3600, seconds / 60, seconds}
	limits := [...]uint64{0, 24, 60, 60}
	var text strings.Builder
	for i := from; i <= to; i++ {
		n := parts[i]
		if i > from {
			text.WriteByte(map[bool]byte{true: ' ', false: ':'}[i == 1])
			n %= limits[i]
		}
		fmt.Fprintf(&text, map[bool]string{true: "%d", false: "%02d"}[i == 0], n)
	}
	return "INTERVAL '" + sign + text.String() + fraction + "' " + units
}

// TypeSQL writes a type as SQL that [Type] reads, nullability and comments of
// struct fields included.
func TypeSQL(t batch.Type) string {
	switch t.Kind {
	case batch.Struct:
		return "STRUCT<" + FieldsSQL(t.Fields, ": ") + ">"
	case batch.Array:
		return "ARRAY<" + TypeSQL(t.Fields[0].Type) + ">"
	case batch.Map:
		return "MAP<" + TypeSQL(t.Fields[0].Type) + ", " + TypeSQL(t.Fields[1].Type) + ">"
	case batch.Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case batch.YearMonth, batch.DayTime:
		return strings.ToUpper(t.String())
	}
	return strings.ToUpper(t.Kind.String())
}

// FieldsSQL writes fields as a schema string; between stands between name and
// type.
func FieldsSQL(fields []batch.Field, between string) string {
	var s strings.Builder
	for i, f := range fields {
		if i > 0 {
			s.WriteString(", ")
		}
		s.WriteString(QuoteName(f.Name) + between + TypeSQL(f.Type))
		if !f.Nullable {
			s.WriteString(" NOT NULL")
		}
		if f.Comment != "" {
			s.WriteString(" COMMENT " + QuoteString(f.Comment))
		}
	}
	return s.String()
}
