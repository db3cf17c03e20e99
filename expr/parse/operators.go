package parse

import (
	"strconv"
	"strings"
)

// Strength of binding, from Spark's grammar: each level binds tighter than the
// one above it.
const (
	orLevel = iota + 1
	andLevel
	notLevel
	compareLevel
	pipeLevel
	hatLevel
	ampersandLevel
	shiftLevel
	addLevel
	multiplyLevel
	unaryLevel
)

var strength = map[string]int{
	"OR": orLevel, "AND": andLevel,
	"=": compareLevel, "==": compareLevel, "<=>": compareLevel, "<>": compareLevel, "!=": compareLevel,
	"<": compareLevel, "<=": compareLevel, ">": compareLevel, ">=": compareLevel,
	"IS": compareLevel, "IN": compareLevel, "LIKE": compareLevel, "ILIKE": compareLevel, "RLIKE": compareLevel,
	"REGEXP": compareLevel, "BETWEEN": compareLevel, "NOT": compareLevel,
	"|": pipeLevel, "^": hatLevel, "&": ampersandLevel,
	"<<": shiftLevel, ">>": shiftLevel, ">>>": shiftLevel,
	"||": addLevel, "+": addLevel, "-": addLevel,
	"*": multiplyLevel, "/": multiplyLevel, "%": multiplyLevel, "DIV": multiplyLevel,
}

// Expr parses an expression.
func (p *Parser) Expr() (Node, error) { return p.binary(orLevel) }

// operator returns the infix operator at the next token and its strength, or 0.
func (p *Parser) operator() (string, int) {
	if p.tok.Kind != Word && p.tok.Kind != Symbol {
		return "", 0
	}
	op := strings.ToUpper(p.tok.Text)
	level := strength[op]
	switch op {
	case "NOT": // infix only in x NOT IN, NOT LIKE, NOT BETWEEN
		switch strings.ToUpper(p.after().Text) {
		case "IN", "LIKE", "ILIKE", "RLIKE", "REGEXP", "BETWEEN":
		default:
			return "", 0
		}
	case "==":
		op = "="
	case "!=":
		op = "<>"
	case "REGEXP":
		op = "RLIKE"
	}
	return op, level
}

// binary parses operators that bind at least as tightly as least.
func (p *Parser) binary(least int) (Node, error) {
	if err := p.down(); err != nil {
		return nil, err
	}
	defer func() { p.level-- }()
	left, err := p.prefix()
	for err == nil {
		op, level := p.operator()
		if level < least || level == 0 {
			return left, nil
		}
		if level == compareLevel {
			left, err = p.comparison(left, op)
			continue
		}
		if _, err = p.Next(); err != nil {
			break
		}
		var right Node
		if right, err = p.binary(level + 1); err != nil {
			break
		}
		if function := shifts[op]; function != "" {
			n := &Call{Name: function, Args: []Node{left, right}}
			err = p.at(&n.place, left.Pos(), left, right)
			left = n
			continue
		}
		n := &Binary{Op: op, L: left, R: right}
		err = p.at(&n.place, left.Pos(), left, right)
		left = n
	}
	return nil, err
}

// shifts are operators that are functions, too.
var shifts = map[string]string{"<<": "shiftleft", ">>": "shiftright", ">>>": "shiftrightunsigned"}

// prefix parses NOT and the signs, or a postfix expression.
func (p *Parser) prefix() (Node, error) {
	at := p.tok.At
	op := strings.ToUpper(p.tok.Text)
	if p.tok.Kind == Symbol && op == "!" {
		op = "NOT"
	} else if !(p.tok.Kind == Word && op == "NOT") && !(p.tok.Kind == Symbol && (op == "-" || op == "+" || op == "~")) {
		return p.postfix()
	}
	if _, err := p.Next(); err != nil {
		return nil, err
	}
	if op == "-" && p.tok.Kind == Number {
		l, err := p.number(at, "-")
		if err != nil {
			return nil, err
		}
		return p.suffixes(l)
	}
	level := unaryLevel
	if op == "NOT" {
		level = notLevel
	}
	x, err := p.binary(level)
	if err != nil {
		return nil, err
	}
	n := &Unary{Op: op, X: x}
	return n, p.at(&n.place, at, x)
}

// comparison parses what stands behind left at an operator of that level. They
// do not chain without parentheses to the right, as in Spark.
func (p *Parser) comparison(left Node, op string) (Node, error) {
	not := op == "NOT"
	if not {
		if _, err := p.Next(); err != nil {
			return nil, err
		}
		op, _ = p.operator()
	}
	if _, err := p.Next(); err != nil {
		return nil, err
	}
	switch op {
	case "IS":
		return p.is(left)
	case "IN":
		return p.in(left, not)
	case "LIKE", "ILIKE", "RLIKE":
		return p.like(left, op, not)
	case "BETWEEN":
		return p.between(left, not)
	}
	right, err := p.binary(pipeLevel)
	if err != nil {
		return nil, err
	}
	n := &Binary{Op: op, L: left, R: right}
	return n, p.at(&n.place, left.Pos(), left, right)
}

