package delta

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/prune"
	"github.com/deltaic/deltaic/formats/parquet"
)

// skipper leaves out the files, row groups and pages of a scan that cannot have a row for which its condition is true.
type skipper struct {
	c         *scan
	condition *prune.Condition
	stats     *fileStats
}

// newSkipper returns nil if the condition can be judged by rows only.
func newSkipper(c *scan) (*skipper, error) {
	condition, err := prune.New(c.o.Where, readable(c.head.Schema), expr.NewOptions(), func(name string) bool {
		return partitionIndex(c.head, name) >= 0
	})
	if err != nil || condition == nil {
		return nil, err
	}
	k := &skipper{c: c, condition: condition}
	k.stats, err = newFileStats(c.mapping, condition.Columns())
	return k, err
}

// someFiles is how many files are judged at once.
const someFiles = 1024

// files returns the files that are left.
func (k *skipper) files(files []*log.Add) ([]*log.Add, error) {
	kept := files[:0]
	context := expr.Context{Pool: k.c.t.o.Pool, Now: k.c.now}
	for len(files) > 0 {
		some := files[:min(len(files), someFiles)]
		files = files[len(some):]
		bounds, unsure := k.fileBounds(some)
		rows, err := k.condition.Keep(&context, len(some), bounds, nil)
		releaseBounds(bounds)
		if err != nil {
			return nil, err
		}
		for _, i := range rows {
			unsure.Set(int(i))
		}
		for i, a := range some {
			if unsure.Get(i) {
				kept = append(kept, a)
			}
		}
	}
	return kept, nil
}

func releaseBounds(bounds []prune.Bounds) {
	for _, b := range bounds {
		b.Min.Release()
		b.Max.Release()
	}
}

// fileBounds returns what the log says of the files. unsure are those that it says something wrong of: reading them tells what.
func (k *skipper) fileBounds(files []*log.Add) (bounds []prune.Bounds, unsure batch.Bitmap) {
	unsure = make(batch.Bitmap, batch.BitmapWords(len(files)))
	told := k.stats.decode(files, k.c.t.o.Pool)
	for i := range k.condition.Columns() {
		column := &k.condition.Columns()[i]
		if column.Constant {
			bounds = append(bounds, k.constantBounds(column.Path[0], files, unsure))
			continue
		}
		bounds = append(bounds, told[i])
	}
	return bounds, unsure
}

// constantBounds returns the values of a partition column.
func (k *skipper) constantBounds(f batch.Field, files []*log.Add, unsure batch.Bitmap) prune.Bounds {
	b := batch.NewBuilder(f.Type, k.c.t.o.Pool)
	out := newBounds(len(files))
	name := k.c.mapping.physical(f)
	for i, a := range files {
		value, ok := a.Partition.Get(name)
		var err error
		switch {
		case ok && value == "":
			out.AllNull.Set(i)
		case ok:
			if err = appendPartition(b, f.Type, value); err == nil {
				out.NoNull.Set(i)
				continue
			}
		}
		if !ok || err != nil {
			unsure.Set(i)
		}
		b.Null()
	}
	out.Min = b.Finish()
	out.Max = out.Min.Retain()
	return out
}

func newBounds(n int) prune.Bounds {
	return prune.Bounds{NoNull: make(batch.Bitmap, batch.BitmapWords(n)), AllNull: make(batch.Bitmap, batch.BitmapWords(n))}
}

// unknown returns the bounds of a column of which nothing is known.
func unknown(t batch.Type, n int, pool *batch.Pool) prune.Bounds {
	out := newBounds(n)
	out.Min = nulls(t, n, pool)
	out.Max = out.Min.Retain()
	return out
}

