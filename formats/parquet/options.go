package parquet

import (
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/compress/gzip"
	"github.com/parquet-go/parquet-go/compress/lz4"
	"github.com/parquet-go/parquet-go/compress/snappy"
	"github.com/parquet-go/parquet-go/compress/uncompressed"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// WriterOptions says how a file is laid out. The zero value is a good choice.
type WriterOptions struct {
	Codec           string            // uncompressed (or none), snappy, zstd, gzip, lz4_raw; "": snappy
	RowGroupRows    int64             // rows after which a row group is closed; 0: 1,048,576
	RowGroupBytes   int64             // buffered bytes after which a row group is closed; 0: 64 MiB
	PageBytes       int               // uncompressed bytes of values after which a page is closed; 0: 256 KiB
	DictionaryBytes int               // size at which a column's dictionary is given up; 0: 1 MiB; negative: no dictionaries
	KeyValue        map[string]string // the footer's key-value metadata
	CreatedBy       string            // the footer's created_by; "": "deltaic version 1.0.0"

	// FieldIDs returns the field id of the column at the path of names, which
	// for lists and maps goes through "list", "element", "key_value", "key" and
	// "value". Nil, or false, writes none.
	FieldIDs func(path []string) (int32, bool)

	// Account is charged with what the writer holds in memory.
	Account *batch.Account

	// Buffers is where the writer's memory comes from and goes back to. Nil: a pool of all writers, which the
	// garbage collector empties.
	Buffers *Buffers
}

func (o WriterOptions) withDefaults() WriterOptions {
	if o.Codec == "" {
		o.Codec = "snappy"
	}
	if o.RowGroupRows <= 0 {
		o.RowGroupRows = 1 << 20
	}
	if o.RowGroupBytes <= 0 {
		o.RowGroupBytes = 64 << 20
	}
	if o.PageBytes <= 0 {
		o.PageBytes = 256 << 10
	}
	if o.DictionaryBytes == 0 {
		o.DictionaryBytes = 1 << 20
	}
	if o.CreatedBy == "" {
		o.CreatedBy = "deltaic version 1.0.0"
	}
	return o
}

// The codecs. They hold no state of a file and are shared.
var (
	codecPlain  = &uncompressed.Codec{}
	codecSnappy = &snappy.Codec{}
	codecGzip   = &gzip.Codec{}
	codecZstd   = &zstd.Codec{}
	codecLz4Raw = &lz4.Codec{}
)

// codecNamed returns the codec that Delta and Spark call name.
func codecNamed(name string) (compress.Codec, error) {
	switch strings.ToLower(name) {
	case "uncompressed", "none":
		return codecPlain, nil
	case "snappy":
		return codecSnappy, nil
	case "gzip":
		return codecGzip, nil
	case "zstd":
		return codecZstd, nil
	case "lz4_raw":
		return codecLz4Raw, nil
	}
	return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "CODEC_NOT_AVAILABLE",
		Message: fmt.Sprintf("Parquet codec %q cannot be written", name),
		Hint:    "use one of uncompressed, snappy, zstd, gzip, lz4_raw"}
}

// Limits bounds what reading a file may cost, whatever its bytes say. A zero
// field has the default.
type Limits struct {
	FooterBytes int64 // footer on disk; default 16 MiB
	PageBytes   int64 // one page, compressed or not; default 256 MiB, and 32 MiB with 128 times what it is compressed
	BatchRows   int   // rows of a batch; default 4,096
	BatchBytes  int64 // values of one batch; default 1 GiB
}

func (l Limits) withDefaults() Limits {
	if l.FooterBytes <= 0 {
		l.FooterBytes = 16 << 20
	}
	if l.PageBytes <= 0 {
		l.PageBytes = 256 << 20
	}
	if l.BatchRows <= 0 {
		l.BatchRows = 4096
	}
	if l.BatchBytes <= 0 {
		l.BatchBytes = 1 << 30
	}
	return l
}

// ReadOptions says who reads a file and within what.
type ReadOptions struct {
	Name   string      // of the file, for errors
	Pool   *batch.Pool // columns of batches come from it; nil: the garbage collector
	Limits Limits

	// SkipChecksums reads pages whose checksum is wrong, for files of writers
	// that computed it wrongly.
	SkipChecksums bool
}
