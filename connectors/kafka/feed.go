package kafka

import (
	"math"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/batch"
)

// feed is what a reader fetches of a partition, once, for all of its parts.
//
// Parts may be paused one by one, and those that are not go on. What comes for paused ones is held, all of a reader together up to a
// bound and as long as the memory account is not at its limit; beyond that, it is dropped, the part lags, and the partition is fetched again from there once the part goes on. So one slow part neither
// stops the others, which an epoch may wait for, nor fills memory.
type feed struct {
	partition
	parts     []*split
	divisions []stretch // by base

	at       int64 // what lies before has been fetched
	end      int64 // as last heard from the broker; -1: not yet
	moved    bool  // records came since the last check
	broken   int   // times in a row that its next batch came damaged
	absent   int   // checks in a row that did not find it
	replaced int64 // the first offset that was written anew; -1: none is known
}

// stretch is a division of a feed: its parts by number, nil for those that have nothing to read any more.
type stretch struct {
	base, stripe int64
	parts        []*split
}

// defaultAside bounds the bytes that a reader holds for parts that are paused beside others that are not.
const defaultAside = 8 << 20

func newFeed(p partition, d division) *feed {
	f := &feed{partition: p, at: d.least(), end: -1, replaced: -1}
	for i, at := range d {
		s := &split{part: at.part, feed: f, id: at.split(), name: []byte(p.topic), until: d.end(i), next: at.at, toldNext: -1, toldEnd: -1}
		if len(f.divisions) == 0 || f.divisions[len(f.divisions)-1].base != at.base {
			f.divisions = append(f.divisions, stretch{at.base, at.stripe, make([]*split, at.parts)})
		}
		f.divisions[len(f.divisions)-1].parts[at.of] = s
		f.parts = append(f.parts, s)
	}
	return f
}

// alone returns the only part of a partition that is not divided.
func (f *feed) alone() *split {
	if len(f.parts) == 1 && f.parts[0].parts == 1 {
		return f.parts[0]
	}
	return nil
}

// owner returns the part that an offset is of, and the offset at which its stripe ends.
func (f *feed) owner(offset int64) (*split, int64) {
	i := len(f.divisions) - 1
	for i > 0 && f.divisions[i].base > offset {
		i--
	}
	d := &f.divisions[i]
	if len(d.parts) == 1 {
		return d.parts[0], f.next(i)
	}
	stripe := offset / d.stripe
	return d.parts[stripe%int64(len(d.parts))], min((stripe+1)*d.stripe, f.next(i))
}

// next returns where the division of the index ends.
func (f *feed) next(i int) int64 {
	if i+1 < len(f.divisions) {
		return f.divisions[i+1].base
	}
	return math.MaxInt64
}

// holds reports whether records of the partition wait to be delivered, or are to be fetched again.
func (f *feed) holds() bool {
	for _, s := range f.parts {
		if len(s.held) > 0 || s.lags {
			return true
		}
	}
	return false
}

// undelivered is the first offset that has not been delivered.
func (f *feed) undelivered() int64 {
	least := int64(math.MaxInt64)
	for _, s := range f.parts {
		next := s.next
		if len(s.held) == 0 && !s.lags {
			next = max(next, s.reached(f.at))
		}
		if next < s.until {
			least = min(least, next)
		}
	}
	return min(least, f.at)
}

// moveTo has the partition fetched from an offset on. Parts go forward only: one that has read beyond the offset stays there.
func (f *feed) moveTo(offset int64) {
	f.at, f.end = offset, -1
	if s := f.alone(); s != nil {
		s.next = offset
		return
	}
	for _, s := range f.parts {
		s.next = max(s.next, s.own(offset))
	}
}

// got is the offset behind the last record that the part has.
func (s *split) got() int64 {
	if n := len(s.held); n > 0 {
		return s.held[n-1].Offset + 1
	}
	return s.next
}

// reached is where the part stands when the partition has been read up to an offset.
func (s *split) reached(offset int64) int64 { return s.own(min(offset, s.until)) }

// size is what a held record counts: with what it is made of and, as those of a batch share their memory, with those of other
// parts that it keeps.
func (s *split) size(r *kgo.Record) int64 {
	if s.parts == 1 {
		return 0 // nothing is held beyond a poll for a partition that is not divided
	}
	n := int64(unsafe.Sizeof(*r)) + int64(unsafe.Sizeof(r)) + int64(len(r.Key)+len(r.Value)) + int64(len(r.Headers))*int64(unsafe.Sizeof(kgo.RecordHeader{}))
	for i := range r.Headers {
		n += int64(len(r.Headers[i].Key) + len(r.Headers[i].Value))
	}
	return n * int64(s.parts)
}

// aside counts what a reader holds for parts that are paused. reader.mu guards it.
type aside struct {
	bytes, bound int64
	account      *batch.Account // nil: none
}

func (a *aside) full() bool { return a.bytes >= a.bound || a.account.Over() }

func (a *aside) add(bytes int64) {
	a.bytes += bytes
	a.account.Charge(bytes)
}

// hold takes records of the part, in order. reader.mu is held.
func (s *split) hold(records []*kgo.Record, a *aside) {
	got := s.got()
	for _, r := range records {
		if s.lags = s.lags || s.paused && a.full(); s.lags || r.Offset < got {
			r.Recycle()
			continue
		}
		size := s.size(r)
		if s.bytes += size; s.paused {
			a.add(size)
		}
		s.held = append(s.held, r)
	}
}

// share gives the records of a poll to the parts that they are of.
func (r *reader) share(f *feed, records []*kgo.Record) {
	behind := records[len(records)-1].Offset + 1 // a record that is recycled forgets it
	r.hand(f, records)
	f.at = max(f.at, behind)
	r.news(f)
}

func (r *reader) hand(f *feed, records []*kgo.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for from := 0; from < len(records); {
		s, end := f.owner(records[from].Offset)
		to := from + 1
		for to < len(records) && records[to].Offset < end {
			to++
		}
		if s != nil {
			s.hold(records[from:to], &r.aside)
		} else {
			for _, record := range records[from:to] {
				record.Recycle()
			}
		}
		from = to
	}
}

// news lines up the parts that have something to tell: records, or that nothing of theirs lies before what has been fetched.
func (r *reader) news(f *feed) (some bool) {
	for _, s := range f.parts {
		fresh := len(s.held) > 0
		if !fresh && !s.lags {
			fresh = s.reached(f.at) > s.toldNext || f.end != s.toldEnd && s.count(min(f.end, s.until)) != s.count(min(s.toldEnd, s.until))
		}
		if fresh && !s.turns {
			some, s.turns = true, true
			r.turn = append(r.turn, s)
		}
	}
	return some
}

// fetchAgain has partitions fetched again for parts that lag and go on.
func (r *reader) fetchAgain() {
	for _, f := range r.all {
		from, wanted := int64(math.MaxInt64), false
		for _, s := range f.parts {
			if s.lags {
				from = min(from, s.got())
				wanted = wanted || len(s.held) == 0 && !r.isPaused(s)
			}
		}
		if !wanted {
			continue
		}
		for _, s := range f.parts {
			s.lags = false
		}
		f.at = from
		r.seek(f)
	}
}

// seek has the client go on at the feed's offset.
func (r *reader) seek(f *feed) {
	r.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{f.topic: {f.id: {Epoch: -1, Offset: f.at}}})
}
