package log

import (
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/objstore"
)

// hintText is what _last_checkpoint says, as far as it can be wrong.
type hintText struct {
	version, parts, adds int64 // -1: it does not say
	path                 string
	counted              int64 // files in the checkpoint that it names; -1: not counted
}

const hintRepair = "delete it: readers list the log instead, and the next checkpoint writes it anew"

// hint reads _last_checkpoint.
func (c *logCheck) hint() error {
	text, err := c.l.Store.Get(c.ctx, HintName, 1<<20)
	if err != nil {
		if errors.Is(err, objstore.ErrNotFound) {
			return nil
		}
		return c.broken(Finding{Kind: HintCorrupt, Path: HintName, Version: -1, Message: "it cannot be read: %s", Repair: hintRepair}, err)
	}
	h, s := &hintText{version: -1, parts: -1, adds: -1, counted: -1}, &scanner{data: text}
	err = s.object(func(key []byte) error {
		switch string(key) {
		case "version":
			return s.intTo(&h.version)
		case "parts":
			return s.intTo(&h.parts)
		case "numOfAddFiles":
			return s.intTo(&h.adds)
		case "v2Checkpoint":
			return s.object(func(key []byte) error {
				if string(key) == "path" {
					return s.strTo(&h.path)
				}
				return s.skip()
			})
		}
		return s.skip()
	})
	if err == nil {
		err = s.end()
	}
	if err == nil && h.version < 0 {
		err = errors.New("it names no version")
	}
	if err != nil {
		return c.broken(Finding{Kind: HintCorrupt, Path: HintName, Version: -1, Message: "it cannot be read: %s", Repair: hintRepair}, err)
	}
	c.hinted = h
	return nil
}

// countedAdds notes how many files the checkpoint has that the hint names.
func (c *logCheck) countedAdds(version, adds int64) {
	if c.hinted != nil && c.hinted.version == version {
		c.hinted.counted = adds
	}
}

// hintFits checks what the hint says against what is there.
func (c *logCheck) hintFits() error {
	h := c.hinted
	if h == nil {
		return nil
	}
	f := Finding{Kind: HintStale, Path: HintName, Version: h.version, Repair: hintRepair}
	all := c.found.checkpoints[h.version]
	newest := int64(-1)
	if v := c.found.checkpointVersions(); len(v) > 0 {
		newest = v[len(v)-1]
	}
	switch {
	case len(all) == 0:
		f.Message = fmt.Sprintf("it points at version %d, which has no whole checkpoint", h.version)
	case h.path != "" && !slices.ContainsFunc(all, func(parts []Object) bool { return strings.TrimPrefix(parts[0].Name, Dir) == h.path }),
		h.parts > 0 && !slices.ContainsFunc(all, func(parts []Object) bool { return int64(len(parts)) == h.parts }):
		f.Message = fmt.Sprintf("the checkpoint of version %d that it points at is not there; another one is", h.version)
	case h.adds >= 0 && h.counted >= 0 && h.adds != h.counted:
		f.Kind = HintMismatch
		f.Message = fmt.Sprintf("it says that the checkpoint has %d files, there are %d", h.adds, h.counted)
	case newest > h.version:
		f.Harmless = true
		f.Message = fmt.Sprintf("it points at version %d, the newest checkpoint is that of version %d", h.version, newest)
	default:
		return nil
	}
	return c.find(f)
}

// compacted holds a file of reconciled commits against the commits.
func (c *logCheck) compacted(o Object) error {
	repair := "delete it: the commits say the same"
	last, ok, err := c.reconciled(o)
	if err != nil {
		return err
	}
	if !ok {
		repair = ""
	}
	head := &headBuilder{txns: map[string]Txn{}, domains: map[string]Domain{}}
	extra, differ, met, seen := differences{}, differences{}, 0, newFileSet()
	err = c.l.part(c.ctx, o.Name, KindsHead|KindsFiles, func(a *Action) error {
		if !ok {
			return nil
		}
		if a.Add == nil && a.Remove == nil {
			return head.apply(a)
		}
		if !seen.add(a) {
			return nil // the first word about a file is the last of the commits
		}
		content, there := last.content[last.hashes.hash(a)]
		switch path := pathOf(a); {
		case !there:
			extra.add(path)
		case content != last.of(a):
			differ.add(path)
		default:
			met++
		}
		return nil
	})
	f := Finding{Kind: CompactedCorrupt, Path: o.Name, Version: o.Version, Message: "the reconciled commits cannot be read: %s", Repair: repair}
	if err != nil {
		return c.broken(f, err)
	}
	if !ok {
		return nil
	}
	var wrong []string
	if extra.count > 0 {
		wrong = append(wrong, fmt.Sprintf("it tells of %d files that the commits do not, such as %s", extra.count, extra.path))
	}
	if differ.count > 0 {
		wrong = append(wrong, fmt.Sprintf("of %d files it says something else than the commits, such as %s", differ.count, differ.path))
	}
	if n := len(last.content) - met - differ.count; n > 0 {
		wrong = append(wrong, fmt.Sprintf("it lacks %d files that the commits tell of", n))
	}
	wrong = append(wrong, last.headsDiffer(head)...)
	if len(wrong) == 0 {
		return nil
	}
	f.Kind, f.Message = CompactedMismatch, strings.Join(wrong, "; ")
	return c.find(f)
}

func pathOf(a *Action) string {
	if a.Add != nil {
		return a.Add.Path
	}
	return a.Remove.Path
}

// lastWords is what several commits come to: of each file a hash of the last word about it.
type lastWords struct {
	hashes  *fileSet
	content map[fileHash]uint64
	head    *headBuilder
	compare *comparison
}

func (w *lastWords) of(a *Action) uint64 {
	if a.Remove != nil {
		return 0
	}
	return w.compare.of(a.Add)
}

// reconciled reads the commits that a file of reconciled ones stands for; false if one of them cannot be read.
func (c *logCheck) reconciled(o Object) (*lastWords, bool, error) {
	w := &lastWords{hashes: newFileSet(), content: map[fileHash]uint64{}, compare: &comparison{seed: maphash.MakeSeed()},
		head: &headBuilder{txns: map[string]Txn{}, domains: map[string]Domain{}}}
	for v := o.from; v <= o.Version; v++ {
		err := c.l.Commit(c.ctx, v, KindsHead|KindsFiles, func(a *Action) error {
			if a.Add == nil && a.Remove == nil {
				return w.head.apply(a)
			}
			w.content[w.hashes.hash(a)] = w.of(a)
			return nil
		})
		if err != nil {
			if c.ctx.Err() != nil {
				return nil, false, c.ctx.Err()
			}
			return nil, false, nil // a finding of its own
		}
	}
	return w, true, nil
}

// headsDiffer says what else than files a file of reconciled commits tells differently.
func (w *lastWords) headsDiffer(got *headBuilder) (wrong []string) {
	want := w.head
	if want.protocol != nil && !want.protocol.Equal(got.protocol) {
		wrong = append(wrong, "its protocol is another one than that of the commits")
	}
	if want.metadata != nil && (got.metadata == nil || !sameMetadata(want.metadata, got.metadata)) {
		wrong = append(wrong, "its metaData is another one than that of the commits")
	}
	return append(append(wrong, txnsDiffer(want.txns, got.txns, false)...), domainsDiffer(want.domains, got.domains)...)
}
