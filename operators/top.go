package operators

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// TopOptions say which rows of each group Top keeps.
type TopOptions struct {
	// Keys are the columns of the groups; none: all rows are one group, in one task.
	Keys []int
	// By orders the rows of a group, the best first.
	By []SortKey
	// N is how many are kept.
	N int
	// Ties keeps all rows that are as good as the N-th: those whose rank is at most N. Otherwise it is their
	// row number, and of equal rows the earlier is better.
	Ties bool
	// LaterWins makes the later of equal rows the better one.
	LaterWins bool
	// Rank is the name of a column with the rank or row number, from 1; "": none.
	Rank string
	// Window is the key, by its place in Keys, that ends the group when the watermark passes it: a window, which
	// is a struct with a field "end", or an event time. Negative: groups do not end.
	Window int
	// Updating says that the input takes rows back. All rows of a group are kept then.
	Updating bool
	// Spare is how many more rows than N of a group are at hand, in order, if the input takes rows back; 0: DefaultSpare. Only when
	// more of the best are taken back than that must the others be gone through.
	Spare int
}

// DefaultSpare is how many rows beyond N are at hand.
const DefaultSpare = 64

// Top keeps the best N rows of each group: row_number() or rank() over
// (PARTITION BY ... ORDER BY ...) <= N, and the latest row of a key.
//
// PortFinal has the rows of groups that a watermark has ended; PortChanges the rows that came and
// went in the epoch, of each group first what is taken back; PortComplete all. Of an input that only
// inserts no more rows are kept than may be emitted.
type Top struct {
	evaluation
	o        TopOptions
	in       *batch.Schema
	schema   *batch.Schema
	others   []int // columns that are not keys
	spec     state.Spec
	table    *state.Table
	late     Lateness
	probe    probe
	form     keyForm
	best     best
	over     []int64
	sorted   []int32
	columns  []*batch.Column // scratch: the other columns of a batch
	open     map[int64]*touched
	rows     []uint32 // state rows that a batch has changed
	row      []byte
	list     []byte
	emitted  *topRows
	changing *changing // nil if the input only inserts
	ended    []int64   // segments to drop when their last changes are out
}

// The values of a state row of Top.
const (
	topCount = iota // entries of the list
	topList
	topBeyond // rows that are not in the list; only if the input takes rows back
)

// topEnded is added to the count of groups that have been emitted and are still kept, for a
// complete result or for their last changes.
const topEnded = 1 << 63

// NewTop returns the operator for an input with this schema.
func NewTop(s *batch.Schema, o TopOptions) (*Top, error) {
	if o.N < 1 || len(o.By) == 0 {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_PARAMETER_VALUE",
			Message: fmt.Sprintf("topN keeps the first %d rows by %d columns", o.N, len(o.By)), Hint: "keep at least one row, and say by what rows are ordered"}
	}
	if o.Spare == 0 {
		o.Spare = DefaultSpare
	}
	t := &Top{o: o, in: s, late: NewLateness(), probe: probe{keys: o.Keys}, open: map[int64]*touched{}}
	t.schema = &batch.Schema{Fields: slices.Clone(s.Fields)}
	if o.Rank != "" {
		t.schema.Fields = append(t.schema.Fields, batch.Field{Name: o.Rank, Type: batch.IntType})
	}
	names := make([]string, len(o.Keys))
	for i, k := range o.Keys {
		names[i] = strings.ToLower(s.Fields[k].Name)
	}
	for i := range s.Fields {
		if !slices.Contains(o.Keys, i) {
			t.others = append(t.others, i)
		}
	}
	name := "(" + strings.Join(names, ",") + ")"
	t.spec = state.Spec{Name: "top" + name, Keys: keyColumns(s, o.Keys), Windowed: o.Window >= 0,
		Values: []state.Column{{Name: "rows", Type: batch.BigIntType}, {Name: "list", Type: batch.BinaryType}}}
	if o.Updating {
		t.spec.Name = "best" + name
		t.spec.Values = append(t.spec.Values, state.Column{Name: "beyond", Type: batch.BigIntType})
		t.changing = newChanging(name, t.spec.Keys, t.spec.Windowed)
	}
	if o.Window >= 0 && windowEnd(s.Fields[o.Keys[o.Window]].Type) == notWindow {
		return nil, supervision.New(supervision.Fatal, "INTERNAL_ERROR", "topN: column %s is neither a window nor a time", s.Fields[o.Keys[o.Window]].Name)
	}
	return t, nil
}

// NewKeepLatest returns the operator that keeps the row of each key that is
// last by the order, of equal ones the one that came last.
func NewKeepLatest(s *batch.Schema, by []SortKey, updating bool, keys ...int) (*Top, error) {
	latest := make([]SortKey, len(by))
	for i, k := range by {
		latest[i] = SortKey{By: k.By, Order: batch.Order{Descending: !k.Order.Descending, NullsLast: !k.Order.NullsLast}}
	}
	return NewTop(s, TopOptions{Keys: keys, By: latest, N: 1, LaterWins: true, Window: -1, Updating: updating})
}

// The kinds of keys that end groups.
const (
	notWindow  = -2
	timeWindow = -1 // an event time; else the index of the field "end"
)

func windowEnd(t batch.Type) int {
	if isTime(t) {
		return timeWindow
	}
	if t.Kind == batch.Struct {
		for i, f := range t.Fields {
			if f.Name == "end" && isTime(f.Type) {
				return i
			}
		}
	}
	return notWindow
}

