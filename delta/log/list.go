package log

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/objstore"
)

// Object is a file of the log.
type Object struct {
	Name    string
	Version int64
	Size    int64
	ModTime time.Time
	from    int64 // the first version in it, of the reconciled actions of several commits; otherwise Version
}

// listing is what lies in the log folder.
type listing struct {
	commits     []Object
	compacted   []Object             // by first version, then by last
	checkpoints map[int64][][]Object // complete ones only; what is easiest to read comes first
	checksums   []int64
	incomplete  []Object // parts of checkpoints that lack others
}

// checkpointVersions returns the versions that have a checkpoint, ascending.
func (f *listing) checkpointVersions() []int64 { return slices.Sorted(maps.Keys(f.checkpoints)) }

// newest returns the newest version of which there is a commit or a checkpoint, -1 if there is none.
func (f *listing) newest() int64 {
	newest := int64(-1)
	for v := range f.checkpoints {
		newest = max(newest, v)
	}
	if n := len(f.commits); n > 0 {
		newest = max(newest, f.commits[n-1].Version)
	}
	return newest
}

// oldest returns the first version of which there is a commit or a checkpoint, -1 if there is none.
func (f *listing) oldest() int64 {
	oldest := int64(-1)
	if v := f.checkpointVersions(); len(v) > 0 {
		oldest = v[0]
	}
	if len(f.commits) > 0 && (oldest < 0 || f.commits[0].Version < oldest) {
		oldest = f.commits[0].Version
	}
	return oldest
}

// list reads the folder from a version on. Names that are none of the log's are passed over: other programs leave
// checksums and temporary files there.
func (l *Log) list(ctx context.Context, from int64) (*listing, error) {
	out := &listing{checkpoints: map[int64][][]Object{}}
	parts := map[string][]Object{}
	err := l.Store.List(ctx, Dir, fmt.Sprintf("%s%020d", Dir, from), func(i objstore.Info) bool {
		base := strings.TrimPrefix(i.Name, Dir)
		version, ok := versionOf(base)
		if !ok {
			return true
		}
		o := Object{i.Name, version, i.Size, i.ModTime, version}
		switch rest := strings.Split(base[21:], "."); {
		case len(rest) == 1 && rest[0] == "json":
			out.commits = append(out.commits, o)
		case len(rest) == 3 && rest[1] == "compacted" && rest[2] == "json":
			if last, ok := versionOf(rest[0] + "."); ok && last > version {
				o.Version = last
				out.compacted = append(out.compacted, o)
			}
		case len(rest) == 1 && rest[0] == "crc":
			out.checksums = append(out.checksums, version)
		case rest[0] != "checkpoint":
		case len(rest) == 2 && rest[1] == "parquet", len(rest) == 3 && (rest[2] == "json" || rest[2] == "parquet"):
			out.checkpoints[version] = append(out.checkpoints[version], []Object{o})
		case len(rest) == 4 && rest[3] == "parquet" && len(rest[1]) == 10 && len(rest[2]) == 10:
			key := base[:20] + rest[2]
			parts[key] = append(parts[key], o)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("list the log: %w", err)
	}
	for _, all := range out.checkpoints { // the classic name comes before those with an id
		sort.SliceStable(all, func(i, j int) bool { return len(all[i][0].Name) < len(all[j][0].Name) })
	}
	for key, p := range parts {
		// Listed in the order of the part numbers, so the last one's tells whether all are there.
		count, err := strconv.Atoi(key[20:])
		if version := p[0].Version; err == nil && count == len(p) && strings.Contains(p[count-1].Name, ".checkpoint."+key[20:]+".") {
			out.checkpoints[version] = append(out.checkpoints[version], p)
		} else {
			out.incomplete = append(out.incomplete, p...)
		}
	}
	return out, nil
}

// versionOf reads the twenty digits and the full stop with which the names of the log begin.
func versionOf(base string) (int64, bool) {
	if len(base) < 21 || base[20] != '.' || strings.Contains(base, "/") {
		return 0, false
	}
	version, err := strconv.ParseInt(base[:20], 10, 64)
	return version, err == nil && version >= 0
}

// Latest returns the newest version that there is after the known one, by
// listing; known itself if there is none.
func (l *Log) Latest(ctx context.Context, known int64) (int64, error) {
	found, err := l.list(ctx, known)
	if err != nil {
		return known, err
	}
	return max(known, found.newest()), nil
}

// Versions lists the commits that are there, ascending.
func (l *Log) Versions(ctx context.Context) ([]Object, error) {
	found, err := l.list(ctx, 0)
	if err != nil {
		return nil, err
	}
	return found.commits, nil
}
