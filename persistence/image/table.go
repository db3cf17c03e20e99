package image

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"

	"github.com/deltaic/deltaic/persistence/state"
)

// A key of the database is a letter, the table's number, and
//
//	'c'  segment, key group   how many rows there are
//	'm'  key group            the mark
//	'n'                       the table's name, so that two with one number are noticed
//	'r'  place                a row
const (
	kindCount = 'c'
	kindMark  = 'm'
	kindName  = 'n'
	kindRow   = 'r'
)

// Table is a state table in an image.
type Table struct {
	image  *Image
	name   string
	number [8]byte
	// generation is that of the image which the table is in. there says whether the image had anything when the
	// table was asked for: if not, nothing is looked for, so that small state needs no database.
	generation int
	there      bool
}

func (t *Table) use() (*pebble.DB, func(), error) { return t.image.use(t.generation) }

// Table returns a table of the image, which need not be there.
func (i *Image) Table(incarnation, step, table string) (*Table, error) {
	t := &Table{image: i, name: incarnation + "\x00" + step + "\x00" + table}
	binary.BigEndian.PutUint64(t.number[:], xxhash.Sum64String(t.name))
	var err error
	if t.generation, t.there, err = i.enter(); err != nil || !t.there {
		return t, err
	}
	db, leave, err := t.use()
	if err != nil {
		return nil, err
	}
	defer leave()
	name, closer, err := db.Get(t.key(kindName, nil))
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		return t, nil
	case err != nil:
		return nil, i.readFailed(err)
	}
	defer func() { _ = closer.Close() }()
	if string(name) != t.name {
		return nil, fmt.Errorf("table %q and table %q have one number in the local image of the state: give one of the steps another name", t.name, name)
	}
	return t, nil
}

func (t *Table) key(kind byte, rest []byte) []byte {
	return t.appendKey(make([]byte, 0, 9+len(rest)), kind, rest)
}

func (t *Table) appendKey(out []byte, kind byte, rest []byte) []byte {
	return append(append(append(out, kind), t.number[:]...), rest...)
}

const prefixBytes = 9

// end returns the first key behind those that begin with prefix.
func end(prefix []byte) []byte {
	e := bytes.Clone(prefix)
	for i := len(e) - 1; i >= 0; i-- {
		if e[i]++; e[i] != 0 {
			return e[:i+1]
		}
	}
	return nil
}

// Mark says what a key group knows.
type Mark struct {
	Epoch int64 `json:"epoch"`
	// File and Digest are of the newest change file of the group that was folded. Base and BaseDigest are of a
	// base that was written from the group as it is, if one was.
	File       string `json:"file,omitempty"`
	Digest     string `json:"digest,omitempty"`
	Base       string `json:"base,omitempty"`
	BaseDigest string `json:"baseDigest,omitempty"`
	// Values says how the group's rows are encoded: those of other values are another table's.
	Values string `json:"values,omitempty"`
}

func groupBytes(group int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(group)) }

// Marks returns the marks of the key groups [lo,hi); nil for those that know nothing.
func (t *Table) Marks(lo, hi int) ([]*Mark, error) {
	marks := make([]*Mark, hi-lo)
	err := t.each(kindMark, groupBytes(lo), groupBytes(hi), func(rest, value []byte) error {
		m := &Mark{}
		if err := json.Unmarshal(value, m); err != nil || len(rest) != 2 {
			return fmt.Errorf("a mark of table %q in the local image of the state does not read: %q", t.name, value)
		}
		marks[int(binary.BigEndian.Uint16(rest))-lo] = m
		return nil
	})
	return marks, err
}

// each calls f for the keys of a kind from lo to hi (nil: the last), without their prefix.
func (t *Table) each(kind byte, lo, hi []byte, f func(rest, value []byte) error) error {
	if !t.there {
		return nil
	}
	db, leave, err := t.use()
	if err != nil {
		return err
	}
	defer leave()
	upper := end(t.key(kind, nil))
	if hi != nil {
		upper = t.key(kind, hi)
	}
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: t.key(kind, lo), UpperBound: upper})
	if err != nil {
		return t.image.readFailed(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return t.image.readFailed(errors.Join(err, it.Close()))
		}
		if err := f(it.Key()[prefixBytes:], value); err != nil {
			_ = it.Close()
			return err
		}
	}
	return t.image.readFailed(it.Close())
}

// count is how many rows a segment has in a key group.
type countKey struct {
	segment int64
	group   int
}

func (t *Table) counts(lo, hi int) (map[countKey]int64, error) {
	counts := map[countKey]int64{}
	err := t.each(kindCount, nil, nil, func(rest, value []byte) error {
		if len(rest) != 10 || len(value) != 8 {
			return fmt.Errorf("a count of table %q in the local image of the state does not read", t.name)
		}
		if segment, group := state.SegmentOf(rest); group >= lo && group < hi {
			counts[countKey{segment, group}] = int64(binary.BigEndian.Uint64(value))
		}
		return nil
	})
	return counts, err
}

// Counts returns how many rows each segment has in the key groups [lo,hi).
func (t *Table) Counts(lo, hi int) (map[int64]int, error) {
	counts, err := t.counts(lo, hi)
	sums := map[int64]int{}
	for k, n := range counts {
		if n > 0 {
			sums[k.segment] += int(n)
		}
	}
	return sums, err
}
