package oracle

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
)

// Finding is something that must not be.
type Finding struct {
	Kind    string // in kebab case, stable: such as gap or path-twice
	Path    string // of the table
	Version int64  // -1: none in particular
	Message string // a sentence for people
}

// String returns the finding as one line.
func (f Finding) String() string {
	if f.Version < 0 {
		return fmt.Sprintf("%s: %s: %s", f.Path, f.Kind, f.Message)
	}
	return fmt.Sprintf("%s: version %d: %s: %s", f.Path, f.Version, f.Kind, f.Message)
}

type findings struct {
	path string
	list []Finding
}

func (f *findings) add(kind string, version int64, format string, args ...any) {
	f.list = append(f.list, Finding{Kind: kind, Path: f.path, Version: version, Message: fmt.Sprintf(format, args...)})
}

// CheckLog checks what can be told from a table's log and the footers of its
// files: versions are contiguous, every commit is legal, no path is ever added
// twice, live files exist with their size and number of rows, every checkpoint equals the
// replay, and a flow has one commit per epoch, epochs that increase and one
// incarnation. The findings' order is that of the log. The error is of the file system.
func CheckLog(table string) ([]Finding, error) {
	f := &findings{path: table}
	t, err := Replay(table)
	switch {
	case errors.Is(err, ErrGap):
		f.add("gap", -1, "%v", err)
		return f.list, nil
	case errors.Is(err, ErrNoTable):
		return nil, err
	case err != nil:
		f.add("unreadable", -1, "%v", err)
		return f.list, nil
	}
	f.checkCommits(t)
	f.checkEpochs(t)
	f.checkFiles(t)
	if t.First == 0 {
		if err := f.checkCheckpoints(t); err != nil {
			return f.list, err
		}
	}
	return f.list, nil
}

// checkCommits holds each commit against the rules and against what lived before it.
func (f *findings) checkCommits(t *Table) {
	added := map[string]int64{}
	live := map[string]bool{}
	if t.First > 0 { // what lived in the checkpoint is known only as far as it was not removed since
		base, err := ReplayAt(t.Path, t.First-1)
		if err != nil {
			f.add("unreadable", t.First-1, "%v", err)
			return
		}
		for path := range base.Live {
			added[path], live[path] = t.First-1, true
		}
	}
	for _, c := range t.Commits {
		if c.Version == 0 && (c.Protocol == nil || c.Metadata == nil) {
			f.add("first-commit", 0, "it lacks protocol or metaData")
		}
		removed := map[string]bool{}
		for _, r := range c.Removes {
			path := File{Path: r.Path}.Name()
			if removed[path] {
				f.add("removed-twice", c.Version, "%s is removed twice in one commit", path)
			}
			if !live[path] && t.First == 0 {
				f.add("removed-unknown", c.Version, "%s is removed and was not live", path)
			}
			removed[path] = true
			delete(live, path)
		}
		for _, a := range c.Adds {
			path := a.Name()
			if before, twice := added[path]; twice && !removed[path] && (live[path] || !c.restores()) {
				f.add("path-twice", c.Version, "%s was added already at version %d", path, before)
			}
			added[path], live[path] = c.Version, true
		}
		apps, domains := map[string]bool{}, map[string]bool{}
		for _, x := range c.Transactions {
			if apps[x.AppID] {
				f.add("txn-twice", c.Version, "two txn of %s in one commit", x.AppID)
			}
			apps[x.AppID] = true
		}
		for _, d := range c.Domains {
			if domains[d.Domain] {
				f.add("domain-twice", c.Version, "two domainMetadata of %s in one commit", d.Domain)
			}
			domains[d.Domain] = true
		}
	}
}

// restores reports whether the commit says that it brings files back that were removed.
func (c *Commit) restores() bool {
	var info struct{ Operation string }
	return json.Unmarshal(c.CommitInfo, &info) == nil && info.Operation == "RESTORE"
}

// rewinds reports whether the commit says that it takes a flow back to an earlier epoch, from which it goes on as another incarnation.
func (c *Commit) rewinds() bool {
	var info struct{ OperationParameters map[string]any }
	return c.restores() || json.Unmarshal(c.CommitInfo, &info) == nil && info.OperationParameters["kind"] == "rewind"
}

// checkEpochs looks at every txn whose application is a flow: "<flow>/<incarnation>".
func (f *findings) checkEpochs(t *Table) {
	type last struct{ epoch, version int64 }
	seen := map[string]last{}
	incarnations := map[string]string{}
	for _, c := range t.Commits {
		for _, x := range c.Transactions {
			flow, incarnation, ok := cutLast(x.AppID)
			if !ok {
				continue
			}
			if known, ok := incarnations[flow]; ok && known != incarnation && !c.rewinds() {
				f.add("incarnation", c.Version, "flow %s writes as incarnation %s, before as %s", flow, incarnation, known)
			}
			incarnations[flow] = incarnation
			if before, ok := seen[x.AppID]; ok && x.Version <= before.epoch {
				kind := "epoch-backwards"
				if x.Version == before.epoch {
					kind = "epoch-twice"
				}
				f.add(kind, c.Version, "flow %s commits epoch %d, at version %d it had committed %d", flow, x.Version, before.version, before.epoch)
			}
			seen[x.AppID] = last{x.Version, c.Version}
		}
	}
}

