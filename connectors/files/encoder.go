package files

import (
	"io"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/compression"
	"github.com/deltaic/deltaic/formats/csv"
	"github.com/deltaic/deltaic/formats/json"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/supervision"
)

// encoder turns batches into the bytes of one file.
type encoder interface {
	write(b *batch.Batch) error
	size() int64 // about, of the file if it ended now
	end() error  // all bytes are given to the object
	discard()
}

// maker makes the encoders of a share.
type maker struct {
	o       Options
	schema  *batch.Schema // of the files
	account *batch.Account
	buffers *parquet.Buffers
	text    []byte // scratch of the text formats, of one file at a time
}

// keptBuffers is the most memory that a share keeps for its next Parquet files.
const keptBuffers = 64 << 20

func newMaker(o Options, schema *batch.Schema, a *batch.Account) *maker {
	m := &maker{o: o, schema: schema, account: a}
	if o.Format == Parquet {
		kept := int64(keptBuffers)
		if limit := a.Limit(); limit > 0 {
			kept = min(kept, limit/8)
		}
		m.buffers = parquet.NewBuffers(a, kept)
	}
	return m
}

// release gives back what is kept for the next files.
func (m *maker) release() {
	if m.buffers != nil {
		m.buffers.Release()
	}
}

// extension returns what the names of files end with.
func (o Options) extension() (string, error) {
	if o.Format == Parquet {
		return parquetExtensions[strings.ToLower(o.Compression)] + ".parquet", nil
	}
	e, err := compression.Extension(o.Compression)
	if err != nil {
		return "", supervision.New(supervision.Fatal, "CODEC_NOT_AVAILABLE", "%w", err)
	}
	return "." + string(o.Format) + e, nil
}

var parquetExtensions = map[string]string{"": ".snappy", "snappy": ".snappy", "zstd": ".zstd", "gzip": ".gz", "lz4_raw": ".lz4raw"}

// check refuses columns and codecs that the format does not have.
func (m *maker) check() error {
	e, err := m.new(io.Discard)
	if err == nil {
		e.discard()
	}
	return err
}

// new returns the encoder of a file whose bytes go to out.
func (m *maker) new(out io.Writer) (encoder, error) {
	if m.o.Format == Parquet {
		w, err := parquet.NewWriter(out, m.schema, parquet.WriterOptions{Codec: m.o.Compression, Account: m.account, Buffers: m.buffers})
		return parquetFile{w}, err
	}
	f := &textFile{m: m, out: counter{w: out}}
	switch m.o.Format {
	case JSON:
		f.encode = json.NewEncoder(m.schema, m.o.JSON).AppendLines
	case CSV:
		w, err := csv.NewWriter(m.schema, m.o.CSV)
		if err != nil {
			return nil, err
		}
		f.encode, f.header = w.Append, w.Header
	default:
		return nil, supervision.New(supervision.Fatal, "INVALID_OPTION", "there is no file format %q; use json, csv or parquet", m.o.Format)
	}
	var err error
	if f.packed, err = compression.New(m.o.Compression, &f.out); err != nil {
		return nil, err
	}
	f.held = compression.Memory(m.o.Compression)
	m.account.Charge(f.held)
	return f, nil
}

// parquetFile is a Parquet file.
type parquetFile struct{ w *parquet.Writer }

func (f parquetFile) write(b *batch.Batch) error { return f.w.Write(b) }
func (f parquetFile) size() int64                { return f.w.Size() }
func (f parquetFile) end() error                 { return f.w.Close() }
func (f parquetFile) discard()                   { f.w.Discard() }

// textFile is a file of lines.
type textFile struct {
	m      *maker
	encode func(dst []byte, b *batch.Batch) []byte
	header func(dst []byte) []byte // nil: none, or written
	packed io.WriteCloser
	out    counter
	held   int64 // memory of the codec, charged to the account
}

func (f *textFile) write(b *batch.Batch) error {
	text := f.m.text[:0]
	if f.header != nil {
		text, f.header = f.header(text), nil
	}
	text = f.encode(text, b)
	f.m.text = text
	_, err := f.packed.Write(text)
	return err
}

func (f *textFile) size() int64 { return f.out.n }

func (f *textFile) end() error {
	f.m.account.Charge(-f.held)
	f.held = 0
	return f.packed.Close()
}

func (f *textFile) discard() {
	f.out.w = io.Discard
	_ = f.end()
}

// counter counts the bytes on their way.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
