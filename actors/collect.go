package actors

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/objstore"
	"go.uber.org/zap"
)

// named is an epoch that is kept, and the files that it needs and the next one does not: all of them, if there is no next.
type named struct {
	epoch    int64
	time     int64 // its current_timestamp, microseconds
	manifest string
	state    []string
}

// leastRetained epochs are kept whatever the configuration says: whoever read the ledger just before
// the newest entry can still load what the one before names.
const leastRetained = 2

// expired reports whether the oldest of n kept epochs is neither among the last ones nor young enough to stay.
func (a *attempt) expired(n int, oldest, newest int64) bool {
	young := a.config.RetainFor > 0 && oldest >= newest-a.config.RetainFor.Microseconds()
	return n > a.config.Retain && !young
}

// remember finds which epochs are kept: the last ones of the ledger, if it still knows them, as many as are to be retained.
func (a *attempt) remember(ctx context.Context) error {
	if a.manifest == nil {
		return nil
	}
	a.kept = []named{nameOf(a.entry, a.manifest)}
	ledger, ok := a.config.Ledger.(epochs.Historian)
	if !ok || a.config.Retain <= leastRetained && a.config.RetainFor == 0 || a.config.Objects == nil {
		return nil
	}
	var failed error
	before, newest := a.entry.Epoch, a.kept[0].time
	err := ledger.History(ctx, func(text string) bool {
		e, err := epochs.DecodeEntry(text, a.entry.Flow, a.config.Ledger.URI())
		if err != nil || e.Incarnation != a.entry.Incarnation {
			failed = err
			return false
		}
		if e.Kind != epochs.KindEpoch || e.Epoch >= before {
			return true
		}
		m, err := loadManifest(ctx, a.config, e)
		if err != nil || m == nil || a.expired(len(a.kept)+1, m.Time, newest) {
			return false // collected, or to be: so are those before it
		}
		before = e.Epoch
		a.kept = append(a.kept, nameOf(e, m)) // newest first, for now
		return true
	})
	slices.Reverse(a.kept)
	for i := range len(a.kept) - 1 {
		a.kept[i].state = without(a.kept[i].state, a.kept[i+1])
	}
	return errors.Join(err, failed)
}

func nameOf(e *epochs.Entry, m *epochs.Manifest) named {
	n := named{epoch: m.Epoch, time: m.Time}
	for _, f := range m.State {
		n.state = append(n.state, f.Name)
	}
	if e.ManifestFile != nil && e.Epoch == m.Epoch {
		n.manifest = e.ManifestFile.Path
	}
	return n
}

// without leaves out the names of files that the next epoch needs. A file that one does not need, none behind it does.
func without(names []string, next named) []string {
	needed := neededBy([]named{next})
	return slices.DeleteFunc(names, func(n string) bool { return needed[n] })
}

func neededBy(kept []named) map[string]bool {
	needed := map[string]bool{}
	for _, k := range kept {
		needed[k.manifest] = true
		for _, f := range k.state {
			needed[f] = true
		}
	}
	return needed
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
func (a *attempt) unneededAfter(m *epochs.Manifest) (names []string) {
	now := nameOf(a.entry, m)
	if n := len(a.kept); n > 0 {
		a.kept[n-1].state = without(a.kept[n-1].state, now)
	}
	a.kept = append(a.kept, now)
	if a.config.Objects == nil {
		return nil
	}
	if mutant.On(mutant.CollectEarly) && a.config.Image == nil && a.died() && m.Epoch%8 == 6 {
		return slices.Clone(now.state)
	}
	for a.expired(len(a.kept), a.kept[0].time, m.Time) {
		gone := a.kept[0]
		a.kept = append([]named(nil), a.kept[1:]...)
		if gone.manifest != "" {
			names = append(names, gone.manifest)
		}
		names = append(names, gone.state...)
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
	needed := neededBy(a.kept)
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
		if err := objstore.Sweep(ctx, c.Objects, folder, func(name string) bool { return attemptOf(name) < a.entry.Attempt }); err != nil {
			c.Logger.Warn("files half written by a killed attempt could not be removed", zap.Error(err))
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
