package persistence

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

const readBuffer = 256 << 10 // bytes

// fileReader reads a state file block by block and checks all that can be
// checked: length, checksums, header, digest.
type fileReader struct {
	file   StateFile
	header header
	spec   state.Spec
	schema *batch.Schema
	drops  []int64 // segments that the file drops
	pool   *batch.Pool
	object objstore.Reader
	in     *bufio.Reader
	left   int64 // bytes of the file not read yet
	rows   int64
	digest *xxhash.Digest
	buffer []byte
	hashes []uint64
	groups []int32
}

// fileBlock is rows of a file, good until the next ones are read.
type fileBlock struct {
	state.Block
	groups []int32  // key group of each row
	hashes []uint64 // of each row's key
	batch  *batch.Batch
}

// openFile opens the file that a manifest describes.
func openFile(ctx context.Context, objects objstore.Store, f StateFile, pool *batch.Pool) (*fileReader, error) {
	r := &fileReader{file: f, pool: pool, digest: xxhash.New()}
	object, err := objects.Open(ctx, f.Name)
	if errors.Is(err, objstore.ErrNotFound) {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "CANNOT_LOAD_STATE_STORE.CANNOT_READ_DELTA_FILE_NOT_EXISTS",
			Step: f.Step, Path: f.Name, Message: "the state file that the manifest names is not there",
			Hint: "bring the checkpoint's files back, go back to an earlier epoch with `deltaic rewind`, or start the flow with a new checkpoint", Cause: err}
	}
	if err != nil {
		return nil, err
	}
	if object.Size() != f.Length {
		_ = object.Close()
		return nil, r.corrupt("the file has %d bytes, the manifest says %d", object.Size(), f.Length)
	}
	r.object, r.left = object, f.Length
	r.in = bufio.NewReaderSize(io.NewSectionReader(object, 0, f.Length), int(min(f.Length, readBuffer)))
	if err := r.readHeader(); err != nil {
		_ = object.Close()
		return nil, err
	}
	return r, nil
}

func (r *fileReader) close() { _ = r.object.Close() }

func (r *fileReader) corrupt(format string, args ...any) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: "CANNOT_LOAD_STATE_STORE.CORRUPT_STATE_FILE",
		Step: r.file.Step, Path: r.file.Name, Message: fmt.Sprintf(format, args...),
		Hint: "restore the file from a copy, or go back to an earlier epoch with `deltaic rewind`"}
}

// read appends n bytes of the file to the buffer.
func (r *fileReader) read(n int64) error {
	if n > r.left {
		return r.corrupt("the file ends early: %d bytes wanted, %d left", n, r.left)
	}
	start := len(r.buffer)
	r.buffer = slices.Grow(r.buffer, int(n))[:start+int(n)]
	if _, err := io.ReadFull(r.in, r.buffer[start:]); err != nil {
		return fmt.Errorf("read state file %s: %w", r.file.Name, err)
	}
	_, _ = r.digest.Write(r.buffer[start:])
	r.left -= n
	return nil
}

// sealed checks that the buffer ends in the checksum of what is before it and
// cuts it off.
func (r *fileReader) sealed(what string) error {
	body := r.buffer[:len(r.buffer)-8]
	if binary.LittleEndian.Uint64(r.buffer[len(body):]) != xxhash.Sum64(body) {
		return r.corrupt("the checksum of %s does not fit", what)
	}
	r.buffer = body
	return nil
}

func (r *fileReader) readHeader() error {
	if err := r.read(int64(len(magic) + 8)); err != nil {
		return err
	}
	if string(r.buffer[:len(magic)]) != magic {
		return r.corrupt("the file begins with %q, a state file begins with %q", r.buffer[:len(magic)], magic)
	}
	version, n := binary.LittleEndian.Uint32(r.buffer[len(magic):]), binary.LittleEndian.Uint32(r.buffer[len(magic)+4:])
	if version > formatVersion {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "STATE_STORE_UNSUPPORTED_FORMAT_VERSION",
			Step: r.file.Step, Path: r.file.Name,
			Message: fmt.Sprintf("the state file has format version %d, this build reads up to %d", version, formatVersion),
			Hint:    "run the version of Deltaic that wrote it, or a newer one"}
	}
	if version < 1 || n > maxHeader {
		return r.corrupt("format version %d, header of %d bytes", version, n)
	}
	if err := r.read(int64(n) + 8); err != nil {
		return err
	}
	if err := r.sealed("the header"); err != nil {
		return err
	}
	if err := json.Unmarshal(r.buffer[len(magic)+8:], &r.header); err != nil {
		return r.corrupt("the header is not JSON: %v", err)
	}
	if version == 1 && (r.header.Values != nil || r.header.Windowed || r.header.Prefix != 0 || r.header.Drops != 0) {
		return r.corrupt("the header is not one of version 1: %+v", r.header)
	}
	if err := r.checkHeader(); err != nil {
		return err
	}
	return r.readDrops()
}

