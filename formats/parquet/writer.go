package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// Writer makes one Parquet file. After an error it accepts nothing more and is
// ended with Discard.
type Writer struct {
	w       io.Writer
	schema  *batch.Schema
	options WriterOptions
	codec   compress.Codec
	plan    *plan
	shred   shredder
	defs    []byte
	present []int32

	offset  int64 // bytes given to w
	rows    int64 // of the file
	group   int64 // of the row group being filled
	groups  []format.RowGroup
	charged int64
	err     error
	done    bool
}

// NewWriter returns a writer of a file with the columns of s to w. Columns of
// type void are left out. Nothing is written before the first row group is
// full or Close.
func NewWriter(w io.Writer, s *batch.Schema, o WriterOptions) (*Writer, error) {
	o = o.withDefaults()
	codec, err := codecNamed(o.Codec)
	if err != nil {
		return nil, err
	}
	p, err := newPlan(s, o.FieldIDs)
	if err != nil {
		return nil, err
	}
	out := &Writer{w: w, schema: s, options: o, codec: codec, plan: p}
	for i, l := range p.leaves {
		l.pageBuffers = o.Buffers.take(i)
		l.dict.limit = o.DictionaryBytes
		l.start(o.DictionaryBytes > 0)
	}
	out.charge()
	return out, nil
}

// Rows returns the rows written so far.
func (w *Writer) Rows() int64 { return w.rows }

// Size estimates the bytes of the file if it were closed now: what was given
// to the underlying writer and what is buffered, the latter uncompressed where
// its page is not finished.
func (w *Writer) Size() int64 {
	size := w.offset
	if w.done {
		return size
	}
	for _, l := range w.plan.leaves {
		size += l.pending()
	}
	return size
}

// Buffered returns the bytes of memory held, which are charged to the account.
func (w *Writer) Buffered() int64 { return w.charged }

func (w *Writer) charge() {
	held := w.shred.held() + int64(cap(w.defs)) + int64(cap(w.present))*4
	for _, l := range w.plan.leaves {
		held += l.held()
	}
	w.options.Account.Charge(held - w.charged)
	w.charged = held
}

// Write appends the rows of b that its selection names. The batch's columns
// must be of the writer's schema, in its order; row kinds are not looked at. A
// null in a column that is not nullable is an error that names it.
func (w *Writer) Write(b *batch.Batch) error {
	switch {
	case w.err != nil:
		return w.err
	case w.done:
		return errors.New("parquet: Write after Close")
	}
	if err := w.check(b); err != nil {
		return err // nothing was taken in, the writer goes on
	}
	step := windowRows(b)
	for lo, n := 0, b.Rows(); lo < n && w.err == nil; lo += step {
		w.err = w.window(b, lo, min(lo+step, n))
	}
	w.charge()
	return w.err
}

// windowRows returns how many rows are taken in before page and row group
// sizes are looked at: few if rows are long, so that memory stays bounded.
func windowRows(b *batch.Batch) int {
	if b.N == 0 {
		return 1
	}
	average := b.Size()/int64(b.N) + 1
	return int(min(max(4<<20/average, 1), 4096))
}

// check compares the batch with the schema.
func (w *Writer) check(b *batch.Batch) error {
	if len(b.Columns) != len(w.schema.Fields) {
		return supervision.New(supervision.Restart, "PARQUET_BATCH_MISMATCH",
			"the batch has %d columns, the file's schema has %d", len(b.Columns), len(w.schema.Fields))
	}
	for i, f := range w.schema.Fields {
		c := b.Columns[i]
		if c.N != b.N || !sameShape(c.Type, f.Type) {
			return supervision.New(supervision.Restart, "PARQUET_BATCH_MISMATCH",
				"column %s: the batch has %d rows of %s in a batch of %d rows, the file's schema asks for %s",
				f.Name, c.N, c.Type, b.N, f.Type)
		}
		if !f.Nullable && f.Type.Kind != batch.Void && c.Valid != nil && anyNull(c, b) {
			return notNull(f.Name)
		}
	}
	return nil
}

func anyNull(c *batch.Column, b *batch.Batch) bool {
	if b.Sel == nil {
		return c.Nulls() > 0
	}
	for _, r := range b.Sel {
		if !c.Valid.Get(int(r)) {
			return true
		}
	}
	return false
}

// sameShape is Type.Equal without names: columns are matched by position.
func sameShape(a, b batch.Type) bool {
	if a.Kind != b.Kind || a.Precision != b.Precision || a.Scale != b.Scale || len(a.Fields) != len(b.Fields) {
		return false
	}
	for i := range a.Fields {
		if !sameShape(a.Fields[i].Type, b.Fields[i].Type) {
			return false
		}
	}
	return true
}

// window takes in the counted rows from lo up to hi.
func (w *Writer) window(b *batch.Batch, lo, hi int) error {
	s := source{lo: lo, hi: hi}
	if b.Sel != nil {
		s = source{rows: b.Sel[lo:hi]}
	}
	for _, n := range w.plan.fields {
		c := b.Columns[n.index]
		if n.leaf != nil {
			w.flat(n, c, s)
			continue
		}
		in := w.shred.get()
		for i := lo; i < hi; i++ {
			in.add(0, 0, int32(b.Row(i)))
		}
		err := w.shred.shred(n, c, in)
		w.shred.put(in)
		if err != nil {
			return err
		}
	}
	w.rows += int64(hi - lo)
	w.group += int64(hi - lo)
	return w.cut()
}

