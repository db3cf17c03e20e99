package expr

import (
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/registry"
)

// Options say how expressions are bound.
type Options struct {
	// ANSI makes overflow, division by zero, invalid casts and missing array
	// elements errors of their row; otherwise they are null, or wrap, as in Spark
	// with spark.sql.ansi.enabled=false.
	ANSI bool
	// Zone is the session's time zone; nil is UTC.
	Zone *time.Location
	// Qualifiers are the names before the point by which columns may be called:
	// one for each field of the schema, or a single one for all. Empty: none.
	Qualifiers []string
	// Functions are the users' functions; nil: none.
	Functions *Registry
	// Quarantine makes a malformed record under from_json without a mode and
	// without a corrupt record column an error of its row, not nulls.
	Quarantine bool
	// Registry opens the schema registries that from_avro and its kin name; nil: none can be.
	Registry registry.Open
	// Schemas opens the place where from_json keeps a schema that evolves; nil: none can be kept.
	Schemas func(location string) (SchemaLog, error)
	// ReadFile reads the files of descriptors that from_protobuf names; nil: none can be read.
	ReadFile func(path string) ([]byte, error)
}

// NewOptions returns Spark 4's defaults: ANSI on, UTC.
func NewOptions() Options { return Options{ANSI: true, Zone: time.UTC} }

func (o Options) zone() *time.Location {
	if o.Zone == nil {
		return time.UTC
	}
	return o.Zone
}

// Limits of what a row error carries, in bytes.
const (
	MaxRaw     = 64 << 10
	MaxMessage = 1 << 10
)

// RowError is one row that could not be computed.
type RowError struct {
	Row     int32  // physical row of the batch
	Class   string // Spark's error class
	Message string // at most MaxMessage bytes
	Rule    string // what failed: "from_json", "cast", the function's name
	Raw     []byte // the value that failed, a copy of at most MaxRaw bytes; nil if none stands out
}

// Context is what an evaluation is given. It is used from one goroutine.
type Context struct {
	Pool     *batch.Pool
	Now      int64          // current_timestamp(), microseconds since 1970 UTC; constant within an epoch
	Zone     *time.Location // session time zone; nil: that of binding, which constants are always read in
	Halves   bool           // a batch whose results are too large for one is ErrCrowded, not put together
	Rejected []RowError     // rows that failed since Reset, the first failure of each

	seen     batch.Bitmap
	decoders map[*node]*decoder
	records  map[*node]any // decoders of framed records, by the node they belong to
}

// Reset forgets the rejected rows: call it for each batch.
func (c *Context) Reset() {
	clear(c.Rejected)
	c.Rejected = c.Rejected[:0]
	clear(c.seen)
}

// reject records a row's first failure.
func (c *Context) reject(row int, rule, class, message string, raw []byte) {
	for row>>6 >= len(c.seen) {
		c.seen = append(c.seen, 0)
	}
	if c.seen.Get(row) {
		return
	}
	c.seen.Set(row)
	if len(message) > MaxMessage {
		message = message[:MaxMessage]
	}
	if raw != nil {
		raw = append(make([]byte, 0, min(len(raw), MaxRaw)), raw[:min(len(raw), MaxRaw)]...)
	}
	c.Rejected = append(c.Rejected, RowError{Row: int32(row), Rule: rule, Class: class, Message: message, Raw: raw})
}
