package delta

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/deletion"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// fileScan is the scan of one file.
type fileScan struct {
	*scan
	add     *log.Add
	name    string // of the object
	gone    *deletion.Vector
	known   bool          // gone is there; else it is read
	read    *batch.Schema // columns of the file
	from    []int         // by column of the scan: its place in read, or -1
	context expr.Context
	sel     []int32

	begin   int64            // the row to begin at
	at      int64            // the row at which the batch begins that is being given
	differs bool             // only the rows that than has, as those of the file without it
	than    *deletion.Vector // of the same file
	spare   bool             // a partition column of which the log says nothing is null

	numbered bool // once it is open: it has columns for the numbers of rows that came from other files
}

// file gives the rows of a file, and reports whether the scan goes on.
func (c *scan) file(ctx context.Context, a *log.Add, yield func(*batch.Batch, error) bool) bool {
	f := &fileScan{scan: c, add: a, read: &batch.Schema{}}
	goesOn, err := f.rows(ctx, yield)
	if err != nil {
		yield(nil, f.failure(ctx, err))
	}
	return goesOn && err == nil
}

// each calls use with the rows of the file and the place of the first row of each batch; those that are gone count.
// Batches belong to use, whose error ends it.
func (f *fileScan) each(ctx context.Context, use func(b *batch.Batch, first int64) error) error {
	f.read = &batch.Schema{}
	var failed error
	_, err := f.rows(ctx, func(b *batch.Batch, _ error) bool {
		failed = use(b, f.at)
		return failed == nil
	})
	if err != nil {
		return f.failure(ctx, err)
	}
	return failed
}

// failure names the file.
func (f *fileScan) failure(ctx context.Context, err error) error {
	var failure *supervision.Failure
	if errors.As(err, &failure) {
		if failure.Path == "" {
			failure.Path = f.t.URI() + "/" + f.add.Path
		}
		return err
	}
	if errors.Is(err, objstore.ErrNotFound) {
		return f.missing(ctx, err)
	}
	failure = f.t.failure(supervision.KindOf(err), "FAILED_READ_FILE", f.head.Version, "file %s: %w", f.add.Path, err)
	failure.Path = f.t.URI() + "/" + f.add.Path
	return failure
}

// missing is the failure of a file that is not there. A name is used once: what the newest version still lists will not come back,
// and a new attempt would look for it alike. What the newest has no more was read from too old a version.
func (f *fileScan) missing(ctx context.Context, err error) error {
	failure := f.t.failure(supervision.Restart, "FAILED_READ_FILE.FILE_NOT_EXIST", f.head.Version, "the table has a file that is not there: %s: %w", f.add.Path, err)
	failure.Path = f.t.URI() + "/" + f.add.Path
	failure.Hint = "it was removed by something other than the table's writers, or by VACUUM while it was read: `deltaic table fsck` lists what is missing and says what puts it right"
	newest, lost := f.t.Snapshot(ctx)
	if lost != nil {
		return failure
	}
	newest.Each(func(a *log.Add) bool {
		if a.Path == f.add.Path {
			failure.Kind = supervision.Fatal
		}
		return failure.Kind != supervision.Fatal
	})
	return failure
}

