package delta

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
)

// statsPlan says which leaves of a table's files get statistics.
type statsPlan struct {
	leaves []*leaf // without values: copied for every file
	prefix int     // UTF-16 units of a string that are kept
}

// newStatsPlan reads the table's dataSkipping properties. fields are those of
// the data files, without partition columns; always says of a path of names in files that it gets statistics whatever the properties say.
func newStatsPlan(fields []batch.Field, m mapping, config map[string]string, always func(path []string) bool) *statsPlan {
	p := &statsPlan{prefix: 32}
	if n, err := strconv.Atoi(config["delta.dataSkippingStringPrefixLength"]); err == nil && n > 0 {
		p.prefix = n
	}
	limit := 32
	if n, err := strconv.Atoi(config["delta.dataSkippingNumIndexedCols"]); err == nil {
		limit = n
	}
	left := limit
	wanted := func(string) bool { left--; return limit < 0 || left >= 0 }
	if columns, ok := config["delta.dataSkippingStatsColumns"]; ok {
		names := strings.Split(strings.ReplaceAll(columns, "`", ""), ",")
		wanted = func(path string) bool {
			return slices.ContainsFunc(names, func(n string) bool {
				n = strings.TrimSpace(n)
				return strings.EqualFold(n, path) || len(path) > len(n) && path[len(n)] == '.' && strings.EqualFold(n, path[:len(n)])
			})
		}
	}
	p.leaves = leaves(fields, m, "", nil, func(path string, inFile []string) bool { return wanted(path) || always(inFile) })
	return p
}

// stats are the statistics of one file being written.
type stats struct {
	rows    int64
	columns []*leaf
	prefix  int
}

// leaf holds the statistics of one column, or of the fields of a struct.
type leaf struct {
	name   string
	t      batch.Type
	kids   []*leaf // of a struct
	at     int     // column or field index
	skip   bool    // not wanted
	nulls  int64
	seen   bool // there is a value: the bounds are set
	nan    bool
	lo, hi int64
	fl, fh float64
	dl, dh batch.Int128
	bl, bh []byte
	alike  int    // how many bytes bl and bh begin with alike
	headLo uint64 // the eight bytes behind them
	headHi uint64
	used   batch.Bitmap // scratch: codes of a dictionary that occur
	valid  []int32      // scratch: rows that are not null
}

func (p *statsPlan) new() *stats {
	return &stats{prefix: p.prefix, columns: copyLeaves(p.leaves)}
}

func copyLeaves(from []*leaf) []*leaf {
	out := make([]*leaf, len(from))
	for i, l := range from {
		c := *l
		c.kids = nil
		if l.kids != nil {
			c.kids = copyLeaves(l.kids)
		}
		out[i] = &c
	}
	return out
}

func leaves(fields []batch.Field, m mapping, path string, inFile []string, wanted func(path string, inFile []string) bool) []*leaf {
	var out []*leaf
	for i, f := range fields {
		l := &leaf{name: m.physical(f), t: f.Type, at: i}
		there := append(slices.Clip(inFile), l.name)
		if f.Type.Kind == batch.Struct {
			l.kids = leaves(f.Type.Fields, m, path+f.Name+".", there, wanted)
			l.skip = !slices.ContainsFunc(l.kids, func(k *leaf) bool { return !k.skip })
		} else {
			l.skip = !wanted(path+f.Name, there)
		}
		out = append(out, l)
	}
	return out
}

// add takes the selected rows of a file's columns.
func (s *stats) add(columns []*batch.Column, sel []int32, n int) {
	rows := rowsOf(sel, n)
	s.rows += int64(rows)
	for _, l := range s.columns {
		if !l.skip {
			l.add(columns[l.at], sel, n, int64(rows))
		}
	}
}

// add takes the rows of sel; rows is how many the file gets, those included
// where a struct around this column is null.
func (l *leaf) add(c *batch.Column, sel []int32, n int, rows int64) {
	if c.Valid != nil {
		valid := slices.Grow(l.valid[:0], n)
		if sel == nil {
			valid = c.Valid.Rows(n, valid)
		} else {
			for _, r := range sel {
				if c.Valid.Get(int(r)) {
					valid = append(valid, r)
				}
			}
		}
		l.valid, sel = valid, valid
	}
	l.nulls += rows - int64(rowsOf(sel, n))
	if l.t.Kind == batch.Struct {
		for _, k := range l.kids {
			if !k.skip {
				k.add(c.Kids[k.at], sel, n, rows)
			}
		}
		return
	}
	if rowsOf(sel, n) > 0 {
		l.bounds(c, sel, n)
	}
}

func (l *leaf) bounds(c *batch.Column, sel []int32, n int) {
	switch l.t.Kind {
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date:
		lo, hi, _ := span(c.I32[:n], sel)
		l.ints(int64(lo), int64(hi))
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ:
		lo, hi, _ := span(c.I64[:n], sel)
		l.ints(lo, hi)
	case batch.Float:
		lo, hi, nan := span(c.F32[:n], sel)
		l.floats(float64(lo), float64(hi), nan)
	case batch.Double:
		lo, hi, nan := span(c.F64[:n], sel)
		l.floats(lo, hi, nan)
	case batch.Decimal:
		for i := range rowsOf(sel, n) {
			l.decimal(c.I128[rowAt(sel, i)])
		}
	case batch.String:
		l.strings(c, sel, n)
	}
}

