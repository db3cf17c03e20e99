package persistence

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// A state file is, all numbers little endian:
//
//	magic, version uint32, header length uint32, header (JSON), xxh64 of all that
//	per block: length uint32 > 0, low half of its xxh64 uint32, payload (a batch in wire form), xxh64 of all three
//	0 uint32, low half of its xxh64 uint32, rows uint64, xxh64 of all three
//
// The length has a check of its own so that a broken one never makes a reader take memory.
//
// Blocks with the segments that were dropped come first, as many as the header says. The
// batch of the others has a column #group with each row's key group, #segment if the
// table is windowed, the key columns, the values. Keys that are gone are rows of kind delete.
type fileWriter struct {
	file    StateFile
	options Options
	spec    state.Spec
	schema  *batch.Schema
	out     objstore.Writer
	digest  *xxhash.Digest
	buffer  []byte
	hashes  []uint64
	groups  []int32
}

// incarnationFolder is where the files of an incarnation of a flow lie.
func incarnationFolder(incarnation string) string {
	return "state/" + url.PathEscape(incarnation) + "/"
}

// createFile begins a file that no name was used for before.
func createFile(ctx context.Context, objects objstore.Store, o Options, kind string, spec state.Spec, dropped []int64, epoch int64) (*fileWriter, error) {
	w := &fileWriter{options: o, spec: spec, schema: schemaOf(spec), digest: xxhash.New()}
	w.file = StateFile{Step: o.Step, Table: spec.Name, Kind: kind, GroupLo: o.Lo, GroupHi: o.Hi, Epoch: epoch,
		Attempt: o.Attempt, SchemaVersion: spec.Version, Drops: int64(len(dropped))}
	w.file.Name = fmt.Sprintf("%s%s/%d-%d-%d-%d-%s.dsf", incarnationFolder(o.Incarnation), stepFolder(o.Step),
		o.Attempt, epoch, o.Lo, o.Hi, o.Unique())
	h := header{Flow: o.Flow, Incarnation: o.Incarnation, Step: o.Step, Table: spec.Name, Kind: kind, SchemaVersion: spec.Version,
		Keys: columnsToJSON(spec.Keys), Prefix: spec.Prefix, Shared: spec.Shared, Values: columnsToJSON(spec.Values), Windowed: spec.Windowed,
		Groups: o.Groups, GroupLo: o.Lo, GroupHi: o.Hi, Attempt: o.Attempt, Epoch: epoch, Drops: int64(len(dropped))}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	if len(text) > maxHeader {
		return nil, supervision.New(supervision.Fatal, "STATE_STORE_KEY_TYPES_TOO_LARGE",
			"step %s: the column types of table %s take %d bytes, the most is %d", o.Step, spec.Name, len(text), maxHeader)
	}
	if w.out, err = objects.Create(ctx, w.file.Name); err != nil {
		return nil, err
	}
	w.buffer = append(w.buffer, magic...)
	w.buffer = binary.LittleEndian.AppendUint32(w.buffer, formatVersion)
	w.buffer = binary.LittleEndian.AppendUint32(w.buffer, uint32(len(text)))
	w.buffer = append(w.buffer, text...)
	if err = w.flush(); err == nil {
		err = w.drops(dropped)
	}
	if err != nil {
		w.abort()
		return nil, err
	}
	return w, nil
}

// drops writes the segments that were dropped.
func (w *fileWriter) drops(dropped []int64) error {
	for piece := range slices.Chunk(dropped, 1<<16) {
		c := w.options.Pool.NewColumn(batch.BigIntType, len(piece))
		copy(c.I64, piece)
		if err := w.block(batch.NewBatch(dropSchema, len(piece), c)); err != nil {
			return err
		}
	}
	return nil
}

// stepFolder returns a step's name as one part of an object's name.
func stepFolder(step string) string {
	if step == "" || step[0] == '.' {
		return "%" + fmt.Sprintf("%02X", step[:min(1, len(step))]) + url.PathEscape(step[min(1, len(step)):])
	}
	return url.PathEscape(step)
}

