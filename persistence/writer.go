package persistence

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/url"

	"github.com/cespare/xxhash/v2"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
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
// The batch of a block has a column #group with each row's key group, then the
// key columns.
type fileWriter struct {
	file    StateFile
	options Options
	types   []batch.Type
	schema  *batch.Schema
	out     objstore.Writer
	digest  *xxhash.Digest
	buffer  []byte
	hashes  []uint64
	build   []*batch.Builder // #group, then a key column each
}

func keySchema(types []batch.Type) *batch.Schema {
	s := batch.NewSchema(batch.Field{Name: "#group", Type: batch.IntType})
	for i, t := range types {
		s.Fields = append(s.Fields, batch.Field{Name: fmt.Sprintf("key%d", i+1), Type: t, Nullable: true})
	}
	return s
}

// createFile begins a file that no name was used for before.
func createFile(ctx context.Context, objects objstore.Store, o Options, kind, table string, types []batch.Type, epoch int64) (*fileWriter, error) {
	w := &fileWriter{options: o, types: types, schema: keySchema(types), digest: xxhash.New()}
	w.file = StateFile{Step: o.Step, Table: table, Kind: kind, GroupLo: o.Lo, GroupHi: o.Hi, Epoch: epoch,
		Attempt: o.Attempt, SchemaVersion: schemaVersion}
	w.file.Name = fmt.Sprintf("state/%s/%s/%d-%d-%d-%d-%s.dsf", url.PathEscape(o.Incarnation), stepFolder(o.Step),
		o.Attempt, epoch, o.Lo, o.Hi, o.Unique())
	h := header{Flow: o.Flow, Incarnation: o.Incarnation, Step: o.Step, Table: table, Kind: kind, SchemaVersion: schemaVersion,
		Groups: o.Groups, GroupLo: o.Lo, GroupHi: o.Hi, Attempt: o.Attempt, Epoch: epoch}
	for _, t := range types {
		h.Keys = append(h.Keys, typeToJSON(t))
	}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	if len(text) > maxHeader {
		return nil, supervision.New(supervision.Fatal, "STATE_STORE_KEY_TYPES_TOO_LARGE",
			"step %s: the key types of table %s take %d bytes, the most is %d", o.Step, table, len(text), maxHeader)
	}
	if w.out, err = objects.Create(ctx, w.file.Name); err != nil {
		return nil, err
	}
	for _, f := range w.schema.Fields {
		w.build = append(w.build, batch.NewBuilder(f.Type, o.Pool))
	}
	w.buffer = append(w.buffer, magic...)
	w.buffer = binary.LittleEndian.AppendUint32(w.buffer, formatVersion)
	w.buffer = binary.LittleEndian.AppendUint32(w.buffer, uint32(len(text)))
	w.buffer = append(w.buffer, text...)
	return w, w.flush()
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
func (w *fileWriter) write(ctx context.Context, r *rows) error {
	c := cursor{rows: r}
	for {
		n := c.next(w.build[1:])
		if n == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.block(n); err != nil {
			return err
		}
	}
}

// block writes the n rows that were built.
func (w *fileWriter) block(n int) error {
	columns := make([]*batch.Column, len(w.build))
	for i, b := range w.build[1:] {
		columns[i+1] = b.Finish()
	}
	w.hashes = batch.Hash(columns[1:], n, w.hashes)
	outside := -1
	for _, h := range w.hashes[:n] {
		g := batch.KeyGroup(h, w.options.Groups)
		if g < w.options.Lo || g >= w.options.Hi {
			outside = g
		}
		w.build[0].Int32(int32(g))
	}
	columns[0] = w.build[0].Finish()
	block := batch.NewBatch(w.schema, n, columns...)
	defer block.Release()
	if outside >= 0 {
		return &supervision.Failure{Kind: supervision.Restart, Class: "STATE_STORE_KEY_OUT_OF_RANGE", Step: w.file.Step,
			Message: fmt.Sprintf("table %s holds a key of group %d, the task has [%d,%d): a row came to the wrong task",
				w.file.Table, outside, w.options.Lo, w.options.Hi)}
	}
	w.buffer = appendLength(w.buffer, 0)
	w.buffer = batch.Encode(w.buffer, block)
	if int64(len(w.buffer)) > math.MaxUint32 {
		return supervision.New(supervision.Fatal, "STATE_STORE_KEY_TOO_LARGE", "step %s: a block of table %s takes %d bytes", w.file.Step, w.file.Table, len(w.buffer))
	}
	appendLength(w.buffer[:0], uint32(len(w.buffer)-lengthBytes))
	w.file.Rows += int64(n)
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

// abort gives up a file that was not closed, and the builders.
func (w *fileWriter) abort() {
	_ = w.out.Abort()
	for _, b := range w.build {
		b.Release()
	}
}

func digestText(sum uint64) string { return fmt.Sprintf("xxh64:%016x", sum) }
