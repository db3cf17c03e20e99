package regex

import (
	"regexp/syntax"
	"unicode/utf8"
)

// tracker finds the groups of a match by trying ways in the order of preference, none twice from one place.
type tracker struct {
	visited []uint64
	jobs    []job
	at      []int
}

// job is a way that is still to be tried, or a group's bound to be put back.
type job struct {
	pc, group, pos int
}

const maxVisited = 1 << 23 // bits: a megabyte

// NumGroups returns the number of groups, without the match itself.
func (r *Regex) NumGroups() int { return r.re.NumSubexp() }

// Group returns the number of the group of a name, -1 if there is none.
func (r *Regex) Group(name string) int {
	if name == "" {
		return -1
	}
	return r.re.SubexpIndex(name)
}

// Groups appends where the groups of a match begin and end, as regexp's FindSubmatchIndex has them: of one that was found in
// the text by Find or All. It takes time for the match alone, however long the text is.
func (m *Machine) Groups(dst []int, s []byte, start, end int) []int {
	if m.r.forward != nil && len(m.r.forward.Inst)*(end-start+1) <= maxVisited {
		if groups := m.groups.find(m.r.forward, s, start, end); groups != nil {
			return append(dst, groups[:2*m.r.re.NumSubexp()+2]...)
		}
	}
	return m.r.contexts.groups(dst, s, start, end)
}

func (t *tracker) find(p *program, s []byte, start, end int) []int {
	words := (len(p.Inst)*(end-start+1) + 63) / 64
	if cap(t.visited) < words {
		t.visited = make([]uint64, words)
	}
	t.visited = t.visited[:words]
	clear(t.visited)
	t.at = t.at[:0]
	for range p.NumCap {
		t.at = append(t.at, -1)
	}
	t.jobs = append(t.jobs[:0], job{pc: p.Start, group: -1, pos: start})
	for len(t.jobs) > 0 {
		j := t.jobs[len(t.jobs)-1]
		t.jobs = t.jobs[:len(t.jobs)-1]
		if j.group >= 0 {
			t.at[j.group] = j.pos
			continue
		}
		if t.try(p, s, start, end, j.pc, j.pos) {
			t.at[0], t.at[1] = start, end
			return t.at
		}
	}
	return nil
}

// try goes one way as far as it leads, and reports whether that is to the end.
func (t *tracker) try(p *program, s []byte, start, end, pc, pos int) bool {
	for {
		bit := pc*(end-start+1) + pos - start
		if t.visited[bit/64]>>(bit%64)&1 != 0 {
			return false
		}
		t.visited[bit/64] |= 1 << (bit % 64)
		in := &p.Inst[pc]
		pc = int(in.Out)
		switch in.Op {
		case syntax.InstMatch:
			return pos == end
		case syntax.InstFail:
			return false
		case syntax.InstAlt, syntax.InstAltMatch:
			t.jobs = append(t.jobs, job{pc: int(in.Arg), group: -1, pos: pos})
		case syntax.InstCapture:
			t.jobs = append(t.jobs, job{group: int(in.Arg), pos: t.at[in.Arg]})
			t.at[in.Arg] = pos
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^around(s, pos) != 0 {
				return false
			}
		case syntax.InstNop:
		default:
			if pos == end {
				return false
			}
			r, width := rune(s[pos]), 1
			if r >= utf8.RuneSelf {
				r, width = utf8.DecodeRune(s[pos:])
			}
			if !in.MatchRune(r) {
				return false
			}
			pos += width
		}
	}
}

// around returns what holds at a place of the text.
func around(s []byte, pos int) syntax.EmptyOp {
	left, right := rune(-1), rune(-1)
	if pos > 0 {
		left, _ = utf8.DecodeLastRune(s[:pos])
	}
	if pos < len(s) {
		right, _ = utf8.DecodeRune(s[pos:])
	}
	return syntax.EmptyOpContext(left, right)
}
