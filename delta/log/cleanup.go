package log

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deltaic/deltaic/objstore"
)

// sidecarRest is how old a sidecar that no checkpoint names must be: a younger one may be of a checkpoint that is being written.
const sidecarRest = 24 * time.Hour

// Oldest returns the oldest commit that is there, nil if there is none.
func (l *Log) Oldest(ctx context.Context) (oldest *Object, err error) {
	err = l.Store.List(ctx, Dir, "", func(i objstore.Info) bool {
		base := strings.TrimPrefix(i.Name, Dir)
		version, ok := versionOf(base)
		if !ok || base[21:] != "json" {
			return true
		}
		oldest = &Object{i.Name, version, i.Size, i.ModTime, version}
		return false
	})
	return oldest, err
}

// Clean removes from the log what no version from the given one on needs: everything before the newest checkpoint that is not
// after it. It returns the names that are gone and the first version that is left; nothing goes if there is no such
// checkpoint, or none that can be read.
func (l *Log) Clean(ctx context.Context, version int64, now time.Time) (gone []string, first int64, err error) {
	found, err := l.list(ctx, 0)
	if err != nil {
		return nil, -1, err
	}
	first, err = l.cleanBase(ctx, found, version)
	if first < 0 || err != nil {
		return nil, first, err
	}
	gone = found.before(first)
	sidecars, err := l.unnamedSidecars(ctx, found, first, now)
	if err != nil {
		return nil, first, err
	}
	gone = append(gone, sidecars...)
	for i, name := range gone { // the oldest first: what is left by a crash is a shorter log
		if err := l.Store.Delete(ctx, name); err != nil {
			return gone[:i], first, fmt.Errorf("clean the log: %w", err)
		}
	}
	return gone, first, objstore.Sweep(ctx, l.Store, Dir, func(name string) bool {
		base := strings.TrimPrefix(strings.TrimPrefix(name, SidecarDir), Dir)
		v, ok := versionOf(base)
		return ok && v < first
	})
}

// cleanBase returns the version of the newest checkpoint that is not after the given one and can be read; -1 if there is none.
func (l *Log) cleanBase(ctx context.Context, found *listing, version int64) (int64, error) {
	versions := found.checkpointVersions()
	for i := len(versions) - 1; i >= 0; i-- {
		if versions[i] > version {
			continue
		}
		for _, parts := range found.checkpoints[versions[i]] {
			err := l.verify(ctx, parts, &CheckpointInfo{Version: versions[i]})
			var bad *brokenError
			if err == nil || !errors.As(err, &bad) && !errors.Is(err, objstore.ErrNotFound) {
				return versions[i], err
			}
		}
	}
	return -1, nil
}

// before returns the names of what is of versions before the given one alone, the oldest first.
func (f *listing) before(first int64) (names []string) {
	for _, c := range f.commits {
		if c.Version < first {
			names = append(names, c.Name)
		}
	}
	for _, c := range f.compacted {
		if c.from <= first { // whoever reads the checkpoint needs the commits after it, not those that are told together with older ones
			names = append(names, c.Name)
		}
	}
	for _, v := range f.checksums {
		if v < first {
			names = append(names, ChecksumName(v))
		}
	}
	for _, v := range f.checkpointVersions() {
		for _, parts := range f.checkpoints[v] {
			for _, p := range parts {
				if v < first {
					names = append(names, p.Name)
				}
			}
		}
	}
	for _, p := range f.incomplete {
		if p.Version < first {
			names = append(names, p.Name)
		}
	}
	return names
}

// unnamedSidecars returns the sidecars that no checkpoint from the given version on names, and that are not new. None if
// one of the checkpoints cannot be read, since it may name any.
func (l *Log) unnamedSidecars(ctx context.Context, found *listing, first int64, now time.Time) (names []string, err error) {
	if err := l.Store.List(ctx, SidecarDir, "", func(i objstore.Info) bool {
		if !i.ModTime.IsZero() && now.Sub(i.ModTime) > sidecarRest {
			names = append(names, i.Name)
		}
		return true
	}); err != nil || len(names) == 0 {
		return nil, err
	}
	named := map[string]bool{}
	for v, all := range found.checkpoints {
		for _, parts := range all {
			if v < first {
				continue
			}
			sidecars, err := l.sidecarsOf(ctx, parts)
			if err != nil {
				return nil, ctx.Err()
			}
			for _, s := range sidecars {
				name, err := SidecarName(s.Path)
				if err != nil {
					return nil, nil
				}
				named[name] = true
			}
		}
	}
	kept := names[:0]
	for _, name := range names {
		if !named[name] {
			kept = append(kept, name)
		}
	}
	return kept, nil
}
