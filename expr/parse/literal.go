package parse

import (
	"encoding/hex"
	"math/big"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
)

const stringKind = batch.String

func (p *Parser) text1() (Node, error) {
	l := &Literal{Kind: batch.String}
	at := p.tok.At
	for p.tok.Kind == Text {
		t, err := p.Next()
		if err != nil {
			return nil, err
		}
		l.Text += t.Text
	}
	return l, p.at(&l.place, at)
}

func (p *Parser) keyword(upper string) (Node, error) {
	l := &Literal{Kind: batch.Void}
	if upper != "NULL" {
		l.Kind, l.Text = batch.Boolean, strings.ToLower(upper)
	}
	t, err := p.Next()
	if err != nil {
		return nil, err
	}
	return l, p.at(&l.place, t.At)
}

var suffixKinds = []struct {
	suffix string
	kind   batch.Kind
	bits   int // of integers
}{{"BD", batch.Decimal, 0}, {"L", batch.BigInt, 64}, {"S", batch.SmallInt, 16}, {"Y", batch.TinyInt, 8},
	{"D", batch.Double, 0}, {"F", batch.Float, 0}}

// number takes the next token as a number with the sign before it.
func (p *Parser) number(at int, sign string) (Node, error) {
	t, err := p.Next()
	if err != nil {
		return nil, err
	}
	upper := strings.ToUpper(t.Text)
	l := &Literal{Kind: batch.Invalid}
	for _, s := range suffixKinds {
		digits, found := strings.CutSuffix(upper, s.suffix)
		if !found {
			continue
		}
		l.Kind, l.Text = s.kind, sign+digits
		if s.bits > 0 && !fits(l.Text, s.bits) {
			return nil, At(p.text, t.At, "INVALID_NUMERIC_LITERAL_RANGE", "the number "+sign+short(t.Text)+" does not fit "+s.kind.String(), "leave the suffix out, or use one of a larger type")
		}
		break
	}
	if l.Kind == batch.Invalid {
		l.Kind, l.Text = plainNumber(sign + upper)
	}
	if l.Kind == batch.Decimal && len(l.Text) > 400 {
		return nil, syntax(p.text, t.At, "a number of more than 38 digits")
	}
	return l, p.at(&l.place, at)
}

// plainNumber returns the kind of a number without suffix.
func plainNumber(text string) (batch.Kind, string) {
	switch {
	case strings.Contains(text, "E"):
		return batch.Double, text
	case strings.Contains(text, "."):
		return batch.Decimal, text
	case fits(text, 32):
		return batch.Int, text
	case fits(text, 64):
		return batch.BigInt, text
	}
	return batch.Decimal, text
}

func fits(text string, bits int) bool {
	if len(text) > 400 {
		return false
	}
	v, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return false
	}
	if v.Sign() < 0 {
		v.Add(v, big.NewInt(1))
	}
	return v.BitLen() < bits
}

// typed parses DATE '...' and its like; the word is the next token and a
// string follows it.
func (p *Parser) typed(upper string) (Node, error, bool) {
	kinds := map[string]batch.Kind{"DATE": batch.Date, "TIMESTAMP": batch.Timestamp,
		"TIMESTAMP_LTZ": batch.Timestamp, "TIMESTAMP_NTZ": batch.TimestampNTZ, "X": batch.Binary}
	kind, ok := kinds[upper]
	if !ok {
		return nil, nil, false
	}
	word, err := p.Next()
	if err != nil {
		return nil, err, true
	}
	t, err := p.Next()
	if err != nil {
		return nil, err, true
	}
	l := &Literal{Kind: kind, Text: t.Text}
	if kind == batch.Binary {
		digits := t.Text
		if len(digits)%2 == 1 {
			digits = "0" + digits
		}
		b, err := hex.DecodeString(digits)
		if err != nil {
			return nil, At(p.text, t.At, "INVALID_TYPED_LITERAL", "X'...' holds hexadecimal digits, not "+strconv.Quote(short(t.Text)), ""), true
		}
		l.Text = string(b)
	}
	return l, p.at(&l.place, word.At), true
}
