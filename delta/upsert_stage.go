package delta

import (
	"context"
	"io"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/staged"
	"github.com/deltaic/deltaic/supervision"
)

// stagedData is what a share of an upserting sink prepares: a file of change rows.
type stagedData struct {
	Staged staged.File `json:"staged"`
	Keys   []string    `json:"keys,omitempty"`
}

// upsertWriter stages the change rows of one share, as they come, until their epoch is decided. What could
// not be committed later is refused now, while it is a row's fault and nobody else's.
type upsertWriter struct {
	*staged.Share
	t       *Table
	head    *Head
	fit     *fit
	rules   *rules
	columns []int // of the rows: the keys
	keys    []string

	sel  []int32
	text []byte
}

// Write stages the rows that count.
func (w *upsertWriter) Write(ctx context.Context, b *batch.Batch) error {
	if err := w.check(b); err != nil {
		return err
	}
	kept := *b
	kept.Sel = w.needed(b)
	return w.Share.Write(ctx, &kept)
}

// needed leaves out the rows before an update that are followed by the row after it, of the same key: they say nothing.
func (w *upsertWriter) needed(b *batch.Batch) []int32 {
	if b.Kinds == nil {
		return b.Sel
	}
	w.sel = slices.Grow(w.sel[:0], b.Rows())
	for i := range b.Rows() {
		r := b.Row(i)
		if b.Kinds[r] == batch.UpdateBefore && i+1 < b.Rows() {
			if next := b.Row(i + 1); b.Kinds[next] == batch.UpdateAfter && sameKey(b, w.columns, r, next) {
				continue
			}
		}
		w.sel = append(w.sel, int32(r))
	}
	return w.sel
}

func sameKey(b *batch.Batch, columns []int, i, j int) bool {
	for _, c := range columns {
		if batch.CompareRows(b.Columns[c], i, b.Columns[c], j) != 0 {
			return false
		}
	}
	return true
}

// check refuses rows that the table cannot hold.
func (w *upsertWriter) check(b *batch.Batch) error {
	whole := &batch.Batch{Schema: w.head.Schema, N: b.N, Columns: w.fit.columns(b, w.Of().Pool)}
	defer func() { releaseAll(whole.Columns) }()
	sel := b.Sel
	if b.Kinds != nil { // of a row that goes only the key counts
		sel = w.sel[:0]
		for i := range b.Rows() {
			if r := b.Row(i); settledKind(b.Kinds[r]) == batch.Insert {
				sel = append(sel, int32(r))
			}
		}
		w.sel = sel
	}
	if whole.Sel = sel; sel == nil || len(sel) > 0 {
		if err := w.rules.demand(whole, w.fit.from, w.t.o.Now()); err != nil {
			return w.t.at(err, -1)
		}
	}
	columns := whole.Columns
	for _, name := range w.head.Metadata.PartitionColumns {
		at := w.head.Schema.Index(name)
		if err := w.checkPartition(w.head.Schema.Fields[at], columns[at], sel, b.N); err != nil {
			return err
		}
	}
	return nil
}

func releaseAll(columns []*batch.Column) {
	for _, c := range columns {
		c.Release()
	}
}

// checkPartition refuses what the log cannot say of a partition.
func (w *upsertWriter) checkPartition(f batch.Field, c *batch.Column, sel []int32, n int) error {
	for i := range rowsOf(sel, n) {
		r := int(rowAt(sel, i))
		switch {
		case c.IsNull(r):
			continue
		case f.Type.Kind == batch.String || f.Type.Kind == batch.Binary:
			if !f.Nullable && len(c.Bytes(r)) == 0 {
				return w.t.failure(supervision.Poison, ClassNotNull, -1,
					"the partition column %s is NOT NULL and row %d of the batch has an empty value for it, which Delta reads as null", f.Name, r)
			}
			continue
		}
		text, ok := w.text[:0], true
		switch f.Type.Kind {
		case batch.Date:
			text, ok = appendDate(text, int64(c.I32[r]))
		case batch.Timestamp, batch.TimestampNTZ:
			text, ok = appendTime(text, c.I64[r], 'T', "")
		}
		if w.text = text; !ok {
			return w.t.failure(supervision.Poison, "DELTA_INVALID_PARTITION_VALUE", -1, "row %d of the batch: partition column %s: its year is outside of 1 to 9999", r, f.Name)
		}
	}
	return nil
}

