package operators

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// changing is what Top has beside the lists if its input takes rows back. All rows are in a table of their own, by group and
// row; the list of a group has its best ones, some more than are asked for. So a row that comes or goes costs the same
// however large its group is. Only if so many of the best were taken back that a list has too few are the
// table's rows gone through, once for all such lists of a batch.
//
// A list that does not have all rows has the best ones: what it lacks is no better than its worst. With ties it lacks
// none that is as good.
type changing struct {
	spec    state.Spec
	table   *state.Table
	arrived uint64 // in this epoch
	columns []*batch.Column
	hashes  []uint64
	rows    []uint32 // row of the table, by place among the rows that count
	gone    []uint32
	short   map[uint32]*candidates // groups whose list has too few
	found   []uint32
}

// The values of a row of the table.
const (
	rowArrival = iota // epoch, number in it: which of equal rows is earlier
	rowCopies         // of rows that are the same in all columns
	rowKey            // its sort key
)

// candidates are rows that a list is made of anew.
type candidates struct{ rows []candidate }

type candidate struct {
	entry
	arrival uint64
	copies  int
}

func newChanging(name string, keys []state.Column, windowed bool) *changing {
	c := &changing{short: map[uint32]*candidates{}}
	c.spec = state.Spec{Name: "rows" + name, Keys: append(slices.Clone(keys), state.Column{Name: "row", Type: batch.BinaryType}), Prefix: len(keys), Windowed: windowed,
		Values: []state.Column{{Name: "arrival", Type: batch.BigIntType}, {Name: "copies", Type: batch.BigIntType}, {Name: "key", Type: batch.BinaryType}}}
	if len(keys) == 0 {
		c.spec.Prefix = state.NoPrefix
	}
	return c
}

// find finds the rows of a batch in the table, made if they are not there. The row's bytes are the last of columns.
func (c *changing) find(t *Top, segment *state.Segment, in *batch.Batch, sel []int32) error {
	pool, n := t.Context.Pool, len(sel)
	c.columns = c.columns[:0]
	for _, k := range t.probe.columns {
		c.columns = append(c.columns, batch.Gather(pool, k, sel))
	}
	b := batch.NewBuilder(batch.BinaryType, pool)
	defer b.Release()
	for _, r := range sel {
		t.row = batch.AppendRow(t.row[:0], t.columns, int(r))
		b.Bytes(t.row)
	}
	c.columns = append(c.columns, b.Finish())
	c.hashes = batch.Hash(c.columns, n, c.hashes)
	c.rows = slices.Grow(c.rows[:0], n)[:n]
	return segment.Upsert(c.columns, nil, n, c.hashes, c.rows, nil)
}

// updateChanging puts rows of one segment into the table and the lists of their groups, or takes them out.
func (t *Top) updateChanging(at int64, in *batch.Batch, sel []int32, by []*batch.Column) error {
	c, segment := t.changing, t.table.Segment(at)
	if err := t.probe.upsert(segment, in, sel, nil); err != nil {
		return err
	}
	if sel == nil {
		t.sorted = t.sorted[:0]
		for i := range in.N {
			t.sorted = append(t.sorted, int32(i))
		}
		sel = t.sorted
	}
	rows := c.table.Segment(at)
	err := c.find(t, rows, in, sel)
	defer func() { releaseAll(c.columns); c.columns = c.columns[:0] }()
	if err != nil {
		return err
	}
	t.rows, c.gone = t.rows[:0], c.gone[:0]
	data := c.columns[len(c.columns)-1]
	for i, r := range sel {
		t.form.reset()
		t.form.add(by, t.o.By, int(r))
		e := entry{t.form.data, data.Bytes(i)}
		if in.Kinds != nil && retracts(in.Kinds[r]) {
			if !t.leave(at, segment, t.probe.rows[r], rows, c.rows[i], e) {
				return &supervision.Failure{Kind: supervision.Restart, Class: "INTERNAL_ERROR", Step: t.Context.Step,
					Message: "a row is taken back that never came: " + string(batch.AppendRowJSON(nil, in, int(r)))}
			}
			continue
		}
		t.come(at, segment, t.probe.rows[r], rows, c.rows[i], e)
	}
	segment.Touch(t.rows)
	rows.Touch(c.rows)
	copies := rows.Words(rowCopies)
	rows.Delete(slices.DeleteFunc(c.gone, func(r uint32) bool { return copies.At(r) > 0 }))
	return t.refill(segment, rows)
}

// come puts a row into the table, and into the list of its group if it is good enough.
func (t *Top) come(at int64, segment *state.Segment, group uint32, rows *state.Segment, row uint32, e entry) {
	counts, beyond, lists := segment.Words(topCount), segment.Words(topBeyond), segment.Bytes(topList)
	copies := rows.Words(rowCopies)
	list, count, out := lists.At(group), int(counts.At(group)), beyond.At(group)
	place, inside := -1, false
	if copies.At(row) > 0 {
		place = find(list, e) // equal rows are together
		inside = place >= 0
	} else {
		rows.Words(rowArrival).Set(row, uint64(t.Context.Epoch.Number)<<32|t.changing.arrived)
		rows.Bytes(rowKey).Set(row, e.key)
		t.changing.arrived++
		inside = out == 0 || count > 0 && t.displaces(list, e.key)
	}
	copies.Set(row, copies.At(row)+1)
	if !inside {
		beyond.Set(group, out+1)
		t.rows = append(t.rows, group)
		return
	}
	if place < 0 {
		place = placeOf(list, e.key, !t.o.LaterWins)
	}
	t.list = appendEntry(append(t.list[:0], list[:place]...), e)
	t.list = append(t.list, list[place:]...)
	size, dropped := t.tooMany(t.list, count+1)
	t.touch(at, group, list, count)
	lists.Set(group, t.list[size:])
	counts.Set(group, uint64(count+1-dropped))
	beyond.Set(group, out+uint64(dropped))
}

