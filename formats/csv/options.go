package csv

import (
	"fmt"
	"time"

	"github.com/deltaic/deltaic/formats/sparkoptions"
)

// Options say how text looks. Begin with [Defaults].
type Options struct {
	Separator     byte
	Quote         byte
	Escape        byte // before a quote within quotes, and before itself; equal to Quote: quotes are doubled
	LineSeparator string
	Header        bool   // names of the columns in the first line
	QuoteAll      bool   // all values in quotes
	EscapeQuotes  bool   // a value with a quote in it stands in quotes
	Null          string // of a null
	Empty         string // of an empty string, as it is
	// TrimLeading and TrimTrailing leave white space around values out.
	TrimLeading, TrimTrailing bool
	// Date, Timestamp and TimestampNTZ, where set, append days or microseconds since
	// 1970-01-01. Nil: 2026-01-31 and 2026-01-31T10:20:30.123456, with a Z for
	// instants.
	Date, Timestamp, TimestampNTZ func(dst []byte, v int64) []byte
}

// Defaults are Spark's: commas, double quotes escaped by a backslash, no header.
func Defaults() Options {
	return Options{Separator: ',', Quote: '"', Escape: '\\', LineSeparator: "\n", EscapeQuotes: true, Empty: `""`}
}

// Formats makes what appends values out of a pattern of Java's
// DateTimeFormatter, for values of kind Date, Timestamp or TimestampNTZ.
type Formats = sparkoptions.Resolver[func(dst []byte, v int64) []byte]

var format = &sparkoptions.Format{
	Name: "csv",
	Settable: []string{"sep", "delimiter", "quote", "escape", "escapeQuotes", "quoteAll", "header", "nullValue", "emptyValue", "dateFormat",
		"timestampFormat", "timestampNTZFormat", "timeZone", "ignoreLeadingWhiteSpace", "ignoreTrailingWhiteSpace", "lineSep"},
	Fixed: map[string]sparkoptions.Fixed{
		"encoding": {Value: "utf-8", Why: "text is UTF-8"},
		"charset":  {Value: "utf-8", Why: "text is UTF-8"},
		"locale":   {Value: "en-us", Why: "patterns are written as in en-US"},
	},
}

// ParseOptions reads Spark's options for CSV, whose names have no case, over
// what o already says. An option that is not known, or that asks for what
// there is not, is an error that names it. formats serves dateFormat, timestampFormat and
// timestampNTZFormat; nil refuses them.
func ParseOptions(named map[string]string, o Options, formats Formats) (Options, error) {
	var times sparkoptions.Times
	err := format.Each(named, func(key, name, value string) (bool, error) {
		if known, err := times.Set(format, key, name, value); known {
			return true, err
		}
		return o.set(key, name, value)
	})
	if err != nil {
		return o, err
	}
	if err := sparkoptions.Resolve(&times, format, formats, time.UTC, &o.Date, &o.Timestamp, &o.TimestampNTZ); err != nil {
		return o, err
	}
	return o, o.check()
}

func (o *Options) set(key, name, value string) (known bool, err error) {
	switch key {
	case "sep", "delimiter":
		o.Separator, err = character(name, value)
	case "quote":
		if value == "" { // as in Spark: a character that no text holds
			o.Quote = 0
			return true, nil
		}
		o.Quote, err = character(name, value)
	case "escape":
		o.Escape, err = character(name, value)
	case "header":
		o.Header, err = format.Truth(name, value)
	case "quoteall":
		o.QuoteAll, err = format.Truth(name, value)
	case "escapequotes":
		o.EscapeQuotes, err = format.Truth(name, value)
	case "ignoreleadingwhitespace":
		o.TrimLeading, err = format.Truth(name, value)
	case "ignoretrailingwhitespace":
		o.TrimTrailing, err = format.Truth(name, value)
	case "nullvalue":
		o.Null = value
	case "emptyvalue":
		o.Empty = value
	case "linesep":
		o.LineSeparator = value
	default:
		return false, nil
	}
	return true, err
}

// character reads one character, or \t as it is often written.
func character(name, value string) (byte, error) {
	if value == `\t` {
		return '\t', nil
	}
	if len(value) != 1 || value[0] >= 0x80 {
		return 0, fmt.Errorf("csv: option %s is one ASCII character, not %q", name, value)
	}
	return value[0], nil
}

// check refuses what could not be read back.
func (o *Options) check() error {
	switch {
	case o.LineSeparator != "\n" && o.LineSeparator != "\r\n" && o.LineSeparator != "\r":
		return fmt.Errorf("csv: lineSep is a line feed, a carriage return or both, not %q", o.LineSeparator)
	case o.Separator == o.Quote || o.Separator == o.Escape:
		return fmt.Errorf("csv: sep %q is the quote or the escape too", o.Separator)
	case o.Separator == '\n' || o.Separator == '\r' || o.Quote == '\n' || o.Quote == '\r' || o.Escape == '\n' || o.Escape == '\r':
		return fmt.Errorf("csv: sep, quote and escape are no line ends")
	}
	return nil
}
