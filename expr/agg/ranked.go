package agg

import (
	"bytes"
	"encoding/binary"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/persistence/state"
)

// rankedSlot keeps the best value of an input that takes rows back. The set has every value with how often it is there; a group
// has the best of them in order, in a text, and in a word how many values it has. When the last of the text is
// taken back and the group has more, the text is filled anew from the set: once for at least rankedMost removals.
type rankedSlot struct {
	at       int // the words are behind the text: how many values, and the newest position
	by       ranking
	set, bit int
	position int // the set's word with the position of a value, if by is byPosition
	args     []int
	order    batch.Type // of the first argument
	t        batch.Type // of the result
	most     bool
	columns  []*batch.Column
	scratch  []byte
	text     []byte
	starved  map[uint32]bool // groups to fill anew
}

// ranking is what makes a value better than another.
type ranking int

const (
	byValue    ranking = iota // itself: min and max
	byOther                   // the first of two, of equals the second: min_by and max_by
	byPosition                // when it came: first and last
)

// appendRankEnd is appendRank of a value that something follows.
func appendRankEnd(to []byte, c *batch.Column, i int) []byte {
	if c.Type.Fixed() {
		return appendRank(to, c, i)
	}
	for _, v := range c.Bytes(i) {
		if to = append(to, v); v == 0 {
			to = append(to, 1) // above the end
		}
	}
	return append(to, 0, 0)
}

// behindRank returns what follows a value of the type.
func behindRank(entry []byte, t batch.Type) []byte {
	switch {
	case !t.Fixed():
		return entry[bytes.Index(entry, []byte{0, 0})+2:]
	case oneWord(t):
		return entry[8:]
	}
	return entry[16:]
}

// rankedMost is how many values a group has at hand. Tests lower it.
var rankedMost = 128

// key writes values of the set so that bytes compare as the values do.
func (s *rankedSlot) key(columns []*batch.Column, i int, position uint64) []byte {
	s.scratch = s.scratch[:0]
	switch s.by {
	case byValue:
		s.scratch = appendRank(s.scratch, columns[0], i)
	case byOther:
		s.scratch = batch.AppendRow(appendRankEnd(s.scratch, columns[0], i), columns[1:2], i)
	case byPosition:
		s.scratch = batch.AppendRow(binary.BigEndian.AppendUint64(s.scratch, position), columns, i)
	}
	return s.scratch
}

// arguments returns the columns that the set is made of.
func (s *rankedSlot) arguments(in *Input) []*batch.Column {
	s.columns = s.columns[:0]
	for _, a := range s.args {
		s.columns = append(s.columns, in.Columns[a])
	}
	return s.columns
}

// place is where a key is or would be among the entries of a text.
type place struct {
	from, to int // of the entry, with its length; from is where to insert
	found    bool
	before   int // entries before it
	entries  int
	last     int // where the last entry begins
}

func (s *rankedSlot) find(text, key []byte) place {
	p := place{from: -1}
	for at := 0; at < len(text); p.entries++ {
		n, w := binary.Uvarint(text[at:])
		entry := text[at+w : at+w+int(n)]
		end := at + w + int(n)
		if p.from < 0 {
			order := bytes.Compare(entry, key)
			if s.most {
				order = -order
			}
			if order >= 0 {
				p.from, p.to, p.found, p.before = at, end, order == 0, p.entries
			}
		}
		p.last, at = at, end
	}
	if p.from < 0 {
		p.from, p.to, p.before = len(text), len(text), p.entries
	}
	return p
}

func (s *rankedSlot) add(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	columns := s.arguments(in)
	if s.by == byPosition {
		return s.arrive(c, in, columns, rows, sel, n)
	}
	return each(sel, n, func(i int) error {
		r := rows[i]
		count := c.words[s.at+1].at(r)
		*count++
		s.offer(c, r, s.key(columns, i, 0), *count-1)
		return nil
	})
}

// offer puts a value into the text of its group if it belongs there; others is how many more the group has.
func (s *rankedSlot) offer(c *cells, row uint32, key []byte, others uint64) {
	text := c.texts[s.at].at(row)
	p := s.find(text, key)
	if p.found || p.before == p.entries && (p.entries == rankedMost || uint64(p.entries) < others) {
		return // it is there, or worse than values that the text does not have
	}
	if p.entries == rankedMost {
		text = text[:p.last]
	}
	s.text = append(s.text[:0], text[:p.from]...)
	s.text = append(binary.AppendUvarint(s.text, uint64(len(key))), key...)
	s.text = append(s.text, text[p.from:]...)
	c.texts[s.at].set(row, s.text)
}

