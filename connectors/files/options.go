package files

import (
	"crypto/rand"
	"io"
	"time"

	"github.com/deltaic/deltaic/formats/csv"
	"github.com/deltaic/deltaic/formats/json"
)

// Format is what files hold.
type Format string

// The formats.
const (
	JSON    Format = "json" // newline-delimited
	CSV     Format = "csv"
	Parquet Format = "parquet"
)

// Options say what is written. Format is required; the rest is good as it is.
type Options struct {
	Format      Format
	PartitionBy []string
	Compression string // none, gzip or zstd for text, "": none; Parquet's codecs for Parquet, "": snappy
	JSON        json.EncodeOptions
	CSV         csv.Options // no line separator: csv.Defaults

	MaxFileSize  int64         // bytes at which a file is ended and another begun; 0: 128 MiB
	MaxFileRows  int64         // rows likewise; 0: no bound
	MaxFileAge   time.Duration // likewise, looked at when rows come; 0: no bound. An epoch ends its files anyway.
	MaxOpenFiles int           // files of a share being filled at once; 0: 64

	// PartitionCommit, if not nil, marks partitions that are complete.
	PartitionCommit *PartitionCommit

	// Retention is for how long the log names a file after its epoch; 0: for ever. Files
	// themselves are never removed.
	Retention time.Duration

	// Adopt lets the flow go on with a folder that another incarnation of it has
	// written, or that holds files which are in no log. Without it that is refused: a lost checkpoint would write
	// rows twice, and Spark's readers would not see the other files any more.
	Adopt bool

	Now    func() time.Time // for MaxFileAge; nil: time.Now
	Random io.Reader        // names of files; nil: crypto/rand
}

func (o Options) withDefaults() Options {
	if o.CSV.LineSeparator == "" {
		o.CSV = csv.Defaults()
	}
	if o.MaxFileSize <= 0 {
		o.MaxFileSize = 128 << 20
	}
	if o.MaxOpenFiles <= 0 {
		o.MaxOpenFiles = 64
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.PartitionCommit != nil {
		commit := o.PartitionCommit.withDefaults()
		o.PartitionCommit = &commit
	}
	return o
}
