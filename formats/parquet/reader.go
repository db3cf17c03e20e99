package parquet

import (
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/format"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// Reader gives the rows of a file as batches. After an error it gives nothing
// more. It ends with Close.
type Reader struct {
	file   *File
	schema *batch.Schema
	lookup func(batch.Field) Key
	fields []*wanted
	leaves []*leafReader

	group  int   // of the row groups, the next one to open
	row    int64 // of the file, the next one
	end    int64 // of the file, the row behind the open row group
	first  int64 // of the file, the first row of the last batch
	ranges []Range
	most   int64 // rows of a batch of the open row group
	err    error
}

// wanted is a field that a reader gives, with where it comes from.
type wanted struct {
	field  batch.Field
	source *field // nil: the file has no such column, every row is null
	kids   []*wanted
	leaf   *leafReader
	first  *leafReader // of the leaves below: its levels say what is null and how long lists are
	hidden *leafReader // read for its levels alone

	shredded bool  // kids are the parts of variants
	minDef   uint8 // entries below belong to a null or empty ancestor and are no row
}

// Read is Select of whole rows by the names of their columns.
func (f *File) Read(want *batch.Schema) (*Reader, error) { return f.Select(Selection{Schema: want}) }

// Select returns a reader of what is selected. A nullable column that the file
// does not have is null in every row. A column whose values do not all fit the
// wanted type is an error that names it.
func (f *File) Select(s Selection) (*Reader, error) {
	if s.Schema == nil {
		s.Schema = f.schema
	}
	r := &Reader{file: f, schema: s.Schema, lookup: s.Lookup, ranges: s.Ranges}
	if s.Ranges == nil {
		r.ranges = []Range{{0, f.meta.NumRows}}
	}
	for _, w := range s.Schema.Fields {
		n, err := r.bind(w, r.find(f.fields, w), 0, false, []string{w.Name})
		if err != nil {
			return nil, f.failure("FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH", err)
		}
		r.fields = append(r.fields, n)
	}
	for _, l := range r.leaves {
		l.step = min(1<<20, max(64<<10, (16<<20)/int64(len(r.leaves))))
	}
	return r, nil
}

// Schema returns the schema of the batches.
func (r *Reader) Schema() *batch.Schema { return r.schema }

// bind matches a wanted field with one of the file.
func (r *Reader) bind(w batch.Field, f *field, minDef uint8, nested bool, path []string) (*wanted, error) {
	n := &wanted{field: w, source: f, minDef: minDef}
	if len(path) > maxDepth {
		return nil, fmt.Errorf("column %s is nested deeper than %d levels", joinPath(path), maxDepth)
	}
	if f == nil {
		if !w.Nullable && w.Type.Kind != batch.Void {
			return nil, fmt.Errorf("the file has no column %s, which is not nullable", joinPath(path))
		}
		return n, nil
	}
	mismatch := func() error {
		return fmt.Errorf("column %s has type %s in the file and cannot be read as %s", joinPath(path), f.typ, w.Type)
	}
	if w.Type.Kind == batch.Void {
		n.source = nil
		return n, nil
	}
	if !w.Type.Nested() {
		if f.leaf < 0 {
			return nil, mismatch()
		}
		l, ok := r.leafOf(f, w.Type, joinPath(path))
		if !ok {
			return nil, mismatch()
		}
		l.minDef, l.nested = minDef, nested
		n.leaf, n.first = l, l
		return n, nil
	}
	if f.leaf >= 0 {
		return nil, mismatch()
	}
	return n, r.bindKids(n, f, path, mismatch)
}

func (r *Reader) bindKids(n *wanted, f *field, path []string, mismatch func() error) error {
	w := n.field
	var kids []batch.Field
	var sources []*field
	minDef := n.minDef
	switch {
	case w.Type.Kind == batch.Struct && (f.typ.Kind == batch.Struct || f.typ.Kind == batch.Variant):
		for _, k := range w.Type.Fields {
			kids, sources = append(kids, k), append(sources, r.find(f.kids, k))
		}
	case w.Type.Kind == batch.Variant && (f.typ.Kind == batch.Struct && isVariantShape(f.kids) || f.typ.Kind == batch.Variant):
		for _, name := range []string{"metadata", "value"} {
			kids = append(kids, batch.Field{Name: name, Type: batch.BinaryType})
			sources = append(sources, byName(f.kids, name))
		}
	case w.Type.Kind == batch.Variant && f.typ.Kind == batch.Struct && isShredded(f.kids):
		defer func(l func(batch.Field) Key) { r.lookup = l }(r.lookup)
		r.lookup = nil // what a variant is made of has the names of the format
		n.shredded = true
		for _, name := range []string{"metadata", "value", "typed_value"} {
			if k := byName(f.kids, name); k != nil {
				kids, sources = append(kids, batch.Field{Name: name, Type: k.typ, Nullable: true}), append(sources, k)
			}
		}
	case w.Type.Kind == f.typ.Kind && (w.Type.Kind == batch.Array || w.Type.Kind == batch.Map):
		kids, sources = w.Type.Fields, f.kids
		minDef = f.def + 1
	default:
		return mismatch()
	}
	for i, k := range kids {
		kid, err := r.bind(k, sources[i], minDef, true, append(path[:len(path):len(path)], k.Name))
		if err != nil {
			return err
		}
		n.kids = append(n.kids, kid)
		if n.first == nil {
			n.first = kid.first
		}
	}
	if n.first == nil { // none of the wanted fields is there; any leaf knows where the struct is null
		any := f
		for any.leaf < 0 {
			any = any.kids[0]
		}
		l, ok := r.leafOf(any, any.typ, joinPath(path))
		if !ok {
			return mismatch()
		}
		l.minDef, l.nested = any.def, true
		n.hidden, n.first = l, l
	}
	return nil
}

// leafOf makes the reader of a leaf as type t.
func (r *Reader) leafOf(f *field, t batch.Type, name string) (*leafReader, bool) {
	l, ok := r.file.leafOf(f, t, name)
	if ok {
		r.leaves = append(r.leaves, l)
	}
	return l, ok
}

func (f *File) leafOf(x *field, t batch.Type, name string) (*leafReader, bool) {
	convert, more, ok := conversionTo(x.element, t)
	if !ok {
		return nil, false
	}
	l := newLeafReader()
	l.name, l.want, l.convert, l.rescale = name, t, convert, more
	l.budget = min(f.options.Limits.BatchBytes, 1<<31-1)
	l.file, l.physical, l.maxDef, l.maxRep = f, x.element.Type.V, x.def, x.rep
	l.chunkReader.leaf = x.leaf
	l.width = int(x.element.TypeLength.V)
	if l.physical == format.Int96 {
		l.width = 12
	}
	l.dict.pool, l.dict.typ = f.options.Pool, t
	return l, true
}

// Next returns the next batch, which belongs to the caller, or io.EOF. A batch
// lies within one row group and has at most [Limits] BatchRows rows. Strings
// that the file holds as codes stay codes: such columns have a dictionary.
func (r *Reader) Next() (b *batch.Batch, err error) {
	if r.err != nil {
		return nil, r.err
	}
	var at string
	defer func() {
		if p := recover(); p != nil {
			b, err = nil, fmt.Errorf("decoding it panicked: %v", p)
		}
		if err != nil {
			if err != io.EOF {
				if at != "" {
					err = fmt.Errorf("column %s: %w", at, err)
				}
				err = r.file.failure("FAILED_READ_FILE.NO_HINT", err)
			}
			r.Close()
			r.err = err
		}
	}()
	n, skip, err := r.advance()
	if err != nil {
		return nil, err
	}
	for _, l := range r.leaves {
		at = l.name
		if err := l.skipRows(skip); err != nil {
			return nil, err
		}
		if err := l.readRows(n); err != nil {
			return nil, err
		}
	}
	at = ""
	r.first = r.row
	r.row += int64(n)
	return r.assemble(n)
}

// Row returns the number, within the file, of the first row of the batch that Next gave last. The rows of a batch
// follow each other.
func (r *Reader) Row() int64 { return r.first }

// advance opens the row group of the next wanted rows, and returns how many of them there are for a batch and how many
// rows come before them in their row group. io.EOF if there are none.
func (r *Reader) advance() (n int, skip int64, err error) {
	for {
		for len(r.ranges) > 0 && r.ranges[0].end() <= r.row {
			r.ranges = r.ranges[1:]
		}
		if len(r.ranges) == 0 {
			return 0, 0, io.EOF
		}
		next := &r.ranges[0]
		if from := max(next.First, r.row); from < r.end {
			skip = from - r.row
			r.row = from
			return int(min(r.end-from, next.end()-from, r.most)), skip, nil
		}
		if r.group == len(r.file.meta.RowGroups) {
			return 0, 0, io.EOF
		}
		g := &r.file.meta.RowGroups[r.group]
		r.group++
		r.row, r.end = r.end, r.end+g.NumRows
		if next.First < r.end {
			r.open(g)
		}
	}
}

// usualBatch is what a batch takes, where rows are so wide that fewer of them than usual take it.
const usualBatch = 16 << 20

func (r *Reader) open(g *format.RowGroup) {
	var bytes int64
	for _, l := range r.leaves {
		bytes += max(0, min(g.Columns[l.chunkReader.leaf].MetaData.TotalUncompressedSize, 1<<40))
	}
	r.most = min(int64(r.file.options.Limits.BatchRows), max(1, usualBatch/max(1, bytes/max(1, g.NumRows))))
	for _, l := range r.leaves {
		l.open(&g.Columns[l.chunkReader.leaf].MetaData)
		l.repeats = l.repeats[:0]
	}
}

// assemble makes the batch of the n rows that the leaves have read.
func (r *Reader) assemble(n int) (*batch.Batch, error) {
	b := batch.NewBatch(r.schema, n)
	for _, w := range r.fields {
		c, err := r.build(w, n)
		if err != nil {
			b.Release()
			return nil, err
		}
		b.Columns = append(b.Columns, c)
	}
	return b, nil
}

// Close gives back what the reader holds. Batches stay valid.
func (r *Reader) Close() {
	for _, l := range r.leaves {
		l.recycle()
	}
	r.leaves, r.ranges = nil, nil
	if r.err == nil {
		r.err = io.EOF
	}
}

// Verify reads the whole file back and compares its number of rows with rows:
// the check of a file just written. It reads every page and checksum.
func Verify(r io.ReaderAt, size, rows int64, o ReadOptions) error {
	f, err := Open(r, size, o)
	if err != nil {
		return err
	}
	in, err := f.Read(nil)
	if err != nil {
		return err
	}
	defer in.Close()
	var got int64
	for {
		b, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		got += int64(b.N)
		b.Release()
	}
	if got != rows {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "PARQUET_READ_BACK", Path: o.Name,
			Message: fmt.Sprintf("the file gives %d rows, %d were written", got, rows)}
	}
	return nil
}