func (s *rankedSlot) remove(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	columns := s.arguments(in)
	clear(s.starved)
	if s.by == byPosition {
		s.depart(c, in, columns, rows, sel, n)
	} else {
		_ = each(sel, n, func(i int) error { // never fails
			s.lose(c, rows[i], s.key(columns, i, 0))
			return nil
		})
	}
	if len(s.starved) == 0 {
		return nil
	}
	held := make([]uint32, 0, n) // Find may put away rows that nobody has touched
	_ = each(sel, n, func(i int) error { held = append(held, rows[i]); return nil })
	in.groups.Touch(held)
	return s.fill(c, in)
}

// lose takes a value from its group.
func (s *rankedSlot) lose(c *cells, row uint32, key []byte) {
	count := c.words[s.at+1].at(row)
	*count--
	if s.drop(c, row, key) == 1 && *count > 0 {
		if s.starved == nil {
			s.starved = map[uint32]bool{}
		}
		s.starved[row] = true
	}
}

// drop takes a value from the text of its group, and returns how many there were; 0 if the text does not have it.
func (s *rankedSlot) drop(c *cells, row uint32, key []byte) int {
	text := c.texts[s.at].at(row)
	p := s.find(text, key)
	if !p.found {
		return 0
	}
	s.text = append(append(s.text[:0], text[:p.from]...), text[p.to:]...)
	c.texts[s.at].set(row, s.text)
	return p.entries
}

// fill makes the texts of the starved groups anew from the set.
func (s *rankedSlot) fill(c *cells, in *Input) error {
	for r := range s.starved {
		c.texts[s.at].set(r, nil)
	}
	set := in.Sets[s.set]
	counts := segmentWords(set.Words(s.bit).Layout())
	var hashes []uint64
	groups := make([]uint32, 0, 4096)
	return set.Scan(func(rows []uint32) error {
		keys := set.Keys(nil, rows)
		of, values := keys[:len(in.Keys)], keys[len(in.Keys):]
		if len(of) > 0 {
			hashes = batch.Hash(of, len(rows), hashes)
		}
		groups = append(groups[:0], rows...)
		if err := in.groups.Find(of, nil, len(rows), hashes, groups); err != nil {
			return err
		}
		for i, g := range groups {
			if g == state.NoRow || !s.starved[g] || *counts.at(rows[i]) == 0 {
				continue
			}
			position := uint64(0)
			if s.by == byPosition {
				position = set.Words(s.position).At(rows[i])
			}
			s.offer(c, g, s.key(values, i, position), 0)
		}
		return nil
	})
}

func (s *rankedSlot) merge(*cells, []uint32, *cells, int) error {
	return errSets // the plan says that it does not merge
}

// result returns the best value.
func (s *rankedSlot) result(p *batch.Pool, from *Partial) (*batch.Column, error) {
	return nullable(s.t, p, from, s.at+1, func(b *batch.Builder, i int) error {
		text := from.bytes[s.at].at(uint32(i))
		n, w := binary.Uvarint(text)
		entry := text[w : w+int(n)]
		switch {
		case s.by == byOther:
			return appendValue(b, behindRank(entry, s.order))
		case s.by == byPosition:
			return appendValue(b, entry[8:])
		case s.t.Kind == batch.String || s.t.Kind == batch.Binary:
			b.Bytes(entry)
		case oneWord(s.t):
			appendOrdered(b, binary.BigEndian.Uint64(entry)^1<<63)
		default:
			hi, lo := binary.BigEndian.Uint64(entry)^1<<63, binary.BigEndian.Uint64(entry[8:])
			b.Decimal(batch.Int128{Hi: int64(hi), Lo: lo})
		}
		return nil
	})
}

// buildRanked keeps all values, of which the best is asked for and any may be taken back: those of a set made
// of the columns, in the rows of mask m.
func buildRanked(b *binder, c *Call, by ranking, columns []*expr.Bound, m int, most bool) error {
	distinct := b.distinct(columns, m)
	x := b.plan.masks[distinct]
	s := &rankedSlot{by: by, t: c.Type, most: most, set: x.set, bit: x.bit, args: b.plan.sets[x.set].args, order: columns[0].Type()}
	kind, words := c.Name, -1
	switch by {
	case byOther:
		kind += " of " + columns[1].SQL()
	case byPosition:
		distinct, words = m, -2
		b.plan.positions = true
	}
	s = share(b, kind, s.args[0], distinct, words, s, &s.at)
	if by == byPosition {
		b.plan.sets[x.set].addPosition(kind+" "+b.maskName(m, -1), &s.position)
		b.nameSet(b.plan.sets[x.set])
	}
	c.Nullable, c.finish = true, s.result
	return nil
}