// Seal takes the epoch's file aside.
func (w *upsertWriter) Seal(int64) (connectors.Sealed, error) {
	if out := w.Share.Seal(); out != nil {
		return stagedRows{out, w.keys}, nil
	}
	return nil, nil
}

type stagedRows struct {
	out  *staged.Writer
	keys []string
}

// Finish makes the staged rows durable.
func (s stagedRows) Finish(context.Context) (connectors.Prepared, error) {
	return s.out.Prepare(func(f staged.File) any { return stagedData{f, s.keys} })
}

// stagedFiles returns the files that the shares prepared, in the order of shares.
func stagedFiles(prepared []connectors.Prepared) (files []staged.File, err error) {
	all, err := staged.Told(prepared, func(d stagedData) bool { return d.Staged.Name != "" })
	for _, d := range all {
		files = append(files, d.Staged)
	}
	slices.SortStableFunc(files, func(a, b staged.File) int { return a.Share - b.Share })
	return files, err
}

// fit returns how the flow's rows become the table's, and what the table asks of them.
func (u *upserts) fit(head *Head) (*rules, *fit, error) {
	r, err := newRules(head)
	if err != nil {
		return nil, nil, u.t.at(err, head.Version)
	}
	r.context.Pool, r.context.Now = u.pool, u.t.o.Now().UnixMicro()
	f, err := fitRows(u.rows, head.Schema, r.fills()...)
	return r, f, u.t.at(err, head.Version)
}

// changes reads staged rows and reduces them to one a key, in the order of keys, as batches of the table's
// columns whose kinds are insert and delete.
func (u *upserts) changes(ctx context.Context, files []staged.File, head *Head) ([]*batch.Batch, error) {
	rules, f, err := u.fit(head)
	if err != nil {
		return nil, err
	}
	var s rowSort
	defer s.release()
	for _, k := range u.keys {
		s.keys = append(s.keys, indexOf(head.Schema, k))
	}
	for part, file := range files {
		if err := u.read(ctx, file, func(b *batch.Batch) error {
			b = fitted(b, f, head, u.pool)
			s.add(b, part)
			return rules.fill(b, f.from)
		}); err != nil {
			return nil, u.t.at(err, head.Version)
		}
	}
	s.sort()
	s.lastOfKey()
	p := picker{schema: head.Schema, pool: u.pool}
	var out []*batch.Batch
	for chunk := range slices.Chunk(s.rows, pickRows) {
		spots, kinds := make([]spot, len(chunk)), make([]batch.RowKind, len(chunk))
		for i := range chunk {
			spots[i], kinds[i] = chunk[i].spot, chunk[i].kind
		}
		b := p.pick(s.batches, spots)
		b.Kinds = kinds
		out = append(out, b)
	}
	return out, nil
}

func (u *upserts) read(ctx context.Context, f staged.File, use func(*batch.Batch) error) error {
	r, err := staged.Open(ctx, u.objects, f, u.rows, u.pool)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := use(b); err != nil {
			return err
		}
	}
}

// fitted makes the table's columns of a batch of the flow's, which it takes over. An empty text that is a
// partition's value is null: so the table will give it back.
func fitted(b *batch.Batch, f *fit, head *Head, pool *batch.Pool) *batch.Batch {
	defer b.Release()
	out := &batch.Batch{Schema: head.Schema, N: b.N, Sel: b.Sel, Kinds: b.Kinds, Columns: f.columns(b, pool)}
	for _, name := range head.Metadata.PartitionColumns {
		at := head.Schema.Index(name)
		if k := head.Schema.Fields[at].Type.Kind; k == batch.String || k == batch.Binary {
			c := withoutEmpty(out.Columns[at], pool)
			out.Columns[at].Release()
			out.Columns[at] = c
		}
	}
	return out
}

// withoutEmpty returns the column with nulls for empty values.
func withoutEmpty(c *batch.Column, pool *batch.Pool) *batch.Column {
	empty := false
	for i := range c.N {
		empty = empty || !c.IsNull(i) && len(c.Bytes(i)) == 0
	}
	if !empty {
		return c.Retain()
	}
	b := batch.NewBuilder(c.Type, pool)
	defer b.Release()
	for i := range c.N {
		if c.IsNull(i) || len(c.Bytes(i)) == 0 {
			b.Null()
		} else {
			b.Bytes(c.Bytes(i))
		}
	}
	return b.Finish()
}
