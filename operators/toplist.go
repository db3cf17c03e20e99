package operators

import (
	"bytes"
	"encoding/binary"
)

// A list is the rows of one group of Top, from the worst to the best, one after the other:
//
//	4 bytes  length k of the sort key, little endian
//	4 bytes  length n of the row
//	k bytes  the sort key, which compares as bytes; less is better
//	n bytes  the row: batch.AppendRow of the columns that are not keys
//
// The worst comes first, so that a row that is no better than any is known by one comparison. The form
// is stored.

const entryHead = 8

// entry is one row of a list.
type entry struct{ key, row []byte }

// first returns the first entry of a list that is not empty, and the rest.
func first(list []byte) (entry, []byte) {
	k, n := int(binary.LittleEndian.Uint32(list)), int(binary.LittleEndian.Uint32(list[4:]))
	list = list[entryHead:]
	return entry{list[:k:k], list[k : k+n : k+n]}, list[k+n:]
}

func (e entry) size() int { return entryHead + len(e.key) + len(e.row) }

func appendEntry(list []byte, e entry) []byte {
	list = binary.LittleEndian.AppendUint32(list, uint32(len(e.key)))
	list = binary.LittleEndian.AppendUint32(list, uint32(len(e.row)))
	return append(append(list, e.key...), e.row...)
}

// placeOf returns where in the list an entry with the key belongs: behind those that are worse, and of
// equal ones before them if the earlier row is better, else behind.
func placeOf(list, key []byte, earlierIsBetter bool) int {
	at := 0
	for at < len(list) {
		e, _ := first(list[at:])
		if c := bytes.Compare(e.key, key); c < 0 || c == 0 && earlierIsBetter {
			break
		}
		at += e.size()
	}
	return at
}

// find returns where the entry with this key and row is, -1 if it is not.
func find(list []byte, want entry) int {
	for at := 0; at < len(list); {
		e, _ := first(list[at:])
		if bytes.Equal(e.key, want.key) && bytes.Equal(e.row, want.row) {
			return at
		}
		at += e.size()
	}
	return -1
}

// entries appends the entries of the list, the best first.
func entries(to []entry, list []byte) []entry {
	from := len(to)
	for len(list) > 0 {
		var e entry
		e, list = first(list)
		to = append(to, e)
	}
	for i, j := from, len(to)-1; i < j; i, j = i+1, j-1 {
		to[i], to[j] = to[j], to[i]
	}
	return to
}

// excess returns how many bytes at the start of a list of count entries lie beyond the first n, and
// how many entries that is. With ties those as good as the n-th are not beyond.
func excess(list []byte, count, n int, ties bool) (size, dropped int) {
	for count-dropped > n {
		end, same := size, 0
		e, rest := first(list[size:])
		for same++; ; same++ {
			end += e.size()
			if !ties || len(rest) == 0 {
				break
			}
			next, after := first(rest)
			if !bytes.Equal(next.key, e.key) {
				break
			}
			e, rest = next, after
		}
		if ties && count-dropped-same < n {
			return size, dropped // fewer than n are better than these
		}
		size, dropped = end, dropped+same
	}
	return size, dropped
}
