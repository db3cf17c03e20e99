package node

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/node/flowfile"
	"github.com/deltaic/deltaic/supervision"
)

// deltaSource makes a source that streams a table. Its columns have to be known, so the table is looked at before the flow runs.
func deltaSource(s flowfile.SourceOptions) (connectors.Source, error) {
	path, o, err := deltaSourceOptions(s)
	if err != nil {
		return nil, err
	}
	return delta.OpenSource(context.Background(), path, o)
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
