package log

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// Dir is the folder of the log within the table.
const Dir = "_delta_log/"

// HintName is the file that points at the newest checkpoint, perhaps.
const HintName = Dir + "_last_checkpoint"

// CommitName returns the object's name of a version's commit.
func CommitName(version int64) string { return fmt.Sprintf("%s%020d.json", Dir, version) }

// CheckpointName returns the object's name of a version's classic checkpoint.
func CheckpointName(version int64) string {
	return fmt.Sprintf("%s%020d.checkpoint.parquet", Dir, version)
}

// Log is the log of the table at the root of a store. It is immutable and
// safe for concurrent use.
type Log struct {
	Store  objstore.Store
	Limits Limits
	Pool   *batch.Pool // columns of checkpoints; nil: the garbage collector
}

func (l *Log) failure(class, text string, args ...any) *supervision.Failure {
	f := supervision.New(supervision.Fatal, class, text, args...)
	f.Path = l.Store.URI()
	return f
}

// Commit reads one version's actions of the wanted kinds. A version that is not there is
// objstore.ErrNotFound.
func (l *Log) Commit(ctx context.Context, version int64, want Kinds, visit func(*Action) error) error {
	name := CommitName(version)
	r, err := l.Store.Open(ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	return l.decode(name, version, io.NewSectionReader(r, 0, r.Size()), want, visit)
}

// DecodeCommit is Commit for text that was read already.
func (l *Log) DecodeCommit(version int64, text []byte, want Kinds, visit func(*Action) error) error {
	return l.decode(CommitName(version), version, bytes.NewReader(text), want, visit)
}

func (l *Log) decode(name string, version int64, r io.Reader, want Kinds, visit func(*Action) error) error {
	var mine error
	err := Decode(r, want, l.Limits, func(a *Action) error {
		mine = visit(a)
		return mine
	})
	if err == nil || mine != nil {
		return err
	}
	f := l.failure(ClassBroken, "the commit cannot be read: %s", err)
	f.Path, f.Version, f.Cause = l.Store.URI()+"/"+name, &version, err
	var at *LineError
	if errors.As(err, &at) {
		f.Line, f.Message = at.Line, fmt.Sprintf("the commit cannot be read: %s", at.Err)
	}
	return f
}