// tooMany returns what of a list may go: what is beyond N and some more. Of rows with equal keys none goes alone if
// they count as ties.
func (t *Top) tooMany(list []byte, count int) (size, dropped int) {
	if !t.o.Ties {
		return excess(list, count, t.o.N+t.o.Spare, false)
	}
	for count-dropped > t.o.N+t.o.Spare {
		e, rest := first(list[size:])
		end, run := size+e.size(), 1
		for len(rest) > 0 {
			next, after := first(rest)
			if !bytes.Equal(next.key, e.key) {
				break
			}
			end, run, rest = end+next.size(), run+1, after
		}
		if count-dropped-run < t.o.N {
			break
		}
		size, dropped = end, dropped+run
	}
	return size, dropped
}

// leave takes a row out of the table and the list. It reports whether it was there.
func (t *Top) leave(at int64, segment *state.Segment, group uint32, rows *state.Segment, row uint32, e entry) bool {
	counts, beyond, lists := segment.Words(topCount), segment.Words(topBeyond), segment.Bytes(topList)
	copies := rows.Words(rowCopies)
	if copies.At(row) == 0 {
		return false
	}
	copies.Set(row, copies.At(row)-1)
	if copies.At(row) == 0 {
		t.changing.gone = append(t.changing.gone, row)
	}
	list, count := lists.At(group), int(counts.At(group))
	place := find(list, e)
	if place < 0 {
		beyond.Set(group, beyond.At(group)-1)
		t.rows = append(t.rows, group)
		return true
	}
	t.list = append(append(t.list[:0], list[:place]...), list[place+e.size():]...)
	t.touch(at, group, list, count)
	lists.Set(group, t.list)
	counts.Set(group, uint64(count-1))
	if count-1 < t.o.N && beyond.At(group) > 0 {
		t.changing.short[group] = &candidates{}
	}
	return true
}

// refill makes lists that have too few rows anew from the table.
func (t *Top) refill(segment, rows *state.Segment) error {
	c := t.changing
	beyond, counts, lists := segment.Words(topBeyond), segment.Words(topCount), segment.Bytes(topList)
	for group := range c.short {
		if beyond.At(group) == 0 {
			delete(c.short, group)
		}
	}
	if len(c.short) == 0 {
		return nil
	}
	if err := t.collect(segment, rows); err != nil {
		return err
	}
	for group, found := range c.short {
		t.order(found)
		t.list = t.list[:0]
		count := 0
		for i := len(found.rows) - 1; i >= 0; i-- {
			for range found.rows[i].copies {
				t.list = appendEntry(t.list, found.rows[i].entry)
				count++
			}
		}
		size, dropped := t.tooMany(t.list, count)
		all := counts.At(group) + beyond.At(group)
		lists.Set(group, t.list[size:])
		counts.Set(group, uint64(count-dropped))
		beyond.Set(group, all-uint64(count-dropped))
	}
	clear(c.short)
	return nil
}

// order sorts rows, the best first.
func (t *Top) order(c *candidates) {
	slices.SortFunc(c.rows, func(a, b candidate) int {
		if by := bytes.Compare(a.key, b.key); by != 0 || !t.o.LaterWins {
			return cmp.Or(by, cmp.Compare(a.arrival, b.arrival))
		}
		return cmp.Compare(b.arrival, a.arrival)
	})
}

// collect goes through the table for the rows of groups that are short, and keeps about as many as a list may have.
func (t *Top) collect(segment, rows *state.Segment) error {
	c := t.changing
	arrivals, copies, keys := rows.Words(rowArrival), rows.Words(rowCopies), rows.Bytes(rowKey)
	most := 4 * (t.o.N + t.o.Spare + 16)
	return rows.Scan(func(numbers []uint32) error {
		columns := rows.Keys(t.Context.Pool, numbers)
		defer releaseAll(columns)
		groups, data, n := columns[:len(columns)-1], columns[len(columns)-1], len(numbers)
		c.hashes = batch.Hash(groups, n, c.hashes)
		c.found = slices.Grow(c.found[:0], n)[:n]
		if err := segment.Find(groups, nil, n, c.hashes, c.found); err != nil {
			return err
		}
		for i, row := range numbers {
			group := c.short[c.found[i]]
			if group == nil || c.found[i] == state.NoRow {
				continue
			}
			group.rows = append(group.rows, candidate{entry{slices.Clone(keys.At(row)), slices.Clone(data.Bytes(i))}, arrivals.At(row), int(copies.At(row))})
			if len(group.rows) > most && !t.o.Ties { // with ties any of them may be as good as the last
				t.order(group)
				group.rows = group.rows[:t.o.N+t.o.Spare]
			}
		}
		return nil
	})
}
