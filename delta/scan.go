package delta

import (
	"context"
	"fmt"
	"iter"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/supervision"
)

// ScanOptions say what of a snapshot is read, and how.
type ScanOptions struct {
	// Columns are the names wanted, letter case ignored, in the order wanted; nil: all. A path such as
	// "customer.address.city" wants a part of a struct, which then has only the parts wanted of it. The column
	// _metadata says of each row which file it is from; see [MetadataColumn].
	Columns []string

	// Where is an SQL condition: only rows for which it is true are given. Files, row groups and pages that cannot have
	// such a row are not read.
	Where string

	Order    ScanOrder
	Parallel int            // files read at once; 0: 1
	Limits   parquet.Limits // of each file

	numbers bool // the numbers of the rows are given behind their columns, under the names that files which rows move to have for them
}

// ScanOrder is the order of a scan's rows. Rows of one file always come in its order.
type ScanOrder uint8

// The orders of files.
const (
	ByPath ScanOrder = iota // of their paths
	ByAge                   // of the times when they were written, then of their paths
	AsRead                  // as they are read; only one order if one file is read at once
)

// ScanSchema returns the schema of the batches that Scan gives.
func (s *Snapshot) ScanSchema(o ScanOptions) (*batch.Schema, error) {
	c, err := s.t.scanOf(s.Head, o)
	if err != nil {
		return nil, err
	}
	return c.out, nil
}

// FilesWhere returns the live files that may have a row for which an SQL condition is true, in the order of their paths: what a
// scan with that condition opens.
func (s *Snapshot) FilesWhere(condition string) ([]log.Add, error) {
	c, err := s.t.scanOf(s.Head, ScanOptions{Where: condition})
	if err != nil {
		return nil, err
	}
	left, err := c.chosen(s.files)
	if err != nil {
		return nil, err
	}
	out := make([]log.Add, len(left))
	for i, a := range left {
		out[i] = *a
	}
	return out, nil
}

// Scan gives the rows of the snapshot's files. Each batch belongs
// to the caller, who releases it. The first error ends the scan.
func (s *Snapshot) Scan(ctx context.Context, o ScanOptions) iter.Seq2[*batch.Batch, error] {
	return func(yield func(*batch.Batch, error) bool) {
		c, err := s.t.scanOf(s.Head, o)
		if err != nil {
			yield(nil, err)
			return
		}
		files, err := c.chosen(s.files)
		if err != nil {
			yield(nil, err)
			return
		}
		if o.Parallel > 1 {
			c.parallel(ctx, files, yield)
			return
		}
		for i := range files {
			if !c.file(ctx, files[i], yield) {
				return
			}
		}
	}
}

// scan is what a scan reads, worked out once for all files. It is not changed afterwards.
type scan struct {
	t       *Table
	head    *Head
	o       ScanOptions
	mapping mapping
	out     *batch.Schema // of the batches given
	columns []scanColumn  // those of out, then what only the condition looks at
	where   *scanFilter   // nil: all rows
	numbers rowNumbers
	skip    *skipper // nil: no file is left out
	now     int64    // of the condition, microseconds
}

// scanColumn is a column on its way through a scan.
type scanColumn struct {
	field batch.Field
	kind  columnKind
	key   string // of its values in the log, or in _metadata
}

// columnKind is where a column's values come from.
type columnKind uint8

const (
	fromFile columnKind = iota
	fromLog             // a partition column
	fromScan            // _metadata
	ofRow               // its number, or the version that wrote it
)

func (t *Table) scanOf(head *Head, o ScanOptions) (*scan, error) {
	fail := func(class string, err error) error {
		return t.failure(supervision.Fatal, class, head.Version, "%w", err)
	}
	c := &scan{t: t, head: head, o: o, now: t.o.Now().UnixMicro()}
	var err error
	if c.mapping, err = mappingOf(&head.Metadata); err == nil {
		err = c.mapping.check(head.Schema.Fields, "")
	}
	if err != nil {
		return nil, fail(log.ClassBroken, err)
	}
	if c.out, err = selectColumns(readable(head.Schema), o.Columns); err != nil {
		return nil, fail("UNRESOLVED_COLUMN.WITH_SUGGESTION", err)
	}
	for _, f := range c.out.Fields {
		c.columns = append(c.columns, c.column(f))
	}
	if o.numbers {
		c.giveNumbers()
	}
	if o.Where != "" {
		if c.where, err = c.filter(o.Where); err != nil {
			return nil, err
		}
		if c.skip, err = newSkipper(c); err != nil {
			return nil, err
		}
	}
	c.needNumbers()
	return c, nil
}

// column says where a column's values come from.
func (c *scan) column(f batch.Field) scanColumn {
	switch {
	case partitionIndex(c.head, f.Name) >= 0:
		return scanColumn{f, fromLog, c.mapping.physical(f)}
	case f.Name == MetadataColumn && c.head.Schema.Index(MetadataColumn) < 0:
		return scanColumn{f, fromScan, ""}
	}
	return scanColumn{f, fromFile, ""}
}

// scanFilter keeps the rows for which a condition is true.
type scanFilter struct {
	bound   *expr.Bound
	schema  *batch.Schema
	columns []int // of the scan
}

// filter binds a condition, and adds the columns that only it looks at to the scan.
func (c *scan) filter(text string) (*scanFilter, error) {
	all := readable(c.head.Schema)
	whole, err := expr.Bind(text, all, expr.NewOptions())
	if err != nil {
		return nil, err
	}
	if !whole.Type().Equal(batch.BooleanType) {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN",
			Message: fmt.Sprintf("the condition %s is of type %s; a boolean is wanted", text, whole.Type())}
	}
	f := &scanFilter{schema: &batch.Schema{}}
	for _, i := range whole.Columns() {
		f.schema.Fields = append(f.schema.Fields, all.Fields[i])
		f.columns = append(f.columns, c.need(all.Fields[i]))
	}
	f.bound, err = expr.Bind(text, f.schema, expr.NewOptions())
	return f, err
}

// need returns the place of a whole column in the scan, which gets it if it is not there.
func (c *scan) need(f batch.Field) int {
	for i := range c.columns {
		if c.columns[i].field.Name == f.Name && c.columns[i].field.Type.Equal(f.Type) {
			return i
		}
	}
	c.columns = append(c.columns, c.column(f))
	return len(c.columns) - 1
}

// apply narrows the selection of a batch, whose columns are all of the scan's.
func (f *scanFilter) apply(context *expr.Context, b *batch.Batch) error {
	context.Reset()
	in := &batch.Batch{Schema: f.schema, N: b.N, Sel: b.Sel}
	for _, i := range f.columns {
		in.Columns = append(in.Columns, b.Columns[i])
	}
	keep, err := f.bound.Eval(context, in)
	if err != nil {
		return err
	}
	defer keep.Release()
	if len(context.Rejected) > 0 {
		r := context.Rejected[0]
		return &supervision.Failure{Kind: supervision.Fatal, Class: r.Class, Message: "the condition " + f.bound.SQL() + ": " + r.Message}
	}
	b.Sel = expr.Where(keep, b.Sel, make([]int32, 0, b.Rows()))
	return nil
}