func (p *Parser) is(left Node) (Node, error) {
	not, err := p.Accept("NOT")
	if err != nil {
		return nil, err
	}
	n := &Is{X: left, Not: not, What: strings.ToUpper(p.tok.Text)}
	switch {
	case p.tok.Kind != Word:
		return nil, p.unexpected("NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM")
	case n.What == "NULL", n.What == "TRUE", n.What == "FALSE", n.What == "UNKNOWN":
		if _, err := p.Next(); err != nil {
			return nil, err
		}
	case n.What == "DISTINCT":
		if _, err := p.Next(); err != nil {
			return nil, err
		}
		if err := p.Expect("FROM"); err != nil {
			return nil, err
		}
		if n.From, err = p.binary(pipeLevel); err != nil {
			return nil, err
		}
	default:
		return nil, p.unexpected("NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM")
	}
	return n, p.at(&n.place, left.Pos(), left, n.From)
}

func (p *Parser) in(left Node, not bool) (Node, error) {
	if err := p.Expect("("); err != nil {
		return nil, err
	}
	list, err := p.list(")")
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, p.unexpected("at least one value in the list before")
	}
	n := &In{X: left, Not: not, List: list}
	return n, p.at(&n.place, left.Pos(), append(list[:len(list):len(list)], left)...)
}

// likeOf parses LIKE ANY (a, b) and LIKE ALL (a, b) into x LIKE a OR x LIKE b, or AND.
func (p *Parser) likeOf(left Node, op string, not bool) (Node, error) {
	join := "OR"
	if p.tok.Is("ALL") {
		join = "AND"
	}
	if _, err := p.Next(); err != nil {
		return nil, err
	}
	if err := p.Expect("("); err != nil {
		return nil, err
	}
	patterns, err := p.list(")")
	if err != nil {
		return nil, err
	}
	if len(patterns) == 0 {
		return nil, p.unexpected("at least one pattern in the list before")
	}
	return p.likeEach(left, op, not, join, patterns)
}

// likeEach joins the patterns as a balanced tree, since there may be many.
func (p *Parser) likeEach(left Node, op string, not bool, join string, patterns []Node) (Node, error) {
	if len(patterns) == 1 {
		n := &Like{X: left, Not: not, Op: op, Pattern: patterns[0]}
		return n, p.at(&n.place, left.Pos(), left, patterns[0])
	}
	half := len(patterns) / 2
	l, err := p.likeEach(left, op, not, join, patterns[:half])
	if err != nil {
		return nil, err
	}
	r, err := p.likeEach(left, op, not, join, patterns[half:])
	if err != nil {
		return nil, err
	}
	n := &Binary{Op: join, L: l, R: r}
	return n, p.at(&n.place, left.Pos(), l, r)
}

func (p *Parser) like(left Node, op string, not bool) (Node, error) {
	if (p.tok.Is("ANY") || p.tok.Is("SOME") || p.tok.Is("ALL")) && op != "RLIKE" && p.after().Is("(") {
		return p.likeOf(left, op, not)
	}
	pattern, err := p.binary(pipeLevel)
	if err != nil {
		return nil, err
	}
	n := &Like{X: left, Not: not, Op: op, Pattern: pattern}
	if p.tok.Is("ESCAPE") && op != "RLIKE" {
		if _, err := p.Next(); err != nil {
			return nil, err
		}
		if p.tok.Kind != Text {
			return nil, p.unexpected("one character in quotes")
		}
		if len([]rune(p.tok.Text)) != 1 {
			return nil, At(p.text, p.tok.At, "INVALID_ESC", "what ESCAPE names is one character, not "+strconv.Quote(short(p.tok.Text)), "")
		}
		t, err := p.Next()
		if err != nil {
			return nil, err
		}
		n.Escape = t.Text
	}
	return n, p.at(&n.place, left.Pos(), left, pattern)
}

func (p *Parser) between(left Node, not bool) (Node, error) {
	low, err := p.binary(pipeLevel)
	if err != nil {
		return nil, err
	}
	if err := p.Expect("AND"); err != nil {
		return nil, err
	}
	high, err := p.binary(pipeLevel)
	if err != nil {
		return nil, err
	}
	n := &Between{X: left, Low: low, High: high, Not: not}
	return n, p.at(&n.place, left.Pos(), left, low, high)
}

// list parses expressions between commas up to the closing symbol, and takes it.
func (p *Parser) list(closing string) ([]Node, error) {
	var l []Node
	if done, err := p.Accept(closing); done || err != nil {
		return l, err
	}
	for {
		n, err := p.Expr()
		if err != nil {
			return nil, err
		}
		if l = append(l, n); len(l) > MaxList {
			return nil, p.long(n.Pos())
		}
		if more, err := p.Accept(","); err != nil {
			return nil, err
		} else if !more {
			return l, p.Expect(closing)
		}
	}
}

func (p *Parser) long(at int) error {
	return syntax(p.text, at, "a list of more than %d values", MaxList)
}
