package keyed

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// timers are those of one clock: by time, in segments of a bucket, so that those that are due lie together, and by key.
type timers struct {
	h     *Handle
	due   *state.Table   // by key and time, a segment for each bucket
	lists *state.Segment // by key: the times, ascending, 8 bytes each
	times *state.Bytes

	earliest int64 // of all, if known
	known    bool

	firing  bool
	now     int64 // of the timer that fires
	limit   int64 // up to which timers are due
	further []pending
}

// timerBucket is the time that one segment of timers spans, microseconds. It is part of what is stored.
const timerBucket = 10_000_000

// pending is a timer that is due: the key is a row of columns.
type pending struct {
	at      int64
	columns []*batch.Column
	row     int32
	n       int
}

func newTimers(h *Handle, name string) (*timers, error) {
	spec := state.Spec{Name: "timers:" + name, Keys: append(slices.Clone(h.keys), state.Column{Name: "at", Type: batch.TimestampType}),
		Prefix: len(h.keys), Values: []state.Column{{Name: "time", Type: batch.TimestampType}}, Windowed: true, Version: 1}
	due, err := h.state.Table(spec)
	if err != nil {
		return nil, err
	}
	lists, err := h.table("times:"+name, nil, state.Column{Name: "times", Type: batch.BinaryType})
	if err != nil {
		return nil, err
	}
	return &timers{h: h, due: due, lists: lists, times: lists.Bytes(0)}, nil
}

// list returns the times of the key at work.
func (t *timers) list() []int64 {
	row, there := t.h.find(t.lists)
	if !there {
		return nil
	}
	data := t.times.At(row)
	all := make([]int64, len(data)/8)
	for i := range all {
		all[i] = int64(binary.LittleEndian.Uint64(data[8*i:]))
	}
	return all
}

func (t *timers) keep(all []int64) {
	row, ok := t.h.make(t.lists)
	if !ok {
		return
	}
	if len(all) == 0 {
		t.lists.Delete([]uint32{row})
		return
	}
	data := make([]byte, 0, 8*len(all))
	for _, at := range all {
		data = binary.LittleEndian.AppendUint64(data, uint64(at))
	}
	t.times.Set(row, data)
	t.lists.Touch([]uint32{row})
}

// bucket is the segment of a time.
func bucket(at int64) int64 {
	down := at % timerBucket
	if down < 0 {
		down += timerBucket
	}
	if at < math.MinInt64+down {
		return math.MinInt64
	}
	return at - down
}

// row finds a timer of the key at work among those that are due some time, made if it is not there.
func (t *timers) row(at int64, make bool) (*state.Segment, uint32) {
	c := t.h.key.pool.NewColumn(batch.TimestampType, 1)
	c.I64[0] = at
	columns, hashes, rows := t.h.below(c)
	defer done(columns)
	segment := t.due.Segment(bucket(at))
	if make {
		t.h.fail(segment.Upsert(columns, nil, 1, hashes, rows, nil))
	} else {
		t.h.fail(segment.Find(columns, nil, 1, hashes, rows))
	}
	return segment, rows[0]
}

func (t *timers) set(at int64) {
	all := t.list()
	i, there := slices.BinarySearch(all, at)
	if there || t.h.err != nil {
		return
	}
	t.keep(slices.Insert(all, i, at))
	if segment, row := t.row(at, true); t.h.err == nil {
		segment.Words(0).Set(row, uint64(at)) // in the key too, but here it is found without reading keys
		segment.Touch([]uint32{row})
	}
	t.earliest = min(t.earliest, at)
	if t.firing && at > t.now && at <= t.limit {
		t.add(at)
	}
}

// add puts a timer of the key at work among those that fire now.
func (t *timers) add(at int64) {
	p := pending{at: at, n: 1}
	for _, c := range t.h.key.alone() {
		p.columns = append(p.columns, c.Retain())
	}
	i, _ := slices.BinarySearchFunc(t.further, at, func(p pending, at int64) int { return cmp.Compare(p.at, at) })
	t.further = slices.Insert(t.further, i, p)
}

