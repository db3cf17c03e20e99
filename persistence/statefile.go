package persistence

import (
	"cmp"
	"slices"
)

// The kinds of state files.
const (
	KindBase   = "base"   // all rows of its key groups up to its epoch
	KindChange = "change" // the rows that one epoch changed
)

// StateFile describes a durable file of keyed state. It stands in manifests;
// epochs.StateFile has the same fields and converts to it.
type StateFile struct {
	Step          string `json:"step"`
	Table         string `json:"table"`
	Kind          string `json:"kind"` // "base" or "change"
	Name          string `json:"name"` // in the checkpoint store
	Length        int64  `json:"length"`
	Digest        string `json:"digest"`  // "xxh64:" and 16 hexadecimal digits, of the whole file
	GroupLo       int    `json:"groupLo"` // key groups [GroupLo, GroupHi)
	GroupHi       int    `json:"groupHi"`
	Rows          int64  `json:"rows"`
	Epoch         int64  `json:"epoch"` // a base: the newest that it holds
	Attempt       int64  `json:"attempt"`
	SchemaVersion int    `json:"schemaVersion"`
	Drops         int64  `json:"drops,omitempty"` // segments that the epoch dropped
}

// hides reports whether f is of no use, for the groups that both have, beside b. Of bases of one
// epoch, which say the same, one counts.
func (b StateFile) hides(f StateFile) bool {
	if b.Kind != KindBase || b.Step != f.Step || b.Table != f.Table || b.Name == f.Name {
		return false
	}
	return b.Epoch > f.Epoch || b.Epoch == f.Epoch && (f.Kind == KindChange || cmp.Or(cmp.Compare(b.Attempt, f.Attempt), cmp.Compare(b.Name, f.Name)) > 0)
}

type groupRange struct{ lo, hi int }

// visible returns the key groups of [lo,hi) for which f counts: those that it
// covers and that no base hides, ascending.
func (f StateFile) visible(files []StateFile, lo, hi int) []groupRange {
	rest := []groupRange{{max(lo, f.GroupLo), min(hi, f.GroupHi)}}
	for _, b := range files {
		if !b.hides(f) {
			continue
		}
		var left []groupRange
		for _, r := range rest {
			left = append(left, groupRange{r.lo, min(r.hi, b.GroupLo)}, groupRange{max(r.lo, b.GroupHi), r.hi})
		}
		rest = slices.DeleteFunc(left, func(r groupRange) bool { return r.lo >= r.hi })
	}
	return slices.DeleteFunc(rest, func(r groupRange) bool { return r.lo >= r.hi })
}

// Live returns the files that a manifest still needs: those not hidden whole
// by base files. A file from before a rescaling stays until the bases of all the tasks that share it
// cover it. The order is kept.
func Live(files []StateFile) []StateFile {
	live := make([]StateFile, 0, len(files))
	bases := slices.DeleteFunc(slices.Clone(files), func(f StateFile) bool { return f.Kind != KindBase })
	for _, f := range files {
		if len(f.visible(bases, f.GroupLo, f.GroupHi)) > 0 {
			live = append(live, f)
		}
	}
	return live
}

// Obsolete returns the names of the files that prev needs and next does not.
// They may be removed once an epoch after that of next is decided, not before: until then
// a restart may still choose prev.
func Obsolete(prev, next []StateFile) []string {
	named := make(map[string]bool, len(next))
	for _, f := range next {
		named[f.Name] = true
	}
	var gone []string
	for _, f := range prev {
		if !named[f.Name] {
			gone = append(gone, f.Name)
		}
	}
	return gone
}
