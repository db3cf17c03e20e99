package staged

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
)

// Writer writes one file. It is used by one goroutine at a time.
type Writer struct {
	out    objstore.Writer
	file   File
	sum    uint32
	buffer []byte
}

// flushBytes is how much is handed to the store at once.
const flushBytes = 1 << 20

// NewWriter begins the file of that name. It is not there before Close.
func NewWriter(ctx context.Context, s objstore.Store, name string, schema *batch.Schema, h Header) (*Writer, error) {
	h.Schema = schemaText(schema)
	header, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	out, err := s.Create(ctx, name)
	if err != nil {
		return nil, err
	}
	w := &Writer{out: out, file: File{Name: name, Share: h.Share}}
	w.buffer = append(w.buffer, magic...)
	w.buffer = binary.LittleEndian.AppendUint32(w.buffer, formatVersion)
	w.buffer = binary.LittleEndian.AppendUint32(w.buffer, uint32(len(header)))
	w.buffer = append(w.buffer, header...)
	return w, nil
}

// Write appends the rows of b that count, with their kinds. Where they came from is left out.
func (w *Writer) Write(b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	plain := *b
	plain.Origin, plain.Behind = nil, nil
	w.buffer = batch.Encode(w.buffer, &plain)
	w.file.Rows += int64(b.Rows())
	if len(w.buffer) < flushBytes {
		return nil
	}
	return w.flush()
}

func (w *Writer) flush() error {
	w.sum = crc32.Update(w.sum, castagnoli, w.buffer)
	w.file.Length += int64(len(w.buffer))
	_, err := w.out.Write(w.buffer)
	w.buffer = w.buffer[:0]
	return err
}

// Rows returns the rows written so far.
func (w *Writer) Rows() int64 { return w.file.Rows }

// Close makes the file durable and describes it. After an error nothing is there.
func (w *Writer) Close() (File, error) {
	if err := w.flush(); err != nil {
		w.Abort()
		return File{}, err
	}
	if err := w.out.Close(); err != nil {
		return File{}, err
	}
	w.file.Digest = digestText(w.sum)
	return w.file, nil
}

// Abort gives the file up. After Close it does nothing.
func (w *Writer) Abort() { _ = w.out.Abort() }
