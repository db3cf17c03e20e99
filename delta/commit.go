package delta

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// Error classes of commits, as Delta spells them.
const (
	ClassConcurrentTransaction = "DELTA_CONCURRENT_TRANSACTION"
	ClassConcurrentDomain      = "DELTA_CONCURRENT_DOMAIN_METADATA"
	ClassMetadataChanged       = "DELTA_METADATA_CHANGED"
	ClassProtocolChanged       = "DELTA_PROTOCOL_CHANGED"
	ClassMaxRetries            = "DELTA_MAX_COMMIT_RETRIES_EXCEEDED"
	ClassOutcomeUnknown        = "DELTA_COMMIT_OUTCOME_UNKNOWN"
	ClassFenced                = "DELTAIC_FENCED"
	ClassConcurrentAppend      = "DELTA_CONCURRENT_APPEND"
	ClassConcurrentDelete      = "DELTA_CONCURRENT_DELETE_DELETE"
	ClassConcurrentDeleteRead  = "DELTA_CONCURRENT_DELETE_READ"
	ClassAppendOnly            = "DELTA_CANNOT_MODIFY_APPEND_ONLY"
)

// ErrFenced means that a domain no longer holds what its writer wrote last:
// somebody else has taken over. It is final.
var ErrFenced = errors.New("fenced: another writer has taken over")

// Commit is one version to be. With Adds alone it is a blind append: it reads no file, so it never
// conflicts with deletes, updates or compaction. What else it does makes it rest on what the
// table holds: see Removes, ReadsTable and Plan.
type Commit struct {
	Operation  string          // such as WRITE or STREAMING UPDATE
	Parameters []log.Parameter // of the operation, values as JSON text
	Metrics    []log.Parameter

	Adds     []log.Add
	Removes  []log.Remove // another writer that removes one of them is a conflict
	Changes  []log.CDC    // files that say what the rows of Adds and Removes changed, if it is not that they came and went
	Txns     []log.Txn
	Domains  []log.Domain
	Metadata *log.Metadata // replaces the table's
	Protocol *log.Protocol // replaces the table's

	// Written is the schema of the rows in Adds, partition columns included. If
	// another writer changes the table's schema meanwhile, the commit goes on as
	// long as Written still fits. Nil: the table's own at Read.
	Written *batch.Schema

	// Read is the version that the caller looked at; every later one is checked
	// for conflicts. Nil: the newest known.
	Read *Head

	// ReadsTable says that the commit rests on all files of Read: another writer that adds rows is a conflict too.
	ReadsTable bool

	// ReadsWhere, an SQL condition, says that the commit rests on the rows for which it is true: another writer
	// that adds a file which may have such rows is a conflict too.
	ReadsWhere string

	// Plan, if not nil, is called with the newest version before each attempt that follows another one,
	// and sets Adds, Removes, Changes and Metrics by what that version holds. So the commit comes after what
	// others did, as if it had been begun then, and files of theirs are no conflict.
	Plan func(ctx context.Context, newest *Head, c *Commit) error

	// Check, if not nil, is called with the newest version before every attempt, and before Plan, and
	// decides about applications and domains that other writers touched: an error
	// ends the commit with it. Without it, a writer that touches an application
	// or a domain of this commit is a conflict.
	Check func(newest *Head) error

	// Seen, if not nil, is called with every commit that others made after Read;
	// its error ends this one.
	Seen func(version int64, info *log.CommitInfo) error

	TxnID        string // identity, by which a commit knows itself; "": a new UUID
	UserMetadata string
	MaxRetries   int // lost races; 0: 10,000,000 as Spark

	renumbers bool // rows that the table has come as new ones, with numbers of their own

	readsFile func(winner *Head, a *log.Add) (bool, error) // like ReadsWhere, for what no condition says
}

// StringParameter returns a parameter whose value is a JSON string, as
// Spark writes all of them.
func StringParameter(name, value string) log.Parameter {
	return log.Parameter{Name: name, Value: string(log.AppendString(nil, value))}
}

// Commit appends the version after the newest one, however often others are
// faster, and returns its number.
func (t *Table) Commit(ctx context.Context, c Commit) (int64, error) {
	version, err := t.commit(ctx, &c)
	if err == nil {
		t.checksum(ctx)
	}
	return version, err
}

