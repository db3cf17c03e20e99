package node

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/node/flowfile"
	"github.com/deltaic/deltaic/objstore/location"
	"github.com/deltaic/deltaic/supervision"
)

// deltaSource makes a source that streams a table. Its columns have to be known, so the table is looked at before the flow runs.
func deltaSource(s flowfile.SourceOptions, logs schemaLogs) (connectors.Source, error) {
	path, o, err := deltaSourceOptions(s)
	if err == nil {
		err = logs.place(s, path, &o)
	}
	if err != nil {
		return nil, err
	}
	return delta.OpenSource(context.Background(), path, o)
}

// schemaLogs are the sources of a file that keep a schema log, by what makes it one.
type schemaLogs map[[3]string]string

// place refuses a schema log that would outlive its checkpoint, or be shared by two.
func (l schemaLogs) place(s flowfile.SourceOptions, table string, o *delta.SourceOptions) error {
	if o.SchemaLog == "" {
		return nil
	}
	place := location.Clean(o.SchemaLog)
	key := [3]string{place, location.Clean(table), o.SchemaLogID}
	if other, is := l[key]; is {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "DELTA_STREAMING_SCHEMA_LOCATION_CONFLICT",
			Message: fmt.Sprintf("sources %s and %s both keep the columns of %s in %s", other, s.Name, table, o.SchemaLog), Hint: "give each a streamingSourceTrackingId of its own"}
	}
	l[key] = s.Name
	if s.CheckpointLocation == "" || strings.HasPrefix(place+"/", location.Clean(s.CheckpointLocation)+"/") {
		return nil
	}
	return &supervision.Failure{Kind: supervision.Fatal, Class: "DELTA_STREAMING_SCHEMA_LOCATION_NOT_UNDER_CHECKPOINT",
		Message: fmt.Sprintf("source %s: schemaTrackingLocation %s does not lie below the checkpoint location %s", s.Name, o.SchemaLog, s.CheckpointLocation),
		Hint:    "set it to " + location.Join(s.CheckpointLocation, "schemas") + ": what it holds belongs to the checkpoint"}
}

func deltaSourceOptions(s flowfile.SourceOptions) (path string, o delta.SourceOptions, err error) {
	invalid := func(format string, args ...any) error {
		return supervision.New(supervision.Fatal, "INVALID_FLOW_FILE", "source "+s.Name+": "+format, args...)
	}
	path, rest := s.Path, map[string]string{}
	for name, text := range s.Options {
		if !strings.EqualFold(name, "path") {
			rest[name] = text
			continue
		}
		if path != "" && path != text {
			return "", o, invalid("it has two paths, %s and %s", path, text)
		}
		path = text
	}
	switch {
	case path == "":
		return "", o, invalid("a Delta table needs a path: add path: lake/%s", s.Name)
	case s.Schema != "":
		return "", o, invalid("a Delta table has its own schema")
	}
	o, unknown, err := delta.ParseSourceOptions(rest, flowfile.Bytes)
	if unknown != "" {
		err = unknownSourceOption(s, unknown)
	}
	return path, o, err
}

// staticOptions are options that mean a version of a table, and no stream.
var staticOptions = []string{"versionasof", "timestampasof", "endingversion", "endingtimestamp"}

func unknownSourceOption(s flowfile.SourceOptions, name string) error {
	f := &supervision.Failure{Kind: supervision.Fatal, Class: "UNKNOWN_OPTION", Message: fmt.Sprintf("source %s: format %s has no option %q", s.Name, s.Format, name)}
	known := append(delta.SourceOptionNames(), "path")
	sort.Strings(known)
	for _, static := range staticOptions {
		if strings.EqualFold(static, name) {
			f.Hint = "a stream has no end and begins at startingVersion or startingTimestamp; a fixed version is a static table: static: true, versionAsOf: 3"
			return f
		}
	}
	if near := flowfile.Nearest(name, known); near != "" {
		f.Hint = fmt.Sprintf("did you mean %s? known options: %s", near, strings.Join(known, ", "))
		return f
	}
	f.Hint = "known options: " + strings.Join(known, ", ")
	return f
}
