package delta

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// ledgerDomain begins the name of the domain that holds a flow's newest entry.
const ledgerDomain = "deltaic."

// ledgerSchema is the columns of a ledger that is a table of its own. It never has rows.
var ledgerSchema = batch.NewSchema(batch.Field{Name: "epoch", Type: batch.BigIntType, Nullable: true, Comment: "no rows: the epochs are in the log"})

// Ledger is a flow's ledger in a Delta log: the newest entry is the configuration of the
// domain deltaic.<flow>, changed only by compare-and-swap. It satisfies
// epochs.Ledger.
type Ledger struct {
	flow  string
	table *Table
	sink  *Sink // whose table is the ledger; nil for a table of its own
}

var _ epochs.Ledger = (*Ledger)(nil)

// NewLedger returns the ledger of the flow in the table at the root of the
// store, which is made by the first claim.
func NewLedger(s objstore.Store, flow string, o Options) *Ledger {
	return &Ledger{flow: flow, table: Open(s, o)}
}

// Ledger returns the flow's ledger in the sink's own table. It must be called
// before Bind.
func (s *Sink) Ledger(ctx context.Context, flow string) (*Ledger, error) {
	s.UseAsLedger()
	t, _, err := s.Open(ctx)
	if err != nil {
		return nil, err
	}
	return &Ledger{flow: flow, table: t, sink: s}, nil
}

// CanHoldLedger reports whether the flow's ledger may be, or is, in the sink's table: it
// does not exist yet, or is new and empty, or holds the flow's entry.
func (s *Sink) CanHoldLedger(ctx context.Context, flow string) (bool, error) {
	t, exists, err := s.Open(ctx)
	if err != nil || !exists {
		return err == nil, err
	}
	head, err := t.Head(ctx)
	if err != nil {
		return false, err
	}
	if _, ours := head.Domains[ledgerDomain+flow]; ours {
		return true, nil
	}
	return head.Version == 0 && head.Protocol.Supports("domainMetadata") && len(head.Txns) == 0, nil
}

// URI names the ledger's table.
func (l *Ledger) URI() string { return l.table.URI() }

// Load returns the newest entry's text, "" if there is none. What it returns
// is durable.
func (l *Ledger) Load(ctx context.Context) (string, error) {
	_, err := l.table.Log().Segment(ctx, -1, nil)
	if notFound(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if err := l.table.Sync(ctx); err != nil {
		return "", err
	}
	head, err := l.table.reload(ctx)
	if err != nil {
		return "", err
	}
	text := head.Domains[ledgerDomain+l.flow].Configuration
	if text == "" {
		return "", l.orphaned(head)
	}
	return text, nil
}

func notFound(err error) bool {
	var f *supervision.Failure
	return errors.As(err, &f) && f.Class == log.ClassNotFound
}

// orphaned refuses a table that has this flow's transactions but not its entry, or
// another flow's: going on would skip or repeat rows.
func (l *Ledger) orphaned(head *Head) error {
	for id := range head.Txns {
		if strings.HasPrefix(id, l.flow+"/") {
			f := l.table.failure(supervision.Fatal, "DELTAIC_LEDGER_LOST", head.Version, "the table has the transaction %s but not the ledger entry of flow %s: it was restored, overwritten or had its domains removed", id, l.flow)
			f.Hint = "restore the table to a version that has the domain " + ledgerDomain + l.flow + ", or write to a new table"
			return f
		}
	}
	for d := range head.Domains {
		if strings.HasPrefix(d, ledgerDomain) {
			return l.table.failure(supervision.Fatal, "LEDGER_OF_ANOTHER_FLOW", head.Version, "the table holds the ledger of flow %s, not of %s; give each flow its own", strings.TrimPrefix(d, ledgerDomain), l.flow)
		}
	}
	return nil
}

// Swap replaces the entry previous by next, with the epoch's files if the
// ledger is a sink's table.
func (l *Ledger) Swap(ctx context.Context, previous, next string, c *connectors.Commit) (connectors.Committed, error) {
	domain := ledgerDomain + l.flow
	commit := Commit{Operation: "STREAMING UPDATE", Parameters: []log.Parameter{StringParameter("outputMode", "Append"), StringParameter("kind", "claim")}}
	if c != nil {
		var err error
		l.sink.commits.Lock()
		defer l.sink.commits.Unlock()
		if commit, _, err = l.sink.streamingUpdate(*c); err != nil {
			return connectors.Committed{}, l.table.at(err, -1)
		}
	} else if l.sink == nil {
		e, err := epochs.DecodeEntry(next, l.flow, l.URI())
		if err != nil {
			return connectors.Committed{}, err
		}
		if e.Kind == epochs.KindEpoch {
			commit.Parameters[1] = StringParameter("kind", "epoch")
			commit.Txns = []log.Txn{{AppID: AppID(l.flow, e.Incarnation), Version: e.Epoch}}
		}
	}
	commit.Domains = []log.Domain{{Domain: domain, Configuration: next}}
	if previous == "" && l.sink == nil {
		version, err := l.create(ctx, commit)
		return connectors.Committed{Version: version}, err
	}
	if mutant.On(mutant.FenceUnchecked) {
		commit.Check = func(*Head) error { return nil }
		version, err := l.table.Commit(ctx, commit)
		return l.committed(ctx, commit, version, err)
	}
	version, err := l.table.compareAndCommit(ctx, domain, previous, &commit)
	return l.committed(ctx, commit, version, err)
}

func (l *Ledger) committed(ctx context.Context, commit Commit, version int64, err error) (connectors.Committed, error) {
	if errors.Is(err, ErrFenced) {
		return connectors.Committed{}, fmt.Errorf("%w: %w", epochs.ErrFenced, err)
	}
	if err != nil {
		return connectors.Committed{}, err
	}
	done := committed(version, &commit)
	if l.table.overdue(4) {
		_, _ = l.table.Checkpoint(ctx) // the entry is in whatever becomes of it
	}
	return done, nil
}

// create makes the ledger's table, whose first version is the first claim.
func (l *Ledger) create(ctx context.Context, commit Commit) (int64, error) {
	_, err := Create(ctx, l.table.Store(), CreateOptions{Schema: ledgerSchema, Domains: true, Description: "epochs of flow " + l.flow, Commit: commit}, l.table.o)
	if err == nil {
		return 0, nil
	}
	var f *supervision.Failure
	if errors.As(err, &f) && f.Class == ClassExists {
		return -1, fmt.Errorf("%w: %w", epochs.ErrFenced, err)
	}
	return -1, err
}

// Maintain does what keeps the log of the ledger's table quick to read.
func (l *Ledger) Maintain(ctx context.Context) error { return l.table.Maintain(ctx) }
