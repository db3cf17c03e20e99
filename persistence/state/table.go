package state

import (
	"fmt"
	"maps"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// layout says how a table keeps its keys.
type layout uint8

const (
	layoutOne    layout = iota // no key columns: one row
	layoutWord                 // one column of at most 64 bits: the value
	layoutBytes                // one string or binary column: its bytes
	layoutShared               // see Spec.Shared: the row of the first keys among the heads, and the value of the last
	layoutTuple                // anything else: the canonical form
)

func layoutOf(s *Spec) layout {
	keys := s.Keys
	switch {
	case len(keys) == 0:
		return layoutOne
	case s.Shared && s.Prefix > 0 && s.Prefix == len(keys)-1 && width(keys[s.Prefix].Type.Kind) > 0:
		return layoutShared
	case len(keys) > 1:
		return layoutTuple
	case width(keys[0].Type.Kind) > 0:
		return layoutWord
	case keys[0].Type.Kind == batch.String || keys[0].Type.Kind == batch.Binary:
		return layoutBytes
	}
	return layoutTuple
}

// single says that the key is one column, whose null has no place in the index.
func (l layout) single() bool { return l == layoutWord || l == layoutBytes }

// bytes says that keys are kept as bytes.
func (l layout) bytes() bool { return l == layoutBytes || l == layoutTuple }

// words returns how many words of a row are its key.
func (l layout) words() int {
	if l == layoutShared {
		return 2
	}
	return 1
}

// Table is the rows of one table in one task, cut into segments. It belongs to
// one goroutine at a time.
type Table struct {
	spec     Spec
	layout   layout
	lead     int    // words of a row that are its key
	heads    *Table // of the keys that rows share; nil: each row has its own
	pool     *batch.Pool
	account  *batch.Account
	charged  int64
	segments map[int64]*Segment
	order    []int64 // of segments, ascending; nil when it is to be made anew
	dropped  []int64 // since the last checkpoint, of those that one of them holds
	removed  int64   // rows, since the last checkpoint
	scratch  scratch
	bytes    []int // values that are kept as bytes

	below    Below // nil: all rows are in memory
	groups   int   // key groups of the job, if there is something below
	held     []heldRows
	scanning int // scans under way: nothing is evicted meanwhile
}

// NewTable returns an empty table that charges what it takes to an account.
func NewTable(spec Spec, pool *batch.Pool, account *batch.Account) (*Table, error) {
	if err := spec.Check(); err != nil {
		return nil, err
	}
	t := &Table{spec: spec, layout: layoutOf(&spec), pool: pool, account: account, segments: map[int64]*Segment{}}
	t.lead = t.layout.words()
	if t.layout == layoutShared {
		heads, err := NewTable(headSpec(&spec), pool, account)
		if err != nil {
			return nil, err
		}
		t.heads = heads
	}
	for i, v := range spec.Values {
		if width(v.Type.Kind) == 0 {
			t.bytes = append(t.bytes, i)
		}
	}
	return t, nil
}

// Spec returns what the table's rows are.
func (t *Table) Spec() Spec { return t.spec }

func (t *Table) charge(bytes int64) {
	t.charged += bytes
	t.account.Charge(bytes)
}

// Charged returns the bytes of memory that the table takes.
func (t *Table) Charged() int64 {
	if t.heads != nil {
		return t.charged + t.heads.charged
	}
	return t.charged
}

// Release gives the memory back to the account. The table must not be used any more.
func (t *Table) Release() {
	if t.heads != nil {
		t.heads.Release()
	}
	t.account.Charge(-t.charged)
	t.charged, t.segments, t.order = 0, nil, nil
}

// Segment returns a segment, made if it is not there. Tables that are not
// windowed have segment 0.
func (t *Table) Segment(at int64) *Segment {
	s := t.segments[at]
	if s == nil {
		s = newSegment(t, at)
		t.segments[at] = s
		t.order = nil
	}
	return s
}

// Lookup returns a segment, nil if it is not there.
func (t *Table) Lookup(at int64) *Segment { return t.segments[at] }

// Segments returns those that are there, ascending. The slice is good until the
// next call of Segment or Drop.
func (t *Table) Segments() []int64 {
	if t.order == nil {
		t.order = slices.AppendSeq(make([]int64, 0, len(t.segments)), maps.Keys(t.segments))
		slices.Sort(t.order)
	}
	return t.order
}

// Drop deletes all rows of a segment, and the segment.
func (t *Table) Drop(at int64) {
	s := t.segments[at]
	if s == nil {
		return
	}
	if s.stored {
		t.dropped = append(t.dropped, at)
	}
	t.removed += int64(s.live + s.below)
	s.release()
	delete(t.segments, at)
	t.order = nil
}

// Len returns the number of rows in all segments.
func (t *Table) Len() int {
	n := 0
	for _, s := range t.segments {
		n += s.live + s.below
	}
	return n
}

// Below returns how many of the rows are not in memory.
func (t *Table) Below() int {
	n := 0
	for _, s := range t.segments {
		n += s.below
	}
	return n
}

func (t *Table) check(keys []*batch.Column) error {
	if len(keys) != len(t.spec.Keys) {
		return supervision.New(supervision.Fatal, "INTERNAL_ERROR", "table %s has %d key columns, got %d", t.spec.Name, len(t.spec.Keys), len(keys))
	}
	for i, k := range keys {
		if !k.Type.Equal(t.spec.Keys[i].Type) {
			return supervision.New(supervision.Fatal, "INTERNAL_ERROR", "key column %d of table %s is %s, got %s", i+1, t.spec.Name, t.spec.Keys[i].Type, k.Type)
		}
	}
	return nil
}

// Check refuses a table that could not be kept.
func (s *Spec) Check() error {
	for _, k := range s.Keys {
		if err := checkKeyType(k.Type); err != nil {
			return err
		}
	}
	if s.Prefix < NoPrefix || s.Prefix > len(s.Keys) {
		return supervision.New(supervision.Fatal, "INTERNAL_ERROR", "table %s: a prefix of %d of %d key columns", s.Name, s.Prefix, len(s.Keys))
	}
	for _, v := range s.Values {
		if width(v.Type.Kind) == 0 && v.Type.Kind != batch.String && v.Type.Kind != batch.Binary {
			return supervision.New(supervision.Fatal, "INTERNAL_ERROR", "table %s: a value %s of type %s is neither a word nor bytes", s.Name, v.Name, v.Type)
		}
	}
	return nil
}

// GroupColumns returns how many leading key columns decide a row's key group.
func (s *Spec) GroupColumns() int {
	switch {
	case s.Prefix == NoPrefix:
		return 0
	case s.Prefix > 0:
		return s.Prefix
	}
	return len(s.Keys)
}

// Fits returns an error that says how a table stored with s differs from one
// that is wanted, nil if it does not.
func (s *Spec) Fits(wanted Spec) error {
	switch {
	case !sameColumns(s.Keys, wanted.Keys):
		return fmt.Errorf("keys stored %s, wanted %s", ColumnList(s.Keys), ColumnList(wanted.Keys))
	case !sameColumns(s.Values, wanted.Values):
		return fmt.Errorf("values stored %s, wanted %s", ColumnList(s.Values), ColumnList(wanted.Values))
	case s.GroupColumns() != wanted.GroupColumns() || s.Windowed != wanted.Windowed:
		return fmt.Errorf("rows stored by the first %d keys, windowed %v, wanted by %d, windowed %v", s.GroupColumns(), s.Windowed, wanted.GroupColumns(), wanted.Windowed)
	}
	return nil
}

func sameColumns(a, b []Column) bool {
	return slices.EqualFunc(a, b, func(a, b Column) bool {
		return a.Type.Equal(b.Type) && (a.Name == b.Name || a.Name == "" || b.Name == "")
	})
}

// ColumnList returns columns as text, with names and types.
func ColumnList(columns []Column) string {
	text := "("
	for i, c := range columns {
		if i > 0 {
			text += ", "
		}
		if c.Name != "" {
			text += c.Name + " "
		}
		text += c.Type.String()
	}
	return text + ")"
}
