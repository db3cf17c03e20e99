package delta

import (
	"maps"
	"slices"
	"strconv"
)

// Files that are a small share of the target are put together once they are many, so
// that epochs with few new keys do not leave ever more files.
const (
	smallShare = 4        // of the target: a smaller file is a small one
	smallFiles = 16       // of one partition, that are put together
	smallBytes = 32 << 20 // most bytes that are put together at once: they are sorted in memory

	// Where rows are marked each epoch leaves a file, and what a row costs is how often it is written. So only files of about
	// one size are put together, and only when they are more: a row is then written again once for each level.
	levelFiles = 4 * smallFiles
	levelBase  = 64

	// A file of which more than three of four rows are gone is put together with others: one row is copied for three that went. A
	// smaller share would write more, a larger one keep more that nobody reads.
	wornGone, wornOf = 3, 4
)

// together returns the files to be put together.
func (r *rewrite) together() []uint32 {
	if !r.vectors {
		return r.small(r.index.small, func(int64) int { return 0 }, nil, 0)
	}
	worn, bytes := r.worn()
	return r.small(r.index.small*levelFiles/smallFiles, func(size int64) int {
		level := 0
		for size *= smallShare; size < r.target && level < 4; size *= levelBase {
			level++
		}
		return level
	}, worn, bytes)
}

// worn returns files of which most rows are gone, but not all, and how many bytes they still have.
func (r *rewrite) worn() (worn []uint32, bytes int64) {
	hits := r.hits
	for id := range r.index.files {
		f := &r.index.files[id]
		gone := f.gone.Count()
		for ; len(hits) > 0 && hits[0].file == uint32(id); hits = hits[1:] {
			gone++
		}
		all := f.gone.Count() + f.rows
		if !f.live || gone*wornOf <= all*wornGone || gone == all {
			continue
		}
		if bytes += f.add.Size * (all - gone) / all; bytes > smallBytes {
			return worn, bytes
		}
		worn = append(worn, uint32(id))
	}
	return worn, bytes
}

// small adds the files that are small to merged, which have bytes: those of a partition and level if they are as many as asked for.
func (r *rewrite) small(many int, level func(size int64) int, merged []uint32, bytes int64) []uint32 {
	groups := map[string][]uint32{}
	for id := range r.index.files {
		f := &r.index.files[id]
		if !f.live || f.add.Size >= r.target/smallShare || slices.Contains(merged, uint32(id)) {
			continue
		}
		key := ""
		for _, v := range f.add.Partition {
			key += v.Value + "\x00"
		}
		key += strconv.Itoa(level(f.add.Size))
		groups[key] = append(groups[key], uint32(id))
	}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		if len(groups[key]) < many {
			continue
		}
		for _, id := range groups[key] {
			if bytes += r.index.files[id].add.Size; bytes > smallBytes {
				return merged
			}
			merged = append(merged, id)
		}
	}
	return merged
}