// commit is Commit that leaves in c what its Plan made.
func (t *Table) commit(ctx context.Context, c *Commit) (int64, error) {
	if c.TxnID == "" {
		id, err := t.newID()
		if err != nil {
			return -1, err
		}
		c.TxnID = id
	}
	if c.MaxRetries <= 0 {
		c.MaxRetries = 10_000_000
	}
	head := c.Read
	if head == nil {
		var err error
		// The newest known will do: an attempt at a version that exists shows what is newer.
		if head = t.known(); head == nil {
			if head, err = t.reload(ctx); err != nil {
				return -1, err
			}
		}
		c.Read = head
	}
	return t.loop(ctx, c, head)
}

// CompareAndCommit is Commit on the condition that the domain holds exactly
// the configuration expected ("": it is not there) in the version before. If it does not,
// the error wraps ErrFenced and supervision.Fatal, also when what is there looks like
// what this commit wanted: only an entry with this commit's TxnID counts as done.
func (t *Table) CompareAndCommit(ctx context.Context, domain, expected string, c Commit) (int64, error) {
	return t.compareAndCommit(ctx, domain, expected, &c)
}

func (t *Table) compareAndCommit(ctx context.Context, domain, expected string, c *Commit) (int64, error) {
	then := c.Check
	c.Check = func(newest *Head) error {
		if got := newest.Domains[domain].Configuration; got != expected {
			f := t.failure(supervision.Fatal, ClassFenced, newest.Version,
				"the domain %s holds %s where this writer's last entry, %s, was expected", domain, brief(got), brief(expected))
			f.Cause, f.Hint = ErrFenced, "another attempt of the flow is running; this one must end"
			return f
		}
		if then != nil {
			return then(newest)
		}
		return nil
	}
	return t.commit(ctx, c)
}

func brief(s string) string {
	if s == "" {
		return "nothing"
	}
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return s
}

func (t *Table) failure(k supervision.Kind, class string, version int64, text string, args ...any) *supervision.Failure {
	f := supervision.New(k, class, text, args...)
	f.Path = t.URI()
	if version >= 0 {
		f.Version = &version
	}
	return f
}

// loop attempts versions until one is this commit's.
func (t *Table) loop(ctx context.Context, c *Commit, head *Head) (int64, error) {
	newest := false // no version after head was there when we looked
	planned := int64(-1)
	if c.Plan != nil { // a plan by an old version would be made in vain
		own, next, err := t.winners(ctx, c, head)
		if err != nil || own >= 0 {
			return own, err
		}
		head, newest = next, true
	}
	for lost := 0; ; {
		if err := t.admit(c, head); err != nil {
			if newest {
				return -1, err
			}
			// The head may be an old one: what is newer may explain it.
			own, next, e := t.winners(ctx, c, head)
			if e != nil {
				return -1, e
			}
			if own >= 0 {
				return own, nil
			}
			head, newest = next, true
			continue
		}
		if c.Plan != nil && planned != head.Version {
			if err := c.Plan(ctx, head, c); err != nil {
				return -1, t.at(err, head.Version)
			}
			planned = head.Version
		}
		version, text, err := t.encode(ctx, c, head)
		if err != nil {
			return -1, err
		}
		if err := t.ground(ctx, head.Version); err != nil {
			return -1, err
		}
		err = t.put(ctx, c, head.Version+1, text)
		if err == nil {
			t.grounded(head.Version + 1)
			t.committed(version, head, text)
			return head.Version + 1, nil
		}
		if !errors.Is(err, objstore.ErrExists) {
			return -1, err
		}
		if lost++; lost > c.MaxRetries {
			return -1, t.failure(supervision.Transient, ClassMaxRetries, head.Version, "other writers were faster %d times", lost)
		}
		own, next, err := t.winners(ctx, c, head)
		if err != nil {
			return -1, err
		}
		if own >= 0 {
			return own, nil
		}
		head, newest = next, true
		if lost > 1 {
			if err := t.backoff(ctx, lost, 5*time.Millisecond, time.Second); err != nil {
				return -1, err
			}
			newest = false
		}
	}
}

