package csv

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/batch"
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
type Formats func(kind batch.Kind, pattern string, zone *time.Location) (func(dst []byte, v int64) []byte, error)

// fixed are options of Spark that we know and that have one value here, with the reason.
var fixed = map[string]struct{ value, why string }{
	"encoding": {"utf-8", "text is UTF-8"},
	"charset":  {"utf-8", "text is UTF-8"},
	"locale":   {"en-us", "patterns are written as in en-US"},
}

var settable = []string{"sep", "delimiter", "quote", "escape", "escapeQuotes", "quoteAll", "header", "nullValue", "emptyValue", "dateFormat",
	"timestampFormat", "timestampNTZFormat", "timeZone", "ignoreLeadingWhiteSpace", "ignoreTrailingWhiteSpace", "lineSep"}

// ParseOptions reads Spark's options for CSV, whose names have no case, over
// what o already says. An option that is not known, or that asks for what
// there is not, is an error that names it. formats serves dateFormat, timestampFormat and
// timestampNTZFormat; nil refuses them.
func ParseOptions(named map[string]string, o Options, formats Formats) (Options, error) {
	names := make([]string, 0, len(named))
	for name := range named {
		names = append(names, name)
	}
	slices.Sort(names)
	zone := time.UTC
	patterns := map[batch.Kind]string{}
	for _, name := range names {
		if err := o.set(name, named[name], &zone, patterns); err != nil {
			return o, err
		}
	}
	for kind, to := range map[batch.Kind]*func([]byte, int64) []byte{batch.Date: &o.Date, batch.Timestamp: &o.Timestamp, batch.TimestampNTZ: &o.TimestampNTZ} {
		pattern, ok := patterns[kind]
		if !ok {
			continue
		}
		if formats == nil {
			return o, fmt.Errorf("csv: a format for %s is not supported here: leave the option out", kind)
		}
		var err error
		if *to, err = formats(kind, pattern, zone); err != nil {
			return o, fmt.Errorf("csv: format %q for %s: %w", pattern, kind, err)
		}
	}
	return o, o.check()
}

func (o *Options) set(name, value string, zone **time.Location, patterns map[batch.Kind]string) (err error) {
	switch key := strings.ToLower(name); key {
	case "sep", "delimiter":
		o.Separator, err = character(name, value)
	case "quote":
		if value == "" { // as in Spark: a character that no text holds
			o.Quote = 0
			return nil
		}
		o.Quote, err = character(name, value)
	case "escape":
		o.Escape, err = character(name, value)
	case "header":
		o.Header, err = truth(name, value)
	case "quoteall":
		o.QuoteAll, err = truth(name, value)
	case "escapequotes":
		o.EscapeQuotes, err = truth(name, value)
	case "ignoreleadingwhitespace":
		o.TrimLeading, err = truth(name, value)
	case "ignoretrailingwhitespace":
		o.TrimTrailing, err = truth(name, value)
	case "nullvalue":
		o.Null = value
	case "emptyvalue":
		o.Empty = value
	case "linesep":
		o.LineSeparator = value
	case "dateformat":
		patterns[batch.Date] = value
	case "timestampformat":
		patterns[batch.Timestamp] = value
	case "timestampntzformat":
		patterns[batch.TimestampNTZ] = value
	case "timezone":
		if *zone, err = time.LoadLocation(value); err != nil {
			return fmt.Errorf("csv: option %s: there is no time zone %q", name, value)
		}
	default:
		f, known := fixed[key]
		if !known {
			return fmt.Errorf("csv: unknown option %s; known are %s", name, strings.Join(settable, ", "))
		}
		if !strings.EqualFold(value, f.value) {
			return fmt.Errorf("csv: option %s is always %q here (%s); leave it out", name, f.value, f.why)
		}
	}
	return err
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

func truth(name, value string) (bool, error) {
	v, err := strconv.ParseBool(strings.ToLower(value))
	if err != nil {
		return false, fmt.Errorf("csv: option %s is true or false, not %q", name, value)
	}
	return v, nil
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
