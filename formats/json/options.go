package json

import (
	"time"
)

// Mode says what becomes of a malformed record.
type Mode uint8

// Spark's modes.
const (
	Permissive    Mode = iota // keep what can be kept, null the rest, fill the corrupt record column
	FailFast                  // the first malformed record is an error
	DropMalformed             // leave the record out; DecodeLines only, as in Spark
)

// String returns the mode in Spark's spelling.
func (m Mode) String() string {
	switch m {
	case FailFast:
		return "FAILFAST"
	case DropMalformed:
		return "DROPMALFORMED"
	}
	return "PERMISSIVE"
}

// The limits that hold where [Options] names none.
const (
	DefaultMaxDepth  = 64       // nested objects and arrays
	DefaultMaxRecord = 16 << 20 // bytes of a record
	DefaultMaxNumber = 1000     // bytes of a number
	maxMaxDepth      = 1024
	// DefaultCorruptRecord is Spark's name of the corrupt record column.
	DefaultCorruptRecord = "_corrupt_record"
)

// Options are the settings of a [Decoder]. The zero value is Spark's default.
type Options struct {
	Mode Mode
	// CorruptRecord names the string field of the schema that receives the
	// whole text of a malformed record and is null otherwise. It is never read
	// from a record. "": DefaultCorruptRecord. A schema need not have it.
	CorruptRecord string
	// Rescued names the string field of the schema that receives, as one object, what a record has beside the
	// schema: members that it does not name, and values that do not fit their field, which is then null and not malformed. "": none.
	Rescued string
	// Zone is the session's time zone, for timestamps that name none. nil: UTC.
	Zone *time.Location
	// Timestamp, TimestampNTZ and Date, where set, read the text of strings
	// instead of Spark's default formats: microseconds, or days for Date,
	// since 1970-01-01. They must not keep the bytes. False: malformed.
	Timestamp, TimestampNTZ, Date func(text []byte) (int64, bool)
	// RefuseNonNumeric turns Spark's allowNonNumericNumbers off: no NaN and
	// no infinity, with or without quotes.
	RefuseNonNumeric bool
	// FoldCase matches field names without regard to letter case where none
	// matches exactly.
	FoldCase bool
	// MaxDepth bounds nested objects and arrays (at most 1024), MaxRecord the bytes of a record, MaxNumber
	// the bytes of a number. 0: the defaults above.
	MaxDepth, MaxRecord, MaxNumber int
}

func (o Options) withDefaults() Options {
	if o.CorruptRecord == "" {
		o.CorruptRecord = DefaultCorruptRecord
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.MaxDepth <= 0 {
		o.MaxDepth = DefaultMaxDepth
	}
	o.MaxDepth = min(o.MaxDepth, maxMaxDepth)
	if o.MaxRecord <= 0 {
		o.MaxRecord = DefaultMaxRecord
	}
	if o.MaxNumber <= 0 {
		o.MaxNumber = DefaultMaxNumber
	}
	return o
}
