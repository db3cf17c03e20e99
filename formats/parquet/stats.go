package parquet

import (
	"encoding/binary"
	"math"

	"github.com/parquet-go/parquet-go/format"

	"github.com/deltaic/deltaic/batch"
)

// Stats is what a file says of the values of a column, by part of the file. NaN is not counted. The caller releases it.
type Stats struct {
	Min, Max *batch.Column // of the wanted type; null: not known
	NoNull   batch.Bitmap  // it is known that no row is null
	AllNull  batch.Bitmap  // every row is
}

// Release gives the columns back.
func (s *Stats) Release() {
	s.Min.Release()
	s.Max.Release()
}

// leafAt returns the leaf at the end of a path of wanted fields through structs, nil if the file lacks it. ok is false if there is no telling
// what its values are: it lies in a list, or is of another kind.
func (f *File) leafAt(path []batch.Field, lookup func(batch.Field) Key) (x *field, ok bool) {
	fields := f.fields
	for i, w := range path {
		x = find(fields, w, lookup)
		if x == nil {
			return nil, true
		}
		if last := i == len(path)-1; last != (x.leaf >= 0) || !last && x.typ.Kind != batch.Struct {
			return nil, false
		}
		fields = x.kids
	}
	return x, x != nil && x.rep == 0
}

// GroupStats returns what the footer says of a wanted column by row group. The column is the last of a path through
// structs. False: nothing.
func (f *File) GroupStats(path []batch.Field, lookup func(batch.Field) Key) (s *Stats, ok bool) {
	defer func() {
		if recover() != nil { // what the library makes of damaged bytes
			s, ok = nil, false
		}
	}()
	x, known := f.leafAt(path, lookup)
	if !known {
		return nil, false
	}
	n := len(f.meta.RowGroups)
	p := newPartStats(n)
	for i := range n {
		if x == nil {
			p.all.Set(i)
			continue
		}
		m := &f.meta.RowGroups[i].Columns[x.leaf].MetaData
		p.lo[i], p.hi[i] = f.boundsIn(&m.Statistics, x)
		if x.def == 0 {
			p.none.Set(i)
		} else if m.NumValues > 0 && m.Statistics.NullCount == m.NumValues {
			p.all.Set(i)
		}
	}
	return p.stats(f, x, path[len(path)-1].Type)
}

// partStats gathers statistics as they lie in a file.
type partStats struct {
	lo, hi    [][]byte // nil: not known
	none, all batch.Bitmap
}

func newPartStats(n int) *partStats {
	return &partStats{make([][]byte, n), make([][]byte, n), make(batch.Bitmap, batch.BitmapWords(n)), make(batch.Bitmap, batch.BitmapWords(n))}
}

func (p *partStats) stats(f *File, x *field, want batch.Type) (*Stats, bool) {
	s := &Stats{NoNull: p.none, AllNull: p.all}
	var ok bool
	if s.Min, ok = f.boundColumn(x, want, p.lo); !ok {
		return nil, false
	}
	if s.Max, ok = f.boundColumn(x, want, p.hi); !ok {
		s.Min.Release()
		return nil, false
	}
	return s, true
}

// boundsIn returns the bounds of a column chunk as far as they may be trusted: the older fields are good for numbers only, since their
// writers compared bytes as signed ones.
func (f *File) boundsIn(s *format.Statistics, x *field) (lo, hi []byte) {
	lo, hi = s.MinValue, s.MaxValue
	if lo == nil && hi == nil && signed(x.element) {
		lo, hi = s.Min, s.Max
	}
	return f.trusted(x, lo, hi)
}

// signed reports whether values order as the signed numbers that they are stored as.
func signed(e *format.SchemaElement) bool {
	switch e.Type.V {
	case format.Int32, format.Int64:
		return unsignedBits(e) == 0
	case format.Float, format.Double:
		return true
	}
	return false
}

// trusted returns the bounds, or nothing where their order is not defined or one is NaN.
func (f *File) trusted(x *field, lo, hi []byte) ([]byte, []byte) {
	if !signed(x.element) && x.element.Type.V != format.Boolean {
		if x.leaf >= len(f.meta.ColumnOrders) || x.element.Type.V == format.Int96 {
			return nil, nil
		}
		if _, defined := f.meta.ColumnOrders[x.leaf].Value.(*format.TypeDefinedOrder); !defined {
			return nil, nil
		}
	}
	if !fitsPlain(x, lo) || !fitsPlain(x, hi) {
		return nil, nil
	}
	return lo, hi
}

// fitsPlain reports whether b is a value of the column.
func fitsPlain(x *field, b []byte) bool {
	le := binary.LittleEndian
	switch x.element.Type.V {
	case format.Boolean:
		return len(b) == 1
	case format.Int32:
		return len(b) == 4
	case format.Int64:
		return len(b) == 8
	case format.Float:
		return len(b) == 4 && !math.IsNaN(float64(math.Float32frombits(le.Uint32(b))))
	case format.Double:
		return len(b) == 8 && !math.IsNaN(math.Float64frombits(le.Uint64(b)))
	case format.FixedLenByteArray:
		return len(b) == int(x.element.TypeLength.V)
	}
	return b != nil
}

// boundColumn makes a column of the wanted type from values in PLAIN encoding, nil ones null, by the conversions with which rows are
// read; a column that the file lacks has none.
func (f *File) boundColumn(x *field, want batch.Type, values [][]byte) (*batch.Column, bool) {
	if x == nil {
		return nullColumn(f.options.Pool, want, len(values)), true
	}
	l, ok := f.leafOf(x, want, x.name)
	if !ok {
		return nil, false
	}
	defer l.recycle()
	l.maxDef, l.maxRep = 1, 0
	levels := make([]byte, len(values))
	var plain []byte
	present := 0
	for i, v := range values {
		if v == nil {
			continue
		}
		levels[i] = 1
		switch l.physical {
		case format.Boolean:
			if present&7 == 0 {
				plain = append(plain, 0)
			}
			plain[present>>3] |= v[0] & 1 << (present & 7)
		case format.ByteArray:
			plain = append(binary.LittleEndian.AppendUint32(plain, uint32(len(v))), v...)
		default:
			plain = append(plain, v...)
		}
		present++
	}
	l.begin()
	if l.values.start(&l.chunkReader, format.Plain, plain, present) != nil || l.take(len(values), levels, present) != nil {
		return nil, false
	}
	return l.column(f.options.Pool), true
}
