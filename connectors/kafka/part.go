package kafka

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// part is what one split reads of a partition: all of it, or, where minPartitions divides it, every n-th stripe of its offsets.
//
// The stripes do not depend on what an epoch holds, so a part has a position of its own and comes back to it after a kill as
// any split does. Its position counts the offsets that are its own: they lie close together there, so that what lies between two
// positions is their difference, and a part that has nothing left to read stands at its end.
type part struct {
	partition
	of, parts int32 // the part's number from 0, and how many there are; 0 of 1 is all
	base      int64 // the offset from which the partition is divided so; what lies before belongs to the division before, if there is one
	stripe    int64 // offsets of a stripe
}

// stripeOffsets is part of the format: positions of parts count by it. A batch is a few stripes.
const stripeOffsets = 1024

// mostParts bounds minPartitions.
const mostParts = 1 << 16

// split returns the part's name as a split: orders/0, or orders/0/2of4@5000.
func (p part) split() connectors.SplitID {
	if p.parts == 1 && p.base == 0 {
		return p.partition.split()
	}
	return connectors.SplitID(fmt.Sprintf("%s/%dof%d@%d", p.partition.split(), p.of+1, p.parts, p.base))
}

// parsePart is the inverse of split. Topics hold no slash.
func parsePart(s connectors.SplitID, stripe int64) (part, error) {
	topic, rest, ok := strings.Cut(string(s), "/")
	digits, division, divided := strings.Cut(rest, "/")
	id, err := strconv.ParseInt(digits, 10, 32)
	p := part{partition: partition{topic, int32(id)}, parts: 1, stripe: stripe}
	ok = ok && err == nil && id >= 0 && topic != ""
	if divided && ok {
		_, err = fmt.Sscanf(division, "%dof%d@%d", &p.of, &p.parts, &p.base)
		p.of--
		ok = err == nil && p.of >= 0 && p.of < p.parts && p.parts <= mostParts && p.base >= 0 && p.split() == s
	}
	if !ok {
		return part{}, supervision.New(supervision.Fatal, "KAFKA_INVALID_SPLIT",
			"%q does not name a Kafka split; expected topic/partition, such as orders/0", s)
	}
	return p, nil
}

// count returns how many of the offsets before the given one are the part's own.
func (p part) count(offset int64) int64 {
	if p.parts == 1 {
		return offset
	}
	round := int64(p.parts) * p.stripe
	return offset/round*p.stripe + min(max(offset%round-int64(p.of)*p.stripe, 0), p.stripe)
}

// offset is the part's own offset that so many others of its own lie before.
func (p part) offset(count int64) int64 {
	if p.parts == 1 {
		return count
	}
	return (count/p.stripe*int64(p.parts)+int64(p.of))*p.stripe + count%p.stripe
}

// own returns the first offset of the part's own that does not lie before the given one.
func (p part) own(offset int64) int64 { return p.offset(p.count(offset)) }

// past returns the least offset before which everything of the part's own has been read, where at is the next.
func (p part) past(at int64) int64 {
	if n := p.count(at); n > 0 {
		return p.offset(n-1) + 1
	}
	return 0
}

// position renders the offset at which the part goes on.
func (p part) position(offset int64) connectors.Position { return position(p.count(offset)) }

// placed is a part and the next offset of its own.
type placed struct {
	part
	at int64
}

// division is all parts of a partition that are read: those of an older division that have not come to the newest one's
// base, and those of the newest. They are in the order of their bases, then of their numbers.
type division []placed

// divided is the division of each partition.
type divided map[partition]division

// whole is a partition that is not divided.
func whole(p partition, at, stripe int64) division {
	return division{placed{part{p, 0, 1, 0, stripe}, at}}
}

// partitions are those divided, by topic and number.
func (d divided) partitions() []partition {
	names := make([]partition, 0, len(d))
	for p := range d {
		names = append(names, p)
	}
	slices.SortFunc(names, func(a, b partition) int { return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.id, b.id)) })
	return names
}

// end returns the offset at which a part of one of the divisions ends.
func (d divided) end(p part) int64 {
	for i, known := range d[p.partition] {
		if known.part == p {
			return d[p.partition].end(i)
		}
	}
	return math.MaxInt64
}

