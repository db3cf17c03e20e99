package agg

import (
	"bytes"
	"encoding/binary"

	"github.com/deltaic/deltaic/batch"
)

// listSlot keeps every value that came, in order, in a text: each behind its length, a row
// of one column.
type listSlot struct {
	at, arg int
	call    string
	scratch []byte
	one     []byte
	order   []uint64
}

func (s *listSlot) add(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	t, v := c.texts[s.at], in.Columns[s.arg:s.arg+1]
	var err error
	s.order, err = byGroup(rows, sel, n, s.order, func(row uint32, members []uint64) error {
		s.scratch = append(s.scratch[:0], t.at(row)...)
		for _, m := range members {
			s.one = batch.AppendRow(s.one[:0], v, int(uint32(m)))
			s.scratch = append(binary.AppendUvarint(s.scratch, uint64(len(s.one))), s.one...)
		}
		if len(s.scratch) > groupMost {
			return tooMany(int(uint32(members[0])), s.call, groupMost)
		}
		t.set(row, s.scratch)
		return nil
	})
	return err
}

func (s *listSlot) remove(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	t, v := c.texts[s.at], in.Columns[s.arg:s.arg+1]
	return each(sel, n, func(i int) error {
		text := t.at(rows[i])
		s.one = batch.AppendRow(s.one[:0], v, i)
		for at := 0; at < len(text); {
			n, w := binary.Uvarint(text[at:])
			end := at + w + int(n)
			if bytes.Equal(text[at+w:end], s.one) {
				s.scratch = append(append(s.scratch[:0], text[:at]...), text[end:]...)
				t.set(rows[i], s.scratch)
				break
			}
			at = end
		}
		return nil
	})
}

func (s *listSlot) merge(to *cells, rows []uint32, from *cells, n int) error {
	for i := range n {
		if more := from.texts[s.at].at(uint32(i)); len(more) > 0 {
			s.scratch = append(append(s.scratch[:0], to.texts[s.at].at(rows[i])...), more...)
			if len(s.scratch) > groupMost {
				return tooMany(i, s.call, groupMost)
			}
			to.texts[s.at].set(rows[i], s.scratch)
		}
	}
	return nil
}

func buildList(b *binder, c *Call) error {
	x := c.arguments[0]
	s := &listSlot{arg: b.input(x), call: c.SQL}
	s = share(b, "list", s.arg, b.maskOf(c), 0, s, &s.at)
	b.plan.exact, b.plan.ordered = false, true
	b.grows(c)
	c.Type = batch.ArrayType(x.Type(), false)
	c.finish = func(p *batch.Pool, from *Partial) (*batch.Column, error) {
		return nullable(c.Type, p, from, -1, func(o *batch.Builder, i int) error {
			for text := from.bytes[s.at].at(uint32(i)); len(text) > 0; {
				n, w := binary.Uvarint(text)
				if _, err := batch.ReadRow(text[w:w+int(n)], o.Kids); err != nil {
					return err
				}
				text = text[w+int(n):]
			}
			o.List()
			return nil
		})
	}
	return nil
}

func init() {
	define(function{doc: doc("collect_list", "collect_list([DISTINCT] expr)", "The values that are not null, as an array in the order in which they came."),
		least: 1, max: 1, cast: castVoid, build: buildList}, "array_agg")
	define(function{doc: doc("collect_set", "collect_set(expr)", "The distinct values that are not null, as an array."),
		least: 1, max: 1, cast: castVoid, build: func(b *binder, c *Call) error {
			c.Distinct = true
			return buildList(b, c)
		}})
}