// span returns least and greatest value, and whether one is not a number.
func span[T int32 | int64 | float32 | float64](v []T, sel []int32) (lo, hi T, nan bool) {
	if sel == nil {
		lo, hi = v[0], v[0]
		for _, x := range v {
			nan = nan || x != x
			lo, hi = min(lo, x), max(hi, x)
		}
		return lo, hi, nan
	}
	lo, hi = v[sel[0]], v[sel[0]]
	for _, r := range sel {
		x := v[r]
		nan = nan || x != x
		lo, hi = min(lo, x), max(hi, x)
	}
	return lo, hi, nan
}

func (l *leaf) ints(lo, hi int64) {
	if !l.seen {
		l.lo, l.hi, l.seen = lo, hi, true
	}
	l.lo, l.hi = min(l.lo, lo), max(l.hi, hi)
}

func (l *leaf) floats(lo, hi float64, nan bool) {
	if !l.seen {
		l.fl, l.fh, l.seen = lo, hi, true
	}
	l.nan = l.nan || nan
	l.fl, l.fh = min(l.fl, lo), max(l.fh, hi)
}

func (l *leaf) decimal(v batch.Int128) {
	if !l.seen {
		l.dl, l.dh, l.seen = v, v, true
	}
	if v.Cmp(l.dl) < 0 {
		l.dl = v
	}
	if v.Cmp(l.dh) > 0 {
		l.dh = v
	}
}

// strings compares each value, or of a dictionary each code that occurs.
func (l *leaf) strings(c *batch.Column, sel []int32, n int) {
	if c.Dict == nil {
		for i := range rowsOf(sel, n) {
			l.text(c.Bytes(int(rowAt(sel, i))))
		}
		return
	}
	words := batch.BitmapWords(c.Dict.N)
	l.used = slices.Grow(l.used[:0], words)[:words]
	clear(l.used)
	for i := range rowsOf(sel, n) {
		l.used.Set(int(c.I32[rowAt(sel, i)]))
	}
	for code := range c.Dict.N {
		if l.used.Get(code) {
			l.text(c.Dict.Bytes(code))
		}
	}
}

// text widens the bounds by v. Most values lie between them, and the eight bytes behind
// what the bounds begin with alike say so.
func (l *leaf) text(v []byte) {
	if l.seen && len(v) >= l.alike+8 && string(v[:l.alike]) == string(l.bl[:l.alike]) {
		if h := binary.BigEndian.Uint64(v[l.alike:]); h > l.headLo && h < l.headHi {
			return
		}
	}
	switch {
	case !l.seen:
		l.seen = true
		l.bl, l.bh = append(l.bl[:0], v...), append(l.bh[:0], v...)
	case bytes.Compare(v, l.bl) < 0:
		l.bl = append(l.bl[:0], v...)
	case bytes.Compare(v, l.bh) > 0:
		l.bh = append(l.bh[:0], v...)
	default:
		return
	}
	l.alike = 0
	for l.alike < min(len(l.bl), len(l.bh)) && l.bl[l.alike] == l.bh[l.alike] {
		l.alike++
	}
	l.headLo, l.headHi = headOf(l.bl[l.alike:]), headOf(l.bh[l.alike:])
}

// headOf returns the first eight bytes of v as a number, as if zeros followed it.
func headOf(v []byte) uint64 {
	var b [8]byte
	copy(b[:], v)
	return binary.BigEndian.Uint64(b[:])
}

// json returns add.stats.
func (s *stats) json() string {
	b := strconv.AppendInt([]byte(`{"numRecords":`), s.rows, 10)
	b = s.group(b, "minValues", func(b []byte, l *leaf) []byte { return l.minimum(b, s.prefix) })
	b = s.group(b, "maxValues", func(b []byte, l *leaf) []byte { return l.maximum(b, s.prefix) })
	b = s.group(b, "nullCount", func(b []byte, l *leaf) []byte { return strconv.AppendInt(b, l.nulls, 10) })
	return string(append(b, '}'))
}

func (s *stats) group(b []byte, name string, value func([]byte, *leaf) []byte) []byte {
	b = append(append(append(b, `,"`...), name...), `":`...)
	return appendLeaves(b, s.columns, value)
}

// appendLeaves writes an object of the leaves for which value wrote something.
func appendLeaves(b []byte, columns []*leaf, value func([]byte, *leaf) []byte) []byte {
	b = append(b, '{')
	first := true
	for _, l := range columns {
		if l.skip {
			continue
		}
		start := len(b)
		if !first {
			b = append(b, ',')
		}
		b = append(log.AppendString(b, l.name), ':')
		from := len(b)
		if l.kids != nil {
			if b = appendLeaves(b, l.kids, value); len(b) == from+2 {
				b = b[:from] // {}: nothing within
			}
		} else {
			b = value(b, l)
		}
		if len(b) == from {
			b = b[:start]
			continue
		}
		first = false
	}
	return append(b, '}')
}