// admit checks that the commit may follow head.
func (t *Table) admit(c *Commit, head *Head) error {
	p, m := &head.Protocol, &head.Metadata
	if c.Protocol != nil {
		p = c.Protocol
	}
	schema := head.Schema
	if c.Metadata != nil {
		m = c.Metadata
		var err error
		if schema, err = log.ParseSchema(m.SchemaString); err != nil {
			return t.failure(supervision.Fatal, "DELTA_INVALID_SCHEMA", head.Version, "the new metadata's %s", err)
		}
	}
	if err := log.CheckAppend(p, m, schema); err != nil {
		return t.at(err, head.Version)
	}
	if c.removesRows() && appendOnly(&head.Metadata) {
		f := t.failure(supervision.Fatal, ClassAppendOnly, head.Version, "the table's property delta.appendOnly allows rows to be added only, and %s removes some", c.Operation)
		f.Hint = "add rows (append mode), write to another table, or unset the property with the engine that set it"
		return f
	}
	if len(c.Domains) > 0 && !p.Supports("domainMetadata") {
		return t.failure(supervision.Fatal, log.ClassWrite, head.Version,
			"domain %s cannot be written: the table's protocol (writer %d) does not have the table feature domainMetadata", c.Domains[0].Domain, p.MinWriter)
	}
	if c.Check != nil {
		return c.Check(head)
	}
	return nil
}

// at puts table and version, -1 for none, into a failure that has none.
func (t *Table) at(err error, version int64) error {
	var f *supervision.Failure
	if errors.As(err, &f) && f.Path == "" && f.Line == 0 { // what has a line is about a text that was given
		if f.Path = t.URI(); version >= 0 {
			f.Version = &version
		}
	}
	return err
}

// encode makes the version after head, and its text.
func (t *Table) encode(ctx context.Context, c *Commit, head *Head) (*log.Commit, []byte, error) {
	blind := c.blind()
	read := head.Version
	info := &log.CommitInfo{Timestamp: t.o.Now().UnixMilli(), Operation: c.Operation, Parameters: c.Parameters, Metrics: c.Metrics,
		ReadVersion: &read, IsolationLevel: string(isolationOf(c, &head.Metadata)), IsBlindAppend: &blind, UserMetadata: c.UserMetadata,
		EngineInfo: t.o.Engine, TxnID: c.TxnID}
	if tracksRows(head) {
		info.Tags = map[string]string{numbersKept: strconv.FormatBool(!c.renumbers)}
	}
	meta, err := t.stamp(ctx, c, head, info)
	if err != nil {
		return nil, nil, err
	}
	out := &log.Commit{Info: info, Protocol: c.Protocol, Metadata: meta, Txns: c.Txns, Domains: c.Domains, Removes: c.Removes, Adds: c.Adds, Changes: c.Changes}
	if err := t.number(out, head); err != nil {
		return nil, nil, err
	}
	return out, out.Encode(nil), nil
}

// ground makes a version durable before the next is built on it: another process may have
// linked it and not synced the folder yet, and a power cut could keep ours and
// take that one, which would leave a gap. Versions that this table committed or synced are known
// to be durable, so without other writers this costs one fsync.
func (t *Table) ground(ctx context.Context, version int64) error {
	t.mu.Lock()
	known := t.durable > version
	t.mu.Unlock()
	if known {
		return nil
	}
	if err := t.syncLog(ctx); err != nil {
		kind := supervision.Transient
		if errors.Is(err, objstore.ErrUndurable) {
			kind = supervision.Restart
		}
		return t.failure(kind, "DELTA_COMMIT_FAILED", version, "the version before could not be made durable: %w", err)
	}
	t.grounded(version)
	return nil
}

func (t *Table) grounded(version int64) {
	t.mu.Lock()
	t.durable = max(t.durable, version+1)
	t.mu.Unlock()
}

// tries is how often a commit whose outcome is unknown is looked for and put again.
const tries = 8

// put creates the version. A nil error, or ErrExists, is certain; whether
// the version that exists is this commit's own is for the caller to look at.
func (t *Table) put(ctx context.Context, c *Commit, version int64, text []byte) error {
	name := log.CommitName(version)
	for n := 1; ; n++ {
		err := t.Store().PutIfAbsent(ctx, name, text)
		switch {
		case err == nil || errors.Is(err, objstore.ErrExists):
			return err
		case errors.Is(err, objstore.ErrUndurable):
			f := t.failure(supervision.Restart, "DELTA_COMMIT_NOT_DURABLE", version, "the commit may be visible and lost by a power cut: %w", err)
			return f
		case !errors.Is(err, objstore.ErrUnknown) && ctx.Err() == nil:
			return t.failure(supervision.Transient, "DELTA_COMMIT_FAILED", version, "the commit could not be written: %w", err)
		}
		// Unknown: look, and put the same bytes again if nothing is there.
		_, look := t.Store().Head(ctx, name)
		switch {
		case look == nil:
			return objstore.ErrExists
		case ctx.Err() != nil || n >= tries:
			return t.failure(supervision.Transient, ClassOutcomeUnknown, version,
				"whether the commit %s was written is not known: %w", c.TxnID, errors.Join(objstore.ErrUnknown, err))
		}
		if err := t.backoff(ctx, n, 10*time.Millisecond, 2*time.Second); err != nil {
			return t.failure(supervision.Transient, ClassOutcomeUnknown, version,
				"whether the commit %s was written is not known: %w", c.TxnID, errors.Join(objstore.ErrUnknown, err))
		}
	}
}

