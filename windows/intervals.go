package windows

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// interval is one open session of a key, [start, end).
type interval struct {
	ordinal    int64 // names it among the sessions that the key has had
	start, end int64
}

// intervalBytes is the length of an interval in a state row.
const intervalBytes = 24

// mostIntervals bounds the open sessions of one key: beyond it something is wrong with the times.
const mostIntervals = 1 << 13

// intervals are the open sessions of one key, ascending; none touches another.
type intervals []interval

func decodeIntervals(to intervals, text []byte) intervals {
	for ; len(text) >= intervalBytes; text = text[intervalBytes:] {
		to = append(to, interval{int64(binary.LittleEndian.Uint64(text)), int64(binary.LittleEndian.Uint64(text[8:])), int64(binary.LittleEndian.Uint64(text[16:]))})
	}
	return to
}

func (l intervals) encode(to []byte) []byte {
	for _, s := range l {
		to = binary.LittleEndian.AppendUint64(to, uint64(s.ordinal))
		to = binary.LittleEndian.AppendUint64(to, uint64(s.start))
		to = binary.LittleEndian.AppendUint64(to, uint64(s.end))
	}
	return to
}

// touches reports whether a row's interval [from, to) continues the session: also if one begins
// where the other ends.
func (s interval) touches(from, to int64) bool { return from <= s.end && to >= s.start }

// join puts a row's interval among the sessions. It returns the session that the row is in, of which those
// in merged have become a part. fresh is the ordinal of a new session.
func (l intervals) join(from, to, fresh int64, merged []int64) (intervals, interval, []int64) {
	all := interval{ordinal: -1, start: from, end: to}
	kept := l[:0]
	for _, s := range l {
		if !s.touches(from, to) {
			kept = append(kept, s)
			continue
		}
		all.start, all.end = min(all.start, s.start), max(all.end, s.end)
		if all.ordinal < 0 {
			all.ordinal = s.ordinal
		} else {
			merged = append(merged, s.ordinal)
		}
	}
	if all.ordinal < 0 {
		all.ordinal = fresh
	}
	at, _ := slices.BinarySearchFunc(kept, all, func(a, b interval) int {
		return cmp.Compare(a.start, b.start)
	})
	return slices.Insert(kept, at, all), all, merged
}

// least returns the earliest end of those that are not closed, and whether there is one.
func (l intervals) least(closed int64) (int64, bool) {
	end, some := int64(0), false
	for _, s := range l {
		if s.end >= closed && (!some || s.end < end) {
			end, some = s.end, true
		}
	}
	return end, some
}
