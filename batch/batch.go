package batch

// RowKind says what a row does to the table that the stream describes.
type RowKind uint8

// The kinds of rows. Values are written to disk and wire.
const (
	Insert RowKind = iota
	UpdateBefore
	UpdateAfter
	Delete
)

// Origin says where the rows of a batch came from, for quarantine, late rows
// and lineage: row i was read from split Split[i] of the flow (an index into
// the job's list of splits) at Offset[i]. Split is nil on the way from a
// reader to the engine, which fills it in.
type Origin struct {
	Split  []int32
	Offset []int64
}

// Batch is the unit that travels: columns of equal length. Rows that Sel does
// not name are not there for anybody, whatever the columns hold.
type Batch struct {
	Schema  *Schema
	Columns []*Column // nil where a source left out a column that nobody looks at
	N       int       // physical rows: the length of each column
	Sel     []int32   // ascending physical rows that count; nil: all of them
	Kinds   []RowKind // one a physical row; nil: all are inserts
	Origin  *Origin   // one entry a physical row; nil: not tracked
	// Behind is, for each physical row, the watermark of its split that had passed the row's
	// event time before the row came, math.MinInt64 for rows that came in time. nil: all
	// came in time. A row is late for a step if that watermark had passed what the step waits for.
	Behind []int64
}

// NewBatch returns a batch of the columns, whose references it takes over.
func NewBatch(s *Schema, n int, columns ...*Column) *Batch {
	return &Batch{Schema: s, Columns: columns, N: n}
}

// Rows returns the number of rows that count.
func (b *Batch) Rows() int {
	if b.Sel != nil {
		return len(b.Sel)
	}
	return b.N
}

// Row returns the physical row of the i-th row that counts.
func (b *Batch) Row(i int) int {
	if b.Sel != nil {
		return int(b.Sel[i])
	}
	return i
}

// Retain adds a reference to every column and returns a second batch with the
// same rows, so that either may be released or given another selection alone.
func (b *Batch) Retain() *Batch {
	c := *b
	c.Columns = append([]*Column(nil), b.Columns...)
	for _, col := range c.Columns {
		if col != nil {
			col.Retain()
		}
	}
	return &c
}

// Release ends the batch's references to its columns.
func (b *Batch) Release() {
	if b == nil {
		return
	}
	for _, c := range b.Columns {
		c.Release()
	}
	b.Columns = nil
}

// Size returns the bytes of the columns in use.
func (b *Batch) Size() int64 {
	var s int64
	for _, c := range b.Columns {
		s += c.Size()
	}
	if b.Origin != nil {
		s += int64(len(b.Origin.Split))*4 + int64(len(b.Origin.Offset))*8
	}
	return s + int64(len(b.Sel))*4 + int64(len(b.Kinds)) + int64(len(b.Behind))*8
}
