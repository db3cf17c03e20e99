package files

import (
	"maps"
	"slices"

	"github.com/deltaic/deltaic/batch"
)

// groups collects the rows of one batch by folder; its memory is used again.
type groups struct {
	index   map[string]int
	folders []string
	rows    [][]int32
	text    []byte
}

// split groups the rows that count. Rows of one partition that follow each other,
// as they do where event time partitions, cost a comparison each.
func (g *groups) split(l *layout, b *batch.Batch) {
	if g.index == nil {
		g.index = map[string]int{}
	}
	clear(g.index)
	g.folders = g.folders[:0]
	group, last := -1, 0
	for i := range b.Rows() {
		row := b.Row(i)
		if group < 0 || !l.same(b, last, row) {
			g.text = l.folder(g.text[:0], b, row)
			group = g.find()
		}
		last = row
		g.rows[group] = append(g.rows[group], int32(row))
	}
}

// find returns the group of the folder in text.
func (g *groups) find() int {
	n, ok := g.index[string(g.text)]
	if ok {
		return n
	}
	n = len(g.folders)
	folder := string(g.text)
	g.index[folder] = n
	g.folders = append(g.folders, folder)
	if n == len(g.rows) {
		g.rows = append(g.rows, nil)
	}
	g.rows[n] = g.rows[n][:0]
	return n
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
