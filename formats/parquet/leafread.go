package parquet

import (
	"errors"
	"fmt"
	"sync"

	"github.com/deltaic/deltaic/batch"
)

// leafReader reads one leaf column into buffers of its own, a batch of rows at
// a time, from which a column of the pool is made.
type leafReader struct {
	chunkReader
	name    string
	want    batch.Type
	minDef  uint8 // entries below belong to a null or empty ancestor and are no row of the leaf
	budget  int64 // bytes of strings in a batch
	convert func(l *leafReader, n int) error
	rescale int // decimals: digits to append

	rows, nulls int
	valid       batch.Bitmap
	coded       bool // the strings of the batch are codes in i32
	i32         []int32
	i64         []int64
	f32         []float32
	f64         []float64
	i128        []batch.Int128
	bits        batch.Bitmap
	off         []int32
	data        []byte
	raw32       []int32
	raw64       []int64

	// Levels of the batch's entries, kept where the column lies in a group.
	nested   bool
	def, rep []byte
	levels   []byte // of the run being read
	repeats  []byte
}

// leafPool keeps leaf readers for their buffers.
var leafPool = sync.Pool{New: func() any { return &leafReader{} }}

// newLeafReader returns a reader with old buffers and nothing else.
func newLeafReader() *leafReader {
	old := leafPool.Get().(*leafReader)
	l := &leafReader{valid: old.valid, i32: old.i32, i64: old.i64, f32: old.f32, f64: old.f64, i128: old.i128,
		bits: old.bits, off: old.off, data: old.data, raw32: old.raw32, raw64: old.raw64,
		def: old.def, rep: old.rep, levels: old.levels}
	l.buffer, l.body, l.values.ints = old.buffer, old.body, old.values.ints
	l.dict = dictionaryValues{i32: old.dict.i32, i64: old.dict.i64, fixed: old.dict.fixed, codes: old.dict.codes}
	return l
}

// recycle ends the reader. Large buffers are not kept.
func (l *leafReader) recycle() {
	l.dict.reset()
	if cap(l.buffer)+cap(l.body)+cap(l.data)+8*cap(l.i64)+8*cap(l.values.ints) <= keptBuffers {
		leafPool.Put(l)
	}
}

// begin empties the buffers for the next batch.
func (l *leafReader) begin() {
	l.rows, l.nulls, l.coded = 0, 0, false
	l.i32, l.i64, l.f32, l.f64, l.i128 = l.i32[:0], l.i64[:0], l.f32[:0], l.f64[:0], l.i128[:0]
	l.bits, l.valid, l.data = l.bits[:0], l.valid[:0], l.data[:0]
	l.off = append(l.off[:0], 0)
	l.def, l.rep = l.def[:0], l.rep[:0]
}

// need makes a page current, and says false if the chunk has no more entries.
func (l *leafReader) need() (bool, error) {
	if l.entries > 0 {
		return true, nil
	}
	if l.left == 0 {
		return false, nil
	}
	return true, l.nextPage()
}

var errRowsShort = errors.New("it has fewer rows than its row group")

// readRows reads the entries of the next n rows.
func (l *leafReader) readRows(n int) error {
	l.begin()
	if l.maxRep > 0 {
		return l.readRepeated(n)
	}
	for n > 0 {
		if ok, err := l.need(); err != nil {
			return err
		} else if !ok {
			return errRowsShort
		}
		m := min(n, l.entries)
		if err := l.readRun(m); err != nil {
			return err
		}
		l.entries -= m
		n -= m
	}
	return nil
}

// skipRows passes over the next n rows: over whole pages without looking into them where the column does not
// repeat, by reading them where it does.
func (l *leafReader) skipRows(n int64) error {
	for n > 0 {
		if l.maxRep == 0 && l.entries == 0 {
			passed, err := l.passPages(n)
			if err != nil {
				return err
			}
			if n -= passed; n == 0 {
				return nil
			}
		}
		m := int(min(n, int64(l.file.options.Limits.BatchRows)))
		if l.maxRep == 0 {
			m = min(m, max(l.entries, 1))
		}
		if err := l.readRows(m); err != nil {
			return err
		}
		n -= int64(m)
	}
	return nil
}

