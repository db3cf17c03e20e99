package delta

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
)

// movedWriter is NewWriter for rows that the table had in other files: where it tracks rows they bring their numbers in two columns more.
func movedWriter(t *Table, head *Head, o WriterOptions) (*Writer, error) {
	if !tracksRows(head) {
		return NewWriter(t, head, o)
	}
	return newWriter(t, head, o, movedFields(&head.Metadata))
}

// movedNumbers are the numbers that new rows take over from those whose place they take. A row of a new key has none: the file that it
// comes into gives it one. The version that wrote a row is that of the commit for all of them, which its files say too.
type movedNumbers struct {
	rows []*batch.Batch  // the changes, with two columns more
	ids  []*batch.Column // their first ones, which are filled in as rows are met
	none []*batch.Column // their second ones
}

func newMovedNumbers(schema *batch.Schema, changes []*batch.Batch, pool *batch.Pool) *movedNumbers {
	m := &movedNumbers{}
	for _, b := range changes {
		id, version := nulls(batch.BigIntType, b.N, pool), nulls(batch.BigIntType, b.N, pool)
		m.ids, m.none = append(m.ids, id), append(m.none, version)
		columns := append(b.Columns[:len(b.Columns):len(b.Columns)], id, version)
		m.rows = append(m.rows, &batch.Batch{Schema: schema, N: b.N, Sel: b.Sel, Columns: columns})
	}
	return m
}

// release gives back what was made here; the changes stay the caller's.
func (m *movedNumbers) release() {
	if m == nil {
		return
	}
	releaseAll(m.ids)
	releaseAll(m.none)
}

func (m *movedNumbers) set(s spot, id int64) {
	c := m.ids[s.batch]
	c.Valid.Set(int(s.row))
	c.I64[s.row] = id
}

// take takes the numbers over of the rows that the hits take from a file, of which a batch, with its numbers, holds those from first on.
func (m *movedNumbers) take(b *batch.Batch, first uint32, hits []hit) {
	if m == nil {
		return
	}
	ids := b.Columns[len(b.Columns)-2]
	for _, h := range hits {
		if h.row >= first+uint32(b.N) {
			return
		}
		if h.with && h.row >= first && !ids.IsNull(int(h.row-first)) {
			m.set(h.change, ids.I64[h.row-first])
		}
	}
}

// follow is take for a file without columns of numbers, which need not be read.
func (m *movedNumbers) follow(a *log.Add, hits []hit) {
	if m == nil || a.BaseRowID == nil {
		return
	}
	for _, h := range hits {
		if h.with {
			m.set(h.change, *a.BaseRowID+int64(h.row))
		}
	}
}
