package log

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sort"
	"strings"

	"github.com/deltaic/deltaic/objstore"
)

// checkpointRepair is what puts a broken checkpoint right where the log does without it.
const checkpointRepair = "delete it: the commits say the same, and the next checkpoint is made of them"

// checkpoint holds a checkpoint against the state, or takes the state from it where that is not known.
func (c *logCheck) checkpoint(v int64, parts []Object) error {
	known := c.known && c.at == v
	whole, err := c.sidecars(v, parts[0], known)
	if err != nil || !whole {
		return err
	}
	head := &headBuilder{txns: map[string]Txn{}, domains: map[string]Domain{}}
	var compared *comparison
	if known {
		compared = newComparison(c.files)
	} else {
		compared = newComparison(NewFileList())
		compared.fill = true
	}
	adds := int64(0)
	err = c.l.checkpoint(c.ctx, parts, KindsHead|KindsFiles, func(a *Action) error {
		c.told(v, a)
		switch {
		case a.Add != nil:
			adds++
			compared.add(a)
		case a.Remove == nil:
			return head.apply(a)
		}
		return nil
	})
	if err == nil && (head.protocol == nil || head.metadata == nil) {
		err = errNoHead
	}
	if err != nil {
		return c.unreadable(v, parts, known, err)
	}
	c.countedAdds(v, adds)
	wrong := compared.verdict()
	if known {
		wrong = append(wrong, headsDiffer(c.head, head)...)
	} else {
		c.known, c.at, c.head, c.files = true, v, head, compared.files
		c.time = nil
		if err := c.describes(parts[0].Name, v); err != nil {
			return err
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	f := Finding{Kind: CheckpointMismatch, Path: parts[0].Name, Version: v, Message: strings.Join(wrong, "; ")}
	if known {
		f.Repair = checkpointRepair
	}
	return c.find(f)
}

// sidecars checks that the sidecars a checkpoint names are there as it says, and reports whether it can be read at all.
func (c *logCheck) sidecars(v int64, main Object, known bool) (whole bool, err error) {
	named, err := c.l.sidecarsOf(c.ctx, []Object{main})
	if err != nil {
		return true, c.ctx.Err() // reading it all says what is wrong
	}
	whole = true
	for i := range named {
		f := Finding{Version: v}
		if known {
			f.Repair = "delete the checkpoint " + main.Name + ", which names it: the commits say the same"
		}
		name, err := SidecarName(named[i].Path)
		if err != nil {
			return true, nil
		}
		f.Path = name
		if c.o.Action != nil {
			c.o.Action(v, &Action{Sidecar: &named[i]})
		}
		stat, err := c.l.Store.Head(c.ctx, name)
		switch {
		case errors.Is(err, objstore.ErrNotFound):
			f.Kind, f.Message = SidecarMissing, "the checkpoint names it, and it is not there"
		case err != nil:
			return false, err
		case stat.Size != named[i].Size:
			f.Kind, f.Message = SidecarCorrupt, fmt.Sprintf("it has %d bytes, the checkpoint says %d", stat.Size, named[i].Size)
		default:
			continue
		}
		whole = false
		if err := c.find(f); err != nil {
			return false, err
		}
	}
	return whole, nil
}

// unreadable finds which file of a checkpoint cannot be read.
func (c *logCheck) unreadable(v int64, parts []Object, known bool, why error) error {
	f := Finding{Kind: CheckpointCorrupt, Path: parts[0].Name, Version: v, Message: "the checkpoint cannot be read: %s"}
	if known {
		f.Repair = checkpointRepair
	}
	var names, sidecars []string
	for _, p := range parts {
		names = append(names, p.Name)
	}
	for _, s := range names {
		err := c.l.part(c.ctx, s, KindsHead|KindsFiles|KindSidecar, func(a *Action) error {
			if a.Sidecar != nil {
				if name, err := SidecarName(a.Sidecar.Path); err == nil {
					sidecars = append(sidecars, name)
				}
			}
			return nil
		})
		if err != nil {
			f.Path, why = s, err
			return c.broken(f, why)
		}
	}
	for _, s := range sidecars {
		if err := c.l.part(c.ctx, s, KindsFiles, func(*Action) error { return nil }); err != nil {
			f.Kind, f.Path, why = SidecarCorrupt, s, err
			f.Message = "the sidecar cannot be read: %s"
			break
		}
	}
	var bad *brokenError
	if errors.As(why, &bad) {
		why = bad.err
	}
	return c.broken(f, why)
}

// comparison holds the files that a checkpoint names against a list of files.
type comparison struct {
	files   *FileList
	content []uint64 // by number in the list: what is said of the file; 0: no file, or it was met
	seed    maphash.Seed
	fill    bool // the list is made of what comes

	extra, twice, differ differences
}

// differences are files that are not as they should be: how many, and one of them.
type differences struct {
	count int
	path  string
}

func (d *differences) add(path string) {
	if d.count++; d.count == 1 {
		d.path = path
	}
}

func newComparison(files *FileList) *comparison {
	m := &comparison{files: files, seed: maphash.MakeSeed(), content: make([]uint64, files.packed+len(files.fresh))}
	files.numbered(func(n int, a *Add) { m.content[n] = m.of(a) })
	return m
}

// of returns a hash, never 0, of what is said of a file and must be the same wherever it is said.
func (m *comparison) of(a *Add) uint64 {
	var b []byte
	o := begin(b)
	o.int("size", a.Size)
	values := slices.Clone(a.Partition)
	sort.Slice(values, func(i, j int) bool { return values[i].Column < values[j].Column })
	o.partition(values)
	o.deletionVector(a.DeletionVector)
	o.intPointer("baseRowId", a.BaseRowID)
	return max(1, maphash.Bytes(m.seed, o.end()))
}

func (m *comparison) add(a *Action) {
	hash := m.files.hashes.hash(a)
	n := m.files.place(hash)
	switch {
	case m.fill:
		if n >= 0 {
			m.twice.add(a.Add.Path)
		}
		m.files.apply(a)
		m.files.settle()
	case n < 0:
		m.extra.add(a.Add.Path)
	case m.content[n] == 0:
		m.twice.add(a.Add.Path)
	default:
		if m.content[n] != m.of(a.Add) {
			m.differ.add(a.Add.Path)
		}
		m.content[n] = 0
	}
}

// verdict says what differs.
func (m *comparison) verdict() (wrong []string) {
	var lacking differences
	if !m.fill && slices.ContainsFunc(m.content, func(c uint64) bool { return c != 0 }) {
		m.files.numbered(func(n int, a *Add) {
			if m.content[n] != 0 {
				lacking.add(a.Path)
			}
		})
	}
	for _, d := range []struct {
		differences
		text string
	}{{m.extra, "it has %d files that the commits do not leave, such as %s"}, {lacking, "it lacks %d files, such as %s"},
		{m.twice, "it has %d files twice, such as %s"}, {m.differ, "of %d files it says something else than the commits, such as %s"}} {
		if d.count > 0 {
			wrong = append(wrong, fmt.Sprintf(d.text, d.count, d.path))
		}
	}
	return wrong
}

// headsDiffer says what a checkpoint tells differently besides files.
func headsDiffer(want, got *headBuilder) (wrong []string) {
	if want.protocol == nil || want.metadata == nil {
		return nil // which is wrong in itself
	}
	if !want.protocol.Equal(got.protocol) {
		wrong = append(wrong, "its protocol is another one than that of the commits")
	}
	if !sameMetadata(want.metadata, got.metadata) {
		wrong = append(wrong, "its metaData is another one than that of the commits")
	}
	expires := want.metadata.Configuration["delta.setTransactionRetentionDuration"] != ""
	return append(append(wrong, txnsDiffer(want.txns, got.txns, expires)...), domainsDiffer(want.domains, got.domains)...)
}

// txnsDiffer compares the versions of applications. Where they expire some may be left out.
func txnsDiffer(want, got map[string]Txn, expires bool) (wrong []string) {
	for _, app := range sortedKeys(got) {
		if w, ok := want[app]; !ok || w.Version != got[app].Version {
			wrong = append(wrong, fmt.Sprintf("application %q has version %d there, which the commits do not say", app, got[app].Version))
			break
		}
	}
	for _, app := range sortedKeys(want) {
		if _, ok := got[app]; !ok && !expires {
			wrong = append(wrong, fmt.Sprintf("it lacks application %q at version %d", app, want[app].Version))
			break
		}
	}
	return wrong
}

func domainsDiffer(want, got map[string]Domain) (wrong []string) {
	for _, name := range sortedKeys(got) {
		if w, ok := want[name]; !ok || w.Configuration != got[name].Configuration {
			wrong = append(wrong, fmt.Sprintf("domain %q is there as the commits do not have it", name))
			break
		}
	}
	for _, name := range sortedKeys(want) {
		if _, ok := got[name]; !ok {
			wrong = append(wrong, fmt.Sprintf("it lacks the domain %q", name))
			break
		}
	}
	return wrong
}

// sameMetadata reports whether two say the same, however the text of the schema is spaced.
func sameMetadata(a, b *Metadata) bool {
	if a.Equal(b) {
		return true
	}
	compact := func(m *Metadata) *Metadata {
		var text bytes.Buffer
		if json.Compact(&text, []byte(m.SchemaString)) != nil {
			return m
		}
		c := *m
		c.SchemaString = text.String()
		return &c
	}
	return compact(a).Equal(compact(b))
}
