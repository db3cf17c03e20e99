package keyed

import "fmt"

// check recomputes a sample of the keys, and the totals, from the numbers of the updates alone.
type check struct {
	keys    uint64
	every   uint64 // one of so many keys is in the sample
	counts  []int64
	sums    []int64
	updates int64
	total   uint64 // of the values, modulo 2^64
}

const sampled = 1 << 16 // keys about

func newCheck(keys uint64) *check {
	every := max(1, keys/sampled)
	n := keys/every + 1
	return &check{keys: keys, every: every, counts: make([]int64, n), sums: make([]int64, n)}
}

func (c *check) note(index, update uint64) {
	c.updates++
	c.total += update
	if index%c.every == 0 {
		c.counts[index/c.every]++
		c.sums[index/c.every] += int64(update)
	}
}

// Verify compares the share's state with what the updates come to: how many there were and the sum of their numbers over all
// keys, and count and sum of each key of a sample. The first two values of a row are the count and the sum. It returns what is wrong.
func (p *Player) Verify() (faults []string, err error) {
	c := p.check
	seen := make(map[int64]uint64, len(c.counts))
	for i := uint64(0); i < c.keys; i += c.every {
		if c.counts[i/c.every] > 0 {
			seen[Key(i)] = i / c.every
		}
	}
	rows, updates, total := 0, int64(0), uint64(0)
	err = p.Share.Rows(func(key int64, values []int64) {
		rows++
		updates += values[0]
		total += uint64(values[1])
		i, ok := seen[key]
		if !ok {
			return
		}
		delete(seen, key)
		if values[0] != c.counts[i] || values[1] != c.sums[i] {
			faults = append(faults, fmt.Sprintf("key %d has count %d and sum %d, %d and %d are right", key, values[0], values[1], c.counts[i], c.sums[i]))
		}
	})
	if len(faults) > 10 {
		faults = append(faults[:10], fmt.Sprintf("and %d keys more", len(faults)-10))
	}
	if len(seen) > 0 {
		faults = append(faults, fmt.Sprintf("%d keys of the sample are not there", len(seen)))
	}
	if updates != c.updates || total != c.total {
		faults = append(faults, fmt.Sprintf("%d updates with sum %d are in the state, %d with sum %d were applied", updates, total, c.updates, c.total))
	}
	if n, _ := p.Share.Keys(); n != rows {
		faults = append(faults, fmt.Sprintf("the state says it has %d keys, %d were found", n, rows))
	}
	return faults, err
}
