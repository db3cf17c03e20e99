package delta

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/location"
	"github.com/deltaic/deltaic/supervision"
)

// SinkOptions say how a flow writes a table.
type SinkOptions struct {
	PartitionBy []string          // of a table that is made; must equal an existing one's if given
	Properties  map[string]string // of a table that is made
	Name        string            // likewise
	Description string            // likewise
	Comments    map[string]string // of columns, likewise

	// Keys are the columns that identify a row, for output mode update: a row of an epoch replaces the one that
	// the table has of its keys, nulls being equal. They are fixed at the flow's first start.
	Keys []string

	// Schema is that of a new table, nil: the rows'. It must have what they have, and may have columns beyond, which get defaults, are
	// generated or null.
	Schema *batch.Schema

	// Ledger makes a new table one that can hold its flow's ledger: writer version 7 with domainMetadata.
	Ledger bool

	// MergeSchema lets Bind add columns to the table, and fields within them, that the rows have and it lacks.
	MergeSchema bool

	// Adopt lets the flow go on with a table that another incarnation of it has
	// written. Without it that is refused: a lost checkpoint would write rows twice.
	Adopt bool

	UserMetadata string
	Writer       WriterOptions // Account and Pool are the share's
	Table        Options
}

// Sink writes the epochs of a flow into a table, each exactly once: the commit of an epoch carries
// txn(appId = flow/incarnation, version = epoch). It is safe for concurrent use.
type Sink struct {
	path  string
	store objstore.Store // nil: made of path by Bind
	o     SinkOptions

	mu    sync.Mutex
	table *Table
	bound *Head // when bound; nil before
	mode  connectors.OutputMode
	rows  *batch.Schema // bound

	commits sync.Mutex // held while an epoch is committed
	live    liveFiles  // of the table, in complete mode
	upserts *upserts   // in update mode; nil before Bind

	objects objstore.Store // where rows are staged; nil: in the table's folder
	prefix  string
}

var (
	_ connectors.Sink      = (*Sink)(nil)
	_ connectors.ModeTaker = (*Sink)(nil)
	_ connectors.StateUser = (*Sink)(nil)
)

// NewSink returns the sink of the table at the root of the store.
func NewSink(s objstore.Store, o SinkOptions) *Sink { return &Sink{store: s, path: s.URI(), o: o} }

// SinkAt returns the sink of the table at a location: a folder, or a URI that location.Open takes.
func SinkAt(path string, o SinkOptions) *Sink { return &Sink{path: path, o: o} }

// ByKeys returns a sink of the same table that replaces rows by key, in output mode update. What it has prepared when its process
// ends, s commits too.
func (s *Sink) ByKeys(keys ...string) connectors.Sink {
	o := s.o
	o.Keys = keys
	return &Sink{store: s.store, path: s.path, o: o}
}

// Description names the sink as Spark's progress does.
func (s *Sink) Description() string { return "DeltaSink[" + s.path + "]" }

// Path returns the table's location, bound or not.
func (s *Sink) Path() string { return s.path }

// Location returns the sink's path and its table's id.
func (s *Sink) Location() (path, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bound == nil {
		return "", ""
	}
	return s.path, s.bound.Metadata.ID
}

// Durable reports that committed rows outlive the process.
func (s *Sink) Durable() bool { return true }

// Close gives back the memory of the index of keys.
func (s *Sink) Close() error {
	s.commits.Lock()
	defer s.commits.Unlock()
	if s.upserts != nil {
		s.upserts.index.release()
	}
	return nil
}

// UseState names where change rows are staged until their epoch is decided; without it they
// lie in the table's folder, hidden.
func (s *Sink) UseState(objects objstore.Store, prefix string) { s.objects, s.prefix = objects, prefix }

// UseAsLedger makes Bind create the table, if it does not exist, as one that can hold the ledger.
func (s *Sink) UseAsLedger() { s.o.Ledger = true }

// Open opens the table without binding rows to it, and reports whether it exists.
func (s *Sink) Open(ctx context.Context) (t *Table, exists bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.table == nil {
		if s.store == nil {
			if s.store, err = location.Open(s.path); err != nil {
				return nil, false, err
			}
		}
		s.table = Open(s.store, s.o.Table)
	}
	_, err = s.table.reload(ctx)
	var f *supervision.Failure
	if errors.As(err, &f) && f.Class == log.ClassNotFound {
		return s.table, false, nil
	}
	return s.table, err == nil, err
}

// Modes returns the output modes that the sink takes.
func (s *Sink) Modes() []connectors.OutputMode {
	return []connectors.OutputMode{connectors.Append, connectors.Complete, connectors.Update}
}