// parseParts reads positions.
func parseParts(at connectors.Positions, stripe int64) (divided, error) {
	d := divided{}
	for s, p := range at {
		part, err := parsePart(s, stripe)
		if err != nil {
			return nil, err
		}
		n, err := parsePosition(s, p)
		if err != nil {
			return nil, err
		}
		d[part.partition] = append(d[part.partition], placed{part, part.offset(n)})
	}
	d.sort()
	for p, parts := range d {
		for i := 1; i < len(parts); i++ {
			if a, b := parts[i-1], parts[i]; a.base == b.base && a.parts != b.parts {
				return nil, supervision.New(supervision.Fatal, "KAFKA_INVALID_POSITION",
					"there are positions of %s and %s: from one offset %s[%d] can be divided in one way only", a.split(), b.split(), p.topic, p.id)
			}
		}
	}
	return d, nil
}

func (d divided) sort() {
	for _, parts := range d {
		slices.SortFunc(parts, func(a, b placed) int {
			return cmp.Or(cmp.Compare(a.base, b.base), cmp.Compare(a.parts, b.parts), cmp.Compare(a.of, b.of))
		})
	}
}

// end returns the offset at which the part of the index ends: where the next division begins.
func (d division) end(i int) int64 {
	for _, later := range d[i:] {
		if later.base > d[i].base {
			return later.base
		}
	}
	return math.MaxInt64
}

// done reports whether the part of the index has nothing more to read, ever.
func (d division) done(i int) bool { return d[i].at >= d.end(i) }

// newest returns the parts of the newest division; those that are missing are at its beginning.
func (d division) newest() division {
	last := d[len(d)-1]
	all := make(division, last.parts)
	for i := range all {
		p := last.part
		p.of = int32(i)
		all[i] = placed{p, p.own(p.base)}
	}
	for _, p := range d {
		if p.base == last.base && p.parts == last.parts {
			all[p.of] = p
		}
	}
	return all
}

// least is the first offset that has not been read.
func (d division) least() int64 {
	least := int64(math.MaxInt64)
	for i, p := range d {
		if !d.done(i) {
			least = min(least, p.at)
		}
	}
	return least
}

// most is the offset from which on nothing has been read.
func (d division) most() int64 {
	most := int64(0)
	for _, p := range d.newest() {
		most = max(most, p.past(p.at), p.base)
	}
	return most
}

// from is the division without what lies before the offset.
func (d division) from(low int64) division {
	d = slices.Clone(d)
	for i := range d {
		d[i].at = max(d[i].at, d[i].own(low))
	}
	return d
}

// into divides the partition into so many parts, from where nothing has been read yet. What lies before stays with the parts it
// is of, until they have read it. Parts that are left out are over: the next epoch forgets their positions, and with that
// their names may be used anew.
func (d division) into(parts int32) division {
	now := d.newest()
	old := slices.DeleteFunc(slices.Clone(d), func(p placed) bool { return p.base == now[0].base && p.parts == now[0].parts })
	if int32(len(now)) != parts {
		first := part{now[0].partition, 0, parts, d.most(), now[0].stripe}
		if first.base > now[0].base { // else nothing of it has been read
			old = append(old, now...)
		}
		now = division{placed{first, first.own(first.base)}}.newest()
	}
	all := slices.Concat(old, now)
	kept := division{}
	for i, p := range all {
		if !all.done(i) || len(kept) > 0 && kept[0].base < p.base { // its base says where an older one ends
			kept = append(kept, p)
		}
	}
	if len(kept) == 1 && parts == 1 {
		kept[0].base = 0 // the whole partition again
	}
	return kept
}

// positions renders where all parts are.
func (d divided) positions() connectors.Positions {
	at := connectors.Positions{}
	for _, parts := range d {
		for _, p := range parts {
			at[p.split()] = p.position(p.at)
		}
	}
	return at
}

// divide makes at least so many parts of all partitions, as Spark does: one of each where there are as many partitions, else by how
// much each has waiting, or evenly where that is little. Partitions are not divided anew while there are as many parts as asked for.
func (d divided) divide(least int64, latest offsets) {
	names := d.partitions()
	shares := make([]share, len(names))
	var now, total int64
	for i, p := range names {
		now += int64(len(d[p].newest()))
		high, _ := latest.get(p)
		shares[i].waiting = max(high-d[p].least(), 0)
		total += shares[i].waiting
	}
	many := int64(len(names))
	switch {
	case least <= many:
		for i := range shares {
			shares[i].may = 1
		}
	case now >= least && now <= least+many:
		for i, p := range names {
			shares[i].may = int64(len(d[p].newest()))
		}
	case total < least*stripeOffsets:
		for i := range shares {
			shares[i].may = least / many
			if int64(i) < least%many {
				shares[i].may++
			}
		}
	default:
		divide(shares, total, least)
	}
	for i, p := range names {
		d[p] = d[p].into(int32(max(shares[i].may, 1)))
	}
}
