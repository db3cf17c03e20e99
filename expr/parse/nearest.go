package parse

import (
	"sort"
	"strings"
)

// Nearest returns at most limit of the names that are close to word, the
// closest first, letter case ignored.
func Nearest(word string, names []string, limit int) []string {
	type candidate struct {
		name string
		far  int
	}
	word = strings.ToLower(short(word))
	var near []candidate
	for _, n := range names {
		d := distance(word, strings.ToLower(short(n)))
		if d <= max(2, len(word)/2) {
			near = append(near, candidate{n, d})
		}
	}
	sort.Slice(near, func(i, j int) bool {
		if near[i].far != near[j].far {
			return near[i].far < near[j].far
		}
		return near[i].name < near[j].name
	})
	var l []string
	for _, c := range near[:min(limit, len(near))] {
		l = append(l, c.name)
	}
	return l
}

// distance is Levenshtein's, where two neighbours that changed places are one change.
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	row := rows[0]
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last := rows[(i+1)%3], rows[(i+2)%3] // of two characters less, and one less
		row = rows[i%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := last[j-1]
			if a[i-1] != b[j-1] {
				cost++
			}
			row[j] = min(cost, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
