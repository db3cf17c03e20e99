package delta

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/location"
	"github.com/deltaic/deltaic/supervision"
)

// Source streams a table: the rows that it has when the stream begins, file by file, and then what its versions change.
//
// Where those who read it can take rows back, a source gives changes: rows with kinds, of a version first all that it takes back,
// then all that it brings, from its change files or else from the difference of files and deletion vectors. Where
// they cannot, it gives rows that never change, and a version that updates or deletes ends the stream as in
// Spark, unless an option says what to make of it. With ReadChangeFeed it gives the change feed as rows with three more columns.
//
// It has one split, whatever the table: changes have an order. Its files are read ahead beside each other. What is read
// of the table when the stream begins may be spread over Splits.
type Source struct {
	table   *Table
	path    string
	o       SourceOptions
	read    *Head         // whose columns are read
	schemas *schemaLog    // nil: none is kept
	schema  *batch.Schema // of the rows given
	footing footing       // of the table that is read

	netRows int64 // see net; 0: all rows of rewritten files are told

	startAtOnce int64 // files of the start in memory, about

	loading sync.Mutex // held by who reads files of the start into memory

	places sourcePlaces

	mu      sync.Mutex
	changes bool // rows of every kind are read
	atOnce  bool // the run is one epoch
	limited bool // epochs are bounded: versions are planned as they advance
	splits  int
	start   *startFiles             // what the table had when the stream began
	commits map[int64]*sourceCommit // of the versions from at on, as far as they are planned
	planned int64                   // the first version that is not
	newest  int64                   // version
	at      sourcePosition          // of the split that reads the versions, as the engine knows it
	changed chan struct{}           // closed and replaced when more is planned
	cut     time.Time               // rows are older, by SourceOptions.Before; zero: not known yet
}

var (
	_ connectors.Source    = (*Source)(nil)
	_ connectors.Limiter   = (*Source)(nil)
	_ connectors.Changing  = (*Source)(nil)
	_ connectors.Lagging   = (*Source)(nil)
	_ connectors.Undivided = (*Source)(nil)
)

// OpenSource returns the source that streams the table at a location: a folder, or a URI that location.Open takes. The table must be there: its columns are those of the rows.
func OpenSource(ctx context.Context, path string, o SourceOptions) (*Source, error) {
	store, err := location.Open(path)
	if err != nil {
		return nil, err
	}
	return NewSource(ctx, store, path, o)
}

// NewSource returns the source that streams the table at the root of a store; path is its name for people.
func NewSource(ctx context.Context, store objstore.Store, path string, o SourceOptions) (*Source, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Source{table: Open(store, o.Table), path: path, o: o, netRows: netRows, startAtOnce: startAtOnce, commits: map[int64]*sourceCommit{}, changed: make(chan struct{})}
	s.read, err = s.table.Head(ctx)
	var f *supervision.Failure
	if errors.As(err, &f) && f.Class == log.ClassNotFound {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: log.ClassNotFound, Path: path, Message: "there is no Delta table to read from", Hint: "create it first: its columns must be known"}
	}
	if err != nil {
		return nil, err
	}
	s.footing.stand(ctx, s.table, s.read)
	if o.SchemaLog != "" {
		if err := s.trackSchema(ctx); err != nil {
			return nil, err
		}
	}
	if o.ReadChangeFeed && !hasFeed(s.read) {
		f := s.table.failure(supervision.Fatal, ClassMissingChanges, s.read.Version, "the table has no change feed, and readChangeFeed is set")
		f.Hint = "set the table's property delta.enableChangeDataFeed to true; without readChangeFeed updates and deletes are read as changes all the same"
		return nil, f
	}
	if hasFeed(s.read) { // whose files have columns of these names
		if err := s.table.reserved(s.read); err != nil {
			return nil, err
		}
	}
	s.schema = s.rowSchema()
	return s, nil
}

// rowSchema returns the columns of the rows. As in Spark any of them may be null: old files may lack a column.
func (s *Source) rowSchema() *batch.Schema {
	fields := slices.Clone(s.read.Schema.Fields)
	for i := range fields {
		fields[i].Nullable = true
	}
	if s.o.ReadChangeFeed {
		fields = append(fields, changeFields...)
	}
	return &batch.Schema{Fields: fields}
}

// Schema returns the columns of the table when it was opened, and those of the change feed if that is read.
func (s *Source) Schema() *batch.Schema { return s.schema }

// Description is Spark's.
func (s *Source) Description() string { return "DeltaSource[" + s.path + "]" }

// Close does nothing: a source holds nothing open between calls.
func (s *Source) Close() error { return nil }

// Limited reports that each epoch is bounded: by 1,000 files if no option says otherwise.
func (s *Source) Limited() bool { return s.o.MaxFiles > 0 || s.o.MaxBytes > 0 }

// Changing reports whether the source has rows of every kind to give: unless an option asks for rows that never change.
func (s *Source) Changing() bool { return !s.o.ReadChangeFeed && !s.o.StartOnly && !s.o.tolerates() }

// TakeChanges says whether rows of every kind are read.
func (s *Source) TakeChanges(take bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes = take && s.Changing()
}

// TakeAtOnce says that the run is one epoch. With a schema log End stops before the next change of columns then: what the log has
// of it is written when all before it is decided, which of an epoch nobody knows before its end.
func (s *Source) TakeAtOnce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.atOnce = true
}

// mode is what the rows are.
type sourceMode string

const (
	modeRows    sourceMode = "rows"    // that never change
	modeChanges sourceMode = "changes" // of every kind
	modeFeed    sourceMode = "feed"    // of the change feed, as columns
)

// mode returns what the rows are; s.mu is held.
func (s *Source) mode() sourceMode {
	switch {
	case s.o.ReadChangeFeed:
		return modeFeed
	case s.changes:
		return modeChanges
	}
	return modeRows
}

// signal wakes the readers; s.mu is held.
func (s *Source) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Source) failure(class string, version int64, text string, args ...any) *supervision.Failure {
	f := s.table.failure(supervision.Fatal, class, version, "%s", fmt.Sprintf(text, args...))
	return f
}
