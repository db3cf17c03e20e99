package json

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/batch"
)

// Patterns makes a reader of text out of a pattern of Java's
// DateTimeFormatter, for values of kind Date, Timestamp or TimestampNTZ.
type Patterns func(kind batch.Kind, pattern string, zone *time.Location) (func(text []byte) (int64, bool), error)

// fixed are options of Spark that we know and that have one value here, with
// the reason.
var fixed = map[string]struct{ value, why string }{
	"allowcomments":                      {"false", "comments are not JSON"},
	"allowunquotedfieldnames":            {"false", "field names stand in double quotes"},
	"allowsinglequotes":                  {"false", "strings stand in double quotes"},
	"allownumericleadingzeros":           {"false", "numbers have no leading zeros"},
	"allowbackslashescapinganycharacter": {"false", "only JSON's escapes are known"},
	"allowunquotedcontrolchars":          {"false", "control characters are escaped"},
	"multiline":                          {"false", "a record is one text"},
	"encoding":                           {"utf-8", "records are UTF-8"},
	"charset":                            {"utf-8", "records are UTF-8"},
	"linesep":                            {"\n", "lines end with a newline"},
	"locale":                             {"en-us", "patterns and decimals are read as in en-US"},
	"enabledatetimeparsingfallback":      {"false", "a text that does not match its pattern is malformed"},
}

// ParseOptions reads Spark's options for JSON, whose names have no case, over
// what o already says. An option that is not known, or that asks for what
// there is not, is an error that names it. patterns serves dateFormat, timestampFormat and
// timestampNTZFormat; nil refuses them.
func ParseOptions(named map[string]string, o Options, patterns Patterns) (Options, error) {
	names := make([]string, 0, len(named))
	for name := range named {
		names = append(names, name)
	}
	slices.Sort(names)
	formats := map[batch.Kind]string{}
	for _, name := range names {
		if err := o.set(name, named[name], formats); err != nil {
			return o, err
		}
	}
	for _, kind := range []batch.Kind{batch.Date, batch.Timestamp, batch.TimestampNTZ} {
		pattern, ok := formats[kind]
		if !ok {
			continue
		}
		if patterns == nil {
			return o, fmt.Errorf("json: a format for %s is not supported here: leave the option out to read Spark's default formats", kind)
		}
		read, err := patterns(kind, pattern, o.withDefaults().Zone)
		if err != nil {
			return o, fmt.Errorf("json: format %q for %s: %w", pattern, kind, err)
		}
		switch kind {
		case batch.Date:
			o.Date = read
		case batch.Timestamp:
			o.Timestamp = read
		case batch.TimestampNTZ:
			o.TimestampNTZ = read
		}
	}
	return o, nil
}

func (o *Options) set(name, value string, formats map[batch.Kind]string) (err error) {
	switch key := strings.ToLower(name); key {
	case "mode":
		return o.setMode(value)
	case "columnnameofcorruptrecord":
		o.CorruptRecord = value
	case "timezone":
		if o.Zone, err = time.LoadLocation(value); err != nil {
			return fmt.Errorf("json: option %s: unknown time zone %q", name, value)
		}
	case "dateformat":
		formats[batch.Date] = value
	case "timestampformat":
		formats[batch.Timestamp] = value
	case "timestampntzformat":
		formats[batch.TimestampNTZ] = value
	case "allownonnumericnumbers":
		on, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("json: option %s is true or false, not %q", name, value)
		}
		o.RefuseNonNumeric = !on
	case "maxnestingdepth":
		return setLimit(&o.MaxDepth, name, value, maxMaxDepth)
	case "maxnumlen":
		return setLimit(&o.MaxNumber, name, value, 1<<20)
	case "maxrecordsize":
		return setLimit(&o.MaxRecord, name, value, 1<<30)
	default:
		f, known := fixed[key]
		if !known {
			return fmt.Errorf("json: unknown option %s%s", name, nearest(key))
		}
		if !strings.EqualFold(value, f.value) {
			return fmt.Errorf("json: option %s is always %q here (%s); leave it out", name, f.value, f.why)
		}
	}
	return nil
}

func (o *Options) setMode(value string) error {
	for _, m := range []Mode{Permissive, FailFast, DropMalformed} {
		if strings.EqualFold(value, m.String()) {
			o.Mode = m
			return nil
		}
	}
	return fmt.Errorf("json: option mode is PERMISSIVE, FAILFAST or DROPMALFORMED, not %q", value)
}

func setLimit(to *int, name, value string, most int) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		return fmt.Errorf("json: option %s is a number from 1 to %d, not %q", name, most, value)
	}
	*to = n
	return nil
}

var settable = []string{"mode", "columnNameOfCorruptRecord", "timeZone", "dateFormat", "timestampFormat",
	"timestampNTZFormat", "allowNonNumericNumbers", "maxNestingDepth", "maxNumLen", "maxRecordSize"}

// nearest suggests an option that begins alike.
func nearest(key string) string {
	best, most := "", 3
	for _, s := range settable {
		n := 0
		for n < min(len(s), len(key)) && s[n]|0x20 == key[n] {
			n++
		}
		if n > most {
			best, most = s, n
		}
	}
	if best == "" {
		return "; known are " + strings.Join(settable, ", ")
	}
	return ": did you mean " + best + "?"
}
