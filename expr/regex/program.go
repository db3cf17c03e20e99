package regex

import (
	"regexp/syntax"
	"slices"
	"unicode"
	"unicode/utf8"
)

// program is an expression as instructions, with the classes of characters that it tells apart.
type program struct {
	*syntax.Prog
	back     bool // it reads texts from behind
	anchored bool // it matches at the begin of what it reads alone
	contexts bool // it looks at words or lines
	bounds   []rune
	classOf  []uint8 // of the characters from bounds[i] to bounds[i+1]
	ascii    [utf8.RuneSelf]uint8
	samples  []rune // one character of each class; -1 for the end of the text
	first    *first // nil: anything may begin a match
}

// classEnd is the class of the end of the text.
const classEnd = 0

// Beyond these an expression is left to regexp.
const (
	maxInstructions = 4000
	maxBounds       = 4000
	maxClasses      = 250
	maxWork         = 2_000_000
)

// newProgram returns the program of an expression, nil if it is too large.
func newProgram(tree *syntax.Regexp, back bool) *program {
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil || len(prog.Inst) > maxInstructions {
		return nil
	}
	p := &program{Prog: prog, back: back, anchored: prog.StartCond()&syntax.EmptyBeginText != 0}
	readers := p.readers()
	if readers == nil || len(p.bounds)*len(readers) > maxWork {
		return nil
	}
	if !p.classify(readers) {
		return nil
	}
	if !back && !p.anchored {
		p.first = newFirst(p)
	}
	return p
}

// readers returns the instructions that read a character, and sets the bounds between characters that are told apart.
func (p *program) readers() []*syntax.Inst {
	readers := []*syntax.Inst{}
	p.bounds = []rune{0, utf8.RuneSelf, utf8.RuneError, utf8.RuneError + 1}
	cut := func(from, to rune) { p.bounds = append(p.bounds, from, to+1) }
	for i := range p.Inst {
		in := &p.Inst[i]
		switch in.Op {
		case syntax.InstEmptyWidth:
			if op := syntax.EmptyOp(in.Arg); op&^(syntax.EmptyBeginText|syntax.EmptyEndText) != 0 {
				p.contexts = true
			}
			continue
		case syntax.InstRune, syntax.InstRune1:
			for k := 0; k+1 < len(in.Rune); k += 2 {
				cut(in.Rune[k], in.Rune[k+1])
			}
			if len(in.Rune) == 1 {
				cut(in.Rune[0], in.Rune[0])
				for r := unicode.SimpleFold(in.Rune[0]); r != in.Rune[0]; r = unicode.SimpleFold(r) {
					cut(r, r)
				}
			}
		case syntax.InstRuneAnyNotNL:
			cut('\n', '\n')
		case syntax.InstRuneAny:
		default:
			continue
		}
		readers = append(readers, in)
		if len(p.bounds) > maxBounds {
			return nil
		}
	}
	if p.contexts {
		cut('\n', '\n')
		cut('0', '9')
		cut('A', 'Z')
		cut('_', '_')
		cut('a', 'z')
	}
	slices.Sort(p.bounds)
	p.bounds = slices.Compact(p.bounds)
	return readers
}

// classify puts characters that no instruction tells apart into one class. It returns false if there are too many.
func (p *program) classify(readers []*syntax.Inst) bool {
	p.samples = []rune{-1}
	known := map[string]uint8{}
	key := make([]byte, (len(readers)+7)/8+1)
	p.classOf = make([]uint8, len(p.bounds))
	for i, r := range p.bounds {
		clear(key)
		for k, in := range readers {
			if in.MatchRune(r) {
				key[k/8] |= 1 << (k % 8)
			}
		}
		if p.contexts {
			key[len(key)-1] = kindOf(r)
		}
		class, ok := known[string(key)]
		if !ok {
			if len(p.samples) == maxClasses {
				return false
			}
			class = uint8(len(p.samples))
			known[string(key)] = class
			p.samples = append(p.samples, r)
		}
		p.classOf[i] = class
	}
	for b := range utf8.RuneSelf {
		p.ascii[b] = p.class(rune(b))
	}
	return true
}

// class returns the class of a character.
func (p *program) class(r rune) uint8 {
	i, found := slices.BinarySearch(p.bounds, r)
	if !found {
		i--
	}
	return p.classOf[i]
}

// What was read before, as far as it matters to what looks around.
const (
	kindBegin uint8 = iota
	kindOther
	kindLine
	kindWord
)

func kindOf(r rune) uint8 {
	switch {
	case r == '\n':
		return kindLine
	case syntax.IsWordChar(r):
		return kindWord
	}
	return kindOther
}

// sampleOf returns a character of a kind, -1 for none.
func sampleOf(kind uint8) rune {
	return [...]rune{kindBegin: -1, kindOther: ' ', kindLine: '\n', kindWord: 'a'}[kind]
}

// reverse turns an expression into one that matches the same from behind.
func reverse(t *syntax.Regexp) {
	switch t.Op {
	case syntax.OpConcat:
		slices.Reverse(t.Sub)
	case syntax.OpLiteral:
		slices.Reverse(t.Rune)
	case syntax.OpBeginText:
		t.Op, t.Flags = syntax.OpEndText, t.Flags&^syntax.WasDollar
	case syntax.OpEndText:
		t.Op = syntax.OpBeginText
	case syntax.OpBeginLine:
		t.Op = syntax.OpEndLine
	case syntax.OpEndLine:
		t.Op = syntax.OpBeginLine
	}
	for _, s := range t.Sub {
		reverse(s)
	}
}

const leastLiteral = 2

// required returns a literal that every match contains, "" if none is known. One with U+FFFD is none: a broken byte matches it too.
func required(t *syntax.Regexp) string {
	switch t.Op {
	case syntax.OpLiteral:
		if t.Flags&syntax.FoldCase == 0 && !slices.Contains(t.Rune, utf8.RuneError) {
			return string(t.Rune)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(t.Sub[0])
	case syntax.OpConcat:
		best := ""
		for _, s := range t.Sub {
			if literal := required(s); len(literal) > len(best) {
				best = literal
			}
		}
		return best
	}
	return ""
}
