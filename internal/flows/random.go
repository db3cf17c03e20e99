package flows

import "math/rand/v2"

// draw is the randomness of one seed, and the book of what was drawn.
type draw struct {
	*rand.Rand
	seed   uint64
	try    int
	counts Counts
}

// Counts says how often each thing was drawn, by its name.
type Counts map[string]int

// Add adds the counts of another.
func (c Counts) Add(o Counts) {
	for k, n := range o {
		c[k] += n
	}
}

// newDraw returns the randomness of a seed's try.
func newDraw(seed uint64, try int) *draw {
	return &draw{rand.New(rand.NewPCG(seed, 0x666c6f7773+uint64(try))), seed, try, Counts{}}
}

// note counts a draw.
func (d *draw) note(what string) { d.counts[what]++ }

// chance is true once in n times.
func (d *draw) chance(n int) bool { return d.IntN(n) == 0 }

func pick[T any](d *draw, of ...T) T { return of[d.IntN(len(of))] }
