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
	"github.com/deltaic/deltaic/supervision"
)

const readBuffer = 256 << 10 // bytes

// fileReader reads a state file block by block and checks all that can be
// checked: length, checksums, header, digest.
type fileReader struct {
	file   StateFile
	header header
	types  []batch.Type
	schema *batch.Schema
	pool   *batch.Pool
	object objstore.Reader
	in     *bufio.Reader
	left   int64 // bytes of the file not read yet
	rows   int64
	digest *xxhash.Digest
	buffer []byte
	hashes []uint64
}

// openFile opens the file that a manifest describes.
func openFile(ctx context.Context, objects objstore.Store, f StateFile, pool *batch.Pool) (*fileReader, error) {
	r := &fileReader{file: f, pool: pool, digest: xxhash.New()}
	object, err := objects.Open(ctx, f.Name)
	if errors.Is(err, objstore.ErrNotFound) {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "CANNOT_LOAD_STATE_STORE.CANNOT_READ_DELTA_FILE_NOT_EXISTS",
			Step: f.Step, Path: f.Name, Message: "the state file that the manifest names is not there",
			Hint: "bring the checkpoint's files back, or start the flow with a new checkpoint", Cause: err}
	}
	if err != nil {
		return nil, err
	}
	if object.Size() != f.Length {
		_ = object.Close()
		return nil, r.corrupt("the file has %d bytes, the manifest says %d", object.Size(), f.Length)
	}
	r.object, r.left = object, f.Length
	r.in = bufio.NewReaderSize(io.NewSectionReader(object, 0, f.Length), readBuffer)
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
		Hint: "restore the file from a copy, or go back to an earlier epoch"}
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
	if version != formatVersion || n > maxHeader {
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
	return r.checkHeader()
}

// checkHeader compares the header with the manifest's description.
func (r *fileReader) checkHeader() error {
	h, f := r.header, r.file
	got := StateFile{Step: h.Step, Table: h.Table, Kind: h.Kind, Name: f.Name, Length: f.Length, Digest: f.Digest,
		GroupLo: h.GroupLo, GroupHi: h.GroupHi, Rows: f.Rows, Epoch: h.Epoch, Attempt: h.Attempt, SchemaVersion: h.SchemaVersion}
	if got != f {
		return r.corrupt("the file says %+v, the manifest %+v", got, f)
	}
	if h.SchemaVersion > schemaVersion {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "STATE_STORE_UNSUPPORTED_SCHEMA_VERSION", Step: f.Step, Path: f.Name,
			Message: fmt.Sprintf("table %s has schema version %d, this build reads up to %d", h.Table, h.SchemaVersion, schemaVersion),
			Hint:    "run the version of Deltaic that wrote it, or a newer one"}
	}
	if len(h.Keys) == 0 || h.Groups < 1 || h.GroupLo < 0 || h.GroupHi > h.Groups || h.SchemaVersion < 1 {
		return r.corrupt("the header is not sound: %+v", h)
	}
	for _, k := range h.Keys {
		t, err := typeFromJSON(k, 0)
		if err != nil {
			return r.corrupt("the header names %v", err)
		}
		r.types = append(r.types, t)
	}
	r.schema = keySchema(r.types)
	return nil
}

// next returns the next block's key columns in a batch whose first column is
// the key group, with the rows' hashes, which are good until the next call; nil
// at the end, when the whole file has been checked. The caller releases the batch.
func (r *fileReader) next(ctx context.Context) (*batch.Batch, []uint64, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	r.buffer = r.buffer[:0]
	if err := r.read(lengthBytes); err != nil {
		return nil, nil, err
	}
	n := binary.LittleEndian.Uint32(r.buffer)
	if check := appendLength(nil, n); string(check) != string(r.buffer) {
		return nil, nil, r.corrupt("the checksum of a block's length does not fit")
	}
	if n == 0 {
		return nil, nil, r.end()
	}
	if err := r.read(int64(n) + 8); err != nil {
		return nil, nil, err
	}
	if err := r.sealed("a block"); err != nil {
		return nil, nil, err
	}
	block, err := batch.Decode(r.buffer[lengthBytes:], r.schema, r.pool)
	if err != nil {
		return nil, nil, r.corrupt("a block does not decode: %v", err)
	}
	if err := r.checkBlock(block); err != nil {
		block.Release()
		return nil, nil, err
	}
	return block, r.hashes[:block.N], nil
}

// checkBlock derives each row's key group anew from its key: never trust where
// a row stood.
func (r *fileReader) checkBlock(block *batch.Batch) error {
	r.rows += int64(block.N)
	r.hashes = batch.Hash(block.Columns[1:], block.N, r.hashes)
	groups := block.Columns[0]
	for i, h := range r.hashes[:block.N] {
		g := batch.KeyGroup(h, r.header.Groups)
		if int(groups.I32[i]) != g || g < r.header.GroupLo || g >= r.header.GroupHi {
			return r.corrupt("a row stands under key group %d, its key belongs to %d of %d, the file has [%d,%d)",
				groups.I32[i], g, r.header.Groups, r.header.GroupLo, r.header.GroupHi)
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