// ranges returns the rows of a file that are left, nil for all of them.
func (k *skipper) ranges(f *parquet.File, a *log.Add) ([]parquet.Range, error) {
	groups := f.RowGroups()
	units := make([]parquet.Range, len(groups))
	var first int64
	for i, g := range groups {
		units[i] = parquet.Range{First: first, Count: g.Rows}
		first += g.Rows
	}
	u := &unitBounds{k: k, f: f, a: a}
	kept, err := u.keep(units, func(column *prune.Column) (prune.Bounds, bool) {
		s, ok := f.GroupStats(column.Path, k.c.mapping.key)
		if !ok {
			return prune.Bounds{}, false
		}
		return prune.Bounds{Min: s.Min, Max: s.Max, NoNull: s.NoNull, AllNull: s.AllNull}, true
	})
	if err != nil {
		return nil, err
	}
	out := []parquet.Range{}
	for _, i := range kept {
		left, err := u.pages(int(i), units[i])
		if err != nil {
			return nil, err
		}
		for _, r := range left {
			if n := len(out); n > 0 && out[n-1].First+out[n-1].Count == r.First {
				out[n-1].Count += r.Count
			} else {
				out = append(out, r)
			}
		}
	}
	return out, nil
}

// unitBounds judges parts of one file.
type unitBounds struct {
	k *skipper
	f *parquet.File
	a *log.Add
}

// keep returns the units that are left; of says what is known of a column by unit.
func (u *unitBounds) keep(units []parquet.Range, of func(*prune.Column) (prune.Bounds, bool)) ([]int32, error) {
	pool := u.k.c.t.o.Pool
	var bounds []prune.Bounds
	defer func() { releaseBounds(bounds) }()
	for i := range u.k.condition.Columns() {
		column := &u.k.condition.Columns()[i]
		switch {
		case column.Constant:
			one := u.k.constantBounds(column.Path[0], []*log.Add{u.a}, make(batch.Bitmap, 1))
			bounds = append(bounds, spread(one, make([]int32, len(units)), pool))
			releaseBounds([]prune.Bounds{one})
		case u.k.c.column(column.Path[0]).kind == fromScan:
			bounds = append(bounds, unknown(column.Type(), len(units), pool))
		default:
			b, ok := of(column)
			if !ok {
				b = unknown(column.Type(), len(units), pool)
			}
			bounds = append(bounds, b)
		}
	}
	context := expr.Context{Pool: pool, Now: u.k.c.now}
	return u.k.condition.Keep(&context, len(units), bounds, nil)
}

// spread returns the bounds of units of which the i-th is the one numbered rows[i].
func spread(b prune.Bounds, rows []int32, pool *batch.Pool) prune.Bounds {
	out := newBounds(len(rows))
	out.Min, out.Max = batch.Gather(pool, b.Min, rows), batch.Gather(pool, b.Max, rows)
	for i, r := range rows {
		out.NoNull.Put(i, b.NoNull.Get(int(r)))
		out.AllNull.Put(i, b.AllNull.Get(int(r)))
	}
	return out
}

// pages returns the rows of a row group that are left. Pages of columns do not begin at the same rows, so the group is cut where any page
// of a column of the condition begins.
func (u *unitBounds) pages(group int, whole parquet.Range) ([]parquet.Range, error) {
	type paged struct {
		pages []parquet.Range
		stats *parquet.Stats
	}
	columns := map[*prune.Column]paged{}
	cuts := map[int64]bool{}
	for i := range u.k.condition.Columns() {
		column := &u.k.condition.Columns()[i]
		if u.k.c.column(column.Path[0]).kind != fromFile {
			continue
		}
		if pages, s, ok := u.f.PageStats(group, column.Path, u.k.c.mapping.key); ok {
			defer s.Release()
			columns[column] = paged{pages, s}
			for _, p := range pages {
				cuts[p.First] = true
			}
		}
	}
	if len(cuts) < 2 {
		return []parquet.Range{whole}, nil
	}
	units := cut(whole, cuts)
	kept, err := u.keep(units, func(column *prune.Column) (prune.Bounds, bool) {
		c, ok := columns[column]
		if !ok {
			return prune.Bounds{}, false
		}
		rows, page := make([]int32, len(units)), 0
		for i, unit := range units {
			for page+1 < len(c.pages) && c.pages[page+1].First <= unit.First {
				page++
			}
			rows[i] = int32(page)
		}
		b := prune.Bounds{Min: c.stats.Min, Max: c.stats.Max, NoNull: c.stats.NoNull, AllNull: c.stats.AllNull}
		return spread(b, rows, u.k.c.t.o.Pool), true
	})
	var out []parquet.Range
	for _, i := range kept {
		out = append(out, units[i])
	}
	return out, err
}
