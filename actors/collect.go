package actors

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/objstore"
	"go.uber.org/zap"
)

// named is the files that a manifest needs, its own among them.
type named struct {
	manifest string
	state    []epochs.StateFile
}

// leastRetained epochs are kept whatever the configuration says: whoever read the ledger just before
// the newest entry can still load what the one before names.
const leastRetained = 2

// remember finds which epochs are kept: the last ones of the ledger, if it still knows them, as many as are to be retained.
func (a *attempt) remember(ctx context.Context) error {
	if a.manifest == nil {
		return nil
	}
	a.kept = []named{nameOf(a.entry, a.manifest)}
	ledger, ok := a.config.Ledger.(epochs.Historian)
	if !ok || a.config.Retain <= leastRetained || a.config.Objects == nil {
		return nil
	}
	var failed error
	before := a.entry.Epoch
	err := ledger.History(ctx, func(text string) bool {
		e, err := epochs.DecodeEntry(text, a.entry.Flow, a.config.Ledger.URI())
		if err != nil || e.Incarnation != a.entry.Incarnation || len(a.kept) == a.config.Retain {
			failed = err
			return false
		}
		if e.Kind != epochs.KindEpoch || e.Epoch >= before {
			return true
		}
		m, err := loadManifest(ctx, a.config, e)
		if err != nil || m == nil {
			return false // collected: so are those before it
		}
		before = e.Epoch
		a.kept = append([]named{nameOf(e, m)}, a.kept...)
		return true
	})
	return errors.Join(err, failed)
}

func nameOf(e *epochs.Entry, m *epochs.Manifest) named {
	n := named{state: m.State}
	if e.ManifestFile != nil {
		n.manifest = e.ManifestFile.Path
	}
	return n
}

// collect removes what an epoch needed that is not retained any more, and those retained
// do not. It runs in the background; what it leaves, the next attempt finds.
func (a *attempt) collect(r *run, m *epochs.Manifest) {
	names := a.unneededAfter(m)
	if len(names) == 0 {
		return
	}
	r.background.Add(1)
	go func() {
		defer r.background.Done()
		a.remove(r.ctx, names)
	}()
}

// unneededAfter notes the manifest as the newest and returns the files that
// nobody needs any more.
func (a *attempt) unneededAfter(m *epochs.Manifest) []string {
	now := named{state: m.State}
	if f := a.entry.ManifestFile; f != nil && a.entry.Epoch == m.Epoch {
		now.manifest = f.Path
	}
	older := a.kept
	a.kept = append(a.kept, now)
	keep, early := a.config.Retain, mutant.On(mutant.CollectEarly) && m.Epoch%8 == 6
	if early {
		keep = 0
	}
	if a.config.Objects == nil || len(a.kept) <= keep {
		return nil
	}
	if early {
		older = []named{now}
	}
	gone := older[0]
	a.kept = append([]named(nil), a.kept[1:]...)
	names := unneeded(gone, a.kept)
	if early {
		for _, f := range now.state {
			names = append(names, f.Name)
		}
	}
	return names
}

func unneeded(gone named, kept []named) []string {
	needed := map[string]bool{}
	for _, k := range kept {
		needed[k.manifest] = true
		for _, f := range k.state {
			needed[f.Name] = true
		}
	}
	var names []string
	if gone.manifest != "" && !needed[gone.manifest] {
		names = append(names, gone.manifest)
	}
	for _, f := range gone.state {
		if !needed[f.Name] {
			names = append(names, f.Name)
		}
	}
	return names
}

func (a *attempt) remove(ctx context.Context, names []string) {
	for _, n := range names {
		if err := a.config.Objects.Delete(ctx, n); err != nil && ctx.Err() == nil {
			a.config.Logger.Warn("a file that is not needed any more could not be removed", zap.String("file", n), zap.Error(err))
			return
		}
	}
}

// sweep removes what attempts before this one left behind: files under the
// checkpoint location that no retained manifest names. It runs below the claim, so nobody
// who could still name them can decide an epoch.
func (a *attempt) sweep(ctx context.Context) error {
	c := a.config
	if c.Objects == nil || a.entry.Attempt == 1 {
		return nil
	}
	needed := map[string]bool{}
	for _, k := range a.kept {
		needed[k.manifest] = true
		for _, f := range k.state {
			needed[f.Name] = true
		}
	}
	var orphans []string
	for _, folder := range []string{c.Prefix + "manifests/" + a.entry.Incarnation + "/", "state/" + a.entry.Incarnation + "/"} {
		err := c.Objects.List(ctx, folder, "", func(i objstore.Info) bool {
			if !needed[i.Name] && attemptOf(i.Name) < a.entry.Attempt {
				orphans = append(orphans, i.Name)
			}
			return true
		})
		if err != nil {
			return err
		}
	}
	a.remove(ctx, orphans)
	return nil
}

// attemptOf reads the attempt out of a file's name, whose last part begins
// with it.
func attemptOf(name string) int64 {
	last := name[strings.LastIndexByte(name, '/')+1:]
	digits, _, _ := strings.Cut(last, "-")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 1<<63 - 1 // not one of ours
	}
	return n
}
