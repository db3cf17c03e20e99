package image

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/deltaic/deltaic/persistence/state"
)

// View is the key groups [Lo,Hi) of a table. It satisfies state.Below and
// belongs to one goroutine at a time.
type View struct {
	table  *Table
	lo, hi int
	asked  int   // for rows, of late
	found  int   // of those
	bytes  int64 // of the values of those

	stretches []stretch // room
}

// View returns the key groups [lo,hi) of the table.
func (t *Table) View(lo, hi int) *View { return &View{table: t, lo: lo, hi: hi} }

// Read looks for places in one pass. See state.Below.
func (v *View) Read(places [][]byte, found func(i int, values []byte) error) error {
	db, leave, err := v.table.use()
	if err != nil {
		return err
	}
	defer leave()
	filters := v.mostlyNew()
	v.asked += len(places)
	if len(places) < 2*stretchRows || v.bytes > largeRow*int64(v.found) {
		return v.read(db, filters, places, func(i int, values []byte) error {
			v.found, v.bytes = v.found+1, v.bytes+int64(len(values))
			return found(i, values)
		})
	}
	return v.readStretches(db, filters, places, found)
}

// A batch's places are cut into up to stretches runs of at least stretchRows, which are read side by side: most of the time of a row
// that is not in any cache is spent waiting for the disk.
const (
	stretches   = 8
	stretchRows = 32
	largeRow    = 4 << 10 // bytes of values: where they are more, on average of late, rows are read one by one, since runs are held until all are read
	keptBytes   = 1 << 20 // of room that a run keeps for the next batch
)

// stretch is what was read of a run of places.
type stretch struct {
	rows []int // which places were found
	ends []int // of their values in data
	data []byte
	err  error
}

func (v *View) readStretches(db *pebble.DB, filters bool, places [][]byte, found func(i int, values []byte) error) error {
	n := min(stretches, len(places)/stretchRows)
	v.stretches = slices.Grow(v.stretches[:0], n)[:n]
	var running sync.WaitGroup
	for k := range v.stretches {
		s, from, to := &v.stretches[k], len(places)*k/n, len(places)*(k+1)/n
		s.rows, s.ends, s.data = s.rows[:0], s.ends[:0], s.data[:0]
		running.Go(func() {
			s.err = v.read(db, filters, places[from:to], func(i int, values []byte) error {
				s.rows, s.data = append(s.rows, from+i), append(s.data, values...)
				s.ends = append(s.ends, len(s.data))
				return nil
			})
		})
	}
	running.Wait()
	for k := range v.stretches {
		s, from := &v.stretches[k], 0
		if s.err != nil {
			return s.err
		}
		v.found, v.bytes = v.found+len(s.rows), v.bytes+int64(len(s.data))
		for i, row := range s.rows {
			if err := found(row, s.data[from:s.ends[i]:s.ends[i]]); err != nil {
				return err
			}
			from = s.ends[i]
		}
		if cap(s.data) > keptBytes {
			s.data = nil
		}
	}
	return nil
}

// read looks for places one after the other.
func (v *View) read(db *pebble.DB, filters bool, places [][]byte, found func(i int, values []byte) error) error {
	t := v.table
	key := t.key(kindRow, nil)
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: t.key(kindRow, nil), UpperBound: end(t.key(kindRow, nil)), UseL6Filters: filters})
	if err != nil {
		return t.image.readFailed(err)
	}
	for i, place := range places {
		key = append(key[:prefixBytes], place...)
		if !it.SeekPrefixGE(key) {
			if err := it.Error(); err != nil { // the next seek would forget it
				return t.image.readFailed(errors.Join(err, it.Close()))
			}
			continue
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return t.image.readFailed(errors.Join(err, it.Close()))
		}
		if err := found(i, value); err != nil {
			_ = it.Close()
			return err
		}
	}
	return t.image.readFailed(it.Close())
}

// recent is how many rows asked for decide what is expected of the next.
const recent = 1 << 16

// mostlyNew reports whether many rows that are asked for are not there: then the filters of the lowest level, where nearly
// all rows lie, save more reads than they cost. Where nearly all are found they would only take the cache from the rows.
func (v *View) mostlyNew() bool {
	if v.asked > recent {
		v.asked, v.found, v.bytes = v.asked/2, v.found/2, v.bytes/2
	}
	return v.found <= v.asked-v.asked/8
}

const (
	scanRows  = 4096
	scanBytes = 1 << 20
)

// Scan calls f with the rows of a segment. See state.Below.
func (v *View) Scan(segment int64, f func(places, values [][]byte) error) error {
	var s rows
	lo, hi := state.AppendPlace(nil, segment, v.lo), state.AppendPlace(nil, segment, v.hi)
	err := v.table.each(kindRow, lo, hi, func(place, values []byte) error { return s.add(place, values, f) })
	if err == nil {
		err = s.flush(f)
	}
	return err
}

// rows collects rows for calls with many.
type rows struct {
	data []byte
	ends []int // of places and values in turn
	a, b [][]byte
}

func (s *rows) add(place, values []byte, f func(places, values [][]byte) error) error {
	s.data = append(s.data, place...)
	s.ends = append(s.ends, len(s.data))
	s.data = append(s.data, values...)
	s.ends = append(s.ends, len(s.data))
	if len(s.ends) < 2*scanRows && len(s.data) < scanBytes {
		return nil
	}
	return s.flush(f)
}

func (s *rows) flush(f func(places, values [][]byte) error) error {
	if len(s.ends) == 0 {
		return nil
	}
	s.a, s.b = s.a[:0], s.b[:0]
	from := 0
	for i, to := range s.ends {
		if i%2 == 0 {
			s.a = append(s.a, s.data[from:to:to])
		} else {
			s.b = append(s.b, s.data[from:to:to])
		}
		from = to
	}
	err := f(s.a, s.b)
	s.data, s.ends = s.data[:0], s.ends[:0]
	return err
}

// Dump calls f with all rows of the key groups as they are when it is called, whatever is folded
// meanwhile: ascending by segment, key group and key, at most 4096 a call.
func (v *View) Dump(ctx context.Context, f func(places, values [][]byte) error) error {
	db, leave, err := v.table.use()
	if err != nil {
		return err
	}
	defer leave()
	snapshot := db.NewSnapshot()
	defer func() { _ = snapshot.Close() }()
	prefix := v.table.key(kindRow, nil)
	it, err := snapshot.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: end(prefix)})
	if err != nil {
		return v.table.image.readFailed(err)
	}
	var s rows
	for ok := it.First(); ok && err == nil; {
		place := it.Key()[prefixBytes:]
		segment, group := state.SegmentOf(place)
		switch {
		case group < v.lo:
			ok = it.SeekGE(v.table.key(kindRow, state.AppendPlace(nil, segment, v.lo)))
			continue
		case group >= v.hi:
			after := end(state.AppendPlace(nil, segment, 0)[:8])
			if after == nil {
				ok = false
				continue
			}
			ok = it.SeekGE(v.table.key(kindRow, after))
			continue
		}
		value, e := it.ValueAndErr()
		if e != nil {
			return v.table.image.readFailed(errors.Join(e, it.Close()))
		}
		if err = s.add(place, value, f); err == nil {
			err = ctx.Err()
		}
		ok = it.Next()
	}
	if e := it.Close(); err == nil {
		err = v.table.image.readFailed(e)
	}
	if err == nil {
		err = s.flush(f)
	}
	return err
}
