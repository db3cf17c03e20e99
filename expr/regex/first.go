package regex

import (
	"regexp/syntax"
	"unicode/utf8"
)

// first says which bytes a match can begin with: bit 0 of those that can come first, bit 1 of the second ones, and so on.
type first struct {
	of    [256]uint8
	depth int // how many are known
}

const (
	maxDepth = 3
	maxFirst = 40 // beyond so many bytes skipping finds little to skip
)

// newFirst returns nil if a match can be empty, or begin with much or with what is not ASCII.
func newFirst(p *program) *first {
	f := &first{}
	at := []uint32{uint32(p.Start)}
	for depth := range maxDepth {
		next, ended := p.readersFrom(at)
		if ended {
			break // what comes behind a match is any
		}
		count, all, many := 0, [256]uint8{}, false
		for _, in := range next {
			for b := range utf8.RuneSelf {
				if in.MatchRune(rune(b)) && all[b] == 0 {
					all[b] = 1 << depth
					count++
				}
			}
			many = many || p.beyond(in)
		}
		if many || depth == 0 && (count == 0 || count > maxFirst) {
			break
		}
		for b := range all {
			f.of[b] |= all[b]
		}
		f.depth++
		at = at[:0]
		for _, in := range next {
			at = append(at, in.Out)
		}
	}
	if f.depth == 0 {
		return nil
	}
	return f
}

// readersFrom returns the instructions that read a character next, whatever is around, and whether a match can end before.
func (p *program) readersFrom(at []uint32) (readers []*syntax.Inst, ended bool) {
	seen := map[uint32]bool{}
	for len(at) > 0 {
		pc := at[len(at)-1]
		at = at[:len(at)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		switch in := &p.Inst[pc]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			at = append(at, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop, syntax.InstEmptyWidth:
			at = append(at, in.Out)
		case syntax.InstMatch:
			return nil, true
		case syntax.InstFail:
		default:
			readers = append(readers, in)
		}
	}
	return readers, false
}

// beyond reports whether an instruction reads characters that are not ASCII.
func (p *program) beyond(in *syntax.Inst) bool {
	for i, r := range p.bounds {
		if r >= utf8.RuneSelf || i+1 == len(p.bounds) {
			if in.MatchRune(r) {
				return true
			}
		}
	}
	return false
}

// skip returns the first place at or behind i at which a match can begin, -1 if there is none.
func (f *first) skip(s []byte, i int) int {
	if f == nil {
		return i
	}
	last := len(s) - f.depth // a match has so many bytes
	for ; i <= last; i++ {
		if f.of[s[i]]&1 == 0 {
			continue
		}
		if (f.depth < 2 || f.of[s[i+1]]&2 != 0) && (f.depth < 3 || f.of[s[i+2]]&4 != 0) {
			return i
		}
	}
	return -1
}
