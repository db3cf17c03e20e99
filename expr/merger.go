package expr

import (
	"math/bits"

	"github.com/deltaic/deltaic/batch"
)

// merger puts the rows of several columns together.
type merger struct {
	r     *run
	sel   []int32
	rest  batch.Bitmap // rows that are undecided
	parts []val
	taken []batch.Bitmap // the rows of which each part is the value
}

func newMerger(r *run, sel []int32) *merger {
	m := &merger{r: r, sel: sel, rest: r.pool().Words(batch.BitmapWords(r.n))}
	if sel == nil {
		m.rest.Fill(r.n)
	}
	for _, i := range sel {
		m.rest.Set(int(i))
	}
	return m
}

func (m *merger) close() {
	m.r.pool().PutWords(m.rest)
	for k, p := range m.parts {
		p.c.Release()
		m.r.pool().PutWords(m.taken[k])
	}
}

// open reports whether a row is undecided.
func (m *merger) open() bool {
	for _, w := range m.rest {
		if w != 0 {
			return true
		}
	}
	return false
}

// take takes the undecided rows whose bit is set, and reports whether there are any. What it returns goes to part.
func (m *merger) take(word func(w int) uint64) (taken batch.Bitmap, any bool) {
	taken = m.r.pool().Words(len(m.rest))
	all := uint64(0)
	for w, rest := range m.rest {
		t := rest & word(w)
		taken[w], m.rest[w] = t, rest&^t
		all |= t
	}
	return taken, all != 0
}

// eval computes a node for the rows.
func (m *merger) eval(n *node, rows batch.Bitmap) (val, error) {
	if len(m.parts) == 0 && &rows[0] == &m.rest[0] { // all of them
		return n.eval(m.r, m.sel)
	}
	if v, ok, err := n.try(m.r, m.sel); ok || err != nil {
		return v, err
	}
	list := rows.Rows(m.r.n, m.r.pool().Rows(m.r.n))
	defer m.r.pool().PutRows(list)
	return n.eval(m.r, list)
}

// give makes a node the value of the rows.
func (m *merger) give(n *node, taken batch.Bitmap) error {
	v, err := m.eval(n, taken)
	if err != nil {
		m.r.pool().PutWords(taken)
		return err
	}
	m.part(v, taken)
	return nil
}

// part makes v, whose reference it takes over, the value of the rows.
func (m *merger) part(v val, taken batch.Bitmap) {
	m.parts, m.taken = append(m.parts, v), append(m.taken, taken)
}

// column puts the parts together.
func (m *merger) column(t batch.Type) *batch.Column {
	if len(m.parts) == 1 && !m.parts[0].one && !m.open() {
		return m.parts[0].c.Retain()
	}
	switch {
	case t.Fixed():
		return m.fixed(t)
	case t.Kind == batch.String || t.Kind == batch.Binary:
		if c := m.dictionary(t); c != nil {
			return c
		}
		return m.texts(t)
	}
	return m.gathered(t)
}

func (m *merger) fixed(t batch.Type) *batch.Column {
	c := m.r.new(t)
	m.nulls(c)
	for k, p := range m.parts {
		taken := m.taken[k]
		switch t.Kind {
		case batch.Boolean:
			for w := range c.Bits {
				is, valid := p.words(w)
				c.Bits[w] = c.Bits[w]&^taken[w] | is&valid&taken[w]
			}
		case batch.BigInt, batch.Timestamp, batch.TimestampNTZ, batch.DayTime:
			blend(c.I64, p.c.I64, p.one, taken)
		case batch.Float:
			blend(c.F32, p.c.F32, p.one, taken)
		case batch.Double:
			blend(c.F64, p.c.F64, p.one, taken)
		case batch.Decimal:
			blend(c.I128, p.c.I128, p.one, taken)
		default:
			blend(c.I32, p.c.I32, p.one, taken)
		}
	}
	return c
}

