package files

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/location"
	"github.com/deltaic/deltaic/supervision"
)

// Sink writes the epochs of a flow as files of a folder. It is safe for
// concurrent use.
type Sink struct {
	path string
	o    Options

	mu        sync.Mutex
	store     objstore.Store   // nil: made of path by Bind
	layout    *layout          // nil: not bound
	extractor *extractor       // nil: partitions are not committed
	log       *logState        // nil: to be read
	ours      string           // whose commits log was read for
	times     map[string]int64 // watermarks that complete the partitions in log.pending
	swept     int64            // the attempt that has collected what earlier ones staged
}

var (
	_ connectors.Sink           = (*Sink)(nil)
	_ connectors.Located        = (*Sink)(nil)
	_ connectors.WatermarkTaker = (*writer)(nil)
)

// New returns the sink of the folder at the root of the store.
func New(s objstore.Store, o Options) *Sink {
	return &Sink{store: s, path: s.URI(), o: o.withDefaults()}
}

// At returns the sink of a location: a folder, or a URI that location.Open takes.
func At(path string, o Options) *Sink { return &Sink{path: path, o: o.withDefaults()} }

// Description is Spark's.
func (s *Sink) Description() string { return "FileSink[" + s.path + "]" }

// Path returns the folder, bound or not.
func (s *Sink) Path() string { return s.path }

// Location returns the folder; it has no identity of its own.
func (s *Sink) Location() (path, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.layout == nil {
		return "", ""
	}
	return s.path, ""
}

// Durable reports that committed rows outlive the process.
func (s *Sink) Durable() bool { return true }

// Close has nothing to end.
func (s *Sink) Close() error { return nil }

var errUnbound = errors.New("files: the sink is not bound")

// Bind checks the rows and the options against the format, and that the folder may be written.
func (s *Sink) Bind(ctx context.Context, rows *batch.Schema, m connectors.OutputMode) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m != connectors.Append {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "UNSUPPORTED_OUTPUT_MODE", Path: s.path,
			Message: fmt.Sprintf("files take append only, not %s: what was written is never changed", m), Hint: "write to a Delta table, or use append with a watermark"}
	}
	if s.store == nil {
		if s.store, err = location.Open(s.path); err != nil {
			return err
		}
	}
	l, err := newLayout(rows, s.o.PartitionBy)
	if err != nil {
		return err
	}
	if _, err := s.o.extension(); err != nil {
		return err
	}
	if err := newMaker(s.o, l.file, nil).check(); err != nil {
		return err
	}
	if s.o.PartitionCommit != nil {
		if s.extractor, err = newExtractor(*s.o.PartitionCommit, l); err != nil {
			return err
		}
	}
	s.log, s.times = nil, map[string]int64{}
	if err := s.checkForeign(ctx); err != nil {
		return err
	}
	s.layout = l
	return nil
}

// Writer opens one share.
func (s *Sink) Writer(ctx context.Context, share connectors.Share) (connectors.Writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.layout == nil {
		return nil, errUnbound
	}
	if err := s.load(ctx, connectors.Commit{Flow: share.Flow, Incarnation: share.Incarnation}); err != nil {
		return nil, err
	}
	return s.newWriter(share)
}

// checkForeign refuses a folder with files that no log names. Staged files beside
// them are of a first epoch that is not in the log yet.
func (s *Sink) checkForeign(ctx context.Context) error {
	if s.o.Adopt {
		return nil
	}
	for _, own := range []string{logFolder, staging} {
		if name, err := s.first(ctx, own); err != nil || name != "" {
			return err
		}
	}
	other, err := s.first(ctx, "")
	if err != nil || other == "" {
		return err
	}
	f := supervision.New(supervision.Fatal, "FILES_WITHOUT_LOG", "the folder holds files, such as %s, and no log of a stream: readers that go by the log would not see them any more", other)
	f.Path, f.Hint = s.path, "write to another folder, or set adopt to go on"
	return f
}

// first returns the name of an object below the prefix, "" if there is none.
func (s *Sink) first(ctx context.Context, prefix string) (name string, err error) {
	err = s.store.List(ctx, prefix, "", func(i objstore.Info) bool {
		name = i.Name
		return false
	})
	return name, err
}

// checkIncarnation refuses a folder that another incarnation of the flow has
// written: this one began anew and would write the same rows again.
func (s *Sink) checkIncarnation(flow, incarnation string) error {
	if _, ours := s.log.last[app(flow, incarnation)]; ours || s.o.Adopt {
		return nil
	}
	for who, epoch := range s.log.last {
		if other, ok := strings.CutPrefix(who, flow+"/"); ok && other != incarnation && !strings.Contains(other, "/") {
			f := supervision.New(supervision.Fatal, "DELTAIC_OTHER_INCARNATION", "the flow %s has written epochs up to %d of this folder as incarnation %s and now runs as incarnation %s", flow, epoch, other, incarnation)
			f.Path, f.Hint = s.path, "give the flow back its checkpoint location, or another folder, or set adopt to go on and write again what is read again"
			return f
		}
	}
	return nil
}
