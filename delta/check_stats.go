package delta

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/expr/prune"
)

// statsCheck holds what the log says of a file's columns against its rows.
type statsCheck struct {
	plan   []*leaf
	stats  *fileStats // nil: there is no column with statistics
	paths  [][]int    // by column of stats: where its leaf is in plan
	labels []string
	pool   *batch.Pool
}

func newStatsCheck(s *scan) (*statsCheck, error) {
	c := &statsCheck{pool: s.t.o.Pool, plan: leaves(s.out.Fields, s.mapping, "", nil, func(string, []string) bool { return true })}
	var columns []prune.Column
	var walk func(all []*leaf, fields, above []batch.Field, at []int)
	walk = func(all []*leaf, fields, above []batch.Field, at []int) {
		for i, l := range all {
			path, place := append(above[:len(above):len(above)], fields[i]), append(at[:len(at):len(at)], i)
			switch {
			case l.skip:
			case l.t.Kind == batch.Struct:
				walk(l.kids, fields[i].Type.Fields, path, place)
			case hasStats(l.t.Kind):
				columns = append(columns, prune.Column{Path: path})
				c.paths = append(c.paths, place)
				c.labels = append(c.labels, label(path))
			}
		}
	}
	for i := range c.plan {
		c.plan[i].skip = c.plan[i].skip || s.columns[i].kind != fromFile
	}
	walk(c.plan, s.out.Fields, nil, nil)
	if len(columns) == 0 {
		return c, nil
	}
	var err error
	c.stats, err = newFileStats(s.mapping, columns)
	return c, err
}

func label(path []batch.Field) string {
	names := make([]string, len(path))
	for i, f := range path {
		names[i] = f.Name
	}
	return strings.Join(names, ".")
}

// begin returns what rows of a file are added to.
func (c *statsCheck) begin() *stats { return &stats{columns: copyLeaves(c.plan)} }

// compare says what the log says wrong of a file of which got has the rows that are not deleted.
func (c *statsCheck) compare(a *log.Add, got *stats) (wrong []string) {
	if c.stats == nil || a.Stats == "" {
		return nil
	}
	all := c.stats.read([]*log.Add{a}, c.pool)
	defer all.Release()
	for i, place := range c.paths {
		l := got.columns[place[0]]
		for _, at := range place[1:] {
			l = l.kids[at]
		}
		if c.stats.names[i] == nil {
			continue
		}
		if text := c.column(all, i, l, a.DeletionVector == nil); text != "" {
			wrong = append(wrong, fmt.Sprintf("column %s: %s", c.labels[i], text))
		}
	}
	return wrong
}

// column compares one column. Of a file with deleted rows only the counts zero and all are sure.
func (c *statsCheck) column(all *batch.Column, i int, l *leaf, whole bool) string {
	b, names := c.stats.bounds(all, i, c.pool), c.stats.names[i]
	defer releaseBounds([]prune.Bounds{b})
	if nulls := under(all.Kids[statNulls], names); !nulls.IsNull(0) {
		switch said := nulls.I64[0]; {
		case whole && said != l.nulls:
			return fmt.Sprintf("the statistics say %d nulls, there are %d", said, l.nulls)
		case b.NoNull.Get(0) && l.nulls > 0:
			return fmt.Sprintf("the statistics say that there is no null, there are %d", l.nulls)
		case b.AllNull.Get(0) && l.seen:
			return "the statistics say that all values are null, there are others"
		}
	}
	switch {
	case !l.seen || l.nan:
		return ""
	case !b.Min.IsNull(0) && below(l, b.Min):
		return "a value is less than the least that the statistics say"
	case !b.Max.IsNull(0) && above(l, b.Max):
		return "a value is greater than the greatest that the statistics say"
	}
	return ""
}

// below reports whether the least value of a column is less than a bound.
func below(l *leaf, bound *batch.Column) bool {
	switch l.t.Kind {
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date:
		return l.lo < int64(bound.I32[0])
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ:
		return l.lo < bound.I64[0]
	case batch.Float:
		return l.fl < float64(bound.F32[0])
	case batch.Double:
		return l.fl < bound.F64[0]
	case batch.Decimal:
		return l.dl.Cmp(bound.I128[0]) < 0
	case batch.String:
		return bytes.Compare(l.bl, bound.Bytes(0)) < 0
	}
	return false
}

// above reports whether the greatest value of a column is greater than a bound.
func above(l *leaf, bound *batch.Column) bool {
	switch l.t.Kind {
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date:
		return l.hi > int64(bound.I32[0])
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ:
		return l.hi > bound.I64[0]
	case batch.Float:
		return l.fh > float64(bound.F32[0])
	case batch.Double:
		return l.fh > bound.F64[0]
	case batch.Decimal:
		return l.dh.Cmp(bound.I128[0]) > 0
	case batch.String:
		return bytes.Compare(l.bh, bound.Bytes(0)) > 0
	}
	return false
}
