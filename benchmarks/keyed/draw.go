package keyed

import (
	"fmt"
	"math"
)

// Draw says which of Keys keys an update has: by its number alone.
type Draw struct {
	keys  uint64
	exact func(mixed uint64) uint64
}

// The distributions of keys.
const (
	Uniform = "uniform"
	Zipf    = "zipf" // with the exponent 0.99
)

// NewDraw returns the draw over so many keys.
func NewDraw(distribution string, keys int) (*Draw, error) {
	n := uint64(keys)
	switch {
	case keys < 2:
		return nil, fmt.Errorf("bench: %d keys, there must be 2 at least", keys)
	case distribution == Uniform:
		return &Draw{keys: n, exact: func(mixed uint64) uint64 { return mixed % n }}, nil
	case distribution == Zipf:
		return &Draw{keys: n, exact: newZipf(n).rank}, nil
	}
	return nil, fmt.Errorf("bench: there is no distribution %q, only %s and %s", distribution, Uniform, Zipf)
}

// Index returns the number of the key of an update, 0 to Keys-1.
func (d *Draw) Index(update uint64) uint64 { return d.exact(mix(update)) }

// Key returns the key with a number: 64 bits that look random, no two alike.
func Key(index uint64) int64 { return int64(mix(index)) }

// mix is a bijection of 64 bits without visible order (the finaliser of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// theta is the exponent of the law.
const theta = 0.99

// zipf draws ranks by inverting the law's distribution, approximated beyond the second rank (Gray et al., 1994).
type zipf struct {
	n, zeta, alpha, eta, second float64
}

func newZipf(n uint64) *zipf {
	z := &zipf{n: float64(n), alpha: 1 / (1 - theta)}
	z.zeta = zeta(n)
	z.second = 1 + math.Pow(0.5, theta)
	z.eta = (1 - math.Pow(2/z.n, 1-theta)) / (1 - z.second/z.zeta)
	return z
}

// zeta returns the sum of 1/i^theta for i from 1 to n: the first terms one by one, the rest by Euler and Maclaurin.
func zeta(n uint64) float64 {
	const first = 1 << 16
	sum := 0.0
	for i := uint64(1); i <= min(n, first); i++ {
		sum += math.Pow(float64(i), -theta)
	}
	if n <= first {
		return sum
	}
	a, b := float64(first), float64(n)
	integral := (math.Pow(b, 1-theta) - math.Pow(a, 1-theta)) / (1 - theta)
	return sum + integral + (math.Pow(b, -theta)-math.Pow(a, -theta))/2
}

func (z *zipf) rank(mixed uint64) uint64 {
	u := float64(mixed>>11) / (1 << 53)
	switch uz := u * z.zeta; {
	case uz < 1:
		return 0
	case uz < z.second:
		return 1
	}
	return min(uint64(z.n*math.Pow(z.eta*u-z.eta+1, z.alpha)), uint64(z.n)-1)
}
