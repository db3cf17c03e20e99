package epochs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// The kinds of ledger entries.
const (
	KindClaim = "claim"
	KindEpoch = "epoch"
)

// Entry is one record of the ledger. The newest one is all that counts: it
// carries forward what is still true of those before it.
type Entry struct {
	Format      int    `json:"format"`
	Kind        string `json:"kind"`
	Flow        string `json:"flow"`
	Incarnation string `json:"incarnation"`
	Attempt     int64  `json:"attempt"`
	Epoch       int64  `json:"epoch"` // the newest decided epoch; 0 before the first
	// Manifest or ManifestFile is that epoch's manifest; neither before the first.
	Manifest     *Manifest     `json:"manifest,omitempty"`
	ManifestFile *ManifestFile `json:"manifestFile,omitempty"`
	// Restores is set while tables of a flow that was taken back to an earlier epoch may still have to be restored: the version
	// of each sink's table. An attempt restores them before anything else; the next epoch's entry has none.
	Restores map[string]int64 `json:"restores,omitempty"`
	// Bounds is where an available-now run ends, by source, fixed by its claim.
	Bounds map[string]connectors.Positions `json:"bounds,omitempty"`
	// Began is where the flow began, by source, as long as no epoch is decided: "latest" is asked for once, whoever dies before there is a manifest.
	Began map[string]connectors.Positions `json:"began,omitempty"`
}

// ErrFenced means that the ledger no longer holds the entry that this attempt
// wrote last: a later attempt has claimed. It is fatal for the attempt.
var ErrFenced = errors.New("fenced: the ledger holds an entry of another attempt")

// Ledger is where epochs are decided: one register, changed only by
// compare-and-swap. A Delta table's log satisfies it.
type Ledger interface {
	// Load makes what an earlier process left durable and returns the newest
	// entry's text, "" if there is none.
	Load(ctx context.Context) (string, error)
	// Swap replaces previous by next, together with what prepared holds if the
	// ledger's own table is a sink, or returns ErrFenced (wrapped) if the
	// ledger holds neither previous nor next. It returns the version of the ledger's
	// table. A lost reply is resolved inside: Swap returns nil exactly when next is in.
	Swap(ctx context.Context, previous, next string, c *connectors.Commit) (connectors.Committed, error)
	// URI names the ledger for people.
	URI() string
}

// Historian is a ledger that still knows entries that others have replaced.
type Historian interface {
	// History calls each with the entries that are still there, the newest first, until it returns false.
	History(ctx context.Context, each func(entry string) bool) error
}

// Encode returns the entry as the ledger holds it.
func (e *Entry) Encode() string {
	text, err := json.Marshal(e)
	if err != nil {
		panic(fmt.Sprintf("epochs: an entry cannot be encoded: %v", err)) // no field can fail
	}
	return string(text)
}

// DecodeEntry reads an entry. flow, if not empty, is the name that it must
// carry.
func DecodeEntry(text, flow, where string) (*Entry, error) {
	var e Entry
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "LEDGER_CORRUPT", Path: where,
			Message: "the newest ledger entry is not readable", Cause: err}
	}
	if e.Format > Format {
		return nil, newer("ledger entry", e.Format, where)
	}
	if flow != "" && e.Flow != flow {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "LEDGER_OF_ANOTHER_FLOW", Path: where,
			Message: fmt.Sprintf("the ledger belongs to flow %q, not to %q", e.Flow, flow),
			Hint:    "give this flow a checkpointLocation and sink tables of its own"}
	}
	return &e, nil
}

// Claim returns the entry with which a new attempt begins. previous is the
// newest entry, nil at a flow's first start; incarnation is used only then.
func Claim(previous *Entry, flow, incarnation string, bounds map[string]connectors.Positions) *Entry {
	if previous == nil {
		return &Entry{Format: Format, Kind: KindClaim, Flow: flow, Incarnation: incarnation, Attempt: 1, Bounds: bounds}
	}
	next := *previous
	next.Format, next.Kind, next.Attempt, next.Bounds = Format, KindClaim, previous.Attempt+1, bounds
	return &next
}

// Decide returns the entry that decides the manifest's epoch. file is where
// the manifest was written; nil puts the manifest into the entry.
func Decide(previous *Entry, m *Manifest, file *ManifestFile) *Entry {
	next := *previous
	next.Format, next.Kind, next.Epoch = Format, KindEpoch, m.Epoch
	next.Manifest, next.ManifestFile, next.Restores, next.Began = m, nil, nil, nil
	if file != nil {
		next.Manifest, next.ManifestFile = nil, file
	}
	return &next
}

// Rewind returns the entry that takes a flow back to an epoch that to decided. It goes on as another incarnation, so that
// nothing of the epochs given up is ever taken for its own, and the attempt that may be running is fenced.
func Rewind(previous, to *Entry, incarnation string, restores map[string]int64) *Entry {
	next := *to
	next.Format, next.Kind, next.Incarnation, next.Attempt = Format, KindEpoch, incarnation, previous.Attempt+1
	next.Bounds, next.Restores = nil, restores
	return &next
}
