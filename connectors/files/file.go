package files

import (
	"bufio"
	"context"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
)

// file is one file on its way to being durable.
type file struct {
	folder  string // of its partition, with "/"
	name    string // base name
	staged  string // of the object
	object  objstore.Writer
	out     *bufio.Writer
	encoder encoder
	bytes   counter
	rows    int64
	touched int64
	began   time.Time
}

// written is a durable file as manifests hold it.
type written struct {
	Staged string `json:"staged"`
	Path   string `json:"path"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
}

func (w *writer) newFile(ctx context.Context, folder string) (*file, error) {
	name := w.base + number(w.number) + w.extension
	w.number++
	f := &file{folder: folder, name: name, staged: w.folder + name + ".staged"}
	if w.o.MaxFileAge > 0 {
		f.began = w.o.Now()
	}
	var err error
	if f.object, err = w.store.Create(ctx, f.staged); err != nil {
		return nil, err
	}
	f.out = bufio.NewWriterSize(f.object, 64<<10)
	f.bytes.w = f.out
	if f.encoder, err = w.maker.new(&f.bytes); err != nil {
		_ = f.object.Abort()
		return nil, err
	}
	return f, nil
}

// write appends rows.
func (f *file) write(b *batch.Batch) error {
	f.rows += int64(b.Rows())
	return f.encoder.write(b)
}

// full reports whether the file is to be ended.
func (f *file) full(o *Options) bool {
	return f.encoder.size() >= o.MaxFileSize || o.MaxFileRows > 0 && f.rows >= o.MaxFileRows ||
		o.MaxFileAge > 0 && o.Now().Sub(f.began) >= o.MaxFileAge
}

// end gives all bytes to the object and lets go of the encoder's memory.
func (f *file) end() error {
	if f.encoder == nil {
		return nil
	}
	err := f.encoder.end()
	f.encoder = nil
	if err == nil {
		err = f.out.Flush()
	}
	f.out = nil
	return err
}

// finish makes the file durable under its staged name.
func (f *file) finish() (written, error) {
	if err := f.end(); err != nil {
		f.abort()
		return written{}, err
	}
	if err := f.object.Close(); err != nil {
		return written{}, err
	}
	return written{Staged: f.staged, Path: f.folder + f.name, Rows: f.rows, Bytes: f.bytes.n}, nil
}

// abort gives the file up.
func (f *file) abort() {
	if f.encoder != nil {
		f.encoder.discard()
		f.encoder = nil
	}
	_ = f.object.Abort()
}
