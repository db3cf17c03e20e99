package rate

import "sort"

// pace says when which row comes.
type pace struct {
	rows int64 // a second, once the ramp is behind
	ramp int64 // seconds until then
}

const second = 1_000_000 // microseconds

// before returns how many rows come in the first n seconds. The ramp is Spark's: each of its seconds brings
// rows/(ramp+1) more than the one before, and at least one.
func (p pace) before(n int64) int64 {
	inRamp := min(n, p.ramp)
	return inRamp*(inRamp+1)/2*max(1, p.rows/(p.ramp+1)) + (n-inRamp)*p.rows
}

// at returns when a row comes, microseconds after the start: the rows of a second are spread evenly.
func (p pace) at(value int64) int64 {
	n := p.secondOf(value)
	first, behind := p.before(n), p.before(n+1)
	return n*second + (value-first)*second/(behind-first)
}

// secondOf returns the second in which a row comes.
func (p pace) secondOf(value int64) int64 {
	most := p.ramp + 2 + value/p.rows
	return int64(sort.Search(int(most), func(n int) bool { return p.before(int64(n)+1) > value }))
}

// by returns how many rows have come by a time.
func (p pace) by(micros int64) int64 {
	if micros < 0 {
		return 0
	}
	n := micros / second
	first, behind := p.before(n), p.before(n+1)
	return first + int64(sort.Search(int(behind-first), func(i int) bool { return p.at(first+int64(i)) > micros }))
}