// Bind makes the table if it is not there, and checks that the rows fit it.
func (s *Sink) Bind(ctx context.Context, rows *batch.Schema, m connectors.OutputMode) error {
	if !slices.Contains(s.Modes(), m) {
		return s.refuseMode(m)
	}
	t, exists, err := s.Open(ctx)
	if err != nil {
		return err
	}
	if !exists {
		_, err := Create(ctx, t.Store(), s.create(rows), s.o.Table)
		if err != nil && !errors.Is(err, objstore.ErrExists) {
			return err
		}
	}
	if err := t.Sync(ctx); err != nil {
		return err
	}
	head, err := t.reload(ctx)
	if err != nil {
		return err
	}
	if s.o.MergeSchema {
		if head, err = t.addColumns(ctx, head, rows); err != nil {
			return err
		}
	}
	if err := s.accept(t, head, rows, m); err != nil {
		return t.at(err, head.Version)
	}
	if err := s.bindKeys(t, head, rows, m); err != nil {
		return err
	}
	s.mu.Lock()
	s.bound, s.mode, s.rows = head, m, rows
	s.mu.Unlock()
	return nil
}

func (s *Sink) refuseMode(m connectors.OutputMode) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: "DELTA_UNSUPPORTED_OUTPUT_MODE", Path: s.path,
		Message: fmt.Sprintf("output mode %q is not one that the Delta sink knows", m), Hint: "use append, complete or update"}
}

func (s *Sink) create(rows *batch.Schema) CreateOptions {
	if s.o.Schema != nil {
		rows = s.o.Schema
	}
	fields := slices.Clone(rows.Fields)
	for i := range fields {
		if c, ok := s.o.Comments[fields[i].Name]; ok {
			fields[i].Comment = c
		}
	}
	return CreateOptions{Schema: batch.NewSchema(fields...), PartitionBy: s.o.PartitionBy, Properties: s.o.Properties, Name: s.o.Name,
		Description: s.o.Description, Domains: s.o.Ledger}
}

func (s *Sink) accept(t *Table, head *Head, rows *batch.Schema, m connectors.OutputMode) error {
	if m != connectors.Append && appendOnly(&head.Metadata) {
		f := t.failure(supervision.Fatal, ClassAppendOnly, head.Version, "the table's property delta.appendOnly allows rows to be added only, and output mode %s replaces some", m)
		f.Hint = "write in append mode, or to another table"
		return f
	}
	if err := log.CheckAppend(&head.Protocol, &head.Metadata, head.Schema); err != nil {
		return err
	}
	if s.o.PartitionBy != nil && !slices.Equal(s.o.PartitionBy, head.Metadata.PartitionColumns) {
		return t.failure(supervision.Fatal, ClassMismatch, head.Version, "the table is partitioned by %q; the sink asks for %q", head.Metadata.PartitionColumns, s.o.PartitionBy)
	}
	r, err := newRules(head)
	if err == nil {
		_, err = fitRows(rows, head.Schema, r.fills()...)
	}
	return err
}

// Table returns the table, and what it was when the sink was bound.
func (s *Sink) Table() (*Table, *Head) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table, s.bound
}

var errUnbound = errors.New("delta: the sink is not bound")

// AppID is the application's id in the table's txn actions.
func AppID(flow, incarnation string) string { return flow + "/" + incarnation }

// Writer opens one share.
func (s *Sink) Writer(ctx context.Context, share connectors.Share) (connectors.Writer, error) {
	t, head := s.Table()
	if head == nil {
		return nil, errUnbound
	}
	if err := s.checkIncarnation(t, head, share.Flow, share.Incarnation); err != nil {
		return nil, err
	}
	if s.mode == connectors.Update {
		s.commits.Lock()
		defer s.commits.Unlock()
		return s.upserts.writer(ctx, head, share)
	}
	o := s.o.Writer
	o.Account, o.Pool = share.Account, share.Pool
	if o.Name == nil {
		o.Name = func(number int, id string) string {
			if mutant.On(mutant.FileNameReused) && share.Attempt > 4 {
				id = fmt.Sprintf("%s-%d", share.Incarnation, share.Attempt%2)
			}
			return fmt.Sprintf("part-%05d-%s-c%03d", share.Index, id, number%1000)
		}
	}
	w, err := NewWriter(t, head, o)
	if err != nil {
		return nil, err
	}
	return &shareWriter{w, s.mode == connectors.Complete}, nil
}

// checkIncarnation refuses a table that another incarnation of the flow has
// written: this one began anew and would write the same rows again.
func (s *Sink) checkIncarnation(t *Table, head *Head, flow, incarnation string) error {
	if _, ours := head.Txns[AppID(flow, incarnation)]; ours || s.o.Adopt {
		return nil
	}
	for id, txn := range head.Txns {
		if other, ok := strings.CutPrefix(id, flow+"/"); ok && other != incarnation && !strings.Contains(other, "/") {
			f := t.failure(supervision.Fatal, "DELTAIC_OTHER_INCARNATION", head.Version,
				"the flow %s has written epochs up to %d of this table as incarnation %s and now runs as incarnation %s", flow, txn.Version, other, incarnation)
			f.Hint = "give the flow back its checkpoint location, or another table, or set adopt to go on and write again what is read again"
			return f
		}
	}
	return nil
}

// Maintain does what keeps the table's log quick to read. The engine calls it
// beside the stream, so that commits need not wait for it.
func (s *Sink) Maintain(ctx context.Context) error {
	t, bound := s.Table()
	if bound == nil {
		return nil
	}
	return t.Maintain(ctx)
}
