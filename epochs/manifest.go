package epochs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strings"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// Format is the version of entries and manifests written by this code. A newer
// one is refused by name.
const Format = 1

// InlineLimit is the most bytes of an encoded entry that may hold its manifest
// itself; a larger manifest is a file beside the ledger. Delta's log is copied
// into every checkpoint, so entries stay small.
const InlineLimit = 4096

// Manifest is the durable result of an epoch: with it a job goes on exactly
// behind the epoch, whatever happened since.
type Manifest struct {
	Format      int                             `json:"format"`
	Flow        string                          `json:"flow"`
	Incarnation string                          `json:"incarnation"`
	Attempt     int64                           `json:"attempt"`
	Epoch       int64                           `json:"epoch"`
	Time        int64                           `json:"time"` // the epoch's current_timestamp, microseconds
	KeyGroups   int                             `json:"keyGroups"`
	Positions   map[string]connectors.Positions `json:"positions"`            // by source
	Watermarks  map[string]Watermarks           `json:"watermarks,omitempty"` // by [ClockName]
	State       []StateFile                     `json:"state,omitempty"`
	Sinks       map[string]SinkRecord           `json:"sinks,omitempty"`
}

// Watermarks is the event time that each split has reached.
type Watermarks map[connectors.SplitID]SplitTime

// SplitTime is a split's event time: microseconds, and whether the split was
// proved idle.
type SplitTime struct {
	Watermark int64 `json:"watermark"`
	Idle      bool  `json:"idle,omitempty"`
	Ended     bool  `json:"ended,omitempty"` // no row will ever come again
}

// ClockName names what a step measures of a source's splits. Behind a union one
// step makes the watermarks of several sources.
func ClockName(step, source string) string { return step + "@" + source }

// clock notes the event time of an ack's split.
func (m *Manifest) clock(a Ack) {
	for _, c := range a.Clocks {
		name := ClockName(c.Step, a.Source)
		if m.Watermarks[name] == nil {
			m.Watermarks[name] = Watermarks{}
		}
		m.Watermarks[name][a.Split] = SplitTime{Watermark: c.Watermark, Idle: a.Idle, Ended: a.Ended}
	}
}

// keepPositions takes over where a source stood: of a source that is read, its splits; of one that is not, all, as it may come back.
func (m *Manifest) keepPositions(source string, before, start connectors.Positions) {
	if start == nil {
		m.Positions[source] = maps.Clone(before)
		return
	}
	for split, at := range before {
		if _, read := start[split]; read {
			m.Positions[source][split] = at
		}
	}
}

// keepClocks takes over the event time of splits that are no longer there: the
// greatest over all splits never falls.
func (m *Manifest) keepClocks(previous *Manifest) {
	if previous == nil {
		return
	}
	for name, splits := range m.Watermarks {
		for split, t := range previous.Watermarks[name] {
			if _, there := splits[split]; !there {
				splits[split] = SplitTime{Watermark: t.Watermark, Idle: true}
			}
		}
	}
}

// TimeOf returns the event time of a split as a step measured it.
func (m *Manifest) TimeOf(step, source string, split connectors.SplitID) (SplitTime, bool) {
	if m == nil {
		return SplitTime{Watermark: math.MinInt64}, false
	}
	t, known := m.Watermarks[ClockName(step, source)][split]
	if !known {
		t.Watermark = math.MinInt64
	}
	return t, known
}

// Greatest returns the greatest watermark over all splits that a step measured.
func (m *Manifest) Greatest(step string) int64 {
	greatest := int64(math.MinInt64)
	if m == nil {
		return greatest
	}
	for name, splits := range m.Watermarks {
		if strings.HasPrefix(name, ClockName(step, "")) {
			for _, t := range splits {
				greatest = max(greatest, t.Watermark)
			}
		}
	}
	return greatest
}

// SinkRecord is one sink's part of an epoch.
type SinkRecord struct {
	// Path and Table are where the sink's output lies and what it is, where it says so.
	Path  string `json:"path,omitempty"`
	Table string `json:"table,omitempty"`
	// Kind is what the sink is, such as Kafka, if it has anything to commit: only a sink of that kind understands what was prepared.
	Kind string `json:"kind,omitempty"`
	// Version is the table's version that holds the epoch before this one, -1 if
	// there is none or it is not known: the versions that belong together.
	Version int64 `json:"version"`
	// Prepared is what the sink commits for this epoch. It is absent for the sink whose
	// table is the ledger: there it is part of the entry itself.
	Prepared []connectors.Prepared `json:"prepared,omitempty"`
}

// Committable reports whether a commit has anything to do that nobody has done yet.
func (r SinkRecord) Committable() bool {
	for _, p := range r.Prepared {
		if len(p.Data) > 0 && string(p.Data) != "null" {
			return true
		}
	}
	return false
}

// StateFile names a durable file of keyed state.
type StateFile struct {
	Step          string `json:"step"`
	Table         string `json:"table"`
	Kind          string `json:"kind"` // "base" or "change"
	Name          string `json:"name"` // in the checkpoint store
	Length        int64  `json:"length"`
	Digest        string `json:"digest"`
	GroupLo       int    `json:"groupLo"` // key groups [GroupLo, GroupHi)
	GroupHi       int    `json:"groupHi"`
	Rows          int64  `json:"rows"`
	Epoch         int64  `json:"epoch"`
	Attempt       int64  `json:"attempt"`
	SchemaVersion int    `json:"schemaVersion"`
	Drops         int64  `json:"drops,omitempty"`
}

// ManifestFile points at a manifest that is a file.
type ManifestFile struct {
	Path   string `json:"path"`
	Length int64  `json:"length"`
	Digest string `json:"digest"` // "sha256:" and hexadecimal digits
}

// Digest returns the digest of a manifest file's bytes.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// DecodeManifest reads a manifest and refuses a newer format by name.
func DecodeManifest(data []byte, where string) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "MANIFEST_CORRUPT", Path: where,
			Message: "the manifest is not readable", Hint: "run deltaic fsck on the checkpoint location", Cause: err}
	}
	if m.Format > Format {
		return nil, newer("manifest", m.Format, where)
	}
	return &m, nil
}

func newer(what string, format int, where string) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: "FORMAT_TOO_NEW", Path: where,
		Message: fmt.Sprintf("the %s has format %d; this build knows formats up to %d", what, format, Format),
		Hint:    "use the version of deltaic that wrote it, or a later one"}
}
