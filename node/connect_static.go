package node

import (
	"context"
	"fmt"
	"strconv"

	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/node/flowfile"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
)

// plain refuses what means nothing to a source that is no table and has columns of its own.
func plain(s flowfile.SourceOptions) error {
	for what, there := range map[string]bool{"path": s.Path != "", "schema": s.Schema != ""} {
		if there {
			return &supervision.Failure{Kind: supervision.Fatal, Class: "UNKNOWN_KEY", Message: fmt.Sprintf("source %s: format %s has no %s", s.Name, s.Format, what)}
		}
	}
	return nil
}

// staticTable opens a table to join with. Its columns have to be known, so unlike all else that a flow file names
// it is looked at before the flow runs.
func staticTable(s flowfile.SourceOptions) (stream.Static, error) {
	invalid := func(format string, args ...any) error {
		return supervision.New(supervision.Fatal, "INVALID_FLOW_FILE", "source "+s.Name+": "+format, args...)
	}
	version := int64(-1)
	for name, text := range s.Options {
		if name != "versionAsOf" || s.Version != "" {
			return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "UNKNOWN_OPTION", Message: fmt.Sprintf("source %s: a static table has no option %q", s.Name, name), Hint: "known options: versionAsOf"}
		}
		s.Version = text
	}
	switch {
	case s.Path == "":
		return nil, invalid("a static table needs a path")
	case s.Schema != "":
		return nil, invalid("a Delta table has its own schema")
	case s.Version != "":
		var err error
		if version, err = strconv.ParseInt(s.Version, 10, 64); err != nil || version < 0 {
			return nil, invalid("versionAsOf is %q; want the number of a version", s.Version)
		}
	}
	return delta.OpenStatic(context.Background(), s.Path, version)
}