// readRun reads m entries of a column that does not repeat.
func (l *leafReader) readRun(m int) error {
	if l.maxDef == 0 {
		return l.take(m, nil, m)
	}
	if level, ok := l.defs.sameRun(m); ok {
		if l.nested {
			l.def = appendRepeated(l.def, byte(level), m)
		}
		if level == uint32(l.maxDef) {
			return l.take(m, nil, m)
		}
		l.levels = growBytes(l.levels, m)
		clear(l.levels) // any level below the greatest
		return l.take(m, l.levels, 0)
	}
	l.levels = growBytes(l.levels, m)
	if err := read(&l.defs, l.levels); err != nil {
		return err
	}
	if l.nested {
		l.def = append(l.def, l.levels...)
	}
	return l.take(m, l.levels, l.count(l.levels))
}

// count returns how many of the levels are the greatest.
func (l *leafReader) count(levels []byte) int {
	n := 0
	for _, d := range levels {
		if d == l.maxDef {
			n++
		}
	}
	return n
}

// readRepeated reads the entries of the next n rows of a column that repeats:
// up to the entry that begins the row after.
func (l *leafReader) readRepeated(n int) error {
	rows := 0
	for {
		ok, err := l.need()
		if err != nil {
			return err
		}
		if !ok {
			if rows < n {
				return errRowsShort
			}
			return nil
		}
		done, err := l.readPart(&rows, n)
		if err != nil || done {
			return err
		}
	}
}

// readPart reads entries of the current page, and reports whether the n rows
// are whole. Repetition levels are read ahead of the rest by at most a part.
func (l *leafReader) readPart(rows *int, n int) (bool, error) {
	if len(l.repeats) == 0 {
		l.repeats = growBytes(l.repeats[:0], min(l.entries, 1024))
		if err := read(&l.reps, l.repeats); err != nil {
			return false, err
		}
	}
	m, done := 0, false
	for _, r := range l.repeats {
		if r == 0 {
			if *rows == n {
				done = true
				break
			}
			*rows++
		} else if *rows == 0 {
			return false, errors.New("its first entry continues a row that never began")
		}
		m++
	}
	if int64(len(l.rep)+m) > l.budget/64 {
		return false, fmt.Errorf("the lists of a batch have more than %d elements", l.budget/64)
	}
	l.rep = append(l.rep, l.repeats[:m]...)
	l.repeats = l.repeats[m:]
	l.entries -= m
	return done, l.readEntries(m)
}

// readEntries reads definition levels and values of m entries of a column that
// repeats.
func (l *leafReader) readEntries(m int) error {
	l.levels = growBytes(l.levels, m)
	if err := read(&l.defs, l.levels); err != nil {
		return err
	}
	l.def = append(l.def, l.levels...)
	k := 0
	for _, d := range l.levels {
		if d >= l.minDef {
			l.levels[k] = d
			k++
		}
	}
	return l.take(k, l.levels[:k], l.count(l.levels[:k]))
}

// take appends m rows, of which present have a value; levels says which, nil
// means all.
func (l *leafReader) take(m int, levels []byte, present int) error {
	if l.coded && (l.values.encoding != valuesCodes || l.dict.strings == nil) && present > 0 {
		if err := l.uncode(); err != nil {
			return err
		}
	}
	if present > 0 {
		if err := l.convert(l, present); err != nil {
			return err
		}
	}
	words := batch.BitmapWords(l.rows + m)
	if present < m {
		l.spread(m, present, levels)
	}
	if present < m || l.nulls > 0 {
		for len(l.valid) < words {
			l.valid = append(l.valid, 0)
		}
		if l.nulls == 0 {
			l.valid.Fill(l.rows)
		}
		for i := range m {
			l.valid.Put(l.rows+i, levels == nil || levels[i] == l.maxDef)
		}
	}
	l.nulls += m - present
	l.rows += m
	return nil
}

