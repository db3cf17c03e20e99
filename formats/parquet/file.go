package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/parquet-go/parquet-go/format"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// File is an opened Parquet file: its footer, checked. It may be shared by
// several readers, each used by one goroutine, if its [io.ReaderAt] may.
type File struct {
	r       io.ReaderAt
	size    int64
	options ReadOptions
	meta    format.FileMetaData
	fields  []*field
	leaves  []*element
	repeats []bool // by leaf: it lies in a list
	schema  *batch.Schema
}

// RowGroup describes a part of a file.
type RowGroup struct {
	Rows  int64
	Bytes int64 // of its column chunks, compressed
}

const tailBytes = 8 // the footer's length and the magic number

// Open reads the footer of the Parquet file of size bytes behind r, which it
// keeps for its readers. Errors are failures of class CANNOT_READ_FILE_FOOTER.
func Open(r io.ReaderAt, size int64, o ReadOptions) (f *File, err error) {
	o.Limits = o.Limits.withDefaults()
	f = &File{r: r, size: size, options: o}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoding it panicked: %v", p)
		}
		if err != nil {
			f, err = nil, f.failure("CANNOT_READ_FILE_FOOTER", err)
		}
	}()
	footer, err := f.readFooter()
	if err != nil {
		return f, err
	}
	if _, err := decodeThrift(footer, &f.meta); err != nil {
		return f, fmt.Errorf("the footer: %w", err)
	}
	return f, f.understand()
}

func (f *File) failure(class string, cause error) error {
	kind := supervision.Fatal
	var io *ioError
	if errors.As(cause, &io) {
		kind = supervision.KindOf(io.cause)
	}
	var inner *supervision.Failure
	if errors.As(cause, &inner) && inner.Class != "" {
		class = inner.Class
	}
	return &supervision.Failure{Kind: kind, Class: class, Path: f.options.Name, Message: "the Parquet file cannot be read",
		Hint: "if the file is whole elsewhere, restore it; else remove it from the table", Cause: cause}
}

// ioError marks an error of the reader below, which says nothing of the file.
type ioError struct{ cause error }

func (e *ioError) Error() string { return e.cause.Error() }
func (e *ioError) Unwrap() error { return e.cause }

func (f *File) readAt(b []byte, at int64) error {
	n, err := f.r.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return fmt.Errorf("the file ends at %d of %d bytes: %w", at+int64(n), f.size, io.ErrUnexpectedEOF)
	}
	return &ioError{fmt.Errorf("reading %d bytes at %d: %w", len(b), at, err)}
}

// readFooter returns the footer's bytes; what the file says of their number is
// checked against its size before anything is made of it.
func (f *File) readFooter() ([]byte, error) {
	if f.size < 4+tailBytes {
		return nil, fmt.Errorf("%d bytes are too few for a Parquet file", f.size)
	}
	guess := min(f.size, 64<<10)
	tail := make([]byte, guess)
	if err := f.readAt(tail, f.size-guess); err != nil {
		return nil, err
	}
	switch magic := string(tail[guess-4:]); magic {
	case "PAR1":
	case "PARE":
		return nil, errors.New("the footer is encrypted, which is not supported")
	default:
		return nil, fmt.Errorf("it ends with %q, a Parquet file ends with %q", magic, "PAR1")
	}
	n := int64(binary.LittleEndian.Uint32(tail[guess-tailBytes:]))
	switch {
	case n > f.size-4-tailBytes:
		return nil, fmt.Errorf("the footer's length is said to be %d, the file has %d bytes", n, f.size)
	case n > f.options.Limits.FooterBytes:
		return nil, fmt.Errorf("the footer has %d bytes, the limit is %d", n, f.options.Limits.FooterBytes)
	case n <= guess-tailBytes:
		return tail[guess-tailBytes-n : guess-tailBytes], nil
	}
	footer := make([]byte, n)
	return footer, f.readAt(footer, f.size-tailBytes-n)
}

