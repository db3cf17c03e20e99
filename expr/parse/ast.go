package parse

import "github.com/deltaic/deltaic/batch"

// Node is one node of an expression tree. It is one of the pointer types of
// this package.
type Node interface {
	// Pos returns the byte offset in the text at which the node begins.
	Pos() int
	depth() int
}

// place is what every node carries.
type place struct {
	At     int // byte offset in the text
	height int // levels below and including this node
}

// Pos returns the byte offset in the text at which the node begins.
func (p *place) Pos() int   { return p.At }
func (p *place) depth() int { return p.height }

// Literal is a constant. Kind says its type, Void being NULL, and Text its
// value: digits as written (a sign included), "true" or "false", the bytes of
// a string or binary, or the text within the quotes of a DATE or TIMESTAMP.
// Intervals are in Months (YearMonth) or Micros (DayTime) instead.
type Literal struct {
	place
	Kind     batch.Kind
	Text     string
	Months   int32
	Micros   int64
	From, To int // units of an interval, from the largest of its kind
}

// Name is a column, qualified column or path into structs: a, t.a, o.a.b.
type Name struct {
	place
	Parts []string
}

// Star is *, t.* or o.*.
type Star struct {
	place
	Qualifier []string
}

// Unary is an operator before its operand: "-", "+", "~" or "NOT".
type Unary struct {
	place
	Op string
	X  Node
}

// Binary is an operator between two operands: OR, AND, =, <=>, <>, <, <=, >,
// >=, |, ^, &, ||, +, -, *, /, %, DIV.
type Binary struct {
	place
	Op   string
	L, R Node
}

// Is is x IS [NOT] NULL, TRUE, FALSE or UNKNOWN, or x IS [NOT] DISTINCT FROM From.
type Is struct {
	place
	X    Node
	Not  bool
	What string // "NULL", "TRUE", "FALSE", "UNKNOWN", "DISTINCT"
	From Node   // DISTINCT only
}

// In is x [NOT] IN (list).
type In struct {
	place
	X    Node
	Not  bool
	List []Node
}

// Like is x [NOT] LIKE, ILIKE or RLIKE pattern [ESCAPE 'c'].
type Like struct {
	place
	X       Node
	Not     bool
	Op      string
	Pattern Node
	Escape  string // one character, or "" for the backslash
}

// Between is x [NOT] BETWEEN low AND high.
type Between struct {
	place
	X, Low, High Node
	Not          bool
}

// When is one branch of a Case.
type When struct{ If, Then Node }

// Case is both forms of CASE. Operand and Else may be nil.
type Case struct {
	place
	Operand Node
	Whens   []When
	Else    Node
}

// Cast is CAST(x AS type), TRY_CAST(x AS type) or x::type.
type Cast struct {
	place
	X    Node
	Type batch.Type
	Try  bool
}

// Call is a function call. Distinct and Filter are for aggregates.
type Call struct {
	place
	Name     string
	Distinct bool
	Args     []Node
	Names    []string // of the arguments given by name, "" for the others; nil: all by place
	Filter   Node     // nil: none
}

// Index is x[i].
type Index struct {
	place
	X, I Node
}

// Field is x.name where x is not a name itself.
type Field struct {
	place
	X    Node
	Name string
}

// Lambda is x -> body or (x, y) -> body.
type Lambda struct {
	place
	Params []string
	Body   Node
}

// Alias is x AS name.
type Alias struct {
	place
	X    Node
	Name string
}

// Kids returns the direct children of a node in the order of the text.
func Kids(n Node) []Node {
	switch n := n.(type) {
	case *Unary:
		return []Node{n.X}
	case *Binary:
		return []Node{n.L, n.R}
	case *Is:
		if n.From != nil {
			return []Node{n.X, n.From}
		}
		return []Node{n.X}
	case *In:
		return append([]Node{n.X}, n.List...)
	case *Like:
		return []Node{n.X, n.Pattern}
	case *Between:
		return []Node{n.X, n.Low, n.High}
	case *Case:
		return caseKids(n)
	case *Cast:
		return []Node{n.X}
	case *Call:
		if n.Filter != nil {
			return append(append([]Node(nil), n.Args...), n.Filter)
		}
		return n.Args
	case *Index:
		return []Node{n.X, n.I}
	case *Field:
		return []Node{n.X}
	case *Lambda:
		return []Node{n.Body}
	case *Alias:
		return []Node{n.X}
	}
	return nil
}

func caseKids(n *Case) []Node {
	var k []Node
	if n.Operand != nil {
		k = append(k, n.Operand)
	}
	for _, w := range n.Whens {
		k = append(k, w.If, w.Then)
	}
	if n.Else != nil {
		k = append(k, n.Else)
	}
	return k
}