// spread moves the last present values apart, so that they stand at their rows
// among m, with zeros between.
func (l *leafReader) spread(m, present int, levels []byte) {
	switch l.want.Kind {
	case batch.Boolean:
		for len(l.bits) < batch.BitmapWords(l.rows+m) {
			l.bits = append(l.bits, 0)
		}
		k := present - 1
		for i := m - 1; i >= 0; i-- {
			v := levels[i] == l.maxDef && l.bits.Get(l.rows+k)
			if levels[i] == l.maxDef {
				k--
			}
			l.bits.Put(l.rows+i, v)
		}
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date, batch.YearMonth:
		l.i32 = spread(l.i32, m, present, levels, l.maxDef)
	case batch.Float:
		l.f32 = spread(l.f32, m, present, levels, l.maxDef)
	case batch.Double:
		l.f64 = spread(l.f64, m, present, levels, l.maxDef)
	case batch.Decimal:
		l.i128 = spread(l.i128, m, present, levels, l.maxDef)
	case batch.String, batch.Binary:
		if l.coded {
			l.i32 = spread(l.i32, m, present, levels, l.maxDef)
		} else {
			l.off = spreadOffsets(l.off, m, present, levels, l.maxDef)
		}
	default:
		l.i64 = spread(l.i64, m, present, levels, l.maxDef)
	}
}

func spread[T any](s []T, m, present int, levels []byte, top uint8) []T {
	base := len(s) - present
	s = grown(s, m-present)
	var zero T
	k := present - 1
	for i := m - 1; i > k; i-- {
		if levels[i] == top {
			s[base+i] = s[base+k]
			k--
		} else {
			s[base+i] = zero
		}
	}
	return s
}

func spreadOffsets(off []int32, m, present int, levels []byte, top uint8) []int32 {
	base := len(off) - present // off[base-1] is where the first value begins
	off = grown(off, m-present)
	k := present - 1
	for i := m - 1; i > k; i-- {
		off[base+i] = off[base+k]
		if levels[i] == top {
			k--
		}
	}
	return off
}

// uncode turns the batch's codes into strings, because a page without a
// dictionary follows.
func (l *leafReader) uncode() error {
	l.coded = false
	d := l.dict.strings
	for _, code := range l.i32 {
		if d.N > 0 {
			b := d.Data[d.Off[code]:d.Off[code+1]]
			if int64(len(l.data)+len(b)) > l.budget {
				return errBudget(l.budget)
			}
			l.data = append(l.data, b...)
		}
		l.off = append(l.off, int32(len(l.data)))
	}
	l.i32 = l.i32[:0]
	if l.nulls == 0 {
		return nil
	}
	// Null rows hold an empty string, not that of code zero.
	return l.emptyNulls()
}

func (l *leafReader) emptyNulls() error {
	at, from := int32(0), int32(0)
	for i := range l.rows {
		to := l.off[i+1]
		if l.valid.Get(i) {
			at += int32(copy(l.data[at:], l.data[from:to]))
		}
		from, l.off[i+1] = to, at
	}
	l.data = l.data[:at]
	return nil
}

// column returns the batch's rows as a column of the pool.
func (l *leafReader) column(p *batch.Pool) *batch.Column {
	var c *batch.Column
	if l.coded {
		c = p.NewDict(l.dict.strings.Retain(), l.rows)
		c.Type = l.want
	} else {
		c = p.NewColumn(l.want, l.rows)
	}
	copy(c.Bits, l.bits)
	copy(c.I32, l.i32)
	copy(c.I64, l.i64)
	copy(c.F32, l.f32)
	copy(c.F64, l.f64)
	copy(c.I128, l.i128)
	if c.Off != nil {
		copy(c.Off, l.off)
		c.AppendData(l.data)
	}
	if l.nulls > 0 {
		copy(c.NewValid(), l.valid)
	}
	return c
}
