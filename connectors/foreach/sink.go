package foreach

import (
	"context"
	"errors"
	"sync"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/staged"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// Options tune a sink. The zero value is Spark's behaviour.
type Options struct {
	// Changelog hands over the rows before an update too, so that what is given
	// is the whole history of the result.
	Changelog bool
	// Pool is where batches that are handed over come from; nil: the garbage collector.
	Pool *batch.Pool
}

// Sink stages the rows of each epoch and hands them to a function when the
// epoch is decided. It is safe for concurrent use.
type Sink struct {
	name  string // as progress shows it
	class string // of the function's failures
	o     Options
	call  func(ctx context.Context, rows *Rows) error

	mu        sync.Mutex
	objects   objstore.Store
	prefix    string
	schema    *batch.Schema
	mode      connectors.OutputMode
	done      map[string]int64 // by flow and incarnation: the newest epoch handed over
	leftovers staged.Leftovers
}

var (
	_ connectors.Sink      = (*Sink)(nil)
	_ connectors.ModeTaker = (*Sink)(nil)
	_ connectors.StateUser = (*Sink)(nil)
)

func newSink(name, class string, o Options, call func(context.Context, *Rows) error) *Sink {
	return &Sink{name: name, class: class, o: o, call: call, done: map[string]int64{}}
}

// Description is Spark's.
func (s *Sink) Description() string { return s.name }

// Modes returns every mode.
func (s *Sink) Modes() []connectors.OutputMode {
	return []connectors.OutputMode{connectors.Append, connectors.Update, connectors.Complete}
}

// UseState names the place of the staged rows.
func (s *Sink) UseState(objects objstore.Store, prefix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects, s.prefix = objects, prefix
}

// Bind fixes schema and mode.
func (s *Sink) Bind(_ context.Context, schema *batch.Schema, m connectors.OutputMode) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects == nil {
		f := supervision.New(supervision.Fatal, "CHECKPOINT_LOCATION_MISSING", "%s keeps the rows of an epoch until they are handed over, and has no place for them", s.name)
		f.Hint = "give the flow a checkpointLocation"
		return f
	}
	s.schema, s.mode = schema, m
	return nil
}

// Durable reports true: what the function does outlives the process.
func (s *Sink) Durable() bool { return true }

// Close has nothing to end.
func (s *Sink) Close() error { return nil }

// Writer opens a share.
func (s *Sink) Writer(_ context.Context, share connectors.Share) (connectors.Writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.schema == nil {
		return nil, errors.New("foreach: the sink is not bound")
	}
	return &writer{Share: staged.NewShare(share, s.objects, s.prefix, s.schema), sink: s, mode: s.mode}, nil
}

// Commit hands the epoch over, unless that was done.
func (s *Sink) Commit(ctx context.Context, c connectors.Commit) (connectors.Committed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := connectors.Committed{Version: -1}
	folder := staged.Folder(s.prefix, c.Incarnation)
	key := c.Flow + "/" + c.Incarnation
	if done, known := s.done[key]; known && c.Epoch <= done {
		out.Repeat = true
		return out, nil
	}
	files, err := filesOf(c.Prepared)
	if err != nil {
		return out, err
	}
	record := doneName(folder, c.Epoch)
	if _, err = s.objects.Head(ctx, record); err == nil {
		out.Repeat = true
	} else if !errors.Is(err, objstore.ErrNotFound) {
		return out, err
	} else if err := s.handOver(ctx, c, files, record); err != nil {
		return out, err
	}
	s.done[key] = c.Epoch
	needed := []string{record}
	for _, f := range files {
		out.Files++
		out.Bytes += f.Length
		needed = append(needed, f.Name)
	}
	if s.leftovers.Done(ctx, s.objects, folder, c.Attempt, needed...) {
		_ = collectRecords(ctx, s.objects, folder, c.Epoch)
	}
	return out, nil
}

// handOver calls the function and notes that it has returned.
func (s *Sink) handOver(ctx context.Context, c connectors.Commit, files []staged.File, record string) error {
	rows := &Rows{objects: s.objects, pool: s.o.Pool, schema: s.schema, mode: s.mode, epoch: c.Epoch, files: files}
	if err := s.guarded(ctx, rows); err != nil {
		return s.failure(c.Epoch, err)
	}
	err := s.objects.PutIfAbsent(ctx, record, nil)
	if errors.Is(err, objstore.ErrUnknown) {
		_, err = s.objects.Head(ctx, record)
	}
	if errors.Is(err, objstore.ErrExists) {
		return nil
	}
	return err
}

// guarded calls the function; a panic of it is an error.
func (s *Sink) guarded(ctx context.Context, rows *Rows) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = supervision.New(supervision.Restart, s.class, "epoch %d: the function panicked: %v", rows.epoch, p)
		}
	}()
	return s.call(ctx, rows)
}

// failure is an error of the function as the engine understands it: one that
// has a kind keeps it.
func (s *Sink) failure(epoch int64, err error) error {
	var f *supervision.Failure
	if errors.As(err, &f) || errors.Is(err, context.Canceled) {
		return err
	}
	return supervision.New(supervision.Restart, s.class, "epoch %d: the function failed: %w", epoch, err)
}
