package delta

import (
	"context"
	"fmt"
	"iter"
	"math"
	"sort"
	"strings"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/supervision"
)

// Error classes of change feeds, as Delta spells them.
const (
	ClassMissingChanges     = "DELTA_MISSING_CHANGE_DATA"
	ClassChangesRange       = "DELTA_INVALID_CDC_RANGE"
	ClassChangesSchema      = "DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE"
	ClassReservedChangeName = "RESERVED_CDC_COLUMNS_ON_WRITE"
)

// The columns that a change feed has behind those of the table.
const (
	ChangeTypeColumn      = "_change_type" // insert, update_preimage, update_postimage or delete
	CommitVersionColumn   = "_commit_version"
	CommitTimestampColumn = "_commit_timestamp"
)

// ChangesOptions say what of a table's changes is read.
type ChangesOptions struct {
	// Columns are the names wanted, as in [ScanOptions]; nil: all. The three columns that say what the change is follow them.
	Columns []string

	// Difference reads what files and deletion vectors tell and looks at no change files, so that the table
	// needs no change feed. An update is a delete and an insert then, and a file that was rewritten is all of its rows
	// deleted and all of the new file's inserted.
	Difference bool

	Limits parquet.Limits // of each file
}

// Changes gives the changes of the versions from one to another, both included, in the order of the versions; -1 as the
// last one is the newest. Of a version that has change files it gives what they say; of another one the rows of the files
// that came as inserts, those of the files that went as deletes, and of a file whose deletion vector changed the rows
// by which the two differ. A version that changed no data gives nothing.
//
// All versions must have been written with the change feed on ([ClassMissingChanges]), unless the options ask for
// the difference, and their columns must be readable as those of the last version ([ClassChangesSchema]). Each batch
// belongs to the caller, who releases it. The first error ends the changes.
func (t *Table) Changes(ctx context.Context, from, to int64, o ChangesOptions) iter.Seq2[*batch.Batch, error] {
	return func(yield func(*batch.Batch, error) bool) {
		r, err := t.changeRange(ctx, from, to, o)
		if err != nil {
			yield(nil, err)
			return
		}
		for v := r.from; v <= r.to; v++ {
			if !r.version(ctx, v, yield) {
				return
			}
		}
	}
}

// ChangesSchema returns the schema of the batches that Changes gives, or why it cannot give them.
func (t *Table) ChangesSchema(ctx context.Context, from, to int64, o ChangesOptions) (*batch.Schema, error) {
	r, err := t.changeRange(ctx, from, to, o)
	if err != nil {
		return nil, err
	}
	return r.out, nil
}

// VersionFrom returns the first version that was committed at a time or after it.
func (t *Table) VersionFrom(ctx context.Context, at time.Time) (int64, error) {
	l, err := t.timeline(ctx)
	if err != nil {
		return -1, err
	}
	wanted := at.UnixMilli()
	if at.UnixMicro()%1000 != 0 {
		wanted++ // commits have milliseconds
	}
	first := sort.Search(len(l.commits), func(i int) bool {
		if err != nil {
			return true
		}
		var ms int64
		ms, err = l.at(ctx, i)
		return ms >= wanted
	})
	switch {
	case err != nil:
		return -1, err
	case len(l.commits) == 0:
		return -1, t.failure(supervision.Fatal, ClassTimestampEarlier, -1, "the log has a checkpoint and no commit, so it tells no times")
	case first == len(l.commits):
		return -1, l.outside(ctx, ClassTimestampGreater, at, first-1, "after the newest version")
	}
	return l.commits[first].Version, nil
}

// changeRange is a range of versions whose changes are read, all as of the schema of the last one.
type changeRange struct {
	t        *Table
	o        ChangesOptions
	from, to int64
	head     *Head // of to
	out      *batch.Schema
	rows     *scan // of data files
	feed     *scan // of change files: the same columns and the type of the change
	times    *timeline
}

// changeFields are the columns that say what a change is.
var changeFields = []batch.Field{
	{Name: ChangeTypeColumn, Type: batch.StringType},
	{Name: CommitVersionColumn, Type: batch.BigIntType},
	{Name: CommitTimestampColumn, Type: batch.TimestampType},
}

func (t *Table) changeRange(ctx context.Context, from, to int64, o ChangesOptions) (*changeRange, error) {
	r := &changeRange{t: t, o: o, from: from, to: to}
	newest, err := t.Head(ctx)
	if err != nil {
		return nil, err
	}
	if to < 0 {
		r.to = newest.Version
	}
	switch {
	case from < 0 || from > newest.Version || r.to > newest.Version:
		f := t.failure(supervision.Fatal, log.ClassVersionNotFound, newest.Version, "changes of versions %d to %d were asked for; the newest version is %d", from, r.to, newest.Version)
		f.Hint = "take versions that the table's history tells"
		return nil, f
	case r.to < from:
		f := t.failure(supervision.Fatal, ClassChangesRange, newest.Version, "changes of versions %d to %d were asked for: the end lies before the start", from, r.to)
		f.Hint = "exchange the two"
		return nil, f
	}
	if err := r.check(ctx); err != nil {
		return nil, err
	}
	if err := t.reserved(r.head); err != nil {
		return nil, err
	}
	if r.rows, r.feed, err = t.changeScans(r.head, ScanOptions{Columns: o.Columns, Limits: o.Limits}); err != nil {
		return nil, err
	}
	r.out = &batch.Schema{Fields: append(append([]batch.Field(nil), r.rows.out.Fields...), changeFields...)}
	r.times, err = t.timeline(ctx)
	return r, err
}