// committed advances the table's head by the version after it.
func (t *Table) committed(v *log.Commit, head *Head, text []byte) {
	var actions []*log.Action
	if v.Protocol != nil {
		actions = append(actions, &log.Action{Protocol: v.Protocol})
	}
	if v.Metadata != nil {
		actions = append(actions, &log.Action{Metadata: v.Metadata})
	}
	for i := range v.Txns {
		actions = append(actions, &log.Action{Txn: &v.Txns[i]})
	}
	for i := range v.Domains {
		actions = append(actions, &log.Action{Domain: &v.Domains[i]})
	}
	if next, err := t.log.Advance(head, actions, int64(len(text))); err == nil {
		next.Total = head.Total.After(v.Adds, v.Removes)
		t.timedAt(next.Version, v.Info)
		t.publish(next, false)
		t.mu.Lock()
		t.sums.own = max(t.sums.own, next.Version)
		t.mu.Unlock()
	}
}

// winners reads what others committed after head, checks each for conflicts,
// and returns the newest version. If one of them is this commit itself, it
// returns that version and stops.
func (t *Table) winners(ctx context.Context, c *Commit, head *Head) (own int64, newest *Head, err error) {
	want := log.KindsHead | log.KindCommitInfo
	if !c.blind() && c.Plan == nil {
		want |= log.KindsFiles
	}
	for {
		next, actions, err := t.advance(ctx, head, want)
		if errors.Is(err, objstore.ErrNotFound) {
			t.publish(head, false)
			return -1, head, nil
		}
		for _, a := range actions {
			if mutant.On(mutant.LostReplyRetried) && len(c.Txns) > 0 {
				continue
			}
			if a.CommitInfo != nil && a.CommitInfo.TxnID == c.TxnID {
				if next != nil {
					t.publish(next, false)
				}
				// It is ours, but the process that linked it may not have lived to fsync the folder.
				return head.Version + 1, nil, t.syncOwn(ctx, c, head.Version+1)
			}
		}
		if err != nil {
			return -1, nil, err
		}
		if err := t.conflict(c, &winner{before: head, after: next, actions: actions}); err != nil {
			return -1, nil, err
		}
		head = next
	}
}

// syncOwn makes a commit durable that is there already. Until that has succeeded
// its outcome is unknown.
func (t *Table) syncOwn(ctx context.Context, c *Commit, version int64) error {
	err := t.syncLog(ctx)
	if errors.Is(err, objstore.ErrUndurable) {
		return t.failure(supervision.Restart, "DELTA_COMMIT_NOT_DURABLE", version, "the commit is visible and may be lost by a power cut: %w", err)
	}
	if err != nil {
		return t.failure(supervision.Transient, ClassOutcomeUnknown, version,
			"the commit %s is visible and whether it is durable is not known: %w", c.TxnID, errors.Join(objstore.ErrUnknown, err))
	}
	return nil
}

// syncLog is Sync with patience, except that a failed fsync is not tried again.
func (t *Table) syncLog(ctx context.Context) error {
	for n := 1; ; n++ {
		err := t.Sync(ctx)
		if err == nil || errors.Is(err, objstore.ErrUndurable) || ctx.Err() != nil || n >= tries {
			return err
		}
		if e := t.backoff(ctx, n, 10*time.Millisecond, 2*time.Second); e != nil {
			return errors.Join(err, e)
		}
	}
}

// backoff sleeps a random time that grows with n.
func (t *Table) backoff(ctx context.Context, n int, base, most time.Duration) error {
	limit := most
	if n < 16 {
		limit = min(most, base<<n)
	}
	var b [8]byte
	if _, err := io.ReadFull(t.o.Random, b[:]); err != nil {
		return err
	}
	return t.o.Sleep(ctx, time.Duration(binary.LittleEndian.Uint64(b[:])%uint64(limit))+1)
}
