package delta

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/delta/deletion"
	"github.com/deltaic/deltaic/delta/log"
)

// usesVectors reports whether rows that go are to be marked in deletion vectors.
func usesVectors(head *Head) bool {
	return strings.EqualFold(head.Metadata.Configuration["delta.enableDeletionVectors"], "true") && head.Protocol.Supports("deletionVectors")
}

// marked is a file that loses rows and is not written anew.
type marked struct {
	file uint32
	gone *deletion.Vector
}

// mark takes rows out of a file without writing it, and gives those that take their place to the new rows.
func (r *rewrite) mark(ctx context.Context, file uint32, hits []hit) error {
	rows := make([]uint32, len(hits))
	for i := range hits {
		rows[i] = hits[i].row
		if hits[i].with {
			r.moved = append(r.moved, hits[i].change)
		}
	}
	f := &r.index.files[file]
	gone := f.gone.With(rows)
	r.remove(file)
	if gone.Count() < f.gone.Count()+f.rows { // else nothing is left of it
		r.marked = append(r.marked, marked{file, gone})
	}
	return r.readMarked(ctx, marked{file, gone}, hits)
}

// arrivals returns the changes whose rows become files of their own, in the order of keys.
func (r *rewrite) arrivals() []spot {
	if len(r.moved) == 0 {
		return r.fresh
	}
	all := slices.Concat(r.fresh, r.moved)
	slices.SortFunc(all, func(a, b spot) int { return cmp.Or(cmp.Compare(a.batch, b.batch), cmp.Compare(a.row, b.row)) })
	return all
}

// writeVectors writes the vectors of all files that lost rows into one file, and returns the add-actions with which they
// come again. A process that dies before the commit leaves a file that nobody looks for, as it does with data files.
func (r *rewrite) writeVectors(ctx context.Context) ([]log.Add, error) {
	r.index.made = nil
	if len(r.marked) == 0 {
		return nil, nil
	}
	id, err := r.t.newID()
	if err != nil {
		return nil, err
	}
	text, err := deletion.FileText(id)
	if err != nil {
		return nil, err
	}
	name, err := deletion.FileName(text)
	if err != nil {
		return nil, err
	}
	data := deletion.AppendVersion(nil)
	adds, made := make([]log.Add, len(r.marked)), map[string]*deletion.Vector{}
	for i, m := range r.marked {
		f := &r.index.files[m.file]
		offset := int64(len(data))
		d := &log.DeletionVector{StorageType: "u", PathOrInline: text, Offset: &offset, Cardinality: m.gone.Count()}
		data, d.SizeInBytes = deletion.AppendFramed(data, m.gone)
		adds[i] = f.add
		adds[i].DeletionVector, adds[i].DataChange = d, true
		adds[i].Stats = log.LooseStats(f.add.Stats, f.gone.Count()+f.rows)
		made[d.ID()] = m.gone
	}
	out, err := r.t.Store().Create(ctx, name)
	if err != nil {
		return nil, err
	}
	if _, err := out.Write(data); err != nil {
		out.Abort()
		return nil, err
	}
	if err := out.Close(); err != nil {
		out.Abort()
		return nil, err
	}
	r.index.made = made
	r.written += int64(len(data))
	return adds, nil
}
