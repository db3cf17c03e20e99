package deltaic

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
	"go.uber.org/zap"
)

// Streams runs several queries in one process, as Spark's StreamingQueryManager: their names differ, they share a limit of
// memory, listeners hear of all of them, and one that fails leaves the others alone. It is safe for concurrent use.
type Streams struct {
	o StreamsOptions

	mu        sync.Mutex
	queries   map[string]*managed // that are starting or active, by name
	reserved  int64               // bytes of memory limits
	audiences []*audience
	ended     bool          // a query has ended since the last ResetTerminated
	failure   error         // of the first that failed among them
	end       chan struct{} // closed when the next query ends
}

// StreamsOptions are the settings of a [Streams]. The zero value of a field means its default.
type StreamsOptions struct {
	MemoryLimit int64         // bytes that all queries together may hold; 0: no limit but their own
	IdleAfter   time.Duration // without an epoch, until listeners are told that a query is idle, and again each time; 0: 10 s
}

// managed is a query with what it takes up.
type managed struct {
	name   string
	memory int64
	query  *stream.Query // nil while it starts
}

// NewStreams returns a manager without queries.
func NewStreams(o StreamsOptions) *Streams {
	if o.IdleAfter <= 0 {
		o.IdleAfter = 10 * time.Second
	}
	return &Streams{o: o, queries: map[string]*managed{}, end: make(chan struct{})}
}

// Start is [Start] for a query of the manager. A name that is taken by an active query is refused, and so is a flow for whose
// memory limit there is no room: without a limit of its own it gets a quarter of the manager's, or what is left if that is less.
func (s *Streams) Start(ctx context.Context, flow *stream.Flow, options ...stream.Option) (*stream.Query, error) {
	var o stream.Options
	for _, set := range options {
		set(&o)
	}
	m, err := s.reserve(flow.Name(), o.MemoryLimit)
	if err != nil {
		return nil, err
	}
	told := make(chan struct{}) // closed once listeners know of the start: no progress comes before it
	var epochs atomic.Int64
	progress := func(p stream.Progress) {
		<-told
		epochs.Add(1)
		if o.OnProgress != nil {
			o.OnProgress(p)
		}
		s.tell(event{passing: true, call: func(l *Listener) {
			if l.Progress != nil {
				l.Progress(p)
			}
		}})
	}
	q, err := Start(ctx, flow, append(slices.Clip(options), stream.MemoryLimit(m.memory), stream.OnProgress(progress))...)
	if err != nil {
		s.release(m, nil, false)
		return nil, err
	}
	s.mu.Lock()
	m.query = q
	s.mu.Unlock()
	now := time.Now()
	s.tell(event{call: func(l *Listener) {
		if l.Started != nil {
			l.Started(QueryStarted{q, now})
		}
	}})
	close(told)
	go s.attend(m, &epochs)
	return q, nil
}

// attend waits for a query to end, and says meanwhile when it is idle.
func (s *Streams) attend(m *managed, epochs *atomic.Int64) {
	for before := int64(0); ; {
		ctx, cancel := context.WithTimeout(context.Background(), s.o.IdleAfter)
		_ = m.query.AwaitTermination(ctx)
		cancel()
		if !m.query.IsActive() {
			break
		}
		if n := epochs.Load(); n != before {
			before = n
			continue
		}
		now := time.Now()
		s.tell(event{passing: true, call: func(l *Listener) {
			if l.Idle != nil {
				l.Idle(QueryIdle{m.query, now})
			}
		}})
	}
	err := m.query.AwaitTermination(context.Background())
	now := time.Now()
	s.tell(event{call: func(l *Listener) {
		if l.Terminated != nil {
			l.Terminated(QueryTerminated{m.query, now, m.query.Exception()})
		}
	}})
	s.release(m, err, true)
}

