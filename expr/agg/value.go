package agg

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
)

// firstSlot keeps the value of the first or last row that came, of any type, in a text:
// a row of one column. Without a row the text is empty.
type firstSlot struct {
	at, arg int
	last    bool
	scratch []byte
}

func (s *firstSlot) add(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	t, v := c.texts[s.at], in.Columns[s.arg:s.arg+1]
	return each(sel, n, func(i int) error {
		if s.last || len(t.at(rows[i])) == 0 {
			s.scratch = batch.AppendRow(s.scratch[:0], v, i)
			t.set(rows[i], s.scratch)
		}
		return nil
	})
}

func (s *firstSlot) merge(to *cells, rows []uint32, from *cells, n int) error {
	for i := range n {
		if v := from.texts[s.at].at(uint32(i)); len(v) > 0 && (s.last || len(to.texts[s.at].at(rows[i])) == 0) {
			to.texts[s.at].set(rows[i], v)
		}
	}
	return nil
}

// buildFirst makes first, last and any_value.
func buildFirst(b *binder, c *Call, last bool) error {
	values := c.arguments[:0:0]
	if len(c.arguments) == 2 {
		constant, is := c.arguments[1].Constant()
		if !is || constant.Type.Kind != batch.Boolean || constant.IsNull(0) {
			return fmt.Errorf("whether nulls are ignored must be true or false")
		}
		if constant.Bool(0) {
			values = c.arguments[:1]
		}
	}
	x := c.arguments[0]
	c.Type, c.Nullable = x.Type(), true
	if b.o.Updating {
		return buildRanked(b, c, byPosition, c.arguments[:1], b.rowsOf(c, values), last)
	}
	s := &firstSlot{arg: b.input(x), last: last}
	name := "first"
	if last {
		name = "last"
	}
	s = share(b, name, s.arg, b.rowsOf(c, values), 0, s, &s.at)
	b.plan.exact, b.plan.ordered = false, true
	c.finish = func(p *batch.Pool, from *Partial) (*batch.Column, error) {
		return nullable(c.Type, p, from, -1, func(o *batch.Builder, i int) error {
			return appendValue(o, from.bytes[s.at].at(uint32(i)))
		})
	}
	return nil
}

// appendValue appends the value of a row of one column, null of an empty text.
func appendValue(o *batch.Builder, row []byte) error {
	if len(row) == 0 {
		o.Null()
		return nil
	}
	_, err := batch.ReadRow(row, []*batch.Builder{o})
	return err
}

// appendRank appends a value to bytes that compare as the values do.
func appendRank(to []byte, c *batch.Column, i int) []byte {
	switch {
	case c.Type.Kind == batch.String || c.Type.Kind == batch.Binary:
		return append(to, c.Bytes(i)...)
	case oneWord(c.Type):
		var word [1]int64
		orderedFrom(c, i, word[:])
		return binary.BigEndian.AppendUint64(to, uint64(word[0])^1<<63)
	}
	to = binary.BigEndian.AppendUint64(to, uint64(c.I128[i].Hi)^1<<63)
	return binary.BigEndian.AppendUint64(to, c.I128[i].Lo)
}

// ranks says that appendRank takes the type.
func ranks(t batch.Type) bool {
	return t.Fixed() || t.Kind == batch.String || t.Kind == batch.Binary
}

// byRankSlot keeps the value of the row of the least or greatest rank, the first of equals, in a
// text: the length of the rank and the rank, then a row of one column.
type byRankSlot struct {
	at, arg, by int
	most        bool
	scratch     []byte
	rank        []byte
}

// better says that a rank beats that of a text.
func (s *byRankSlot) better(rank, text []byte) bool {
	if len(text) == 0 {
		return true
	}
	n, w := binary.Uvarint(text)
	order := slices.Compare(rank, text[w:w+int(n)])
	return s.most && order > 0 || !s.most && order < 0
}

func (s *byRankSlot) add(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	t, v, by := c.texts[s.at], in.Columns[s.arg:s.arg+1], in.Columns[s.by]
	return each(sel, n, func(i int) error {
		s.rank = appendRank(s.rank[:0], by, i)
		if s.better(s.rank, t.at(rows[i])) {
			s.scratch = append(binary.AppendUvarint(s.scratch[:0], uint64(len(s.rank))), s.rank...)
			s.scratch = batch.AppendRow(s.scratch, v, i)
			t.set(rows[i], s.scratch)
		}
		return nil
	})
}

