package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/deltaic/deltaic/connectors/files"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/location"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/topology"
)

// tryTime bounds how long check --connect waits for one source.
const tryTime = 15 * time.Second

// tryOutside asks the sources for their splits and looks whether the paths can be
// written. It writes nothing. warn is told what works and perhaps should not.
func tryOutside(ctx context.Context, g *topology.Graph, u *unit, warn func(string)) error {
	var all []error
	for _, i := range g.Sources() {
		step := g.Steps[i]
		limited, cancel := context.WithTimeout(ctx, tryTime)
		splits, err := step.Source.Start(limited, nil)
		cancel()
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			err = &supervision.Failure{Kind: supervision.Fatal, Class: "SOURCE_NOT_REACHABLE", Step: step.Name, Message: fmt.Sprintf("%s did not answer within %v", step.Source.Description(), tryTime), Cause: err}
		case err == nil && len(splits) == 0:
			err = &supervision.Failure{Kind: supervision.Fatal, Class: "SOURCE_NOT_REACHABLE", Step: step.Name, Message: step.Source.Description() + " has nothing to read"}
		}
		all = append(all, err, step.Source.Close())
	}
	for _, i := range g.Sinks() {
		switch sink := g.Steps[i].Sink.(type) {
		case *delta.Sink:
			all = append(all, trySink(ctx, g.Steps[i].Name, sink, warn))
		case *files.Sink:
			all = append(all, tryPath(ctx, "sink "+g.Steps[i].Name, sink.Path()))
		}
	}
	if u.location != "" {
		all = append(all, tryPath(ctx, "checkpointLocation", u.location))
	}
	return errors.Join(all...)
}

// trySink reads the table's newest version, if there is one, and looks whether its
// folder can be written.
func trySink(ctx context.Context, name string, sink *delta.Sink, warn func(string)) error {
	table, exists, err := sink.Open(ctx)
	if err == nil && exists {
		_, err = table.Head(ctx)
	}
	if err == nil && exists {
		var warning string
		if warning, err = besideSpark(ctx, name, sink.Path(), table); warning != "" {
			warn(warning)
		}
	}
	if err != nil {
		return err
	}
	return tryPath(ctx, "sink "+name, sink.Path())
}

// tryBucket looks whether the bucket answers. That it can be written shows at the first write alone.
func tryBucket(ctx context.Context, what, path string) error {
	store, err := location.Open(path)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	if err := store.List(ctx, "", "", func(objstore.Info) bool { return false }); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// tryPath looks whether the folder, or the nearest one above it that exists, can be written.
func tryPath(ctx context.Context, what, path string) error {
	if location.Remote(path) {
		return tryBucket(ctx, what, path)
	}
	path, err := location.Folder(path)
	if err != nil {
		return err
	}
	at, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	for {
		info, err := os.Stat(at)
		if err == nil && !info.IsDir() {
			return &supervision.Failure{Kind: supervision.Fatal, Class: "PATH_NOT_WRITABLE", Path: path, Message: what + ": " + at + " is not a folder"}
		}
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(at) == at {
			return &supervision.Failure{Kind: supervision.Fatal, Class: "PATH_NOT_WRITABLE", Path: path, Message: what, Cause: unwrapPath(err)}
		}
		at = filepath.Dir(at)
	}
	if err := writable(at); err != nil {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "PATH_NOT_WRITABLE", Path: path, Message: what + ": " + at + " cannot be written", Cause: err}
	}
	return nil
}
