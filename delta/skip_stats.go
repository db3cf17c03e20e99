package delta

import (
	"bytes"
	"maps"
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/expr/prune"
	"github.com/deltaic/deltaic/formats/json"
	"github.com/deltaic/deltaic/formats/parquet"
)

// cut divides a range at the given rows.
func cut(whole parquet.Range, at map[int64]bool) []parquet.Range {
	at[whole.First] = true
	starts := slices.Sorted(maps.Keys(at))
	out := make([]parquet.Range, len(starts))
	for i, s := range starts {
		end := whole.First + whole.Count
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		out[i] = parquet.Range{First: s, Count: end - s}
	}
	return out
}

// fileStats reads the statistics that the log has of files, as far as a condition's columns go: JSON into typed columns.
type fileStats struct {
	columns []prune.Column
	names   [][]string // by column: its physical names from the top; nil: there are no statistics of it
	typ     batch.Type
}

// The fields of statistics that are read.
const (
	statRows = iota
	statMin
	statMax
	statNulls
)

func newFileStats(m mapping, columns []prune.Column) (*fileStats, error) {
	s := &fileStats{columns: columns, names: make([][]string, len(columns))}
	values, counts := &statNode{}, &statNode{}
	for i := range columns {
		c := &columns[i]
		if c.Constant || !hasStats(c.Type().Kind) || c.Path[0].Name == MetadataColumn {
			continue
		}
		var names []string
		for _, f := range c.Path {
			names = append(names, m.physical(f))
		}
		s.names[i] = names
		values.add(names, c.Type())
		counts.add(names, batch.BigIntType)
	}
	field := func(name string, t batch.Type) batch.Field { return batch.Field{Name: name, Type: t, Nullable: true} }
	s.typ = batch.StructType(field("numRecords", batch.BigIntType), field("minValues", values.typ()), field("maxValues", values.typ()), field("nullCount", counts.typ()))
	_, err := json.NewDecoder(s.typ, json.Options{})
	return s, err
}

// hasStats reports whether bounds of such values are in the log in a form that is read.
func hasStats(k batch.Kind) bool {
	switch k {
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.BigInt, batch.Float, batch.Double, batch.Decimal, batch.String,
		batch.Date, batch.Timestamp, batch.TimestampNTZ, batch.Boolean:
		return true
	}
	return false
}

// statNode is a struct of statistics, or a column's in it.
type statNode struct {
	name string
	leaf batch.Type
	kids []*statNode
}

func (n *statNode) add(names []string, t batch.Type) {
	if len(names) == 0 {
		n.leaf = t
		return
	}
	at := slices.IndexFunc(n.kids, func(k *statNode) bool { return k.name == names[0] })
	if at < 0 {
		at = len(n.kids)
		n.kids = append(n.kids, &statNode{name: names[0]})
	}
	n.kids[at].add(names[1:], t)
}

func (n *statNode) typ() batch.Type {
	if n.leaf.Kind != batch.Invalid {
		return n.leaf
	}
	t := batch.Type{Kind: batch.Struct}
	for _, k := range n.kids {
		t.Fields = append(t.Fields, batch.Field{Name: k.name, Type: k.typ(), Nullable: true})
	}
	return t
}

// decode returns the bounds of the condition's columns, those of constant columns left out.
func (s *fileStats) decode(files []*log.Add, pool *batch.Pool) []prune.Bounds {
	all := s.read(files, pool)
	defer all.Release()
	out := make([]prune.Bounds, len(s.columns))
	for i, names := range s.names {
		switch {
		case s.columns[i].Constant:
		case names == nil:
			out[i] = unknown(s.columns[i].Type(), len(files), pool)
		default:
			out[i] = s.bounds(all, i, pool)
		}
	}
	return out
}

// read returns the statistics as a column of structs.
func (s *fileStats) read(files []*log.Add, pool *batch.Pool) *batch.Column {
	text := batch.NewBuilder(batch.StringType, pool)
	for _, a := range files {
		text.String(a.Stats)
	}
	in := text.Finish()
	defer in.Release()
	d, _ := json.NewDecoder(s.typ, json.Options{RefuseNonNumeric: true}) // newFileStats has made one
	to := batch.NewBuilder(s.typ, pool)
	d.DecodeColumn(in, nil, to, nil)
	return to.Finish()
}

// bounds takes the bounds of one column.
func (s *fileStats) bounds(all *batch.Column, i int, pool *batch.Pool) prune.Bounds {
	names := s.names[i]
	out := newBounds(all.N)
	rows, nulls := all.Kids[statRows], under(all.Kids[statNulls], names)
	for n := range all.N {
		if rows.IsNull(n) || nulls.IsNull(n) {
			continue
		}
		// Of files with deletion vectors only the counts zero and all are sure.
		out.NoNull.Put(n, nulls.I64[n] == 0)
		out.AllNull.Put(n, nulls.I64[n] == rows.I64[n])
	}
	least, greatest := under(all.Kids[statMin], names), under(all.Kids[statMax], names)
	out.Min, out.Max = least.Retain(), greatest.Retain()
	switch least.Type.Kind {
	case batch.Timestamp, batch.TimestampNTZ:
		out.Max.Release()
		out.Max = laterByMilli(greatest, pool)
	case batch.String:
		forgetReplaced(least)
		forgetReplaced(greatest)
	case batch.Double:
		if log.WasFloat(s.columns[i].Path[len(s.columns[i].Path)-1]) {
			asFloats(least, math.Min)
			asFloats(greatest, math.Max)
		}
	}
	return out
}

// asFloats widens bounds by the numbers that their texts are if a FLOAT was meant.
func asFloats(c *batch.Column, wider func(a, b float64) float64) {
	for i, v := range c.F64 {
		c.F64[i] = wider(v, float64(float32(v)))
	}
}

// under returns the column at the end of names in a struct, whose nulls are nulls of it too.
func under(c *batch.Column, names []string) *batch.Column {
	for _, name := range names {
		c = c.Kids[(&batch.Schema{Fields: c.Type.Fields}).Index(name)]
	}
	return c
}

// laterByMilli returns the greatest timestamps that bounds cut to milliseconds, as Spark's are, may stand for.
func laterByMilli(c *batch.Column, pool *batch.Pool) *batch.Column {
	out := pool.NewColumn(c.Type, c.N)
	for i := range out.I64 {
		out.I64[i] = c.I64[i] + min(999, math.MaxInt64-max(c.I64[i], 0))
	}
	out.CopyValid(c)
	return out
}

// forgetReplaced makes bounds null that hold U+FFFD: it may stand for a character that was cut in two, and does not order as that does.
func forgetReplaced(c *batch.Column) {
	for i := range c.N {
		if !c.IsNull(i) && bytes.Contains(c.Bytes(i), []byte("\uFFFD")) {
			if c.Valid == nil {
				c.NewValid()
			}
			c.Valid.Clear(i)
		}
	}
}