// Schema returns the columns of what is emitted.
func (t *Top) Schema() *batch.Schema { return t.schema }

// Open opens the table of groups.
func (t *Top) Open(c *Context) (err error) {
	t.emitted = newTopRows(t, c.Pool)
	if t.table, err = c.State.Table(t.spec); err != nil {
		return err
	}
	if t.changing != nil {
		if t.changing.table, err = c.State.Table(t.changing.spec); err != nil {
			return err
		}
	}
	return t.evaluation.Open(c)
}

// Process puts the rows into the lists of their groups.
func (t *Top) Process(in *batch.Batch, _ int, out Output) error {
	if in.Rows() == 0 {
		return nil
	}
	if !t.o.Updating {
		if err := insertsOnly(in, t.Context.Step, "topN"); err != nil {
			return err
		}
	}
	t.begin()
	keys, err := t.form.eval(&t.expression, t.o.By, in)
	if err != nil {
		return err
	}
	defer releaseAll(keys)
	if err := t.reject(in, out); err != nil {
		return err
	}
	alive := in.Retain()
	defer alive.Release()
	if alive.Sel = t.survivors(in); alive.Rows() == 0 {
		return nil
	}
	t.columns = t.columns[:0]
	for _, c := range t.others {
		t.columns = append(t.columns, alive.Columns[c])
	}
	t.probe.begin(alive)
	if t.o.Window < 0 {
		return t.update(0, alive, alive.Sel, keys)
	}
	t.ends(alive)
	sel, err := t.late.Split(alive, t.over, out)
	if err != nil {
		return err
	}
	return bySegment(t.over, sel, alive.N, &t.sorted, func(at int64, sel []int32) error { return t.update(at, alive, sel, keys) })
}

// ends finds from which watermark on each row's group is over. It names the group's segment too.
func (t *Top) ends(in *batch.Batch) {
	c := in.Columns[t.o.Keys[t.o.Window]]
	end := windowEnd(c.Type)
	if end >= 0 {
		t.over = RowTimes(c.Kids[end], t.over)
		for i := range t.over {
			if c.IsNull(i) {
				t.over[i] = math.MaxInt64
			}
		}
		return
	}
	t.over = RowTimes(c, t.over)
	for i, at := range t.over {
		if at != math.MaxInt64 {
			t.over[i] = at + 1
		}
	}
}

// update puts rows of one segment into the lists of their groups.
func (t *Top) update(at int64, in *batch.Batch, sel []int32, by []*batch.Column) error {
	if t.changing != nil {
		return t.settle(at, t.updateChanging(at, in, sel, by))
	}
	segment := t.table.Segment(at)
	if err := t.probe.upsert(segment, in, sel, nil); err != nil {
		return err
	}
	t.rows = t.rows[:0]
	if t.o.N == 1 && !t.o.Ties {
		t.updateOnly(at, segment, in, sel, by)
		return nil
	}
	counts, lists := segment.Words(topCount), segment.Bytes(topList)
	n := in.N
	if sel != nil {
		n = len(sel)
	}
	for i := range n {
		r := i
		if sel != nil {
			r = int(sel[i])
		}
		group := t.probe.rows[r]
		t.form.reset()
		t.form.add(by, t.o.By, r)
		list, count := lists.At(group), int(counts.At(group))
		if count >= t.o.N && !t.displaces(list, t.form.data) {
			continue
		}
		t.row = batch.AppendRow(t.row[:0], t.columns, r)
		place := placeOf(list, t.form.data, !t.o.LaterWins)
		t.list = appendEntry(append(t.list[:0], list[:place]...), entry{t.form.data, t.row})
		t.list = append(t.list, list[place:]...)
		size, dropped := excess(t.list, count+1, t.o.N, t.o.Ties)
		t.touch(at, group, list, count)
		lists.Set(group, t.list[size:])
		counts.Set(group, uint64(count+1-dropped))
	}
	segment.Touch(t.rows)
	return nil
}

// settle ends an update that may have left groups without rows: they go at the barrier if their changes are to be told, else now.
func (t *Top) settle(at int64, err error) error {
	if err == nil && !t.Context.Wanted[PortChanges] {
		segment := t.table.Segment(at)
		counts := segment.Words(topCount)
		segment.Delete(slices.DeleteFunc(t.rows, func(g uint32) bool { return counts.At(g) > 0 }))
	}
	return err
}

// displaces reports whether a row with the key has a place in a full list.
func (t *Top) displaces(list, key []byte) bool {
	worst, _ := first(list)
	switch c := bytes.Compare(key, worst.key); {
	case c < 0:
		return true
	case c == 0:
		return t.o.Ties || t.o.LaterWins
	}
	return false
}

// touch notes that a group changes, and what its rows were if they must be told apart at the barrier.
func (t *Top) touch(at int64, group uint32, before []byte, count int) {
	t.rows = append(t.rows, group)
	if !t.Context.Wanted[PortChanges] {
		return
	}
	groups := t.open[at]
	if groups == nil {
		groups = &touched{}
		t.open[at] = groups
	}
	if groups.note(group) {
		beyond, _ := excess(before, count, t.o.N, t.o.Ties)
		groups.keep(before[beyond:])
	}
}

// Close gives back what was not flushed.
func (t *Top) Close() error {
	t.emitted.release()
	return nil
}
