package delta

import (
	"context"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/supervision"
)

// replace adds to the commit what its mode takes out of the table, and what it rests on.
func (x *Tx) replace(ctx context.Context, c *Commit) error {
	switch {
	case x.o.Mode == Append:
		return nil
	case x.o.Mode == OverwritePartitions && len(x.head.Metadata.PartitionColumns) > 0:
		x.replacePartitions(c)
	case x.o.ReplaceWhere != "":
		if err := x.replaceWhere(ctx, c); err != nil {
			return err
		}
	default:
		c.ReadsTable = true
		x.all.Each(func(a *log.Add) bool {
			c.Removes = append(c.Removes, x.t.remove(a.Clone()))
			return true
		})
	}
	var bytes int64
	for i := range c.Removes {
		bytes += *c.Removes[i].Size
	}
	setMetric(c, "numRemovedFiles", int64(len(c.Removes)))
	setMetric(c, "numRemovedBytes", bytes)
	return nil
}

// partitionKeys tell partitions apart by what their values are: each writer spells times and numbers in its own way.
type partitionKeys struct {
	names  []string
	types  []batch.Type
	values []map[string]string // by column: our spelling of one that was seen
}

// partitionKeys returns those of the writer's table.
func (w *Writer) partitionKeys() *partitionKeys {
	k := &partitionKeys{names: w.names, values: make([]map[string]string, len(w.keys))}
	for i, at := range w.keys {
		k.types, k.values[i] = append(k.types, w.schema.Fields[at].Type), map[string]string{}
	}
	return k
}

func (k *partitionKeys) of(values log.PartitionValues) string {
	var key strings.Builder
	for i, name := range k.names {
		v, _ := values.Get(name)
		ours, seen := k.values[i][v]
		if !seen {
			ours = spelled(k.types[i], v)
			k.values[i][strings.Clone(v)] = ours
		}
		fmt.Fprintf(&key, "%d:%s", len(ours), ours)
	}
	return key.String()
}

// spelled returns a partition value as this writer spells it. One that is none of the type stands for itself.
func spelled(t batch.Type, value string) string {
	c, err := constant(t, value, 1, nil)
	if err != nil {
		return value
	}
	defer c.Release()
	if ours, err := partitionValue(c, 0); err == nil {
		return ours
	}
	return value
}

// replacePartitions takes out the files of the partitions that get rows.
func (x *Tx) replacePartitions(c *Commit) {
	touched, keys := map[string]bool{}, x.w.partitionKeys()
	for i := range c.Adds {
		touched[keys.of(c.Adds[i].Partition)] = true
	}
	within := func(a *log.Add) bool { return touched[keys.of(a.Partition)] }
	c.readsFile = func(_ *Head, a *log.Add) (bool, error) { return within(a), nil }
	x.all.Each(func(a *log.Add) bool {
		if within(a) {
			c.Removes = append(c.Removes, x.t.remove(a.Clone()))
		}
		return true
	})
}

// replaced returns the scan of the rows that ReplaceWhere replaces, without columns.
func (x *Tx) replaced() (*scan, error) {
	c, err := x.t.scanOf(x.head, ScanOptions{Columns: []string{}, Where: x.o.ReplaceWhere})
	if err != nil {
		return nil, err
	}
	if b := c.where.bound; !b.Deterministic() || b.UsesEpochTime() {
		return nil, supervision.New(supervision.Fatal, ClassReplaceMismatch, "the replaceWhere condition %s may be true now and false later; it is evaluated more than once", x.o.ReplaceWhere)
	}
	return c, nil
}

// replaceWhere takes out the files whose rows all match, and writes anew those of which only some do.
func (x *Tx) replaceWhere(ctx context.Context, c *Commit) error {
	c.ReadsWhere = x.o.ReplaceWhere
	matching, err := x.replaced()
	if err != nil {
		return err
	}
	files, err := matching.chosen(x.all.files)
	if err != nil {
		return err
	}
	rest := &replaceRest{x: x}
	defer rest.abort()
	var gone []*log.Add
	for _, a := range files {
		all, some, err := matching.match(ctx, a)
		if err != nil {
			return err
		}
		if !some {
			continue
		}
		if !all {
			if err := rest.keep(ctx, a); err != nil {
				return err
			}
		}
		c.Removes, gone = append(c.Removes, x.t.remove(a)), append(gone, a)
	}
	if rest.w != nil && feedsChanges(x.head) { // what came and went is not what the files say
		if err := x.tell(ctx, c, gone); err != nil {
			return err
		}
	}
	kept, err := rest.finish(ctx)
	c.Adds = append(c.Adds, kept...)
	setMetric(c, "numCopiedRows", rest.rows)
	return err
}

