package parse

import (
	"math"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
)

// TableColumn is a column of a table to be: what values it gets where rows have none, too.
type TableColumn struct {
	batch.Field
	Varchar   int       // characters that it has at most; 0: any number
	Default   string    // SQL; "": none
	Generated string    // SQL over the other columns; "": not generated
	Identity  *Identity // nil: not counted
}

// Identity says how values of a column are counted.
type Identity struct {
	Start, Step int64
	Given       bool // rows may bring a value of their own
}

// TableDDL parses the columns of a table to be: those of [DDL], each of which may also have DEFAULT expression,
// GENERATED ALWAYS AS (expression), or GENERATED ALWAYS or BY DEFAULT AS IDENTITY [(START WITH n INCREMENT BY n)].
func TableDDL(text string) ([]TableColumn, error) {
	p, err := NewParser(text)
	if err != nil {
		return nil, err
	}
	var columns []TableColumn
	for {
		c, err := p.tableColumn()
		if err != nil {
			return nil, err
		}
		columns = append(columns, c)
		more, err := p.Accept(",")
		if err != nil {
			return nil, err
		}
		if !more {
			return columns, p.Done()
		}
	}
}

func (p *Parser) tableColumn() (c TableColumn, err error) {
	from := p.tok.At
	p.length, p.padded = 0, false
	if c.Field, err = p.Column(); err != nil {
		return c, err
	}
	switch c.Varchar = p.length; {
	case p.length == 0:
	case p.padded:
		return c, syntax(p.text, from, "the column %s: tables made here have no CHAR columns, whose values are padded: use VARCHAR or STRING", c.Name)
	case c.Type.Nested():
		return c, syntax(p.text, from, "the column %s: tables made here have no VARCHAR within other types: use STRING there", c.Name)
	}
	for more := true; more && err == nil; {
		at := p.tok.At
		switch {
		case (p.tok.Is("DEFAULT") || p.tok.Is("GENERATED")) && (c.Default != "" || c.Generated != "" || c.Identity != nil):
			return c, syntax(p.text, at, "the column %s has two sources of its values", c.Name)
		case p.tok.Is("DEFAULT"):
			if _, err = p.Next(); err == nil {
				c.Default, err = p.source()
			}
		case p.tok.Is("GENERATED"):
			err = p.generated(&c)
		default:
			more, err = p.said(&c.Field)
		}
	}
	return c, err
}

// source takes an expression and returns its text.
func (p *Parser) source() (string, error) {
	from := p.tok.At
	if _, err := p.Expr(); err != nil {
		return "", err
	}
	return strings.TrimSpace(p.text[from:p.tok.At]), nil
}

func (p *Parser) generated(c *TableColumn) error {
	if _, err := p.Next(); err != nil {
		return err
	}
	always, err := p.Accept("ALWAYS")
	if err != nil {
		return err
	}
	if !always {
		if err := p.Expect("BY"); err != nil {
			return err
		}
		if err := p.Expect("DEFAULT"); err != nil {
			return err
		}
	}
	if err := p.Expect("AS"); err != nil {
		return err
	}
	if p.tok.Is("IDENTITY") || !always {
		c.Identity = &Identity{Start: 1, Step: 1, Given: !always}
		return p.identity(c.Identity)
	}
	if err := p.Expect("("); err != nil {
		return err
	}
	if c.Generated, err = p.source(); err != nil {
		return err
	}
	return p.Expect(")")
}

// identity takes IDENTITY [(START WITH n INCREMENT BY n)].
func (p *Parser) identity(i *Identity) error {
	if err := p.Expect("IDENTITY"); err != nil {
		return err
	}
	open, err := p.Accept("(")
	if err != nil || !open {
		return err
	}
	for _, part := range []struct {
		first, then string
		n           *int64
	}{{"START", "WITH", &i.Start}, {"INCREMENT", "BY", &i.Step}} {
		there, err := p.Accept(part.first)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		if err := p.Expect(part.then); err != nil {
			return err
		}
		if *part.n, err = p.whole(); err != nil {
			return err
		}
	}
	return p.Expect(")")
}

// whole takes a whole number, which may be negative.
func (p *Parser) whole() (int64, error) {
	negative, err := p.Accept("-")
	if err != nil {
		return 0, err
	}
	n, bad := strconv.ParseUint(p.tok.Text, 10, 64)
	if p.tok.Kind != Number || bad != nil || n > math.MaxInt64 {
		return 0, p.unexpected("a whole number")
	}
	_, err = p.Next()
	if negative {
		return -int64(n), err
	}
	return int64(n), err
}
