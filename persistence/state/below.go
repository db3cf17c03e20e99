package state

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
)

// Below holds rows of a table that are not in memory. A row has the bytes of its
// place (segment, key group, key) and of its values. All calls are for many rows.
type Below interface {
	// Read looks for places, ascending and without repeats, in one pass, and calls found for
	// each that is there, with its index; the values are good during the call.
	Read(places [][]byte, found func(i int, values []byte) error) error
	// Scan calls f with the rows of a segment, at most 4096 a call, which are good during it.
	Scan(segment int64, f func(places, values [][]byte) error) error
}

// A place is the segment, big endian with its sign turned, so that bytes are in the order of
// numbers; the key group, 2 bytes; and the key: nothing for the null key of a one-column layout
// and for the row of a table without keys, 8 bytes big endian for a word, else 1 and the bytes.
const (
	placeGroup = 8
	placeKey   = 10
)

// AppendPlace appends the beginning of the places of a segment and key group.
func AppendPlace(out []byte, segment int64, group int) []byte {
	out = binary.BigEndian.AppendUint64(out, uint64(segment)^1<<63)
	return binary.BigEndian.AppendUint16(out, uint16(group))
}

// SegmentOf returns the segment and key group of a place.
func SegmentOf(place []byte) (segment int64, group int) {
	return int64(binary.BigEndian.Uint64(place) ^ 1<<63), int(binary.BigEndian.Uint16(place[placeGroup:]))
}

// Attach puts rows below the table, which has groups key groups. counts says how many a
// segment has there. It comes before the table is used.
func (t *Table) Attach(b Below, groups int, counts map[int64]int) {
	t.below, t.groups = b, groups
	for at, n := range counts {
		s := t.Segment(at)
		s.stored, s.deep, s.below = true, true, n
	}
}

// AttachWhole is Attach for a table whose rows are all in memory. If knows is false, what
// is below does not know them: they are taken as changed by a checkpoint of the epoch.
func (t *Table) AttachWhole(b Below, groups int, epoch int64, knows bool) {
	t.below, t.groups = b, groups
	for _, s := range t.segments {
		s.used, s.unfold = make(batch.Bitmap, len(s.dirty)), make(batch.Bitmap, len(s.dirty))
		t.charge(int64(len(s.dirty)) * 16)
		if knows {
			continue
		}
		hold := t.hold(s, epoch, s.live)
		_ = s.scan(func(rows []uint32) error {
			hold.rows = append(hold.rows, rows...)
			for _, r := range rows {
				s.unfold.Set(int(r))
			}
			return nil
		})
	}
}

// groupsOf returns the key group of each of n rows.
func (t *Table) groupsOf(keys []*batch.Column, n int, hashes []uint64) []uint16 {
	x := &t.scratch
	x.groups = room(x.groups, n)
	if t.spec.GroupColumns() == 0 {
		clear(x.groups)
		return x.groups
	}
	if t.spec.GroupColumns() < len(keys) {
		x.prefix = batch.Hash(keys[:t.spec.GroupColumns()], n, x.prefix)
		hashes = x.prefix
	}
	for i, h := range hashes[:n] {
		x.groups[i] = uint16(batch.KeyGroup(h, t.groups))
	}
	return x.groups
}

// missing is a key that memory does not have.
type missing struct {
	from, to int // its place, in bytes of lookup
	tag      uint32
	row      int32 // of the batch
}

// lookup is room for the places of one batch.
type lookup struct {
	bytes  []byte
	keys   []missing
	places [][]byte
	rows   []uint32
}

// bring loads the rows of the keys that are not in memory and are below, so that the
// pass that follows finds them.
func (u *upsert) bring(keys []*batch.Column, rows []int32, n int, hashes []uint64) error {
	t := u.table
	x, look := &t.scratch, &t.scratch.look
	look.bytes, look.keys = look.bytes[:0], look.keys[:0]
	groups := t.groupsOf(keys, n, hashes)
	lone := func(r int32) {
		if u.null == 0 {
			from := len(look.bytes)
			look.bytes = AppendPlace(look.bytes, u.at, int(groups[r]))
			look.keys = append(look.keys, missing{from, len(look.bytes), 0, r})
		}
	}
	if t.layout == layoutOne {
		for _, r := range rows[:min(1, len(rows))] {
			lone(r)
		}
		return u.load(keys, n)
	}
	look.rows = room(look.rows, n)
	probe := upsert{Segment: u.Segment, out: look.rows, prefix: x.prefix}
	if t.layout == layoutShared {
		if err := probe.findHeads(keys, rows, n); err != nil {
			return err
		}
	}
	for piece := range slices.Chunk(rows, pieceRows) {
		x.tags = room(x.tags, len(piece))
		for i, r := range piece {
			x.tags[i] = tagOf(hashes[r])
		}
		data := probe.piece(keys, piece)
		if t.layout == layoutShared {
			data = t.spansOf(keys, piece)
		}
		for i, r := range piece {
			if t.layout.single() && keys[0].Valid != nil && !keys[0].Valid.Get(int(r)) {
				lone(r)
				continue
			}
			if probe.out[r] != NoRow {
				continue
			}
			from := len(look.bytes)
			look.bytes = AppendPlace(look.bytes, u.at, int(groups[r]))
			if t.layout == layoutWord {
				look.bytes = binary.BigEndian.AppendUint64(look.bytes, x.keys[i])
			} else {
				look.bytes = append(append(look.bytes, 1), data[x.spans[i].from:x.spans[i].to]...)
			}
			look.keys = append(look.keys, missing{from, len(look.bytes), x.tags[i], r})
		}
	}
	return u.load(keys, n)
}