// tell writes the change files of the commit: the rows of its files as inserts, and those of the files that went which match as deletes.
func (x *Tx) tell(ctx context.Context, c *Commit, gone []*log.Add) error {
	feed, err := newFeed(x.t, x.next, x.o.Files)
	if err != nil {
		return err
	}
	defer feed.abort()
	came, err := x.t.scanOf(x.next, ScanOptions{})
	if err != nil {
		return err
	}
	for i := range c.Adds {
		if err := came.feed(ctx, feed, &c.Adds[i], "insert"); err != nil {
			return err
		}
	}
	went, err := x.t.scanOf(x.head, ScanOptions{Where: x.o.ReplaceWhere})
	if err != nil {
		return err
	}
	for _, a := range gone {
		if err := went.feed(ctx, feed, a, "delete"); err != nil {
			return err
		}
	}
	c.Changes, err = feed.finish(ctx)
	return err
}

// feed says of the scan's rows of a file what became of them.
func (c *scan) feed(ctx context.Context, to *feed, a *log.Add, kind string) (err error) {
	c.file(ctx, a, func(b *batch.Batch, e error) bool {
		if err = e; e != nil {
			return false
		}
		defer b.Release()
		rows := b.Sel
		if rows == nil {
			rows = make([]int32, b.N)
			for i := range rows {
				rows[i] = int32(i)
			}
		}
		err = to.write(ctx, b, rows, kind)
		return err == nil
	})
	return err
}

// match reports whether all rows of a file match the scan's condition, and whether some do.
func (c *scan) match(ctx context.Context, a *log.Add) (all, some bool, err error) {
	constant := true
	for _, i := range c.where.columns {
		constant = constant && c.columns[i].kind == fromLog
	}
	if constant {
		return c.matchPartition(a)
	}
	live, known := log.NumRecords(a.Stats)
	if a.DeletionVector != nil {
		live -= a.DeletionVector.Cardinality
	}
	if !known {
		if live, err = c.t.countRows(ctx, c.head, a); err != nil {
			return false, false, err
		}
	}
	var matched int64
	c.file(ctx, a, func(b *batch.Batch, e error) bool {
		if err = e; e == nil {
			matched += int64(b.Rows())
			b.Release()
		}
		return e == nil
	})
	return matched == live, matched > 0, err
}

// countRows reads how many rows a file has that are not deleted.
func (t *Table) countRows(ctx context.Context, head *Head, a *log.Add) (n int64, err error) {
	c, err := t.scanOf(head, ScanOptions{Columns: []string{}})
	if err != nil {
		return 0, err
	}
	c.file(ctx, a, func(b *batch.Batch, e error) bool {
		if err = e; e == nil {
			n += int64(b.Rows())
			b.Release()
		}
		return e == nil
	})
	return n, err
}

// matchPartition evaluates a condition over partition columns once for the file.
func (c *scan) matchPartition(a *log.Add) (all, some bool, err error) {
	one := &batch.Batch{Schema: c.where.schema, N: 1}
	defer one.Release()
	for _, column := range c.columns {
		value, _ := a.Partition.Get(column.key)
		values, err := constant(column.field.Type, value, 1, c.t.o.Pool)
		if err != nil {
			return false, false, fmt.Errorf("file %s: column %s: %w", a.Path, column.field.Name, err)
		}
		one.Columns = append(one.Columns, values)
	}
	err = c.where.apply(&expr.Context{Pool: c.t.o.Pool, Now: c.now}, one)
	return one.Rows() == 1, one.Rows() == 1, err
}

// replaceRest writes the rows that stay of files that are taken out.
type replaceRest struct {
	x    *Tx
	w    *Writer
	scan *scan
	rows int64
}

func (r *replaceRest) keep(ctx context.Context, a *log.Add) (err error) {
	if r.w == nil {
		if r.w, err = movedWriter(r.x.t, r.x.next, r.x.o.Files); err != nil {
			return err
		}
		if r.scan, err = r.x.t.scanOf(r.x.head, ScanOptions{Where: "NOT ((" + r.x.o.ReplaceWhere + ") <=> true)", numbers: tracksRows(r.x.head)}); err != nil {
			return err
		}
	}
	r.scan.file(ctx, a, func(b *batch.Batch, e error) bool {
		if err = e; e == nil {
			r.rows += int64(b.Rows())
			err = r.w.Write(ctx, b)
			b.Release()
		}
		return err == nil
	})
	return err
}

func (r *replaceRest) finish(ctx context.Context) ([]log.Add, error) {
	if r.w == nil {
		return nil, nil
	}
	return r.w.Finish(ctx)
}

func (r *replaceRest) abort() {
	if r.w != nil {
		r.w.Abort()
	}
}
