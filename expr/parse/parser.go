package parse

import (
	"fmt"
	"strings"
)

// Parser reads a text token by token. Its methods are for callers that read
// statements around expressions; [Expr] and the like are the short way.
type Parser struct {
	text  string
	tok   Token // the next token
	level int   // of the descent

	length int  // of the last CHAR or VARCHAR, which are strings all the same
	padded bool // it is a CHAR
}

// NewParser returns a parser at the beginning of the text.
func NewParser(text string) (*Parser, error) {
	if len(text) > MaxLength {
		return nil, At(text[:100], 0, "PARSE_SYNTAX_ERROR",
			fmt.Sprintf("the text is %d bytes long, the limit is %d", len(text), MaxLength), "split it")
	}
	p := &Parser{text: text}
	_, err := p.skip(0)
	return p, err
}

func (p *Parser) skip(from int) (Token, error) {
	t := p.tok
	next, err := lex(p.text, from)
	p.tok = next
	return t, err
}

// Next takes the next token.
func (p *Parser) Next() (Token, error) { return p.skip(p.tok.Stop) }

// after returns the token behind the next one.
func (p *Parser) after() Token {
	t, err := lex(p.text, p.tok.Stop)
	if err != nil {
		return Token{Kind: End, At: len(p.text)}
	}
	return t
}

// Accept takes the next token if it is the keyword or symbol.
func (p *Parser) Accept(word string) (bool, error) {
	if !p.tok.Is(word) {
		return false, nil
	}
	_, err := p.Next()
	return err == nil, err
}

// Expect takes the keyword or symbol or fails.
func (p *Parser) Expect(word string) error {
	ok, err := p.Accept(word)
	if err == nil && !ok {
		err = p.unexpected("'" + word + "'")
	}
	return err
}

// Done fails if text is left.
func (p *Parser) Done() error {
	if p.tok.Kind != End {
		return p.unexpected("the end of the text")
	}
	return nil
}

func (p *Parser) unexpected(want string) error {
	if p.tok.Kind == End {
		return syntax(p.text, p.tok.At, "the text ends where %s is expected", want)
	}
	got := p.text[p.tok.At:p.tok.Stop]
	if len(got) > 40 {
		got = got[:40] + "..."
	}
	return syntax(p.text, p.tok.At, "at or near '%s', expected %s", got, want)
}

// Name takes an identifier.
func (p *Parser) Name(what string) (string, error) {
	if p.tok.Kind != Quoted && (p.tok.Kind != Word || reserved[strings.ToUpper(p.tok.Text)]) {
		return "", p.unexpected(what)
	}
	t, err := p.Next()
	return t.Text, err
}

// maxDescent bounds the parser's own recursion: a level of a tree that was
// rendered with all parentheses takes up to three of its calls.
const maxDescent = 4 * MaxDepth

// down enters a call of the descent.
func (p *Parser) down() error {
	p.level++
	if p.level > maxDescent {
		return p.deep(p.tok.At)
	}
	return nil
}

func (p *Parser) deep(at int) error {
	return syntax(p.text, at, "the expression is nested deeper than %d levels", MaxDepth)
}

// at fills the place of a node whose kids are known, and refuses a tree that
// is too high.
func (p *Parser) at(pl *place, at int, kids ...Node) error {
	pl.At, pl.height = at, 1
	for _, k := range kids {
		if k != nil {
			pl.height = max(pl.height, k.depth()+1)
		}
	}
	if pl.height > MaxDepth {
		return p.deep(at)
	}
	return nil
}

// Expr parses one expression that is the whole text.
func Expr(text string) (Node, error) {
	p, err := NewParser(text)
	if err != nil {
		return nil, err
	}
	n, err := p.Expr()
	if err != nil {
		return nil, err
	}
	return n, p.Done()
}

// Item parses one select item that is the whole text: an expression, an
// expression with an alias, or a star.
func Item(text string) (Node, error) {
	p, err := NewParser(text)
	if err != nil {
		return nil, err
	}
	n, err := p.Item()
	if err != nil {
		return nil, err
	}
	return n, p.Done()
}

// Item parses a select item.
func (p *Parser) Item() (Node, error) {
	n, err := p.Expr()
	if err != nil {
		return nil, err
	}
	return p.alias(n)
}

// alias parses the alias behind n, if there is one.
func (p *Parser) alias(n Node) (Node, error) {
	explicit, err := p.Accept("AS")
	if err != nil {
		return nil, err
	}
	bare := p.tok.Kind == Quoted || p.tok.Kind == Word && !reserved[strings.ToUpper(p.tok.Text)]
	if !explicit && !bare {
		return n, nil
	}
	if _, star := n.(*Star); star {
		return nil, p.unexpected("no alias behind a star")
	}
	name := p.tok.Text
	if explicit && p.tok.Kind == Word { // behind AS any word is a name, as in Spark: window.end AS end
		_, err = p.Next()
	} else {
		name, err = p.Name("an alias")
	}
	if err != nil {
		return nil, err
	}
	a := &Alias{X: n, Name: name}
	a.At, a.height = n.Pos(), n.depth()
	return a, nil
}

// reserved are the words that are no bare alias and no column without backticks.
var reserved = words(`ALL AND ANTI AS BETWEEN BOTH CASE CAST CROSS DISTINCT DIV ELSE END ESCAPE EXCEPT FALSE FILTER FROM FULL
GROUP HAVING ILIKE IN INNER INTERSECT INTO IS JOIN LATERAL LEADING LEFT LIKE LIMIT MINUS NATURAL NOT NULL ON OR ORDER
OUTER OVER REGEXP RIGHT RLIKE SELECT SEMI THEN TRAILING TRUE TRY_CAST UNION USING WHEN WHERE WITH WATERMARK`)

func words(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}
