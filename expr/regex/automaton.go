package regex

import (
	"regexp/syntax"
	"unicode/utf8"
)

// automaton is the deterministic automaton of a program, as far as texts have led through it. A step looks at the character before
// it (the state's kind) and the one to come (the class), so that what looks around is decided when the step is worked out.
type automaton struct {
	p      *program
	states map[string]*state
	starts [4]*state // by kind of the character before
	room   int       // bytes that are left for states
	full   bool      // it would be too large: regexp goes on

	seen  []uint32 // by instruction: the generation in which it was met
	taken []uint32 // and in which it came into the list
	now   uint32
	stack []uint32
	list  []uint32
}

// state is a list of instructions, in the order in which they are preferred.
type state struct {
	next    [256]*state // by the byte to come; beyond ASCII always strange
	special bool        // the loop over bytes has to look at it: one of those below
	matched bool        // a match ended before the character that led here
	dead    bool        // no match can follow
	rest    bool        // nothing has begun: what cannot begin a match may be skipped

	list []uint32
	kind uint8
	many []*state // by class
}

// strange stands for what is not known yet.
var strange = &state{special: true}

// maxStates and maxBytes bound an automaton: the number of states, and what they take with their lists and keys.
const (
	maxStates = 1000
	maxBytes  = 3 << 20
)

// size returns what a state takes: its table of 256 pointers, what else is of one size with its place in the map, the list, which
// the key has again, and the pointers by class.
func size(list, classes int) int { return 256*8 + 256 + (4+2)*list + 8*classes }

func newAutomaton(p *program) *automaton {
	return &automaton{p: p, room: maxBytes, states: map[string]*state{}, seen: make([]uint32, len(p.Inst)+1), taken: make([]uint32, len(p.Inst))}
}

// loop stands in a list for "begin anywhere behind".
func (a *automaton) loop() uint32 { return uint32(len(a.p.Inst)) }

// start returns the state before the first character, when what was before is of the kind.
func (a *automaton) start(kind uint8) *state {
	if !a.p.contexts && kind != kindBegin {
		kind = kindOther
	}
	if a.starts[kind] == nil {
		first := a.loop()
		if a.p.anchored || a.p.back {
			first = uint32(a.p.Start)
		}
		a.starts[kind] = a.add([]uint32{first}, kind, false)
	}
	return a.starts[kind]
}

// add returns the state of a list, made if it is new; nil if there is no room.
func (a *automaton) add(list []uint32, kind uint8, matched bool) *state {
	key := make([]byte, 0, 64)
	key = append(key, kind)
	if len(list) == 0 {
		key[0] = 0 // however it came to that
	}
	if matched {
		key[0] |= 1 << 7
	}
	for _, pc := range list {
		key = append(key, byte(pc), byte(pc>>8))
	}
	if s, ok := a.states[string(key)]; ok {
		return s
	}
	if a.room -= size(len(list), len(a.p.samples)); len(a.states) == maxStates || a.room < 0 {
		a.full, a.room = true, 0
		return nil
	}
	s := &state{matched: matched, dead: len(list) == 0, list: append([]uint32(nil), list...), kind: kind, many: make([]*state, len(a.p.samples))}
	s.rest = a.p.first != nil && len(list) == 1 && list[0] == a.loop()
	s.special = s.matched || s.dead || s.rest
	for i := range s.next {
		s.next[i] = strange
	}
	a.states[string(key)] = s
	return s
}

// step works out what follows a state; nil if there is no room for it.
func (a *automaton) step(s *state, class uint8) *state {
	if to := s.many[class]; to != nil {
		return to
	}
	r := a.p.samples[class]
	context := syntax.EmptyOpContext(sampleOf(s.kind), r)
	a.now++
	a.list = a.list[:0]
	match, kind := false, kindOther
	if a.p.contexts && class != classEnd {
		kind = kindOf(r)
	}
	for _, pc := range s.list {
		if pc == a.loop() {
			if match = a.follow(uint32(a.p.Start), r, context); !match {
				a.list = append(a.list, pc)
			}
			break
		}
		if a.follow(pc, r, context) {
			match = true
			if !a.p.back {
				break // what comes behind is not preferred
			}
		}
	}
	if class == classEnd {
		a.list = a.list[:0]
	}
	to := a.add(a.list, kind, match)
	if to == nil {
		return nil
	}
	s.many[class] = to
	for b := range utf8.RuneSelf {
		if a.p.ascii[b] == class {
			s.next[b] = to
		}
	}
	return to
}