func (s *byRankSlot) merge(to *cells, rows []uint32, from *cells, n int) error {
	for i := range n {
		text := from.texts[s.at].at(uint32(i))
		if len(text) == 0 {
			continue
		}
		k, w := binary.Uvarint(text)
		if s.better(text[w:w+int(k)], to.texts[s.at].at(rows[i])) {
			to.texts[s.at].set(rows[i], text)
		}
	}
	return nil
}

func buildByRank(b *binder, c *Call, most bool) error {
	x, by := c.arguments[0], c.arguments[1]
	if !ranks(by.Type()) {
		return typeError("ordered by a number, a time or a text", by.Type())
	}
	m := b.rowsOf(c, []*expr.Bound{by})
	c.Type, c.Nullable = x.Type(), true
	if b.o.Updating {
		return buildRanked(b, c, byOther, []*expr.Bound{by, x}, m, most)
	}
	s := &byRankSlot{arg: b.input(x), by: b.input(by), most: most}
	s = share(b, fmt.Sprint(c.Name, " of ", x.SQL()), s.by, m, 0, s, &s.at)
	b.plan.exact, b.plan.ordered = false, true
	c.finish = func(p *batch.Pool, from *Partial) (*batch.Column, error) {
		return nullable(c.Type, p, from, -1, func(o *batch.Builder, i int) error {
			text := from.bytes[s.at].at(uint32(i))
			if n, w := binary.Uvarint(text); len(text) > 0 {
				text = text[w+int(n):]
			}
			return appendValue(o, text)
		})
	}
	return nil
}

// byGroup calls f with the rows of each group among those of sel, in the order in which they came: for
// slots of which a change of the group costs more than a row.
func byGroup(rows []uint32, sel []int32, n int, scratch []uint64, f func(row uint32, members []uint64) error) ([]uint64, error) {
	scratch = scratch[:0]
	_ = each(sel, n, func(i int) error { // never fails
		scratch = append(scratch, uint64(rows[i])<<32|uint64(uint32(i)))
		return nil
	})
	if !slices.IsSorted(scratch) {
		slices.SortFunc(scratch, cmp.Compare[uint64])
	}
	for from := 0; from < len(scratch); {
		to := from + 1
		for to < len(scratch) && scratch[to]>>32 == scratch[from]>>32 {
			to++
		}
		if err := f(uint32(scratch[from]>>32), scratch[from:to]); err != nil {
			return scratch, err
		}
		from = to
	}
	return scratch, nil
}

func init() {
	first := func(name, text string, last bool, aliases ...string) {
		define(function{doc: doc(name, name+"(expr[, ignoreNulls])", text), least: 1, max: 2, indifferent: true,
			build: func(b *binder, c *Call) error { return buildFirst(b, c, last) }}, aliases...)
	}
	first("first", "Value of the first row that came; with ignoreNulls the first that is not null.", false, "first_value")
	first("last", "Value of the last row that came; with ignoreNulls the last that is not null.", true, "last_value")
	define(function{doc: doc("any_value", "any_value(expr[, ignoreNulls])", "Value of some row of the group."), least: 1, max: 2, indifferent: true,
		build: func(b *binder, c *Call) error {
			if b.o.Updating {
				c.arguments = c.arguments[:1]
				return buildExtreme(b, c, false)
			}
			return buildFirst(b, c, false)
		}})
	define(function{doc: doc("min_by", "min_by(x, y)", "Value of x in the row with the least y."), least: 2, max: 2, indifferent: true,
		build: func(b *binder, c *Call) error { return buildByRank(b, c, false) }})
	define(function{doc: doc("max_by", "max_by(x, y)", "Value of x in the row with the greatest y."), least: 2, max: 2, indifferent: true,
		build: func(b *binder, c *Call) error { return buildByRank(b, c, true) }})
	boolean := func(name, text string, most bool, aliases ...string) {
		define(function{doc: doc(name, name+"(expr)", text), least: 1, max: 1, indifferent: true, cast: castBoolean,
			build: func(b *binder, c *Call) error { return buildExtreme(b, c, most) }}, aliases...)
	}
	boolean("bool_and", "True if every value that is not null is true.", false, "every")
	boolean("bool_or", "True if some value is true.", true, "any", "some")
}

func castBoolean(_ *binder, t []batch.Type) ([]batch.Type, error) {
	if t[0].Kind == batch.Void {
		return []batch.Type{batch.BooleanType}, nil
	}
	if t[0].Kind != batch.Boolean {
		return nil, typeError("a condition", t[0])
	}
	return nil, nil
}