func (f *fileScan) rows(ctx context.Context, yield func(*batch.Batch, error) bool) (bool, error) {
	var err error
	if f.name, err = f.t.within(f.add.Path); err != nil {
		return false, err
	}
	if !f.known {
		if f.gone, err = f.t.vector(ctx, f.add); err != nil {
			return false, err
		}
	}
	f.context = expr.Context{Pool: f.t.o.Pool, Now: f.now}
	r, err := f.t.Store().Open(ctx, f.name)
	if err != nil {
		return false, err
	}
	defer r.Close()
	file, err := parquet.Open(r, r.Size(), parquet.ReadOptions{Name: f.t.URI() + "/" + f.name, Pool: f.t.o.Pool, Limits: f.o.Limits})
	if err != nil {
		return false, err
	}
	if last := max(f.gone.Last(), f.than.Last()); last >= file.Rows() {
		return false, &supervision.Failure{Kind: supervision.Fatal, Class: "DELTA_DELETION_VECTOR_INVALID_ROW_INDEX",
			Message: fmt.Sprintf("the deletion vector says that row %d is gone, the file has %d rows", last, file.Rows())}
	}
	f.plan()
	f.numbered = tracksRows(f.head) && file.Schema().Index(f.head.Metadata.Configuration[rowIDColumn]) >= 0
	if len(f.read.Fields) == 0 {
		return f.constants(ctx, file.Rows(), yield)
	}
	if f.mapping == mappingID && !file.HasFieldIDs() && file.Rows() > 0 {
		return false, errors.New("its columns have no field ids, by which the table's column mapping finds them")
	}
	var ranges []parquet.Range
	if f.skip != nil {
		if ranges, err = f.skip.ranges(file, f.add); err != nil {
			return false, err
		}
	}
	if f.begin > 0 { // of a stream, which has no condition
		ranges = []parquet.Range{{First: f.begin, Count: max(file.Rows()-f.begin, 0)}}
	}
	rows, err := file.Select(parquet.Selection{Schema: f.read, Lookup: f.mapping.key, Ranges: ranges})
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		b, err := rows.Next()
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if goesOn, err := f.give(b, rows.Row(), yield); err != nil || !goesOn {
			return false, err
		}
	}
}

// plan works out which columns are read from the file. A column that the file lacks is null there, even one that is
// declared not to be: files from before it was added are like that.
func (f *fileScan) plan() {
	for _, c := range f.columns {
		at := -1
		if c.kind == fromFile {
			at = len(f.read.Fields)
			field := c.field
			field.Nullable = true
			f.read.Fields = append(f.read.Fields, field)
		}
		f.from = append(f.from, at)
	}
}

// give makes the scan's batch of the file's, which it takes over and whose rows begin at first, and yields it if it has rows.
func (f *fileScan) give(b *batch.Batch, first int64, yield func(*batch.Batch, error) bool) (bool, error) {
	out := &batch.Batch{Schema: f.out, N: b.N}
	f.at = first
	switch {
	case f.differs:
		out.Sel = f.gone.AppendLiveBut(make([]int32, 0, f.than.CountIn(first, b.N)), f.than, first, b.N)
	case f.gone.CountIn(first, b.N) > 0:
		out.Sel = f.gone.AppendLive(make([]int32, 0, b.N), first, b.N)
	}
	if out.Rows() == 0 {
		b.Release()
		return true, nil
	}
	err := f.assemble(out, b, first)
	b.Release()
	if err == nil && f.where != nil {
		err = f.where.apply(&f.context, out)
	}
	if err != nil || out.Rows() == 0 {
		out.Release()
		return true, err
	}
	for _, c := range out.Columns[len(f.out.Fields):] {
		c.Release()
	}
	out.Columns = out.Columns[:len(f.out.Fields)]
	return yield(out, nil), nil
}

// assemble adds all columns of the scan to out.
func (f *fileScan) assemble(out, b *batch.Batch, first int64) error {
	for i, c := range f.columns {
		switch {
		case f.from[i] >= 0:
			out.Columns = append(out.Columns, b.Columns[f.from[i]].Retain())
		case c.kind == fromScan:
			out.Columns = append(out.Columns, f.metadata(c.field.Type, b, first))
		case c.kind == ofRow:
			out.Columns = append(out.Columns, f.number(c.key, b, first))
		default:
			value, ok := f.add.Partition.Get(c.key)
			if !ok && !f.spare {
				return fmt.Errorf("it has no value for the partition column %s", c.field.Name)
			}
			column, err := constant(c.field.Type, value, b.N, f.t.o.Pool)
			if err != nil {
				return fmt.Errorf("column %s: %w", c.field.Name, err)
			}
			out.Columns = append(out.Columns, column)
		}
	}
	return nil
}

// constants gives the rows of a file of which no column is read.
func (f *fileScan) constants(ctx context.Context, rows int64, yield func(*batch.Batch, error) bool) (bool, error) {
	for first := f.begin; first < rows; {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		n := min(rows-first, 4096)
		if goesOn, err := f.give(&batch.Batch{N: int(n)}, first, yield); err != nil || !goesOn {
			return false, err
		}
		first += n
	}
	return true, nil
}