// follow adds to the list what follows an instruction when the character is read, and reports whether a match ends before it:
// of several ways the less preferred ones are left out then, unless the longest match is wanted.
func (a *automaton) follow(pc uint32, r rune, context syntax.EmptyOp) (match bool) {
	a.stack = append(a.stack[:0], pc)
	for len(a.stack) > 0 {
		pc := a.stack[len(a.stack)-1]
		a.stack = a.stack[:len(a.stack)-1]
		if a.seen[pc] == a.now {
			continue
		}
		a.seen[pc] = a.now
		switch in := &a.p.Inst[pc]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			a.stack = append(a.stack, in.Arg, in.Out)
		case syntax.InstCapture, syntax.InstNop:
			a.stack = append(a.stack, in.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^context == 0 {
				a.stack = append(a.stack, in.Out)
			}
		case syntax.InstMatch:
			match = true
			if !a.p.back {
				return true
			}
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if r >= 0 && a.taken[in.Out] != a.now && in.MatchRune(r) {
				a.taken[in.Out] = a.now
				a.list = append(a.list, in.Out)
			}
		}
	}
	return match
}

// scan reads from a place on and returns where the preferred match ends, -1 if there is none; with any it returns at the first sign
// of a match. It reports false if the automaton became too large.
func (a *automaton) scan(s []byte, i int, any bool) (end int, ok bool) {
	if i = a.p.first.skip(s, i); i < 0 {
		return -1, true
	}
	state, end := a.start(before(s, i)), -1
	for {
		for i < len(s) {
			to := state.next[s[i]]
			if to.special {
				break
			}
			state = to
			i++
		}
		if i == len(s) {
			to := a.step(state, classEnd)
			if to == nil {
				return 0, false
			}
			if to.matched {
				end = i
			}
			return end, true
		}
		to, width := state.next[s[i]], 1
		if to == strange {
			r, w := utf8.DecodeRune(s[i:])
			if width, to = w, a.step(state, a.p.class(r)); to == nil {
				return 0, false
			}
		}
		if to.matched {
			if end = i; any {
				return end, true
			}
		}
		if to.dead {
			return end, true
		}
		state = to
		i += width
		if to.rest {
			if i = a.p.first.skip(s, i); i < 0 {
				return -1, true
			}
			if a.p.contexts {
				state = a.start(before(s, i))
			}
		}
	}
}

// before returns the kind of the character before a place.
func before(s []byte, i int) uint8 {
	if i == 0 {
		return kindBegin
	}
	r, _ := utf8.DecodeLastRune(s[:i])
	return kindOf(r)
}

// scanBack reads from end backwards, to least at most, and returns where the longest match begins.
func (a *automaton) scanBack(s []byte, end, least int) (start int, ok bool) {
	kind := kindBegin
	if end < len(s) {
		r, _ := utf8.DecodeRune(s[end:])
		kind = kindOf(r)
	}
	at, start := a.start(kind), -1
	for i := end; ; {
		var to *state
		width := 1
		if i == 0 {
			to = a.step(at, classEnd)
		} else if to = at.next[s[i-1]]; to == strange {
			var r rune
			r, width = utf8.DecodeLastRune(s[:i])
			to = a.step(at, a.p.class(r))
		}
		if to == nil {
			return 0, false
		}
		if to.matched {
			start = i
		}
		if to.dead || i <= least {
			return start, start >= 0
		}
		at = to
		i -= width
	}
}
