package operators

import (
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
)

// inTime is the Behind of a row that is not late.
const inTime = math.MinInt64

// HotKey is a key with more than its share of the rows.
type HotKey struct {
	Key   string  // as JSON
	Share float64 // of the rows of one task
}

// Skewed is an operator that knows which of its keys are hot.
type Skewed interface {
	// HotKeys returns them, the greatest share first.
	HotKeys() []HotKey
}

// hotKeys finds the keys of many rows by Space-Saving (Metwally, Agrawal, El Abbadi, 2005) over a sample: a key with more than one row in
// hotSlots is among the slots. Counts are halved now and then, so that what was hot long ago is forgotten.
type hotKeys struct {
	hashes [hotSlots]uint64 // of the slots, near each other: most samples look at all
	slots  [hotSlots]hotSlot
	used   int
	total  uint32
	now    []uint64
}

const (
	hotSlots  = 128
	hotMemory = 1 << 14 // samples after which counts are halved
)

type hotSlot struct {
	count uint32
	wrong uint32 // how much of the count may be another key's
	key   string
}

// sample counts a row; text returns its key.
func (h *hotKeys) sample(hash uint64, text func(row int) string, row int) {
	h.total++
	if h.total >= hotMemory {
		h.halve()
	}
	if i := slices.Index(h.hashes[:h.used], hash); i >= 0 {
		s := &h.slots[i]
		if s.count++; s.key == "" && h.shared(s) {
			s.key = text(row)
		}
		return
	}
	if h.used < hotSlots {
		h.hashes[h.used], h.slots[h.used] = hash, hotSlot{count: 1}
		h.used++
		return
	}
	least := 0
	for i := range h.slots {
		if h.slots[i].count < h.slots[least].count {
			least = i
		}
	}
	s := &h.slots[least]
	h.hashes[least], *s = hash, hotSlot{count: s.count + 1, wrong: s.count}
}

func (h *hotKeys) halve() {
	h.total /= 2
	for i := range h.slots[:h.used] {
		h.slots[i].count /= 2
		h.slots[i].wrong /= 2
	}
}

// shared says that a slot surely has more than one row in hotKeyShare.
func (h *hotKeys) shared(s *hotSlot) bool {
	return h.total >= 4*hotKeyShare && (s.count-s.wrong)*hotKeyShare > h.total
}

// refresh makes is say what is hot now.
func (h *hotKeys) refresh() {
	h.now = h.now[:0]
	for i := range h.slots[:h.used] {
		if h.shared(&h.slots[i]) {
			h.now = append(h.now, h.hashes[i])
		}
	}
}

// is says that a key was hot when refresh was called.
func (h *hotKeys) is(hash uint64) bool {
	for _, hot := range h.now {
		if hot == hash {
			return true
		}
	}
	return false
}

func (h *hotKeys) list() []HotKey {
	var l []HotKey
	for i := range h.slots[:h.used] {
		if s := &h.slots[i]; h.shared(s) {
			l = append(l, HotKey{Key: s.key, Share: float64(s.count) / float64(h.total)})
		}
	}
	slices.SortFunc(l, func(a, b HotKey) int {
		if a.Share != b.Share {
			return int(math.Copysign(1, b.Share-a.Share))
		}
		return slices.Compare([]byte(a.Key), []byte(b.Key))
	})
	return l
}

func keyText(fields []batch.Field, keys []*batch.Column, row int) string {
	b := batch.NewBatch(batch.NewSchema(fields[:len(keys)]...), 0, keys...)
	return string(batch.AppendRowJSON(nil, b, row))
}
