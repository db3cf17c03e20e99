package delta

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
)

// Head is what appending needs of a version: protocol, metadata, schema,
// application transactions and domains, and no list of files. It is immutable.
type Head = log.Head

// Options say what a table works with. The zero value is right for production.
type Options struct {
	Now    func() time.Time                                 // nil: time.Now
	Random io.Reader                                        // names and jitter; nil: crypto/rand. Must be safe for concurrent use
	Sleep  func(ctx context.Context, d time.Duration) error // between retries; nil: a timer
	Engine string                                           // commitInfo.engineInfo; "": Deltaic
	Pool   *batch.Pool                                      // columns of scans and checkpoints; nil: the garbage collector
	Limits log.Limits
	Syncs  int // data files of an epoch made durable at once; 0: 8
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Syncs <= 0 {
		o.Syncs = syncs
	}
	if o.Engine == "" {
		o.Engine = "Deltaic"
	}
	return o
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Table is the Delta table at the root of a store. It is safe for concurrent use.
type Table struct {
	log *log.Log
	o   Options

	mu      sync.Mutex
	head    *Head     // newest known; nil: none read yet
	durable int64     // versions below it are known to outlive a power cut
	actions int64     // of the newest checkpoint that this table wrote
	checked time.Time // when a listing last showed that there is no gap behind head
	sums    sums

	timed int64 // a version whose in-commit timestamp is known
	time  int64 // and that; 0: none is

	shared  *sharedTable
	trusted *sharedVersion // of shared, known to be of this table as this store has it; for who has shared.loading
}

// Open returns the table at the root of the store. It reads nothing: a table
// that is not there shows at first use.
func Open(s objstore.Store, o Options) *Table {
	o = o.withDefaults()
	return &Table{log: &log.Log{Store: s, Limits: o.Limits, Pool: o.Pool}, o: o, shared: sharedOf(s), sums: sums{own: -1}}
}

// Store returns the store the table lies in.
func (t *Table) Store() objstore.Store { return t.log.Store }

// URI names the table.
func (t *Table) URI() string { return t.log.Store.URI() }

// Log returns the table's log.
func (t *Table) Log() *log.Log { return t.log }

// Sync makes the log as it is seen now durable: whoever recovers calls it
// before trusting the newest entry, whose writer may have died before its own fsync.
func (t *Table) Sync(ctx context.Context) error { return t.log.Store.Sync(ctx, log.Dir) }

// relist is the age from which a known head is no longer advanced by probing
// for the next version: log cleanup might have left a gap behind it.
const relist = 10 * time.Minute

// Head returns the newest version.
func (t *Table) Head(ctx context.Context) (*Head, error) {
	head := t.known()
	if head == nil {
		return t.reload(ctx)
	}
	for {
		next, _, err := t.advance(ctx, head, log.KindsHead)
		if errors.Is(err, objstore.ErrNotFound) {
			t.publish(head, false)
			return head, nil
		}
		if err != nil {
			return nil, err
		}
		head = next
	}
}

// known returns the newest version known, nil if that is none or an old one.
func (t *Table) known() *Head {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.o.Now().Sub(t.checked) >= relist {
		return nil
	}
	return t.head
}

func (t *Table) reload(ctx context.Context) (*Head, error) {
	head, err := t.log.HeadAt(ctx, -1)
	if err != nil {
		return nil, err
	}
	t.publish(head, true)
	return head, nil
}

// publish keeps the head if it is the newest known.
func (t *Table) publish(head *Head, listed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.head == nil || head.Version > t.head.Version || listed || head.Version == t.head.Version && t.head.Total == nil {
		t.head = head
	}
	if head.Total != nil && (t.sums.known == nil || head.Version > t.sums.known.Version || listed) {
		t.sums.known = head
	}
	if listed {
		t.checked = t.o.Now()
	}
}

// advance reads the version after head and returns it with its actions.
// objstore.ErrNotFound if there is none.
func (t *Table) advance(ctx context.Context, head *Head, want log.Kinds) (*Head, []*log.Action, error) {
	r, err := t.Store().Open(ctx, log.CommitName(head.Version+1))
	if err != nil {
		return nil, nil, err
	}
	size := r.Size()
	r.Close()
	var actions []*log.Action
	if err := t.log.Commit(ctx, head.Version+1, want, func(a *log.Action) error {
		actions = append(actions, a)
		return nil
	}); err != nil {
		return nil, nil, err
	}
	next, err := t.log.Advance(head, actions, size)
	return next, actions, err
}

// newID returns a random UUID.
func (t *Table) newID() (string, error) {
	id, err := uuid.NewRandomFromReader(t.o.Random)
	if err != nil {
		return "", fmt.Errorf("random id: %w", err)
	}
	return id.String(), nil
}