// reserved refuses a table that has a column of the name of one that says what a change is.
func (t *Table) reserved(head *Head) error {
	for _, f := range changeFields {
		if head.Schema.IndexFold(f.Name) >= 0 {
			return t.failure(supervision.Fatal, ClassReservedChangeName, head.Version, "the table has a column %s of its own, and the changes have one of that name", f.Name)
		}
	}
	return nil
}

// changeScans returns how data files and change files are read with the columns of a version.
func (t *Table) changeScans(head *Head, o ScanOptions) (rows, feed *scan, err error) {
	if rows, err = t.scanOf(head, o); err != nil {
		return nil, nil, err
	}
	with := *rows
	with.out = &batch.Schema{Fields: append(append([]batch.Field(nil), rows.out.Fields...), changeFields[0])}
	with.columns = append(append([]scanColumn(nil), rows.columns...), scanColumn{field: changeFields[0], kind: fromFile})
	return rows, &with, nil
}

// check walks over the range and makes sure that each version has a change feed and is readable as the last one.
func (r *changeRange) check(ctx context.Context) error {
	head, err := r.t.log.HeadAt(ctx, r.from)
	if err != nil {
		return err
	}
	heads := []*Head{head} // one for each change of the metadata
	for {
		if last := heads[len(heads)-1]; last.Metadata.SchemaString != head.Metadata.SchemaString {
			heads = append(heads, head)
		}
		if !r.o.Difference && !hasFeed(head) {
			f := r.t.failure(supervision.Fatal, ClassMissingChanges, head.Version, "changes of versions %d to %d were asked for, and version %d was written without a change feed", r.from, r.to, head.Version)
			f.Hint = "set the table's property delta.enableChangeDataFeed to true, and ask for versions after that; the history tells which"
			return f
		}
		if head.Version == r.to {
			break
		}
		if head, _, err = r.t.advance(ctx, head, log.KindsHead); err != nil {
			return r.t.gone(err, head)
		}
	}
	r.head = head
	for _, h := range heads {
		if why := readableAs(h, r.head, false); why != "" {
			f := r.t.failure(supervision.Fatal, ClassChangesSchema, h.Version, "version %d cannot be read with the columns of version %d: %s", h.Version, r.to, why)
			f.Hint = "ask for the versions before the change and those after it apart"
			return f
		}
	}
	return nil
}

// gone says that a commit which should be there is not.
func (t *Table) gone(err error, head *Head) error {
	if head == nil {
		return err
	}
	return fmt.Errorf("the commit after version %d: %w", head.Version, err)
}

// hasFeed reports whether the writers of a version had to keep its changes.
func hasFeed(h *Head) bool {
	for _, key := range []string{"delta.enableChangeDataFeed", "delta.enableChangeDataCapture"} {
		if strings.EqualFold(h.Metadata.Configuration[key], "true") {
			return true
		}
	}
	return false
}

// version gives the changes of one version, and reports whether to go on.
func (r *changeRange) version(ctx context.Context, v int64, yield func(*batch.Batch, error) bool) bool {
	c, err := r.t.commitChanges(ctx, v, !r.o.Difference)
	if err == nil {
		c.time, err = r.times.of(ctx, v, c.info)
	}
	if err != nil {
		yield(nil, err)
		return false
	}
	for i := range c.pieces {
		goesOn := r.t.readPiece(ctx, r.rows, r.feed, &c.pieces[i], 0, func(p pieceRows, err error) bool {
			if err != nil {
				return yield(nil, err)
			}
			return yield(r.tell(c, &c.pieces[i], p.b), nil)
		})
		if !goesOn {
			return false
		}
	}
	return true
}

// tell adds the columns that say what the change is.
func (r *changeRange) tell(c *commitChanges, p *piece, b *batch.Batch) *batch.Batch {
	pool := r.t.o.Pool
	b.Schema = r.out
	if p.kind != pieceFeed {
		b.Columns = append(b.Columns, batch.NewConst(pool, batch.StringType, []byte(p.kind.changeType()), b.N))
	}
	version, at := pool.NewColumn(batch.BigIntType, b.N), pool.NewColumn(batch.TimestampType, b.N)
	for i := range b.N {
		version.I64[i], at.I64[i] = c.version, c.time*1000
	}
	b.Columns = append(b.Columns, version, at)
	return b
}

// of returns the time of a version in milliseconds since 1970, whose commit says info.
func (l *timeline) of(ctx context.Context, version int64, info *log.CommitInfo) (int64, error) {
	if version >= l.inCommit {
		return l.said(version, info)
	}
	i := sort.Search(len(l.commits), func(i int) bool { return l.commits[i].Version >= version })
	if i < len(l.commits) && l.commits[i].Version == version {
		return l.files[i], nil
	}
	before := int64(math.MinInt64)
	if n := len(l.commits); n > 0 && version > l.commits[n-1].Version {
		before = l.files[n-1]
	}
	object, err := l.t.Store().Head(ctx, log.CommitName(version))
	return max(before+1, object.ModTime.UnixMilli()), err
}