// nulls makes the rows null that no part has a value for.
func (m *merger) nulls(c *batch.Column) {
	for w := range batch.BitmapWords(c.N) {
		known := uint64(0)
		for k, p := range m.parts {
			known |= m.taken[k][w] & p.validWord(w)
		}
		if rest := c.N - w<<6; c.Valid != nil || bits.TrailingZeros64(^known) < min(rest, 64) {
			c.NewValid()[w] = known
		}
	}
}

// blend copies the rows that are taken.
func blend[T any](d, s []T, one bool, taken batch.Bitmap) {
	for w, t := range taken {
		if t == 0 {
			continue
		}
		from := d[w<<6 : min(w<<6+64, len(d))]
		switch {
		case one:
			for ; t != 0; t &= t - 1 {
				from[bits.TrailingZeros64(t)&63] = s[0]
			}
		case t == ^uint64(0):
			copy(from, s[w<<6:])
		default:
			to := s[w<<6:][:len(from)]
			for ; t != 0; t &= t - 1 {
				i := bits.TrailingZeros64(t)
				from[i] = to[i]
			}
		}
	}
}

// each calls f for the rows of each part.
func (m *merger) each(f func(k, i int)) {
	for k, taken := range m.taken {
		for w, t := range taken {
			for ; t != 0; t &= t - 1 {
				f(k, w<<6+bits.TrailingZeros64(t))
			}
		}
	}
}

// dictionary is the result if all parts are constants, nil if not.
func (m *merger) dictionary(t batch.Type) *batch.Column {
	for _, p := range m.parts {
		if !p.one {
			return nil
		}
	}
	entries := batch.NewBuilder(t, m.r.pool())
	defer entries.Release()
	entries.Bytes(nil)
	for _, p := range m.parts {
		if p.c.IsNull(0) {
			entries.Bytes(nil)
		} else {
			entries.Bytes(p.c.Bytes(0))
		}
	}
	c := m.r.pool().NewDict(entries.Finish(), m.r.n)
	m.nulls(c)
	m.each(func(k, i int) { c.I32[i] = int32(k + 1) })
	return c
}

// texts puts strings together that are not all constants.
func (m *merger) texts(t batch.Type) *batch.Column {
	c := m.r.new(t)
	m.nulls(c)
	from := m.r.pool().Rows(m.r.n)[:m.r.n]
	defer m.r.pool().PutRows(from)
	clear(from)
	m.each(func(k, i int) { from[i] = int32(k + 1) })
	parts := make([]textColumn, len(m.parts))
	for k, p := range m.parts {
		parts[k] = textsOf(p)
	}
	for i, k := range from {
		if k > 0 && !c.IsNull(i) {
			c.AppendData(parts[k-1].at(i))
		}
		if len(c.Data) > maxColumn {
			m.r.crowd()
			c.Data = c.Data[:c.Off[i]]
		}
		c.Off[i+1] = int32(len(c.Data))
	}
	return c
}

// gathered builds nested values: the parts one after the other, and then each row from its place.
func (m *merger) gathered(t batch.Type) *batch.Column {
	b := batch.NewBuilder(t, m.r.pool())
	defer b.Release()
	b.Null()
	rows := m.r.pool().Rows(m.r.n)
	where := m.r.pool().Rows(m.r.n)[:m.r.n]
	clear(where)
	next := int32(1)
	for k, p := range m.parts {
		rows = m.taken[k].Rows(m.r.n, rows[:0])
		for n, i := range rows {
			where[i] = next
			if !p.one {
				where[i] += int32(n)
			}
		}
		if p.one {
			rows = append(rows[:0], 0)
		}
		b.AppendRows(p.c, rows)
		next += int32(len(rows))
	}
	all := b.Finish()
	c := batch.Gather(m.r.pool(), all, where)
	all.Release()
	m.r.pool().PutRows(rows)
	m.r.pool().PutRows(where)
	return c
}
