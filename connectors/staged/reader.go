package staged

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// Reader gives the batches of one file, in the order in which they were written.
type Reader struct {
	store  objstore.Store
	in     objstore.Reader
	file   File
	schema *batch.Schema
	pool   *batch.Pool
	at     int64 // of the next batch
	rows   int64 // given so far
	buffer []byte
}

// Open opens the file that f describes. All its bytes are checked before the first row is given.
func Open(ctx context.Context, s objstore.Store, f File, schema *batch.Schema, p *batch.Pool) (*Reader, error) {
	in, err := s.Open(ctx, f.Name)
	if errors.Is(err, objstore.ErrNotFound) {
		missing := supervision.New(supervision.Fatal, ClassMissing, "the %d staged rows of a decided epoch are not there", f.Rows)
		missing.Path, missing.Cause = s.URI()+"/"+f.Name, err
		missing.Hint = "the checkpoint location was changed from outside; restore it from a copy"
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	r := &Reader{store: s, in: in, file: f, schema: schema, pool: p}
	if err := r.check(ctx); err != nil {
		in.Close()
		return nil, err
	}
	return r, nil
}

func (r *Reader) fail(format string, args ...any) error {
	return corrupt(r.store, r.file.Name, format, args...)
}

// check compares length, digest and header.
func (r *Reader) check(ctx context.Context) error {
	if r.in.Size() != r.file.Length {
		return r.fail("the file has %d bytes, the manifest says %d", r.in.Size(), r.file.Length)
	}
	var sum uint32
	buffer := make([]byte, min(flushBytes, max(r.file.Length, 1)))
	for at := int64(0); at < r.file.Length; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(int64(len(buffer)), r.file.Length-at)
		if err := r.read(buffer[:n], at); err != nil {
			return err
		}
		sum = crc32.Update(sum, castagnoli, buffer[:n])
		at += n
	}
	if got := digestText(sum); got != r.file.Digest {
		return r.fail("its digest is %s, the manifest says %s", got, r.file.Digest)
	}
	return r.header()
}

func (r *Reader) header() error {
	var start [preamble]byte
	if r.file.Length < preamble {
		return r.fail("%d bytes are no file of staged rows", r.file.Length)
	}
	if err := r.read(start[:], 0); err != nil {
		return err
	}
	version, length := binary.LittleEndian.Uint32(start[8:]), int64(binary.LittleEndian.Uint32(start[12:]))
	switch {
	case string(start[:8]) != magic:
		return r.fail("it begins with %x", start[:8])
	case version != formatVersion:
		f := supervision.New(supervision.Fatal, ClassNewer, "staged rows of format version %d; this program reads version %d", version, formatVersion)
		f.Path, f.Hint = r.store.URI()+"/"+r.file.Name, "run the flow with the version that wrote it"
		return f
	case length > maxHeader || preamble+length > r.file.Length:
		return r.fail("a header of %d bytes in a file of %d", length, r.file.Length)
	}
	text := make([]byte, length)
	if err := r.read(text, preamble); err != nil {
		return err
	}
	var h Header
	if err := json.Unmarshal(text, &h); err != nil {
		return r.fail("its header cannot be read: %w", err)
	}
	if want := schemaText(r.schema); h.Schema != want {
		f := supervision.New(supervision.Fatal, ClassSchema, "a decided epoch has rows of (%s), the flow now makes (%s)", h.Schema, want)
		f.Path, f.Hint = r.store.URI()+"/"+r.file.Name, "run the flow as it was until it stops cleanly, then change it"
		return f
	}
	r.at = preamble + length
	return nil
}

// read fills p with the bytes at the offset.
func (r *Reader) read(p []byte, at int64) error {
	n, err := r.in.ReadAt(p, at)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return r.fail("it ends at byte %d", at+int64(n))
	}
	return err
}

// Next returns the next batch, which is the caller's; io.EOF behind the last one.
func (r *Reader) Next() (*batch.Batch, error) {
	left := r.file.Length - r.at
	if left == 0 {
		if r.rows != r.file.Rows {
			return nil, r.fail("it holds %d rows, the manifest says %d", r.rows, r.file.Rows)
		}
		return nil, io.EOF
	}
	var start [wireHeader]byte
	head := start[:min(wireHeader, left)]
	if err := r.read(head, r.at); err != nil {
		return nil, err
	}
	size, err := batch.Peek(head)
	if err != nil {
		return nil, r.fail("at byte %d: %w", r.at, err)
	}
	if size > left || size > maxBlock {
		return nil, r.fail("at byte %d: a batch of %d bytes, %d are left", r.at, size, left)
	}
	if int64(cap(r.buffer)) < size {
		r.buffer = make([]byte, size)
	}
	r.buffer = r.buffer[:size]
	if err := r.read(r.buffer, r.at); err != nil {
		return nil, err
	}
	b, err := batch.Decode(r.buffer, r.schema, r.pool)
	if err != nil {
		return nil, r.fail("the batch at byte %d: %w", r.at, err)
	}
	r.at += size
	r.rows += int64(b.Rows())
	return b, nil
}

// wireHeader is what Peek needs of a batch.
const wireHeader = 24

// Close ends the reader.
func (r *Reader) Close() error { return r.in.Close() }

// Collect removes the files of the folder that attempts before the one given wrote, but those
// whose names are kept, and what a kill left of files half written. It is for the attempt itself, once it has decided an epoch: what
// earlier ones staged is done then or was never decided.
func Collect(ctx context.Context, s objstore.Store, folder string, attempt int64, kept map[string]bool) error {
	var gone []string
	err := s.List(ctx, folder, "", func(i objstore.Info) bool {
		if a, ok := attemptOf(folder, i.Name); ok && a < attempt && !kept[i.Name] {
			gone = append(gone, i.Name)
		}
		return true
	})
	for _, name := range gone {
		err = errors.Join(err, s.Delete(ctx, name))
	}
	return errors.Join(err, objstore.Sweep(ctx, s, folder, func(name string) bool {
		a, ok := attemptOf(folder, name)
		return ok && a < attempt
	}))
}
