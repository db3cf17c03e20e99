package expr

import "unicode/utf8"

// likeSearch finds the first place of a segment with many _ in a text: it follows all places at which the segment may have begun at
// once, a bit each, so that a character costs a word's work for 64 of the segment's.
type likeSearch struct {
	chars map[rune][]uint64 // by character: where the segment has it, or _
	any   []uint64          // where it has _
	at    []uint64          // bit n: the last n+1 characters are the first ones of the segment
	last  int
}

// leastSearched is how many pieces a segment has that is searched for so; fewer are tried at each place.
const leastSearched = 16

// character returns the first character of a text; each broken byte is one of its own.
func character(s []byte) (c rune, width int) {
	c, width = utf8.DecodeRune(s)
	if c == utf8.RuneError && width == 1 {
		c = -1 - rune(s[0])
	}
	return c, width
}

func newLikeSearch(segment []likePiece) *likeSearch {
	n := 0
	for _, piece := range segment {
		n += max(1, utf8.RuneCount(piece))
	}
	words := (n + 63) / 64
	f := &likeSearch{chars: map[rune][]uint64{}, any: make([]uint64, words), at: make([]uint64, words), last: n - 1}
	k := 0
	for _, piece := range segment {
		if piece == nil {
			f.any[k/64] |= 1 << (k % 64)
			k++
		}
		for len(piece) > 0 {
			c, width := character(piece)
			if f.chars[c] == nil {
				f.chars[c] = make([]uint64, words)
			}
			f.chars[c][k/64] |= 1 << (k % 64)
			piece = piece[width:]
			k++
		}
	}
	for _, set := range f.chars {
		for i := range set {
			set[i] |= f.any[i]
		}
	}
	return f
}

// end returns where the first place of the segment ends, -1 if there is none.
func (f *likeSearch) end(s []byte) int {
	for i := 0; i < len(s); {
		c, width := character(s[i:])
		i += width
		set, ok := f.chars[c]
		if !ok {
			set = f.any
		}
		carry := uint64(1)
		for k, w := range f.at {
			f.at[k], carry = (w<<1|carry)&set[k], w>>63
		}
		if f.at[f.last/64]>>(f.last%64)&1 != 0 {
			return i
		}
	}
	return -1
}
