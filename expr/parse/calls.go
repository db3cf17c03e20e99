package parse

import "strings"

// call parses the arguments of the function named by t; the next token is "(".
func (p *Parser) call(t Token) (Node, error) {
	if _, err := p.Next(); err != nil {
		return nil, err
	}
	c := &Call{Name: t.Text}
	var err error
	if c.Distinct, err = p.Accept("DISTINCT"); err != nil {
		return nil, err
	}
	if !c.Distinct && p.tok.Is("ALL") {
		if _, err = p.Next(); err != nil {
			return nil, err
		}
	}
	if c.Args, c.Names, err = p.arguments(strings.ToUpper(t.Text)); err != nil {
		return nil, err
	}
	if p.tok.Is("FILTER") && p.after().Is("(") {
		if _, err = p.Next(); err != nil {
			return nil, err
		}
		if err = p.Expect("("); err != nil {
			return nil, err
		}
		if err = p.Expect("WHERE"); err != nil {
			return nil, err
		}
		if c.Filter, err = p.Expr(); err != nil {
			return nil, err
		}
		if err = p.Expect(")"); err != nil {
			return nil, err
		}
	}
	return c, p.at(&c.place, t.At, append(c.Args[:len(c.Args):len(c.Args)], c.Filter)...)
}

// arguments parses up to the closing parenthesis. SUBSTRING(x FROM a FOR n), OVERLAY(x PLACING y FROM n FOR m) and POSITION(a
// IN b) become plain arguments.
func (p *Parser) arguments(name string) (args []Node, names []string, err error) {
	switch name {
	case "SUBSTRING", "SUBSTR":
		args, err = p.separated("FROM", "FOR")
	case "OVERLAY":
		args, err = p.separated("PLACING", "FROM", "FOR")
	case "POSITION":
		args, err = p.position()
	default:
		return p.named(name == "STRUCT")
	}
	return args, nil, err
}

func (p *Parser) position() ([]Node, error) {
	first, err := p.binary(pipeLevel)
	if err != nil {
		return nil, err
	}
	if ok, err := p.Accept("IN"); err != nil {
		return nil, err
	} else if !ok {
		if err := p.Expect(","); err != nil {
			return nil, err
		}
	}
	rest, err := p.list(")")
	return append([]Node{first}, rest...), err
}

// named parses arguments, which may have names: name => value, or value AS name where aliases are allowed.
func (p *Parser) named(aliases bool) (args []Node, names []string, err error) {
	if done, err := p.Accept(")"); done || err != nil {
		return nil, nil, err
	}
	for {
		name := ""
		if (p.tok.Kind == Word || p.tok.Kind == Quoted) && p.after().Is("=>") {
			if name, err = p.Name("a name"); err == nil {
				err = p.Expect("=>")
			}
		}
		var n Node
		if err == nil {
			n, err = p.Expr()
		}
		if err == nil && aliases {
			n, err = p.alias(n)
		}
		if err != nil {
			return nil, nil, err
		}
		if args = append(args, n); len(args) > MaxList {
			return nil, nil, p.long(n.Pos())
		}
		if name != "" && names == nil {
			names = make([]string, len(args)-1)
		}
		if names != nil {
			names = append(names, name)
		}
		if more, err := p.Accept(","); err != nil {
			return nil, nil, err
		} else if !more {
			return args, names, p.Expect(")")
		}
	}
}

func (p *Parser) separated(words ...string) ([]Node, error) {
	var l []Node
	if done, err := p.Accept(")"); done || err != nil {
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
		more, err := p.Accept(",")
		for _, w := range words {
			if err == nil && !more {
				more, err = p.Accept(w)
			}
		}
		if err != nil {
			return nil, err
		}
		if !more {
			return l, p.Expect(")")
		}
	}
}

func (p *Parser) cast(try bool) (Node, error) {
	at := p.tok.At
	if _, err := p.Next(); err != nil {
		return nil, err
	}
	if err := p.Expect("("); err != nil {
		return nil, err
	}
	x, err := p.Expr()
	if err != nil {
		return nil, err
	}
	if err := p.Expect("AS"); err != nil {
		return nil, err
	}
	t, err := p.Type()
	if err != nil {
		return nil, err
	}
	if err := p.Expect(")"); err != nil {
		return nil, err
	}
	c := &Cast{X: x, Type: t, Try: try}
	return c, p.at(&c.place, at, x)
}

// extract parses EXTRACT(field FROM x) into date_part('field', x).
func (p *Parser) extract() (Node, error) {
	at := p.tok.At
	if _, err := p.Next(); err != nil {
		return nil, err
	}
	if err := p.Expect("("); err != nil {
		return nil, err
	}
	field := &Literal{Kind: stringKind, Text: strings.ToLower(p.tok.Text)}
	field.At, field.height = p.tok.At, 1
	if p.tok.Kind != Word {
		return nil, p.unexpected("the name of a field, such as YEAR")
	}
	if _, err := p.Next(); err != nil {
		return nil, err
	}
	if err := p.Expect("FROM"); err != nil {
		return nil, err
	}
	x, err := p.Expr()
	if err != nil {
		return nil, err
	}
	c := &Call{Name: "date_part", Args: []Node{field, x}}
	if err := p.at(&c.place, at, c.Args...); err != nil {
		return nil, err
	}
	return c, p.Expect(")")
}

// trim parses TRIM([BOTH|LEADING|TRAILING] [chars] FROM x) into trim, ltrim or
// rtrim, and TRIM(x) as it is.
func (p *Parser) trim() (Node, error) {
	name, err := p.Next()
	if err != nil {
		return nil, err
	}
	if _, err := p.Next(); err != nil {
		return nil, err
	}
	c := &Call{Name: name.Text}
	for side, function := range map[string]string{"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"} {
		if p.tok.Is(side) {
			c.Name = function
		}
	}
	if p.tok.Is("BOTH") || p.tok.Is("LEADING") || p.tok.Is("TRAILING") {
		if _, err := p.Next(); err != nil {
			return nil, err
		}
	}
	if from, err := p.Accept("FROM"); err != nil {
		return nil, err
	} else if !from {
		if c.Args, err = p.separated("FROM"); err != nil {
			return nil, err
		}
	} else if c.Args, err = p.list(")"); err != nil {
		return nil, err
	}
	return c, p.at(&c.place, name.At, c.Args...)
}

func (p *Parser) caseOf() (Node, error) {
	c := &Case{}
	t, err := p.Next()
	if err != nil {
		return nil, err
	}
	if !p.tok.Is("WHEN") {
		if c.Operand, err = p.Expr(); err != nil {
			return nil, err
		}
	}
	for {
		more, err := p.Accept("WHEN")
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		var w When
		if w.If, err = p.Expr(); err != nil {
			return nil, err
		}
		if err = p.Expect("THEN"); err != nil {
			return nil, err
		}
		if w.Then, err = p.Expr(); err != nil {
			return nil, err
		}
		if c.Whens = append(c.Whens, w); len(c.Whens) > MaxList {
			return nil, p.long(w.If.Pos())
		}
	}
	if len(c.Whens) == 0 {
		return nil, p.unexpected("WHEN")
	}
	if more, err := p.Accept("ELSE"); err != nil {
		return nil, err
	} else if more {
		if c.Else, err = p.Expr(); err != nil {
			return nil, err
		}
	}
	if err := p.Expect("END"); err != nil {
		return nil, err
	}
	return c, p.at(&c.place, t.At, caseKids(c)...)
}
