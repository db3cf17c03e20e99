package parse

import "strings"

// postfix parses a primary and the ::, :, [] and . behind it.
func (p *Parser) postfix() (Node, error) {
	n, err := p.primary()
	if err != nil {
		return nil, err
	}
	return p.suffixes(n)
}

func (p *Parser) suffixes(n Node) (Node, error) {
	for {
		switch {
		case p.tok.Is("::"):
			if _, err := p.Next(); err != nil {
				return nil, err
			}
			t, err := p.Type()
			if err != nil {
				return nil, err
			}
			c := &Cast{X: n, Type: t}
			if err := p.at(&c.place, n.Pos(), n); err != nil {
				return nil, err
			}
			n = c
		case p.tok.Is(":"):
			c, err := p.path(n)
			if err != nil {
				return nil, err
			}
			n = c
		case p.tok.Is("["):
			if _, err := p.Next(); err != nil {
				return nil, err
			}
			i, err := p.Expr()
			if err != nil {
				return nil, err
			}
			if err := p.Expect("]"); err != nil {
				return nil, err
			}
			x := &Index{X: n, I: i}
			if err := p.at(&x.place, n.Pos(), n, i); err != nil {
				return nil, err
			}
			n = x
		case p.tok.Is("."):
			next, err := p.dot(n)
			if err != nil {
				return nil, err
			}
			n = next
		default:
			return n, nil
		}
	}
}

// dot parses .name or .* behind n.
func (p *Parser) dot(n Node) (Node, error) {
	if _, err := p.Next(); err != nil {
		return nil, err
	}
	name, isName := n.(*Name)
	if isName && p.tok.Is("*") {
		if _, err := p.Next(); err != nil {
			return nil, err
		}
		s := &Star{Qualifier: name.Parts}
		return s, p.at(&s.place, n.Pos())
	}
	if p.tok.Kind != Word && p.tok.Kind != Quoted {
		return nil, p.unexpected("a name behind the point")
	}
	t, err := p.Next()
	if err != nil {
		return nil, err
	}
	if isName {
		if len(name.Parts) >= MaxDepth {
			return nil, p.deep(t.At)
		}
		name.Parts = append(name.Parts, t.Text)
		return name, nil
	}
	f := &Field{X: n, Name: t.Text}
	return f, p.at(&f.place, n.Pos(), n)
}

func (p *Parser) primary() (Node, error) {
	at := p.tok.At
	switch p.tok.Kind {
	case Number:
		return p.number(at, "")
	case Text:
		return p.text1()
	case Quoted:
		return p.name()
	case Symbol:
		return p.symbol()
	case Word:
		return p.word()
	}
	return nil, p.unexpected("an expression")
}

func (p *Parser) symbol() (Node, error) {
	at := p.tok.At
	switch p.tok.Text {
	case "*":
		if _, err := p.Next(); err != nil {
			return nil, err
		}
		s := &Star{}
		return s, p.at(&s.place, at)
	case "(":
		if n, err, ok := p.lambdaList(); ok {
			return n, err
		}
		if _, err := p.Next(); err != nil {
			return nil, err
		}
		n, err := p.Expr()
		if err != nil {
			return nil, err
		}
		if more, err := p.Accept(","); more || err != nil {
			return p.tuple(n, err)
		}
		return n, p.Expect(")")
	}
	return nil, p.unexpected("an expression")
}

// tuple parses what stands behind (first, : a struct.
func (p *Parser) tuple(first Node, err error) (Node, error) {
	if err != nil {
		return nil, err
	}
	rest, err := p.list(")")
	if err != nil {
		return nil, err
	}
	c := &Call{Name: "struct", Args: append([]Node{first}, rest...)}
	return c, p.at(&c.place, first.Pos(), c.Args...)
}

// lambdaList parses (x, y) -> body if that is what stands here.
func (p *Parser) lambdaList() (Node, error, bool) {
	start := *p
	at := p.tok.At
	var params []string
	for {
		if _, err := p.Next(); err != nil {
			break
		}
		name, err := p.Name("a name")
		if err != nil {
			break
		}
		params = append(params, name)
		if p.tok.Is(",") && len(params) < MaxDepth {
			continue
		}
		if ok, err := p.Accept(")"); !ok || err != nil || !p.tok.Is("->") {
			break
		}
		n, err := p.lambda(at, params)
		return n, err, true
	}
	*p = start
	return nil, nil, false
}

func (p *Parser) lambda(at int, params []string) (Node, error) {
	if err := p.Expect("->"); err != nil {
		return nil, err
	}
	body, err := p.Expr()
	if err != nil {
		return nil, err
	}
	l := &Lambda{Params: params, Body: body}
	return l, p.at(&l.place, at, body)
}

func (p *Parser) name() (Node, error) {
	t, err := p.Next()
	if err != nil {
		return nil, err
	}
	if p.tok.Is("->") {
		return p.lambda(t.At, []string{t.Text})
	}
	if p.tok.Is("(") {
		return p.call(t)
	}
	n := &Name{Parts: []string{t.Text}}
	return n, p.at(&n.place, t.At)
}

// word parses what begins with a keyword, a function or a name.
func (p *Parser) word() (Node, error) {
	t, next := p.tok, p.after()
	upper := strings.ToUpper(t.Text)
	if next.Is("(") {
		switch upper {
		case "CAST", "TRY_CAST":
			return p.cast(upper == "TRY_CAST")
		case "EXTRACT":
			return p.extract()
		case "TRIM":
			return p.trim()
		case "SUBSTRING", "SUBSTR", "POSITION", "OVERLAY", "STRUCT", "LEFT", "RIGHT", "LIKE", "ILIKE", "RLIKE", "REGEXP", "FILTER":
			return p.name()
		}
	}
	if next.Kind == Text {
		if n, err, ok := p.typed(upper); ok {
			return n, err
		}
	}
	switch upper {
	case "CASE":
		return p.caseOf()
	case "INTERVAL":
		if next.Kind == Number || next.Kind == Text || next.Is("-") || next.Is("+") {
			return p.interval()
		}
	case "NULL", "TRUE", "FALSE":
		return p.keyword(upper)
	case "CURRENT_TIMESTAMP", "CURRENT_DATE", "LOCALTIMESTAMP":
		if !next.Is("(") && !next.Is(".") {
			if _, err := p.Next(); err != nil {
				return nil, err
			}
			c := &Call{Name: strings.ToLower(upper)}
			return c, p.at(&c.place, t.At)
		}
	}
	if reserved[upper] {
		return nil, p.unexpected("an expression")
	}
	return p.name()
}