// flat appends the rows of a top-level leaf column.
func (w *Writer) flat(n *node, c *batch.Column, s source) {
	l, count := n.leaf, s.len()
	l.rows += count
	s.column = c
	if c.Valid == nil || !n.nullable {
		l.addDefs(count, nil, 0)
		l.addValues(s)
		return
	}
	w.defs, w.present = presentOf(c, s, l.maxDef, w.defs, w.present)
	nulls := count - len(w.present)
	l.addDefs(count, w.defs, nulls)
	switch {
	case nulls == 0:
		l.addValues(s)
	case nulls < count:
		s.rows = w.present
		l.addValues(s)
	}
}

// cut closes pages and the row group where they are large enough.
func (w *Writer) cut() error {
	var group int64
	for _, l := range w.plan.leaves {
		if l.pageBytes() >= w.options.PageBytes || l.entries >= maxPageEntries {
			if err := l.finishPage(w.codec); err != nil {
				return err
			}
		}
		group += l.pending()
	}
	if group >= w.options.RowGroupBytes || w.group >= w.options.RowGroupRows {
		return w.flush()
	}
	return nil
}

// maxPageEntries bounds the entries of a page whose values take no room.
const maxPageEntries = 1 << 17

// flush writes the row group being filled.
func (w *Writer) flush() error {
	if w.group == 0 {
		return nil
	}
	if w.offset == 0 {
		if err := w.put([]byte("PAR1")); err != nil {
			return err
		}
	}
	g := format.RowGroup{NumRows: w.group, FileOffset: w.offset, Ordinal: int16(len(w.groups))}
	if len(w.groups) >= maxRowGroups {
		return supervision.New(supervision.Fatal, "PARQUET_TOO_MANY_ROW_GROUPS",
			"the file has %d row groups, the most that the format numbers", maxRowGroups)
	}
	for _, l := range w.plan.leaves {
		if err := l.finishPage(w.codec); err != nil {
			return err
		}
		if err := l.checkRows(w.group); err != nil {
			return err
		}
		dictionary, err := l.dictionaryPage(w.codec)
		if err != nil {
			return err
		}
		chunk := l.describe(w.codec, w.offset, dictionary.size)
		if err := errors.Join(w.putAll(dictionary), w.putAll(&l.chunk)); err != nil {
			return err
		}
		g.Columns = append(g.Columns, chunk)
		g.TotalByteSize += chunk.MetaData.TotalUncompressedSize
		g.TotalCompressedSize += chunk.MetaData.TotalCompressedSize
		l.start(w.options.DictionaryBytes > 0)
	}
	w.groups = append(w.groups, g)
	w.group = 0
	return nil
}

const maxRowGroups = 1<<15 - 1

func (w *Writer) putAll(s *segments) error {
	for _, b := range s.pieces() {
		if err := w.put(b); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) put(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	n, err := w.w.Write(b)
	w.offset += int64(n)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fmt.Errorf("writing a Parquet file: %w", err)
	}
	return nil
}

// Close writes what is buffered and the footer, and gives the buffers back. It
// does not close the underlying writer. A file without rows is whole too.
func (w *Writer) Close() error {
	if w.done {
		return w.err
	}
	defer w.Discard()
	if w.err != nil {
		return w.err
	}
	if w.err = w.flush(); w.err != nil {
		return w.err
	}
	if w.offset == 0 {
		if w.err = w.put([]byte("PAR1")); w.err != nil {
			return w.err
		}
	}
	footer, err := w.footer()
	if err != nil {
		w.err = err
		return err
	}
	w.err = w.put(footer)
	return w.err
}

// Discard gives the buffers back without finishing the file. After Close it
// does nothing.
func (w *Writer) Discard() {
	if w.done {
		return
	}
	w.done = true
	for i, l := range w.plan.leaves {
		w.options.Buffers.give(i, l.pageBuffers)
		l.pageBuffers, l.dict.dictionaryBuffers = &pageBuffers{}, nil
	}
	w.options.Account.Charge(-w.charged)
	w.charged = 0
}

func (w *Writer) footer() ([]byte, error) {
	m := format.FileMetaData{Version: 1, Schema: w.plan.elements, NumRows: w.rows,
		RowGroups: w.groups, CreatedBy: w.options.CreatedBy}
	for k, v := range w.options.KeyValue {
		m.KeyValueMetadata = append(m.KeyValueMetadata, format.KeyValue{Key: k, Value: v})
	}
	slices.SortFunc(m.KeyValueMetadata, func(a, b format.KeyValue) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	for range w.plan.leaves {
		m.ColumnOrders = append(m.ColumnOrders, format.ColumnOrder{Value: &format.TypeDefinedOrder{}})
	}
	text, err := thrift.Marshal(new(thrift.CompactProtocol), &m)
	if err != nil {
		return nil, fmt.Errorf("encoding a Parquet footer: %w", err)
	}
	text = binary.LittleEndian.AppendUint32(text, uint32(len(text)))
	return append(text, "PAR1"...), nil
}
