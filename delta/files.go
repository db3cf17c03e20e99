package delta

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"sort"

	"golang.org/x/sync/errgroup"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/objstore"
)

// dataFile is one file on its way to being durable.
type dataFile struct {
	number  int
	touched int64
	values  log.PartitionValues
	name    string // of the object
	object  objstore.Writer
	out     *bufio.Writer
	written int64
	parquet *parquet.Writer
	stats   *stats
	ended   bool // the bytes are all given to the object
	durable bool
	add     log.Add
}

// Write counts the bytes on their way to the object.
func (f *dataFile) Write(p []byte) (int, error) {
	n, err := f.out.Write(p)
	f.written += int64(n)
	return n, err
}

var extensions = map[string]string{"snappy": ".snappy", "zstd": ".zstd", "gzip": ".gz", "lz4_raw": ".lz4raw", "uncompressed": ""}

func (w *Writer) newFile(ctx context.Context, values log.PartitionValues) (*dataFile, error) {
	id, err := w.t.newID()
	if err != nil {
		return nil, err
	}
	f := &dataFile{number: w.number, values: values, stats: w.plan.new()}
	w.number++
	base := fmt.Sprintf("part-%05d-%s-c000", f.number, id)
	if w.o.Name != nil {
		base = w.o.Name(f.number, id)
	}
	f.name = w.folder
	for _, v := range values {
		f.name += log.FolderName(v.Column, v.Value) + "/"
	}
	f.name += base + extensions[w.codec] + ".parquet"
	if f.object, err = w.t.Store().Create(ctx, f.name); err != nil {
		return nil, err
	}
	f.out = bufio.NewWriterSize(f.object, 64<<10)
	if f.parquet, err = parquet.NewWriter(f, w.file, parquet.WriterOptions{Codec: w.codec, FieldIDs: w.ids, Account: w.o.Account, Buffers: w.buffers}); err != nil {
		f.object.Abort()
		return nil, w.t.at(err, -1)
	}
	return f, nil
}

func (f *dataFile) write(b *batch.Batch) error {
	if err := f.parquet.Write(b); err != nil {
		return err
	}
	f.stats.add(b.Columns, b.Sel, b.N)
	return nil
}

func (f *dataFile) size() int64 { return f.parquet.Size() }

// end writes the footer and gives the writer's memory back.
func (f *dataFile) end(t *Table) error {
	if f.ended {
		return nil
	}
	f.ended = true
	if err := f.parquet.Close(); err != nil {
		f.abort()
		return fmt.Errorf("%s/%s: %w", t.URI(), f.name, err)
	}
	if err := f.out.Flush(); err != nil {
		f.abort()
		return fmt.Errorf("%s/%s: %w", t.URI(), f.name, err)
	}
	f.out = nil
	return nil
}

// finish makes the file durable and its add-action.
func (f *dataFile) finish(t *Table) error {
	if f.durable {
		return nil
	}
	if err := f.end(t); err != nil {
		return err
	}
	if err := f.object.Close(); err != nil {
		f.abort()
		return err
	}
	f.durable, f.object = true, nil
	f.add = log.Add{Path: log.EncodePath(f.name), Partition: f.values, Size: f.written,
		ModificationTime: t.o.Now().UnixMilli(), DataChange: true, Stats: f.stats.json()}
	f.stats = nil
	return nil
}

func (f *dataFile) abort() {
	f.parquet.Discard()
	if f.object != nil {
		f.object.Abort()
	}
}

// syncs is how many files are made durable at once where Options do not say.
const syncs = 8

func finishAll(files []*dataFile, t *Table) error {
	var g errgroup.Group
	g.SetLimit(t.o.Syncs)
	for _, f := range files {
		g.Go(func() error { return f.finish(t) })
	}
	return g.Wait()
}

// Files are the files of one epoch, on their way to being durable.
type Files struct {
	t     *Table
	files []*dataFile
}

// Rows returns the rows written.
func (f *Files) Rows() int64 {
	var n int64
	for _, d := range f.files {
		n += d.parquet.Rows()
	}
	return n
}

// Seal ends the files of this epoch and returns them, nil if nothing was
// written. The writer goes on with new files at once.
func (w *Writer) Seal() (*Files, error) {
	if w.err != nil {
		return nil, w.err
	}
	for _, f := range w.open {
		w.closed = append(w.closed, f)
	}
	clear(w.open)
	if len(w.closed) == 0 {
		w.buffers.Trim() // idle: nobody waits for the memory
		return nil, nil
	}
	sort.Slice(w.closed, func(i, j int) bool { return w.closed[i].number < w.closed[j].number })
	out := &Files{t: w.t, files: w.closed}
	w.closed = nil
	return out, nil
}

// Finish makes the files durable, several at once, and returns their add-actions in the
// order in which the files were begun. After an error nothing of it is to be committed.
func (f *Files) Finish(ctx context.Context) ([]log.Add, error) {
	if err := ctx.Err(); err != nil {
		f.Abort()
		return nil, err
	}
	if err := finishAll(f.files, f.t); err != nil {
		f.Abort()
		return nil, err
	}
	adds := make([]log.Add, len(f.files))
	for i, d := range f.files {
		adds[i] = d.add
	}
	return adds, nil
}

// Abort gives up what is not durable yet. What is durable stays as an orphan.
func (f *Files) Abort() {
	for _, d := range f.files {
		if !d.durable {
			d.abort()
		}
	}
}

// Finish is Seal and Files.Finish in one.
func (w *Writer) Finish(ctx context.Context) ([]log.Add, error) {
	files, err := w.Seal()
	if err != nil || files == nil {
		return nil, err
	}
	return files.Finish(ctx)
}

var errAborted = errors.New("the writer was aborted")

// Abort gives up the files of this epoch. The writer cannot be used any more.
func (w *Writer) Abort() {
	defer w.buffers.Release()
	if files, err := w.Seal(); err == nil && files != nil {
		files.Abort()
	} else if err != nil {
		for _, f := range w.open {
			f.abort()
		}
		(&Files{files: w.closed}).Abort()
		w.open, w.closed = nil, nil
	}
	if w.err == nil {
		w.err = errAborted
	}
}