// reserve takes name and memory for a query.
func (s *Streams) reserve(name string, memory int64) (*managed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.queries { // a query that has ended takes up nothing, even if it is not noted yet
		if m.query != nil && !m.query.IsActive() {
			s.free(m)
		}
	}
	if s.queries[name] != nil {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "STREAMING_QUERY_NAME_TAKEN", Flow: name, Message: "a query of this name is active already",
			Hint: "stop it first, or give the flow another name; the same flow twice at once would write everything twice"}
	}
	if limit := s.o.MemoryLimit; limit > 0 {
		left := limit - s.reserved
		if memory == 0 {
			memory = min(limit/4, left)
		}
		if memory <= 0 || memory > left {
			return nil, supervision.New(supervision.Fatal, "MEMORY_LIMIT_TAKEN", "flow %s asks for a memory limit of %d bytes; of %d for all queries %d are left", name, memory, limit, left)
		}
	}
	m := &managed{name: name, memory: memory}
	s.queries[name], s.reserved = m, s.reserved+memory
	return m, nil
}

// release gives back what a query took, and notes how it ended if it ran.
func (s *Streams) release(m *managed, err error, ran bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free(m)
	if !ran {
		return
	}
	if s.ended = true; s.failure == nil {
		s.failure = err
	}
	close(s.end)
	s.end = make(chan struct{})
}

// free gives back name and memory, once. The lock is held.
func (s *Streams) free(m *managed) {
	if s.queries[m.name] == m {
		delete(s.queries, m.name)
		s.reserved -= m.memory
	}
}

// Active returns the queries that have not ended, in the order of their names.
func (s *Streams) Active() []*stream.Query {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*stream.Query
	for _, m := range s.queries {
		if m.query != nil && m.query.IsActive() {
			all = append(all, m.query)
		}
	}
	slices.SortFunc(all, func(a, b *stream.Query) int { return strings.Compare(a.Name(), b.Name()) })
	return all
}

// Get returns the active query with this id, run id or name, nil if there is none.
func (s *Streams) Get(id string) *stream.Query {
	for _, q := range s.Active() {
		if id != "" && (q.ID() == id || q.RunID() == id || q.Name() == id) {
			return q
		}
	}
	return nil
}

// AwaitAny returns when a query has ended since the manager was made or [Streams.ResetTerminated] was called: with the first
// failure among those that have, nil if none has failed, or with the context's error.
func (s *Streams) AwaitAny(ctx context.Context) error {
	for {
		s.mu.Lock()
		ended, failure, end := s.ended, s.failure, s.end
		s.mu.Unlock()
		if ended {
			return failure
		}
		select {
		case <-end:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ResetTerminated forgets the queries that have ended: [Streams.AwaitAny] waits for the next.
func (s *Streams) ResetTerminated() {
	s.mu.Lock()
	s.ended, s.failure = false, nil
	s.mu.Unlock()
}

// AddListener has the listener told of what happens from now on, until remove is called. A call that is under way then is not waited
// for. What goes wrong with the listener is logged as ctx says ([WithLogger]).
func (s *Streams) AddListener(ctx context.Context, l Listener) (remove func()) {
	a := &audience{listener: l, logger: zap.NewNop()}
	if logger, _ := ctx.Value(loggerKey{}).(*zap.Logger); logger != nil {
		a.logger = logger
	}
	s.mu.Lock()
	s.audiences = append(slices.Clip(s.audiences), a)
	s.mu.Unlock()
	return func() {
		a.close()
		s.mu.Lock()
		s.audiences = slices.DeleteFunc(slices.Clone(s.audiences), func(o *audience) bool { return o == a })
		s.mu.Unlock()
	}
}

func (s *Streams) tell(e event) {
	s.mu.Lock()
	all := s.audiences
	s.mu.Unlock()
	for _, a := range all {
		a.tell(e)
	}
}

// Stop stops every query after a last epoch, all at once, and returns when they have ended or ctx has. The error joins theirs.
func (s *Streams) Stop(ctx context.Context) error {
	var wait sync.WaitGroup
	active := s.Active()
	errs := make([]error, len(active))
	for i, q := range active {
		wait.Go(func() { errs[i] = q.Stop(ctx) })
	}
	wait.Wait()
	return errors.Join(errs...)
}