// cutLast splits at the last slash: a flow's name may hold one.
func cutLast(appID string) (flow, incarnation string, ok bool) {
	i := strings.LastIndexByte(appID, '/')
	if i <= 0 || i == len(appID)-1 {
		return "", "", false
	}
	return appID[:i], appID[i+1:], true
}

func (f *findings) checkFiles(t *Table) {
	for _, file := range t.Files() {
		f.checkFile(t, file)
	}
}

func (f *findings) checkFile(t *Table, file File) {
	info, err := os.Stat(t.locate(file))
	if err != nil {
		f.add("file-missing", t.Version, "live file %s: %v", file.Name(), err)
		return
	}
	if info.Size() != file.Size {
		f.add("file-size", t.Version, "live file %s has %d bytes, the log says %d", file.Name(), info.Size(), file.Size)
	}
	rows, err := parquetRows(t.locate(file))
	if err != nil {
		f.add("file-unreadable", t.Version, "live file %s: %v", file.Name(), err)
		return
	}
	var stats struct {
		NumRecords *int64 `json:"numRecords"`
	}
	marked := len(file.DeletionVector) > 0 && string(file.DeletionVector) != "null"
	if file.Stats == "" && !marked {
		return
	}
	if err := json.Unmarshal([]byte(file.Stats), &stats); err != nil {
		f.add("stats-unreadable", t.Version, "live file %s: %v", file.Name(), err)
		return
	}
	if marked && stats.NumRecords == nil {
		f.add("num-records", t.Version, "live file %s has a deletion vector and does not say how many rows it has", file.Name())
	}
	if stats.NumRecords != nil && *stats.NumRecords != rows {
		f.add("num-records", t.Version, "live file %s has %d rows, its statistics say %d", file.Name(), rows, *stats.NumRecords)
	}
}

// checkCheckpoints replays once more and compares every checkpoint with what
// lived at its version.
func (f *findings) checkCheckpoints(t *Table) error {
	_, checkpoints, err := listing(t.Path)
	if err != nil {
		return err
	}
	replayed := newTable(t.Path)
	for _, c := range t.Commits {
		replayed.apply(c)
		if !slices.Contains(checkpoints, c.Version) {
			continue
		}
		loaded := newTable(t.Path)
		if err := loaded.loadCheckpoint(c.Version); err != nil {
			f.add("checkpoint-unreadable", c.Version, "%v", err)
			continue
		}
		if difference := differs(replayed, loaded); difference != "" {
			f.add("checkpoint-differs", c.Version, "the checkpoint differs from the replay: %s", difference)
		}
	}
	return nil
}

// differs names the first thing in which two views of one version differ, "" if they agree.
func differs(replayed, loaded *Table) string {
	for path, file := range replayed.Live {
		other, ok := loaded.Live[path]
		if !ok {
			return "it lacks " + path
		}
		if file.Size != other.Size || !sameValues(file.PartitionValues, other.PartitionValues) {
			return "size or partition values of " + path
		}
	}
	for path := range loaded.Live {
		if _, ok := replayed.Live[path]; !ok {
			return "it has " + path
		}
	}
	a, b := replayed.Protocol, loaded.Protocol
	slices.Sort(a.ReaderFeatures)
	slices.Sort(b.ReaderFeatures)
	slices.Sort(a.WriterFeatures)
	slices.Sort(b.WriterFeatures)
	switch {
	case a.MinReaderVersion != b.MinReaderVersion || a.MinWriterVersion != b.MinWriterVersion ||
		!slices.Equal(a.ReaderFeatures, b.ReaderFeatures) || !slices.Equal(a.WriterFeatures, b.WriterFeatures):
		return "protocol"
	case replayed.Metadata.ID != loaded.Metadata.ID || replayed.Metadata.SchemaString != loaded.Metadata.SchemaString ||
		!slices.Equal(replayed.Metadata.PartitionColumns, loaded.Metadata.PartitionColumns):
		return "metaData"
	case !reflect.DeepEqual(replayed.Transactions, loaded.Transactions):
		return "txn"
	case !reflect.DeepEqual(replayed.Domains, loaded.Domains):
		return "domainMetadata"
	}
	return ""
}

// sameValues compares partition values; null and the empty text are the same.
func sameValues(a, b map[string]*string) bool {
	text := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	for k, v := range a {
		if text(v) != text(b[k]) {
			return false
		}
	}
	for k, v := range b {
		if text(v) != text(a[k]) {
			return false
		}
	}
	return true
}
