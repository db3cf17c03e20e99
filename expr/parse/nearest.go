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

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		last := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := last
			if a[i-1] != b[j-1] {
				cost++
			}
			last = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