// load reads the rows that bring has listed, of a batch of n rows.
func (s *Segment) load(keys []*batch.Column, n int) error {
	x, look := &s.table.scratch, &s.table.scratch.look
	if len(look.keys) == 0 {
		return nil
	}
	place := func(m missing) []byte { return look.bytes[m.from:m.to] }
	slices.SortFunc(look.keys, func(a, b missing) int { return bytes.Compare(place(a), place(b)) })
	look.keys = slices.CompactFunc(look.keys, func(a, b missing) bool { return bytes.Equal(place(a), place(b)) })
	look.places = look.places[:0]
	for _, m := range look.keys {
		look.places = append(look.places, place(m))
	}
	return s.table.below.Read(look.places, func(i int, values []byte) error {
		m := look.keys[i]
		_, err := s.adopt(look.places[i], values, m.tag, keyAt{keys, m.row, n, x.prefix})
		return err
	})
}

// keyAt is a key that lies in row i of n as columns. prefix is hashes of the first columns, for tables whose rows share them.
type keyAt struct {
	columns []*batch.Column
	i       int32
	n       int
	prefix  []uint64
}

// adopt makes a row that is below one of memory, unchanged since the last checkpoint.
func (s *Segment) adopt(place, values []byte, tag uint32, at keyAt) (uint32, error) {
	r := s.newRow()
	s.unmark(r)
	s.known.Set(int(r))
	s.below--
	row, key := s.grid.row(r), place[placeKey:]
	switch {
	case len(key) == 0:
		s.null = r + 1
	case s.table.layout == layoutWord:
		row[0] = binary.BigEndian.Uint64(key)
	case s.table.layout == layoutShared:
		if err := s.adoptPair(r, at); err != nil {
			return r, err
		}
	default:
		row[0] = s.arena.add(key[1:])
	}
	if len(key) > 0 {
		b := s.index.reserve(tag)
		mask := len(b.slots) - 1
		j := int(tag) & mask
		for ; b.slots[j].row != 0; j = (j + 1) & mask {
		}
		s.index.fill(b, j, slot{tag, r + 1})
	}
	err := eachValue(&s.table.spec, values, func(v int, word uint64, data []byte) {
		if data != nil {
			word = s.arena.add(data)
		}
		row[s.table.lead+v] = word
	})
	return r, err
}

// eachValue takes a row's values apart: words of 8 bytes, and bytes, never nil, behind their length.
func eachValue(spec *Spec, values []byte, f func(v int, word uint64, data []byte)) error {
	for v, c := range spec.Values {
		if width(c.Type.Kind) > 0 {
			if len(values) < 8 {
				return errShort(spec)
			}
			f(v, binary.LittleEndian.Uint64(values), nil)
			values = values[8:]
			continue
		}
		n, w := binary.Uvarint(values)
		if w <= 0 || uint64(len(values)-w) < n {
			return errShort(spec)
		}
		f(v, 0, values[w:w+int(n):w+int(n)])
		values = values[w+int(n):]
	}
	return nil
}

func errShort(spec *Spec) error {
	return fmt.Errorf("a row of table %s that is below memory ends early", spec.Name)
}

// scanBelow calls f with the rows that are below alone, which are brought to memory for it.
func (s *Segment) scanBelow(f func(rows []uint32) error) error {
	t := s.table
	var rows []uint32
	return t.below.Scan(s.at, func(places, values [][]byte) error {
		var err error
		if rows, err = s.adoptAll(places, values, rows[:0]); err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		if err := f(rows); err != nil || !t.account.Over() {
			return err
		}
		s.evictRows(rows)
		return nil
	})
}

// adoptAll brings those of the rows that memory does not have, not even deleted, and appends them to rows.
func (s *Segment) adoptAll(places, values [][]byte, rows []uint32) ([]uint32, error) {
	t, x, n := s.table, &s.table.scratch, len(places)
	columns, err := t.keysAt(places)
	defer releaseColumns(columns)
	if err != nil {
		return rows, err
	}
	x.hashes = batch.Hash(columns, n, x.hashes)
	x.prefix = batch.Hash(columns[:t.spec.GroupColumns()], n, x.prefix)
	x.rows, x.look.rows = upTo(x.rows, n), room(x.look.rows, n)
	probe := upsert{Segment: s, out: x.look.rows, prefix: x.prefix}
	if err := probe.find(columns, x.rows, n, x.hashes); err != nil {
		return rows, err
	}
	for i, place := range places {
		if x.look.rows[i] != NoRow {
			continue
		}
		r, err := s.adopt(place, values[i], tagOf(x.hashes[i]), keyAt{columns, int32(i), n, x.prefix})
		if err != nil {
			return rows, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// keysAt returns the keys of places as columns, which the caller releases, also after an error.
func (t *Table) keysAt(places [][]byte) ([]*batch.Column, error) {
	builders := make([]*batch.Builder, len(t.spec.Keys))
	for i, k := range t.spec.Keys {
		builders[i] = batch.NewBuilder(k.Type, t.pool)
	}
	var broken error
	for _, place := range places {
		switch key := place[placeKey:]; {
		case t.layout == layoutOne:
		case len(key) == 0:
			builders[0].Null()
		case t.layout == layoutWord && len(key) == 8:
			appendWord(builders[0], binary.BigEndian.Uint64(key))
		case t.layout != layoutWord && key[0] == 1:
			t.appendKey(builders, key[1:])
		default:
			builders[0].Null()
			broken = errShort(&t.spec)
		}
	}
	columns := make([]*batch.Column, len(builders))
	for i, b := range builders {
		columns[i] = b.Finish()
		b.Release()
	}
	return columns, broken
}

func releaseColumns(columns []*batch.Column) {
	for _, c := range columns {
		c.Release()
	}
}