// understand turns the footer's schema into fields and checks the row groups
// against it.
func (f *File) understand() error {
	p := treeParser{list: f.meta.Schema}
	root, err := p.next(0)
	if err != nil {
		return err
	}
	if p.at != len(p.list) {
		return fmt.Errorf("the schema has %d elements more than its root counts", len(p.list)-p.at)
	}
	f.leaves, f.repeats = p.leaves, make([]bool, len(p.leaves))
	markRepeats(root, false, f.repeats)
	if f.fields, err = fieldsOf(root.kids, 0, 0); err != nil {
		return err
	}
	f.schema = &batch.Schema{}
	for _, x := range f.fields {
		f.schema.Fields = append(f.schema.Fields, batch.Field{Name: x.name, Type: x.typ, Nullable: x.nullable})
	}
	var rows int64
	for i := range f.meta.RowGroups {
		g := &f.meta.RowGroups[i]
		if err := f.checkGroup(g); err != nil {
			return fmt.Errorf("row group %d: %w", i, err)
		}
		if rows > math.MaxInt64-g.NumRows {
			return errors.New("the row groups have more rows than can be counted")
		}
		rows += g.NumRows
	}
	if rows != f.meta.NumRows {
		return fmt.Errorf("the footer says %d rows, its row groups have %d", f.meta.NumRows, rows)
	}
	return nil
}

func markRepeats(e *element, within bool, repeats []bool) {
	within = within || e.repetition() == format.Repeated
	if e.leaf >= 0 {
		repeats[e.leaf] = within
	}
	for _, k := range e.kids {
		markRepeats(k, within, repeats)
	}
}

func (f *File) checkGroup(g *format.RowGroup) error {
	if g.NumRows < 0 {
		return fmt.Errorf("it says %d rows", g.NumRows)
	}
	if len(g.Columns) != len(f.leaves) {
		return fmt.Errorf("it has %d column chunks, the schema has %d columns", len(g.Columns), len(f.leaves))
	}
	for i := range g.Columns {
		c, name := &g.Columns[i], f.leaves[i].Name
		m := &c.MetaData
		start := chunkStart(m)
		switch {
		case c.FilePath != "":
			return fmt.Errorf("column %s lies in another file, %q", name, c.FilePath)
		case c.CryptoMetadata.Value != nil:
			return fmt.Errorf("column %s is encrypted, which is not supported", name)
		case m.Type != f.leaves[i].Type.V:
			return fmt.Errorf("column %s is %s in the schema and %s in its chunk", name, f.leaves[i].Type.V, m.Type)
		case m.NumValues < g.NumRows || !f.repeats[i] && m.NumValues != g.NumRows:
			return fmt.Errorf("column %s says %d values in %d rows", name, m.NumValues, g.NumRows)
		case start < 0 || m.TotalCompressedSize < 0 || m.TotalCompressedSize > f.size || start > f.size-m.TotalCompressedSize:
			return fmt.Errorf("column %s is said to lie at %d with %d bytes, the file has %d", name, start, m.TotalCompressedSize, f.size)
		}
	}
	return nil
}

// chunkStart returns where the first page of a column chunk lies.
func chunkStart(m *format.ColumnMetaData) int64 {
	if d := m.DictionaryPageOffset; d > 0 && d < m.DataPageOffset {
		return d
	}
	return m.DataPageOffset
}

// Schema returns the file's columns as batch types. The caller does not change
// it.
func (f *File) Schema() *batch.Schema { return f.schema }

// Rows returns the number of rows.
func (f *File) Rows() int64 { return f.meta.NumRows }

// RowGroups describes the row groups in their order.
func (f *File) RowGroups() []RowGroup {
	var out []RowGroup
	for i := range f.meta.RowGroups {
		g := RowGroup{Rows: f.meta.RowGroups[i].NumRows}
		for k := range f.meta.RowGroups[i].Columns {
			g.Bytes += f.meta.RowGroups[i].Columns[k].MetaData.TotalCompressedSize
		}
		out = append(out, g)
	}
	return out
}

// KeyValue returns a value of the footer's metadata.
func (f *File) KeyValue(key string) (string, bool) {
	for _, kv := range f.meta.KeyValueMetadata {
		if kv.Key == key {
			return kv.Value, true
		}
	}
	return "", false
}

// CreatedBy returns what the footer says of the file's writer.
func (f *File) CreatedBy() string { return f.meta.CreatedBy }

// FieldID returns the field id of the top-level column of the name, 0 for none.
func (f *File) FieldID(name string) int32 {
	for _, x := range f.fields {
		if x.name == name {
			return x.id
		}
	}
	return 0
}