// readDrops reads the segments that stand before the rows.
func (r *fileReader) readDrops() error {
	for left := r.header.Drops; left > 0; left = r.header.Drops - int64(len(r.drops)) {
		b, err := r.decode(dropSchema)
		if err != nil {
			return err
		}
		if b == nil || b.N == 0 || int64(b.N) > left {
			b.Release()
			return r.corrupt("the file's header says %d dropped segments, it does not hold them", r.header.Drops)
		}
		r.drops = append(r.drops, b.Columns[0].I64...)
		b.Release()
	}
	return nil
}

// checkHeader compares the header with the manifest's description.
func (r *fileReader) checkHeader() error {
	h, f := r.header, r.file
	got := StateFile{Step: h.Step, Table: h.Table, Kind: h.Kind, Name: f.Name, Length: f.Length, Digest: f.Digest,
		GroupLo: h.GroupLo, GroupHi: h.GroupHi, Rows: f.Rows, Epoch: h.Epoch, Attempt: h.Attempt, SchemaVersion: h.SchemaVersion, Drops: h.Drops}
	if got != f {
		return r.corrupt("the file says %+v, the manifest %+v", got, f)
	}
	if h.Groups < 1 || h.GroupLo < 0 || h.GroupHi > h.Groups || h.SchemaVersion < 1 || h.Drops < 0 {
		return r.corrupt("the header is not sound: %+v", h)
	}
	spec, err := h.spec()
	if err != nil {
		return r.corrupt("the header names %v", err)
	}
	if err := spec.Check(); err != nil {
		return r.corrupt("the header names a table that cannot be: %v", err)
	}
	r.spec, r.schema = spec, schemaOf(spec)
	return nil
}

// decode reads a block; nil if the end stands there, of which the length alone has been read.
func (r *fileReader) decode(schema *batch.Schema) (*batch.Batch, error) {
	r.buffer = r.buffer[:0]
	if err := r.read(lengthBytes); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(r.buffer)
	if check := appendLength(nil, n); string(check) != string(r.buffer) {
		return nil, r.corrupt("the checksum of a block's length does not fit")
	}
	if n == 0 {
		return nil, nil
	}
	if err := r.read(int64(n) + 8); err != nil {
		return nil, err
	}
	if err := r.sealed("a block"); err != nil {
		return nil, err
	}
	block, err := batch.Decode(r.buffer[lengthBytes:], schema, r.pool)
	if err != nil {
		return nil, r.corrupt("a block does not decode: %v", err)
	}
	return block, nil
}

// next returns the next block of rows, nil at the end, when the whole file has been
// checked. The caller releases its batch.
func (r *fileReader) next(ctx context.Context) (*fileBlock, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, err := r.decode(r.schema)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, r.end()
	}
	block := &fileBlock{batch: b, Block: state.Block{N: b.N, Kinds: b.Kinds}}
	columns := b.Columns[1:]
	if r.spec.Windowed {
		block.Segments, columns = columns[0].I64, columns[1:]
	}
	block.Keys, block.Values = columns[:len(r.spec.Keys)], columns[len(r.spec.Keys):]
	if err := r.checkBlock(block); err != nil {
		b.Release()
		return nil, err
	}
	return block, nil
}

// checkBlock derives each row's key group anew from its key: never trust where
// a row stood.
func (r *fileReader) checkBlock(b *fileBlock) error {
	r.rows += int64(b.N)
	r.hashes = batch.Hash(b.Keys, b.N, r.hashes)
	r.groups = groupsOf(r.spec, b.Keys, b.N, r.header.Groups, r.hashes, r.groups)
	b.hashes, b.groups = r.hashes[:b.N], r.groups
	stood := b.batch.Columns[0]
	for i, g := range r.groups {
		if stood.I32[i] != g || int(g) < r.header.GroupLo || int(g) >= r.header.GroupHi {
			return r.corrupt("a row stands under key group %d, its key belongs to %d of %d, the file has [%d,%d)",
				stood.I32[i], g, r.header.Groups, r.header.GroupLo, r.header.GroupHi)
		}
	}
	for _, v := range b.Values {
		if v.Nulls() > 0 {
			return r.corrupt("a value is null")
		}
	}
	if b.Kinds != nil {
		for _, k := range b.Kinds {
			if k != batch.Insert && k != batch.UpdateAfter && k != batch.Delete {
				return r.corrupt("a row is of kind %d", k)
			}
		}
	}
	return nil
}

func (r *fileReader) end() error {
	if err := r.read(16); err != nil {
		return err
	}
	if err := r.sealed("the end"); err != nil {
		return err
	}
	said := binary.LittleEndian.Uint64(r.buffer[lengthBytes:])
	if r.rows != r.file.Rows || said != uint64(r.rows) {
		return r.corrupt("the file holds %d rows, its end says %d, the manifest %d", r.rows, said, r.file.Rows)
	}
	if r.left != 0 {
		return r.corrupt("%d bytes follow the end", r.left)
	}
	if d := digestText(r.digest.Sum64()); d != r.file.Digest {
		return r.corrupt("the file's digest is %s, the manifest says %s", d, r.file.Digest)
	}
	return nil
}
