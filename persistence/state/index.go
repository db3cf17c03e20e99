package state

import (
	"math/bits"
)

// The index finds rows by hash. It is extendible hashing over small buckets
// of linear probing: a directory picks a bucket by the top bits of a tag, the
// tag's low bits pick the slot. A bucket that is three quarters full is split
// in two by one more top bit, so no insert ever moves more than one bucket
// (128 KiB), however large the table is.
const (
	bucketSlots    = 1 << 14 // slots of a bucket that has stopped doubling
	bucketMinSlots = 1 << 5
	slotBytes      = 8
	bucketBytes    = 64 // what a bucket costs beside its slots
	// spareDepth is how many bits the directory may be deeper than the number of rows
	// explains. Beyond, a bucket doubles instead: keys of one tag cannot be split.
	spareDepth = 3
)

// slot holds 32 bits of a key's hash and its row plus one; row 0 is empty.
type slot struct{ tag, row uint32 }

type bucket struct {
	slots []slot
	used  int
	depth uint8 // top bits of the tag that all keys of the bucket share
}

type index struct {
	directory []*bucket
	depth     uint8 // log2 of the directory's length
	rows      int
	replaced  int // how many buckets
	charge    func(bytes int64)
}

// tagOf takes 32 bits of a hash that depend on all of it: key groups use up some
// bits of the hash, which are then equal for most of a task's keys.
func tagOf(hash uint64) uint32 {
	return uint32(hash * 0x9E3779B97F4A7C15 >> 32)
}

func newIndex(charge func(int64)) index {
	x := index{directory: make([]*bucket, 1), charge: charge}
	x.directory[0] = x.newBucket(bucketMinSlots, 0)
	return x
}

func (x *index) newBucket(slots int, depth uint8) *bucket {
	x.charge(int64(slots)*slotBytes + bucketBytes)
	return &bucket{slots: make([]slot, slots), depth: depth}
}

func (x *index) drop(s *bucket) { x.charge(-int64(len(s.slots))*slotBytes - bucketBytes) }

func (x *index) bucket(tag uint32) *bucket {
	return x.directory[tag>>(32-x.depth)]
}

// find sets rows[i] to the row plus one of the first slot with tags[i], or 0; then ends[i] is the slot that ended the search.
// The first pass has no branches, so the processor has many cache misses in
// flight at once; the second finds its lines near.
func (x *index) find(tags []uint32, rows, ends []uint32, first []slot) {
	first = first[:len(tags)]
	rows, ends = rows[:len(tags)], ends[:len(tags)]
	shift := 32 - x.depth
	for i, t := range tags {
		s := x.directory[t>>shift].slots
		first[i] = s[int(t)&(len(s)-1)]
	}
	for i, t := range tags {
		e := first[i]
		ends[i] = t
		if e.tag == t || e.row == 0 {
			rows[i] = e.row
			continue
		}
		rows[i], ends[i] = probe(x.directory[t>>shift].slots, t)
	}
}

func probe(slots []slot, tag uint32) (row, end uint32) {
	mask := len(slots) - 1
	for j := (int(tag) + 1) & mask; ; j = (j + 1) & mask {
		e := slots[j&mask]
		if e.row == 0 || e.tag == tag {
			return e.row, uint32(j)
		}
	}
}

// reserve returns the bucket of the tag with room for one more slot.
func (x *index) reserve(tag uint32) *bucket {
	s := x.bucket(tag)
	for (s.used+1)*4 > len(s.slots)*3 {
		x.grow(s, tag)
		s = x.bucket(tag)
	}
	return s
}

// fill puts a slot where a probe of the bucket ended.
func (x *index) fill(s *bucket, at int, e slot) {
	s.slots[at] = e
	s.used++
	x.rows++
}

func (s *bucket) put(e slot) {
	mask := len(s.slots) - 1
	j := int(e.tag) & mask
	for s.slots[j&mask].row != 0 {
		j = (j + 1) & mask
	}
	s.slots[j] = e
	s.used++
}

func (x *index) grow(s *bucket, tag uint32) {
	if len(s.slots) < bucketSlots || !x.mayDeepen(s) {
		x.double(s, tag)
		return
	}
	x.split(s, tag)
}

func (x *index) mayDeepen(s *bucket) bool {
	expected := bits.Len(uint(x.rows/(bucketSlots/4))) + spareDepth
	return s.depth < 31 && int(s.depth) < expected
}

func (x *index) double(s *bucket, tag uint32) {
	n := x.newBucket(len(s.slots)*2, s.depth)
	for _, e := range s.slots {
		if e.row != 0 {
			n.put(e)
		}
	}
	x.replace(tag, s, n, n)
}

func (x *index) split(s *bucket, tag uint32) {
	if s.depth == x.depth {
		wide := make([]*bucket, 2*len(x.directory))
		for i, d := range x.directory {
			wide[2*i], wide[2*i+1] = d, d
		}
		x.charge(int64(len(x.directory)) * 8)
		x.directory = wide
		x.depth++
	}
	zero, one := x.newBucket(len(s.slots), s.depth+1), x.newBucket(len(s.slots), s.depth+1)
	halves := [2]*bucket{zero, one} // not an if: which half is a coin toss
	shift := 31 - s.depth
	for _, e := range s.slots {
		if e.row != 0 {
			halves[e.tag>>shift&1].put(e)
		}
	}
	x.replace(tag, s, zero, one)
}

// replace puts zero in the lower and one in the upper half of the directory
// entries of s, the bucket of tag.
func (x *index) replace(tag uint32, s, zero, one *bucket) {
	span := 1 << (x.depth - s.depth)
	start := int(tag>>(32-x.depth)) &^ (span - 1)
	for i := range span {
		if i < span/2 {
			x.directory[start+i] = zero
		} else {
			x.directory[start+i] = one
		}
	}
	x.drop(s)
	x.replaced++
}

// remove takes a row out and moves those behind it up, so that no probe meets a hole.
// It reports whether the row was there.
func (x *index) remove(tag, row uint32) bool {
	s := x.bucket(tag)
	mask := len(s.slots) - 1
	hole := int(tag) & mask
	for s.slots[hole].row != row+1 {
		if s.slots[hole].row == 0 {
			return false
		}
		hole = (hole + 1) & mask
	}
	for j := (hole + 1) & mask; s.slots[j].row != 0; j = (j + 1) & mask {
		e := s.slots[j]
		if (j-int(e.tag))&mask >= (j-hole)&mask { // its own place is not behind the hole
			s.slots[hole], hole = e, j
		}
	}
	s.slots[hole] = slot{}
	s.used--
	x.rows--
	return true
}

// release gives back what the index was charged.
func (x *index) release() {
	var last *bucket
	for _, b := range x.directory {
		if b != last {
			x.drop(b)
			last = b
		}
	}
}
