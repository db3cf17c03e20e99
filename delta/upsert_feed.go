package delta

import (
	"context"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
)

// feedFolder is where change files lie.
const feedFolder = "_change_data/"

// feedsChanges reports whether commits that change rows are to say which.
func feedsChanges(head *Head) bool {
	return hasFeed(head) && head.Protocol.Supports("changeDataFeed")
}

// feed writes the change files of a commit. Without any, readers take the rows of added files as inserts and those of
// removed ones as deletes, so a commit has all of its changes in them or none.
type feed struct {
	w        *Writer
	kind     batch.Field
	schema   *batch.Schema // of the last batch
	extended *batch.Schema // with the kind
	pool     *batch.Pool
}

func newFeed(t *Table, head *Head, o WriterOptions) (*feed, error) {
	f := &feed{kind: batch.Field{Name: ChangeTypeColumn, Type: batch.StringType}, pool: o.Pool}
	m, err := mappingOf(&head.Metadata)
	if err != nil {
		return nil, err
	}
	if m != mappingNone { // its name is the same everywhere, and no column has its id
		f.kind.Metadata = `{"delta.columnMapping.id":2147483647,"delta.columnMapping.physicalName":"` + ChangeTypeColumn + `"}`
	}
	with := *head
	with.Schema = f.extend(head.Schema)
	o.Name = func(number int, id string) string { return fmt.Sprintf("cdc-%05d-%s.c000", number, id) }
	if f.w, err = NewWriter(t, &with, o); err != nil {
		return nil, err
	}
	f.w.folder, f.w.rules = feedFolder, &rules{schema: with.Schema} // rows that go need not be what is asked of new ones
	return f, nil
}

func (f *feed) extend(s *batch.Schema) *batch.Schema {
	if f.schema != s {
		f.schema, f.extended = s, batch.NewSchema(append(slices.Clip(s.Fields), f.kind)...)
	}
	return f.extended
}

// write says what became of the rows of a batch, which stays the caller's.
func (f *feed) write(ctx context.Context, b *batch.Batch, rows []int32, kind string) error {
	if f == nil || len(rows) == 0 {
		return nil
	}
	column := batch.NewConst(f.pool, f.kind.Type, []byte(kind), b.N)
	defer column.Release()
	return f.w.Write(ctx, &batch.Batch{Schema: f.extend(b.Schema), N: b.N, Sel: rows, Columns: append(slices.Clip(b.Columns), column)})
}

// finish makes the files durable.
func (f *feed) finish(ctx context.Context) ([]log.CDC, error) {
	if f == nil {
		return nil, nil
	}
	adds, err := f.w.Finish(ctx)
	files := make([]log.CDC, len(adds))
	for i, a := range adds {
		files[i] = log.CDC{Path: a.Path, Partition: a.Partition, Size: a.Size}
	}
	return files, err
}

func (f *feed) abort() {
	if f != nil {
		f.w.Abort()
	}
}

// feedOld tells of the rows that the hits take from a file, of which a batch holds those from first on.
func (r *rewrite) feedOld(ctx context.Context, b *batch.Batch, first uint32, hits []hit) error {
	if r.feed == nil {
		return nil
	}
	if own := len(r.head.Schema.Fields); len(b.Columns) > own { // change files have no numbers
		b = &batch.Batch{Schema: r.head.Schema, N: b.N, Sel: b.Sel, Columns: b.Columns[:own]}
	}
	var replaced, deleted []int32
	for _, h := range hits {
		if h.row >= first+uint32(b.N) {
			break
		}
		switch {
		case h.row < first:
		case h.with:
			replaced = append(replaced, int32(h.row-first))
		default:
			deleted = append(deleted, int32(h.row-first))
		}
	}
	if err := r.feed.write(ctx, b, replaced, "update_preimage"); err != nil {
		return err
	}
	return r.feed.write(ctx, b, deleted, "delete")
}

// readMarked tells of the rows that are marked in a file, which is read for it unless what is to be known of them follows from their places.
func (r *rewrite) readMarked(ctx context.Context, m marked, hits []hit) error {
	old := &r.index.files[m.file]
	if r.feed == nil && !old.numbered {
		r.numbers.follow(&old.add, hits)
		return nil
	}
	o := ScanOptions{numbers: r.numbers != nil}
	if r.feed == nil {
		o.Columns = []string{}
	}
	c, err := r.t.scanOf(r.head, o)
	if err != nil {
		return err
	}
	f := &fileScan{scan: c, add: &old.add, gone: old.gone, known: true, differs: true, than: m.gone}
	return f.each(ctx, func(b *batch.Batch, first int64) error {
		defer b.Release()
		return r.meet(ctx, b, uint32(first), hits)
	})
}

// meet takes note of the rows that the hits take from a file, of which a batch holds those from first on.
func (r *rewrite) meet(ctx context.Context, b *batch.Batch, first uint32, hits []hit) error {
	r.numbers.take(b, first, hits)
	return r.feedOld(ctx, b, first, hits)
}

// feedNew tells of the rows that came, for keys that had one and for those that had none.
func (r *rewrite) feedNew(ctx context.Context) error {
	if r.feed == nil {
		return nil
	}
	updated, inserted := make([][]int32, len(r.changes)), make([][]int32, len(r.changes))
	for _, h := range r.hits {
		if h.with {
			updated[h.change.batch] = append(updated[h.change.batch], int32(h.change.row))
		}
	}
	for _, s := range r.fresh {
		inserted[s.batch] = append(inserted[s.batch], int32(s.row))
	}
	for i, b := range r.changes {
		if err := r.feed.write(ctx, b, updated[i], "update_postimage"); err != nil {
			return err
		}
		if err := r.feed.write(ctx, b, inserted[i], "insert"); err != nil {
			return err
		}
	}
	return nil
}
