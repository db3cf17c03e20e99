package parquet

import (
	"github.com/parquet-go/parquet-go/format"

	"github.com/deltaic/deltaic/batch"
)

// mostIndex is the most bytes of a page index that are read: an index that takes more saves nothing.
const mostIndex = 4 << 20

// PageStats returns what the page index says of a wanted column in a row group: the rows of each page, and their values. The
// column is the last of a path through structs. False: the file has no page index of the column, or none that can be used; its pages
// can be read as well without.
func (f *File) PageStats(group int, path []batch.Field, lookup func(batch.Field) Key) (pages []Range, s *Stats, ok bool) {
	defer func() {
		if recover() != nil { // what the library makes of damaged bytes
			pages, s, ok = nil, nil, false
		}
	}()
	x, known := f.leafAt(path, lookup)
	if !known || x == nil {
		return nil, nil, false
	}
	g := &f.meta.RowGroups[group]
	chunk := &g.Columns[x.leaf]
	var index format.ColumnIndex
	var places format.OffsetIndex
	if !f.index(chunk.OffsetIndexOffset, chunk.OffsetIndexLength, &places) || !f.index(chunk.ColumnIndexOffset, chunk.ColumnIndexLength, &index) {
		return nil, nil, false
	}
	n := len(places.PageLocations)
	if n == 0 || len(index.NullPages) != n || len(index.MinValues) != n || len(index.MaxValues) != n {
		return nil, nil, false
	}
	if pages, ok = pageRanges(places.PageLocations, f.groupStart(group), g.NumRows); !ok {
		return nil, nil, false
	}
	p := newPartStats(n)
	for i := range n {
		if index.NullPages[i] {
			p.all.Set(i)
			continue
		}
		p.lo[i], p.hi[i] = f.trusted(x, index.MinValues[i], index.MaxValues[i])
		if len(index.NullCounts) == n && index.NullCounts[i] == 0 {
			p.none.Set(i)
		}
	}
	s, ok = p.stats(f, x, path[len(path)-1].Type)
	return pages, s, ok
}

// index reads a part of the page index.
func (f *File) index(at int64, size int32, v any) bool {
	if at <= 0 || size <= 0 || size > mostIndex || at > f.size-int64(size) {
		return false
	}
	b := make([]byte, size)
	if f.readAt(b, at) != nil {
		return false
	}
	_, err := decodeThrift(b, v)
	return err == nil
}

// groupStart returns the number of a row group's first row.
func (f *File) groupStart(group int) int64 {
	var first int64
	for i := range group {
		first += f.meta.RowGroups[i].NumRows
	}
	return first
}

// pageRanges returns the rows of the pages of a row group that begins at the row first.
func pageRanges(places []format.PageLocation, first, rows int64) ([]Range, bool) {
	out := make([]Range, 0, len(places))
	for i, p := range places {
		end := rows
		if i+1 < len(places) {
			end = places[i+1].FirstRowIndex
		}
		if p.FirstRowIndex >= end || end > rows || i == 0 && p.FirstRowIndex != 0 {
			return nil, false
		}
		out = append(out, Range{first + p.FirstRowIndex, end - p.FirstRowIndex})
	}
	return out, true
}
