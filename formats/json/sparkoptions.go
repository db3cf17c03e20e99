package json

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/formats/sparkoptions"
)

// Patterns makes a reader of text out of a pattern of Java's
// DateTimeFormatter, for values of kind Date, Timestamp or TimestampNTZ.
type Patterns = sparkoptions.Resolver[func(text []byte) (int64, bool)]

// fixed are options of Spark that we know and that have one value here, with
// the reason.
var fixed = map[string]sparkoptions.Fixed{
	"allowcomments":                      {Value: "false", Why: "comments are not JSON"},
	"allowunquotedfieldnames":            {Value: "false", Why: "field names stand in double quotes"},
	"allowsinglequotes":                  {Value: "false", Why: "strings stand in double quotes"},
	"allownumericleadingzeros":           {Value: "false", Why: "numbers have no leading zeros"},
	"allowbackslashescapinganycharacter": {Value: "false", Why: "only JSON's escapes are known"},
	"allowunquotedcontrolchars":          {Value: "false", Why: "control characters are escaped"},
	"multiline":                          {Value: "false", Why: "a record is one text"},
	"encoding":                           {Value: "utf-8", Why: "records are UTF-8"},
	"charset":                            {Value: "utf-8", Why: "records are UTF-8"},
	"linesep":                            {Value: "\n", Why: "lines end with a newline"},
	"locale":                             {Value: "en-us", Why: "patterns and decimals are read as in en-US"},
	"enabledatetimeparsingfallback":      {Value: "false", Why: "a text that does not match its pattern is malformed"},
}

var format = &sparkoptions.Format{
	Name: "json",
	Settable: []string{"mode", "columnNameOfCorruptRecord", "timeZone", "dateFormat", "timestampFormat",
		"timestampNTZFormat", "allowNonNumericNumbers", "maxNestingDepth", "maxNumLen", "maxRecordSize"},
	Fixed: fixed,
}

// ParseOptions reads Spark's options for JSON, whose names have no case, over
// what o already says. An option that is not known, or that asks for what
// there is not, is an error that names it. patterns serves dateFormat, timestampFormat and
// timestampNTZFormat; nil refuses them.
func ParseOptions(named map[string]string, o Options, patterns Patterns) (Options, error) {
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
	if times.Zone != nil {
		o.Zone = times.Zone
	}
	return o, sparkoptions.Resolve(&times, format, patterns, o.withDefaults().Zone, &o.Date, &o.Timestamp, &o.TimestampNTZ)
}

func (o *Options) set(key, name, value string) (known bool, err error) {
	switch key {
	case "mode":
		err = o.setMode(value)
	case "columnnameofcorruptrecord":
		o.CorruptRecord = value
	case "allownonnumericnumbers":
		var on bool
		on, err = format.Truth(name, value)
		o.RefuseNonNumeric = !on
	case "maxnestingdepth":
		err = setLimit(&o.MaxDepth, name, value, maxMaxDepth)
	case "maxnumlen":
		err = setLimit(&o.MaxNumber, name, value, 1<<20)
	case "maxrecordsize":
		err = setLimit(&o.MaxRecord, name, value, 1<<30)
	default:
		return false, nil
	}
	return true, err
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