// flush ends what is in the buffer with its checksum and writes it.
func (w *fileWriter) flush() error {
	w.buffer = binary.LittleEndian.AppendUint64(w.buffer, xxhash.Sum64(w.buffer))
	_, _ = w.digest.Write(w.buffer)
	_, err := w.out.Write(w.buffer)
	w.file.Length += int64(len(w.buffer))
	w.buffer = w.buffer[:0]
	return err
}

// write appends all rows.
func (w *fileWriter) write(ctx context.Context, c *state.Copy) error {
	for c.Rewind(); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := c.Next(w.options.Pool)
		if b.N == 0 {
			b.Release()
			return nil
		}
		if err := w.rows(&b); err != nil {
			return err
		}
	}
}

// rows writes a block of rows and releases it.
func (w *fileWriter) rows(b *state.Block) error {
	deciding := b.Keys[:w.spec.GroupColumns()]
	w.hashes = batch.Hash(deciding, b.N, w.hashes)
	w.groups = groupsOf(w.spec, deciding, b.N, w.options.Groups, w.hashes, w.groups)
	for _, g := range w.groups {
		if int(g) < w.options.Lo || int(g) >= w.options.Hi {
			b.Release()
			return &supervision.Failure{Kind: supervision.Restart, Class: "STATE_STORE_KEY_OUT_OF_RANGE", Step: w.file.Step,
				Message: fmt.Sprintf("table %s holds a key of group %d, the task has [%d,%d): a row came to the wrong task",
					w.file.Table, g, w.options.Lo, w.options.Hi)}
		}
	}
	group := w.options.Pool.NewColumn(batch.IntType, b.N)
	copy(group.I32, w.groups)
	columns := []*batch.Column{group}
	if b.Segments != nil {
		segment := w.options.Pool.NewColumn(batch.BigIntType, b.N)
		copy(segment.I64, b.Segments)
		columns = append(columns, segment)
	}
	block := batch.NewBatch(w.schema, b.N, append(append(columns, b.Keys...), b.Values...)...)
	block.Kinds = b.Kinds
	w.file.Rows += int64(b.N)
	return w.block(block)
}

// block writes a batch and releases it.
func (w *fileWriter) block(b *batch.Batch) error {
	defer b.Release()
	w.buffer = appendLength(w.buffer, 0)
	w.buffer = batch.Encode(w.buffer, b)
	if int64(len(w.buffer)) > math.MaxUint32 {
		return supervision.New(supervision.Fatal, "STATE_STORE_KEY_TOO_LARGE", "step %s: a block of table %s takes %d bytes", w.file.Step, w.file.Table, len(w.buffer))
	}
	appendLength(w.buffer[:0], uint32(len(w.buffer)-lengthBytes))
	return w.flush()
}

const lengthBytes = 8

// appendLength appends a block's length and its check.
func appendLength(out []byte, n uint32) []byte {
	var text [4]byte
	binary.LittleEndian.PutUint32(text[:], n)
	out = append(out, text[:]...)
	return binary.LittleEndian.AppendUint32(out, uint32(xxhash.Sum64(text[:])))
}

// close makes the file durable and returns its description.
func (w *fileWriter) close() (StateFile, error) {
	w.buffer = appendLength(w.buffer, 0)
	w.buffer = binary.LittleEndian.AppendUint64(w.buffer, uint64(w.file.Rows))
	if err := w.flush(); err != nil {
		return StateFile{}, err
	}
	if err := w.out.Close(); err != nil {
		return StateFile{}, err
	}
	w.file.Digest = digestText(w.digest.Sum64())
	return w.file, nil
}

// abort gives up a file that was not closed.
func (w *fileWriter) abort() { _ = w.out.Abort() }

func digestText(sum uint64) string { return fmt.Sprintf("xxh64:%016x", sum) }
