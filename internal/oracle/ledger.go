package oracle

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// domainPrefix begins the domain of a flow's ledger entries.
const domainPrefix = "deltaic."

// Entry is one entry of a flow's ledger.
type Entry struct {
	TableVersion int64 `json:"-"` // of the ledger's table

	Format       int                          `json:"format"`
	Kind         string                       `json:"kind"` // claim or epoch
	Flow         string                       `json:"flow"`
	Incarnation  string                       `json:"incarnation"`
	Attempt      int64                        `json:"attempt"`
	Epoch        int64                        `json:"epoch"` // newest decided epoch, 0 before the first
	Manifest     *Manifest                    `json:"manifest"`
	ManifestFile *ManifestFile                `json:"manifestFile"`
	Bounds       map[string]map[string]string `json:"bounds"`
}

// ManifestFile points at a manifest beside the ledger.
type ManifestFile struct {
	Path   string `json:"path"` // relative to the ledger's store
	Length int64  `json:"length"`
	Digest string `json:"digest"` // "sha256:" and hexadecimal digits
}

// Manifest is what an epoch leaves behind.
type Manifest struct {
	Format      int                          `json:"format"`
	Flow        string                       `json:"flow"`
	Incarnation string                       `json:"incarnation"`
	Attempt     int64                        `json:"attempt"`
	Epoch       int64                        `json:"epoch"`
	Time        int64                        `json:"time"`
	KeyGroups   int                          `json:"keyGroups"`
	Positions   map[string]map[string]string `json:"positions"` // by source and split
	Watermarks  json.RawMessage              `json:"watermarks"`
	State       json.RawMessage              `json:"state"`
	Sinks       map[string]SinkRecord        `json:"sinks"`
}

// SinkRecord is a sink's part of an epoch.
type SinkRecord struct {
	Version  int64             `json:"version"`
	Prepared []json.RawMessage `json:"prepared"`
}

// ReadLedger returns the entries of the flow in a ledger table, oldest
// first, as far as the log still has them; at least the newest is there if the flow has any.
// flow "" takes the only flow of the table.
func ReadLedger(table, flow string) ([]Entry, error) {
	t, err := Replay(table)
	if err != nil {
		return nil, err
	}
	if flow == "" {
		for domain := range t.Domains {
			if name, ok := strings.CutPrefix(domain, domainPrefix); ok {
				if flow != "" {
					return nil, fmt.Errorf("%s: it holds the flows %s and %s: name one", table, flow, name)
				}
				flow = name
			}
		}
	}
	var entries []Entry
	for _, c := range t.Commits {
		for _, d := range c.Domains {
			if d.Domain != domainPrefix+flow || d.Removed {
				continue
			}
			e, err := decodeEntry(table, c.Version, d.Configuration)
			if err != nil {
				return nil, err
			}
			entries = append(entries, e)
		}
	}
	if configuration, ok := t.Domains[domainPrefix+flow]; ok && len(entries) == 0 {
		e, err := decodeEntry(table, t.First-1, configuration)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func decodeEntry(table string, version int64, configuration string) (Entry, error) {
	e := Entry{TableVersion: version}
	if err := json.Unmarshal([]byte(configuration), &e); err != nil {
		return e, fmt.Errorf("%s: version %d: ledger entry: %w", table, version, err)
	}
	if e.Format != 1 {
		return e, fmt.Errorf("%s: version %d: ledger entry has format %d, 1 is known", table, version, e.Format)
	}
	return e, nil
}

// LoadManifest returns the entry's manifest, read and digested from its file under root
// if it is not inline; nil before the first epoch.
func (e *Entry) LoadManifest(root string) (*Manifest, error) {
	m := e.Manifest
	if m == nil && e.ManifestFile == nil {
		return nil, nil
	}
	if m == nil {
		path := filepath.Join(root, filepath.FromSlash(e.ManifestFile.Path))
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("manifest of epoch %d: %w", e.Epoch, err)
		}
		sum := sha256.Sum256(text)
		if got := "sha256:" + hex.EncodeToString(sum[:]); got != e.ManifestFile.Digest || int64(len(text)) != e.ManifestFile.Length {
			return nil, fmt.Errorf("manifest %s of epoch %d: %d bytes with digest %s, the ledger says %d with %s",
				path, e.Epoch, len(text), got, e.ManifestFile.Length, e.ManifestFile.Digest)
		}
		m = new(Manifest)
		if err := json.Unmarshal(text, m); err != nil {
			return nil, fmt.Errorf("manifest %s: %w", path, err)
		}
	}
	switch {
	case m.Format != 1:
		return nil, fmt.Errorf("manifest of epoch %d has format %d, 1 is known", e.Epoch, m.Format)
	case m.Epoch != e.Epoch || m.Incarnation != e.Incarnation || m.Flow != e.Flow:
		return nil, fmt.Errorf("the entry of flow %s, incarnation %s, epoch %d holds the manifest of %s, %s, %d",
			e.Flow, e.Incarnation, e.Epoch, m.Flow, m.Incarnation, m.Epoch)
	}
	return m, nil
}

// CheckLedger checks a flow's entries: one incarnation, attempts that begin
// with a claim and grow by one, epochs that grow by one within and across attempts, and
// positions that never go back. root is where manifest files lie; one that
// has been cleaned up meanwhile is passed over, but not the newest.
func CheckLedger(table, flow, root string) ([]Finding, error) {
	entries, err := ReadLedger(table, flow)
	if err != nil {
		return nil, err
	}
	f := &findings{path: table}
	positions := map[string]int64{}
	for i := range entries {
		e := &entries[i]
		if i > 0 {
			f.checkSuccession(&entries[i-1], e)
		}
		m, err := e.LoadManifest(root)
		if err != nil {
			if i == len(entries)-1 || !os.IsNotExist(unwrapAll(err)) {
				f.add("manifest", e.TableVersion, "%v", err)
			}
			continue
		}
		if m == nil {
			if e.Epoch > 0 {
				f.add("manifest", e.TableVersion, "epoch %d has no manifest", e.Epoch)
			}
			continue
		}
		f.checkPositions(e, m, positions)
	}
	return f.list, nil
}

// unwrapAll returns the innermost error of a chain.
func unwrapAll(err error) error {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok || inner.Unwrap() == nil {
			return err
		}
		if _, isPath := err.(*os.PathError); isPath {
			return err
		}
		err = inner.Unwrap()
	}
}