func (l *leaf) minimum(b []byte, prefix int) []byte {
	switch {
	case !l.seen:
		return b
	case l.t.Kind == batch.String:
		if t := truncateMin(l.bl, prefix); utf8.Valid(l.bl) {
			return log.AppendString(b, t)
		}
		return b
	case l.t.Kind == batch.Float || l.t.Kind == batch.Double:
		if l.fl == 0 {
			return append(b, "-0.0"...) // -0.0 and 0.0 compare alike here and not everywhere
		}
		return l.number(b, l.fl)
	}
	return l.plain(b, l.lo, l.dl)
}

func (l *leaf) maximum(b []byte, prefix int) []byte {
	switch {
	case !l.seen:
		return b
	case l.t.Kind == batch.String:
		if t, ok := truncateMax(l.bh, prefix); ok {
			return log.AppendString(b, t)
		}
		return b
	case l.t.Kind == batch.Float || l.t.Kind == batch.Double:
		if l.fh == 0 {
			return append(b, "0.0"...)
		}
		return l.number(b, l.fh)
	}
	return l.plain(b, l.hi, l.dh)
}

// number writes a bound that JSON can hold and every reader orders alike.
func (l *leaf) number(b []byte, v float64) []byte {
	if l.nan || math.IsInf(v, 0) || math.IsNaN(v) {
		return b
	}
	start := len(b)
	b = strconv.AppendFloat(b, v, 'g', -1, 64)
	if !bytes.ContainsAny(b[start:], ".e") {
		b = append(b, ".0"...)
	}
	return b
}

func (l *leaf) plain(b []byte, v int64, d batch.Int128) []byte {
	switch l.t.Kind {
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.BigInt:
		return strconv.AppendInt(b, v, 10)
	case batch.Decimal:
		return batch.AppendDecimal(b, d, int(l.t.Scale))
	case batch.Date:
		return quoted(b, func(b []byte) ([]byte, bool) { return appendDate(b, v) })
	case batch.Timestamp:
		return quoted(b, func(b []byte) ([]byte, bool) { return appendTime(b, v, 'T', "Z") })
	case batch.TimestampNTZ:
		return quoted(b, func(b []byte) ([]byte, bool) { return appendTime(b, v, 'T', "") })
	}
	return b
}

// quoted writes the text in quotation marks, or nothing if it has none.
func quoted(b []byte, text func([]byte) ([]byte, bool)) []byte {
	start := len(b)
	b, ok := text(append(b, '"'))
	if !ok {
		return b[:start]
	}
	return append(b, '"')
}

// truncateMin returns the first units UTF-16 units of v: a lower bound. A
// character of two units is never split.
func truncateMin(v []byte, units int) []byte {
	for i := 0; i < len(v); {
		r, n := utf8.DecodeRune(v[i:])
		if units--; r > 0xFFFF {
			units--
		}
		if units < 0 {
			return v[:i]
		}
		i += n
	}
	return v
}

// truncateMax returns an upper bound of about units UTF-16 units: a
// prefix and a character that is greater than the one that follows it. False: there is none.
func truncateMax(v []byte, units int) ([]byte, bool) {
	if !utf8.Valid(v) {
		return nil, false
	}
	cut := len(truncateMin(v, units))
	if cut == len(v) {
		return v, true
	}
	limit := len(truncateMin(v, 2*units))
	for cut < limit {
		r, n := utf8.DecodeRune(v[cut:])
		if r < 0x7f {
			return append(bytes.Clone(v[:cut]), 0x7f), true
		}
		if r < utf8.MaxRune {
			return utf8.AppendRune(bytes.Clone(v[:cut]), utf8.MaxRune), true
		}
		cut += n
	}
	return nil, false
}

// putKey appends a partition column's value of a row to a grouping key.
func putKey(key []byte, c *batch.Column, row int) []byte {
	if c.IsNull(row) {
		return append(key, 0)
	}
	key = append(key, 1)
	switch c.Type.Kind {
	case batch.Boolean:
		if c.Bool(row) {
			return append(key, 1)
		}
		return append(key, 0)
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date:
		return binary.LittleEndian.AppendUint32(key, uint32(c.I32[row]))
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ:
		return binary.LittleEndian.AppendUint64(key, uint64(c.I64[row]))
	case batch.Float:
		return binary.LittleEndian.AppendUint32(key, math.Float32bits(c.F32[row]))
	case batch.Double:
		return binary.LittleEndian.AppendUint64(key, math.Float64bits(c.F64[row]))
	case batch.Decimal:
		key = binary.LittleEndian.AppendUint64(key, uint64(c.I128[row].Hi))
		return binary.LittleEndian.AppendUint64(key, c.I128[row].Lo)
	}
	v := c.Bytes(row)
	return append(binary.LittleEndian.AppendUint32(key, uint32(len(v))), v...)
}
