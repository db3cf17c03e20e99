package kafka

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"github.com/deltaic/deltaic/connectors"
)

// share is one split's part of a bounded epoch.
type share struct {
	split        connectors.SplitID
	from         int64
	waiting, may int64
	rest         uint64 // remainder of the proportional division, for who gets what is left
}

// Limited reports whether an epoch has a bound: maxOffsetsPerTrigger or minOffsetsPerTrigger, or an ending beyond which no epoch reads.
func (in *Input) Limited() bool { return in.c.maxOffsets > 0 || in.c.minOffsets > 0 || in.c.ends() }

// Limit splits maxOffsetsPerTrigger over the splits by how much each has
// waiting. The total is exact, and a split with data gets at least one offset
// as long as there are as many as such splits. While less than minOffsetsPerTrigger waits, none gets any.
func (in *Input) Limit(from, end connectors.Positions) connectors.Positions {
	if !in.Limited() {
		return nil
	}
	most := in.c.maxOffsets
	if most == 0 {
		most = math.MaxInt64 // up to end, which End has bound
	}
	var shares []share
	var total int64
	for _, s := range sortedKeys(end) {
		at, err := parsePosition(s, from[s])
		if err != nil {
			continue
		}
		waiting := in.Behind(from[s], end[s])
		shares = append(shares, share{split: s, from: at, waiting: max(waiting, 0)})
		total += max(waiting, 0)
	}
	if in.gathers(total) {
		most = 0
	}
	divide(shares, total, most)
	until := connectors.Positions{}
	for _, s := range shares {
		until[s.split] = position(s.from + s.may)
	}
	return until
}

// gathers reports whether an epoch waits for more than the rows there are: fewer than minOffsetsPerTrigger, and no epoch
// has been let go for less than maxTriggerDelay. The first one of a process is; a run that ends at what is there waits for nothing.
func (in *Input) gathers(waiting int64) bool {
	if in.c.minOffsets == 0 || in.c.ends() || in.bounded.Load() {
		return false
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	now := in.c.now()
	if waiting < in.c.minOffsets && !in.letGo.IsZero() && now.Sub(in.letGo) < in.c.maxTriggerDelay {
		return true
	}
	in.letGo = now
	return false
}

// divide gives out most offsets in proportion to what waits: one to each
// split first, then by the largest remainder, ties to the first split.
func divide(shares []share, total, most int64) {
	if total <= most {
		for i := range shares {
			shares[i].may = shares[i].waiting
		}
		return
	}
	left := most
	for i := range shares {
		if shares[i].waiting > 0 && left > 0 {
			shares[i].may = 1
			left--
		}
	}
	beyond := int64(0)
	for i := range shares {
		beyond += shares[i].waiting - shares[i].may
	}
	give := left
	for i := range shares {
		s := &shares[i]
		if beyond == 0 {
			break
		}
		// 128 bits: an offset times a limit overflows 64.
		high, low := bits.Mul64(uint64(s.waiting-s.may), uint64(left))
		part, rest := bits.Div64(high, low, uint64(beyond))
		s.may += int64(part)
		s.rest = rest
		give -= int64(part)
	}
	order := make([]int, len(shares))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(shares[b].rest, shares[a].rest) })
	for _, i := range order {
		if give > 0 && shares[i].may < shares[i].waiting {
			shares[i].may++
			give--
		}
	}
}