func (f *findings) checkSuccession(before, e *Entry) {
	if e.Incarnation != before.Incarnation {
		f.add("incarnation", e.TableVersion, "incarnation %s follows %s", e.Incarnation, before.Incarnation)
		return
	}
	switch e.Kind {
	case "claim":
		if e.Attempt != before.Attempt+1 {
			f.add("attempt", e.TableVersion, "attempt %d claims behind attempt %d", e.Attempt, before.Attempt)
		}
		if e.Epoch != before.Epoch {
			f.add("epoch", e.TableVersion, "the claim carries epoch %d on, the last one decided is %d", e.Epoch, before.Epoch)
		}
	case "epoch":
		if e.Attempt != before.Attempt {
			f.add("attempt", e.TableVersion, "an epoch of attempt %d follows an entry of attempt %d without a claim", e.Attempt, before.Attempt)
		}
		if e.Epoch <= before.Epoch {
			f.add("epoch", e.TableVersion, "epoch %d follows epoch %d", e.Epoch, before.Epoch)
		}
	default:
		f.add("kind", e.TableVersion, "an entry of kind %q", e.Kind)
	}
}

// checkPositions compares with the positions so far, where they are numbers.
func (f *findings) checkPositions(e *Entry, m *Manifest, known map[string]int64) {
	for source, splits := range m.Positions {
		names := make([]string, 0, len(splits))
		for split := range splits {
			names = append(names, split)
		}
		sort.Strings(names)
		for _, split := range names {
			at, err := strconv.ParseInt(splits[split], 10, 64)
			if err != nil {
				continue // not every source counts
			}
			key := source + " " + split
			if before, ok := known[key]; ok && at < before {
				f.add("position-backwards", e.TableVersion, "source %s, split %s: position %d after %d", source, split, at, before)
			}
			known[key] = at
		}
	}
}

// Adds returns the add actions that the prepared parts hold, however they are wrapped: every
// object that has a path, partition values and a size.
func (s SinkRecord) Adds() ([]File, error) {
	var files []File
	for _, text := range s.Prepared {
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			return nil, fmt.Errorf("prepared part: %w", err)
		}
		if err := collectAdds(value, &files); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// HasOutput reports whether any share has prepared something: add-actions, or rows that are staged.
func (s SinkRecord) HasOutput() bool {
	for _, text := range s.Prepared {
		var p struct{ Data any }
		if json.Unmarshal(text, &p) == nil && p.Data != nil {
			return true
		}
	}
	return false
}

func collectAdds(value any, files *[]File) error {
	switch v := value.(type) {
	case []any:
		for _, e := range v {
			if err := collectAdds(e, files); err != nil {
				return err
			}
		}
	case map[string]any:
		if v["path"] != nil && v["partitionValues"] != nil && v["size"] != nil {
			text, err := json.Marshal(v)
			if err != nil {
				return err
			}
			var file File
			if err := json.Unmarshal(text, &file); err != nil {
				return fmt.Errorf("prepared add: %w", err)
			}
			*files = append(*files, file)
			return nil
		}
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			if err := collectAdds(v[k], files); err != nil {
				return err
			}
		}
	case string:
		// A writer may have kept its actions as lines of JSON in a text.
		for _, line := range strings.Split(v, "\n") {
			var inner map[string]any
			if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &inner) == nil {
				if err := collectAdds(inner, files); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