func (t *timers) clear(at int64) {
	all := t.list()
	i, there := slices.BinarySearch(all, at)
	if !there {
		return
	}
	t.keep(slices.Delete(all, i, i+1))
	t.known = t.known && at != t.earliest
	if segment, row := t.row(at, false); t.h.err == nil && row != state.NoRow {
		segment.Delete([]uint32{row})
	}
}

// fire calls f for each timer up to limit, by time, with its key as the key at work.
func (t *timers) fire(limit int64, f func(at int64) error) error {
	if earliest, some := t.next(); !some || earliest > limit {
		t.forget(limit)
		return t.h.err
	}
	due, columns, err := t.collect(limit)
	defer func() {
		t.firing = false
		t.h.key.end()
		releaseColumns(columns)
		for _, p := range t.further {
			releaseColumns(p.columns)
		}
		t.further = nil
	}()
	if err != nil {
		return err
	}
	slices.SortStableFunc(due, func(a, b pending) int { return cmp.Compare(a.at, b.at) })
	if mutant.On(mutant.TimersOutOfOrder) && mutant.Late(t.h.epoch.Number) {
		slices.Reverse(due)
	}
	t.firing, t.limit = true, limit
	if limit == math.MaxInt64 {
		t.limit = math.MinInt64 // at the end of the input timers do not set others off
	}
	for len(due) > 0 || len(t.further) > 0 {
		var p pending
		if len(t.further) > 0 && (len(due) == 0 || t.further[0].at < due[0].at) {
			p, t.further = t.further[0], t.further[1:]
			columns = append(columns, p.columns...)
		} else {
			p, due = due[0], due[1:]
		}
		t.h.key.begin(p.columns, p.n)
		t.h.key.at(int(p.row))
		if !slices.Contains(t.list(), p.at) {
			continue // deleted by one that fired before
		}
		t.clear(p.at)
		t.now = p.at
		if t.h.err == nil {
			if err := f(p.at); err != nil {
				return err
			}
		}
		if t.h.err != nil {
			return t.h.err
		}
	}
	t.forget(limit)
	return nil
}

// collect returns the timers up to limit, and the columns that hold their keys.
func (t *timers) collect(limit int64) (due []pending, columns []*batch.Column, err error) {
	for _, at := range slices.Clone(t.due.Segments()) {
		if at > limit {
			break
		}
		segment := t.due.Lookup(at)
		times := segment.Words(0)
		err := segment.Scan(func(rows []uint32) error {
			rows = slices.DeleteFunc(rows, func(r uint32) bool { return int64(times.At(r)) > limit })
			if len(rows) == 0 {
				return nil
			}
			keys := segment.Keys(t.h.key.pool, rows)
			columns = append(columns, keys...)
			for i, r := range rows {
				due = append(due, pending{at: int64(times.At(r)), columns: keys[:len(keys)-1], row: int32(i), n: len(rows)})
			}
			return nil
		})
		if err != nil {
			return nil, columns, err
		}
	}
	return due, columns, nil
}

// forget drops segments that are empty and over.
func (t *timers) forget(limit int64) {
	for _, at := range slices.Clone(t.due.Segments()) {
		if at > limit {
			break
		}
		if t.due.Lookup(at).Len() == 0 {
			t.due.Drop(at)
		}
	}
}

// next returns the earliest timer. It is looked for again only after the one that was has gone.
func (t *timers) next() (earliest int64, some bool) {
	if t.known {
		return t.earliest, t.earliest != math.MaxInt64
	}
	t.earliest, t.known = math.MaxInt64, true
	for _, at := range t.due.Segments() {
		segment := t.due.Lookup(at)
		times := segment.Words(0)
		t.h.fail(segment.Scan(func(rows []uint32) error {
			for _, r := range rows {
				t.earliest = min(t.earliest, int64(times.At(r)))
			}
			return nil
		}))
		if t.earliest != math.MaxInt64 {
			break
		}
	}
	return t.earliest, t.earliest != math.MaxInt64
}

var errInitial = supervision.New(supervision.Fatal, "USER_FUNCTION_FAILED", "a row is emitted while the initial state is read: there is no epoch yet that it could belong to")
