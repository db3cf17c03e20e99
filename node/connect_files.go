package node

import (
	"fmt"
	"strings"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/files"
	"github.com/deltaic/deltaic/expr/datetime"
	"github.com/deltaic/deltaic/formats/csv"
	"github.com/deltaic/deltaic/formats/json"
	"github.com/deltaic/deltaic/node/flowfile"
	"github.com/deltaic/deltaic/supervision"
)

// fileOptions are the options of a sink of files; those of the format follow them.
var fileOptions = []string{"path", "compression", "maxFileSize", "maxRecordsPerFile", "rolloverInterval", "maxOpenFiles", "retention",
	"adopt", "partitionCommit", "partitionTime", "partitionDelay", "partitionTimeZone", "successFile"}

// fileSink makes a sink of JSON, CSV or Parquet files.
func fileSink(s flowfile.SinkOptions) (connectors.Sink, error) {
	invalid := func(name string, err error) error {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_OPTION", Message: fmt.Sprintf("sink %s: option %s: %v", s.Name, name, err)}
	}
	for what, there := range map[string]bool{"properties": len(s.Properties) > 0, "keys": len(s.Keys) > 0, "schema": s.Schema != ""} {
		if there {
			return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "UNKNOWN_KEY", Message: fmt.Sprintf("sink %s: format %s has no %s", s.Name, s.Format, what)}
		}
	}
	o := files.Options{Format: files.Format(s.Format), PartitionBy: s.PartitionBy}
	commit := &files.PartitionCommit{}
	path, asked, rest := s.Path, "", map[string]string{}
	for _, name := range sortedKeys(s.Options) {
		text := s.Options[name]
		if strings.EqualFold(name, "path") {
			if path != "" && path != text {
				return nil, invalid(name, fmt.Errorf("the sink has two paths, %s and %s", path, text))
			}
			path = text
			continue
		}
		known, err := fileOption(&o, strings.ToLower(name), text)
		if !known && err == nil {
			known, err = partitionOption(commit, strings.ToLower(name), text)
			if known {
				asked = name
			}
		}
		if err != nil {
			return nil, invalid(name, err)
		}
		if !known {
			rest[name] = text
		}
	}
	if asked != "" && s.Options[nameOf(s.Options, "partitionCommit")] == "" {
		return nil, invalid(asked, fmt.Errorf("it says how partitions are committed, and partitionCommit: watermark is not set"))
	}
	if asked != "" {
		o.PartitionCommit = commit
	}
	if path == "" {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_FLOW_FILE", Message: fmt.Sprintf("sink %s has no path", s.Name), Hint: "add path: out/" + s.Name}
	}
	if err := formatOptions(&o, s, rest); err != nil {
		return nil, err
	}
	return files.At(path, o), nil
}

// nameOf returns the name under which an option was given, letter case ignored.
func nameOf(options map[string]string, name string) string {
	for given := range options {
		if strings.EqualFold(given, name) {
			return given
		}
	}
	return name
}

// fileOption sets an option of every format, and reports whether it is one.
func fileOption(o *files.Options, name, text string) (known bool, err error) {
	switch name {
	case "compression":
		o.Compression = strings.ToLower(text)
	case "maxfilesize":
		o.MaxFileSize, err = flowfile.Bytes(text)
	case "maxrecordsperfile":
		var n int
		n, err = positive(text)
		o.MaxFileRows = int64(n)
	case "rolloverinterval":
		o.MaxFileAge, err = flowfile.Duration(text)
	case "maxopenfiles":
		o.MaxOpenFiles, err = positive(text)
	case "retention":
		o.Retention, err = flowfile.Duration(text)
	case "adopt":
		o.Adopt, err = boolean(text)
	default:
		return false, nil
	}
	return true, err
}

// partitionOption sets an option of the commit of partitions, and reports whether it is one.
func partitionOption(p *files.PartitionCommit, name, text string) (known bool, err error) {
	switch name {
	case "partitioncommit":
		if !strings.EqualFold(text, "watermark") {
			err = fmt.Errorf("partitions are committed by watermark, not %q", text)
		}
	case "partitiontime":
		p.Time = text
	case "partitiondelay":
		p.Delay, err = flowfile.Duration(text)
	case "partitiontimezone":
		var known bool
		if p.Zone, known = datetime.ZoneNamed(text); !known {
			err = fmt.Errorf("there is no time zone %q", text)
		}
	case "successfile":
		if p.File = text; text == "" || strings.ContainsRune(text, '/') || (text[0] != '_' && text[0] != '.') {
			err = fmt.Errorf("%q is no name that begins with an underscore, so that readers leave it out", text)
		}
	default:
		return false, nil
	}
	return true, err
}

// formatOptions reads what is left by the names of the format.
func formatOptions(o *files.Options, s flowfile.SinkOptions, rest map[string]string) (err error) {
	switch o.Format {
	case files.JSON:
		o.JSON, err = json.ParseEncodeOptions(rest, json.EncodeOptions{}, formatTimes)
	case files.CSV:
		o.CSV, err = csv.ParseOptions(rest, csv.Defaults(), formatTimes)
	default:
		if len(rest) > 0 {
			return badOption(s, anyKey(rest), fileOptions)
		}
	}
	if err == nil {
		return nil
	}
	if strings.Contains(err.Error(), "unknown option") {
		f := &supervision.Failure{Kind: supervision.Fatal, Class: "UNKNOWN_OPTION", Message: fmt.Sprintf("sink %s: %v", s.Name, err)}
		f.Hint = "every format has " + strings.Join(fileOptions, ", ") + " too"
		return f
	}
	return &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_OPTION", Message: fmt.Sprintf("sink %s: %v", s.Name, err)}
}

// formatTimes makes what writes dates and times by a pattern.
func formatTimes(kind batch.Kind, pattern string, zone *time.Location) (func([]byte, int64) []byte, error) {
	p, err := datetime.NewPattern(pattern)
	if err != nil {
		return nil, err
	}
	switch kind {
	case batch.Date:
		return func(dst []byte, days int64) []byte { return p.Append(dst, days*batch.MicrosPerDay, time.UTC) }, nil
	case batch.TimestampNTZ:
		zone = time.UTC
	}
	return func(dst []byte, micros int64) []byte { return p.Append(dst, micros, zone) }, nil
}
