package parse

import (
	"strings"

	"github.com/deltaic/deltaic/batch"
)

// path parses :a.b[0]['c'] behind n into get_path(n, '$.a.b[0][\'c\']').
func (p *Parser) path(n Node) (Node, error) {
	at := p.tok.At
	if _, err := p.Next(); err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteByte('$')
	name := func() error {
		if p.tok.Kind != Word && p.tok.Kind != Quoted {
			return p.unexpected("a name in the path")
		}
		t, err := p.Next()
		b.WriteString("['" + t.Text + "']")
		return err
	}
	if !p.tok.Is("[") {
		if err := name(); err != nil {
			return nil, err
		}
	}
	for {
		var err error
		switch {
		case p.tok.Is("."):
			if _, err = p.Next(); err == nil {
				err = name()
			}
		case p.tok.Is("["):
			if _, err = p.Next(); err != nil {
				return nil, err
			}
			switch {
			case p.tok.Kind == Number, p.tok.Is("*"):
				b.WriteString("[" + p.tok.Text + "]")
			case p.tok.Kind == Text:
				b.WriteString("['" + p.tok.Text + "']")
			default:
				return nil, p.unexpected("a place, a name in quotes or *")
			}
			if _, err = p.Next(); err == nil {
				err = p.Expect("]")
			}
		default:
			text := &Literal{Kind: batch.String, Text: b.String()}
			text.At, text.height = at, 1
			c := &Call{Name: "get_path", Args: []Node{n, text}}
			return c, p.at(&c.place, n.Pos(), c.Args...)
		}
		if err != nil {
			return nil, err
		}
	}
}
