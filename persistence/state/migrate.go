package state

import (
	"fmt"
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
)

// Migration turns the values of rows that were stored with another schema version, or by a step whose values have
// changed, into what the table wants. Keys never change.
type Migration struct {
	wanted Spec
	from   []int // the stored value of each wanted one; -1: there was none
}

// Migration returns how rows stored with s become rows of the wanted table, nil if they are, and an error that names
// both if they cannot be. Values are found by name: they may come in another order, be wider (see [Widens]), and be left
// out; one that the table has had since a later version than the stored one has its default.
func (s *Spec) Migration(wanted Spec) (*Migration, error) {
	if s.Fits(wanted) == nil {
		return nil, nil
	}
	if err := s.Fits(Spec{Keys: wanted.Keys, Prefix: wanted.Prefix, Windowed: wanted.Windowed, Values: s.Values}); err != nil {
		return nil, err
	}
	m := &Migration{wanted: wanted}
	for _, v := range wanted.Values {
		i := -1
		if v.Since <= s.Version {
			i = slices.IndexFunc(s.Values, func(stored Column) bool { return v.Name != "" && stored.Name == v.Name })
		}
		switch {
		case i >= 0 && !s.Values[i].Type.Equal(v.Type) && !Widens(s.Values[i].Type, v.Type):
			return nil, fmt.Errorf("value %s is stored as %s and cannot become %s: values stored %s, wanted %s", v.Name, s.Values[i].Type, v.Type, ColumnList(s.Values), ColumnList(wanted.Values))
		case i < 0 && v.Since <= s.Version:
			return nil, fmt.Errorf("values stored %s, wanted %s", ColumnList(s.Values), ColumnList(wanted.Values))
		}
		m.from = append(m.from, i)
	}
	return m, nil
}

// Widens reports whether every value of one type is one of another: of integers the longer, of floats the double.
func Widens(from, to batch.Type) bool {
	integers := []batch.Kind{batch.TinyInt, batch.SmallInt, batch.Int, batch.BigInt}
	a, b := slices.Index(integers, from.Kind), slices.Index(integers, to.Kind)
	return a >= 0 && a < b || from.Kind == batch.Float && to.Kind == batch.Double
}

// Values returns the wanted values of n rows. Those that are stored as they are wanted are lent; made are the others,
// which the caller releases.
func (m *Migration) Values(p *batch.Pool, stored []*batch.Column, n int) (values, made []*batch.Column) {
	for i, v := range m.wanted.Values {
		from := m.from[i]
		if from >= 0 && stored[from].Type.Equal(v.Type) {
			values = append(values, stored[from])
			continue
		}
		c := m.value(p, v, stored, from, n)
		values, made = append(values, c), append(made, c)
	}
	return values, made
}

func (m *Migration) value(p *batch.Pool, v Column, stored []*batch.Column, from, n int) *batch.Column {
	if width(v.Type.Kind) == 0 { // bytes are never widened: they are new, and empty
		b := batch.NewBuilder(v.Type, p)
		defer b.Release()
		for range n {
			b.Bytes(nil)
		}
		return b.Finish()
	}
	c := p.NewColumn(v.Type, n)
	switch {
	case from < 0:
		fillColumn(c, func(int) uint64 { return v.Default })
	case v.Type.Kind == batch.Double:
		fillColumn(c, func(i int) uint64 { return math.Float64bits(float64(stored[from].F32[i])) })
	default:
		fillColumn(c, func(i int) uint64 { return valueWord(stored[from], i) })
	}
	return c
}
