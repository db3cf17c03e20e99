package demo

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/deltaic/deltaic/internal/oracle"
)

// expectation is what one table must hold, and what was found of it.
type expectation interface {
	// count returns how many rows are expected.
	count() int64
	// row judges one row and says what is wrong with it, "" for nothing.
	row(values map[string]any) (verdict, string)
	// missing calls back for every expected row that was not met.
	missing(func(what string))
}

type verdict uint8

const (
	right verdict = iota
	doubled
	wrong
)

// table compares one table with the plan.
func (v *verification) table(name string, s state, ends []int64) error {
	e := v.expect(name, ends)
	r := TableReport{Table: name, Expected: e.count()}
	t := s.tables[name]
	switch {
	case t == nil && r.Expected > 0:
		v.fail("table %s is missing: %s holds no table that can be read", name, v.tablePath(name))
	case t == nil:
	default:
		if err := v.rows(name, t, s, e, &r); err != nil {
			return err
		}
		v.checkTable(name, t)
	}
	named := int64(0)
	e.missing(func(what string) {
		r.Missing++
		if named < examples && t != nil {
			named++
			v.fail("table %s: missing: %s", name, what)
		}
	})
	v.summarise(name, r, t, s)
	v.report.Tables = append(v.report.Tables, r)
	return nil
}

// summarise says in a sentence what the examples leave out.
func (v *verification) summarise(name string, r TableReport, t *oracle.Table, s state) {
	if r.Missing > examples {
		v.fail("table %s: %d rows are missing in all", name, r.Missing)
	}
	if r.Doubled > examples {
		v.fail("table %s: %d rows are doubled in all", name, r.Doubled)
	}
	if r.Wrong > examples {
		v.fail("table %s: %d rows are wrong in all", name, r.Wrong)
	}
	if t != nil && r.Missing > 0 && s.entry != nil {
		if epoch := t.Transactions[s.appID()].Version; epoch < s.epoch() {
			v.fail("table %s ends with epoch %d at version %d, the ledger has decided epoch %d: a commit of the table is gone", name, epoch, t.Version, s.epoch())
		}
	}
}

// rows reads the table's rows, and those of files that the newest epoch
// decided and a crash kept from being committed.
func (v *verification) rows(name string, t *oracle.Table, s state, e expectation, r *TableReport) error {
	var named [wrong + 1]int
	judge := func(file oracle.File, number int64, values map[string]any) error {
		r.Found++
		what, why := e.row(values)
		switch what {
		case doubled:
			r.Doubled++
		case wrong:
			r.Wrong++
		default:
			return nil
		}
		if named[what]++; named[what] <= examples {
			v.fail("table %s, file %s, row %d: %s", name, file.Name(), number, why)
		}
		return nil
	}
	files := t.Files()
	pending, err := v.pending(name, t, s)
	if err != nil {
		return err
	}
	for _, file := range append(files, pending...) {
		err := t.FileRows(file, func(number int64, values map[string]any) error { return judge(file, number, values) })
		if errors.Is(err, os.ErrNotExist) {
			v.fail("table %s: live file %s is missing", name, file.Name())
		} else if err != nil {
			v.fail("table %s: %v", name, err)
		}
	}
	return nil
}

// pending returns the files that the newest epoch adds to the table and the table has not.
func (v *verification) pending(name string, t *oracle.Table, s state) ([]oracle.File, error) {
	if s.manifest == nil || name == Gold || t.Transactions[s.appID()].Version >= s.epoch() {
		return nil, nil
	}
	adds, err := s.manifest.Sinks[name].Adds()
	if err != nil {
		return nil, fmt.Errorf("manifest of epoch %d, sink %s: %w", s.epoch(), name, err)
	}
	var files []oracle.File
	for _, file := range adds {
		if _, live := t.Live[file.Name()]; !live {
			files = append(files, file)
		}
	}
	if len(files) > 0 {
		v.report.Notes = append(v.report.Notes, fmt.Sprintf(
			"table %s: epoch %d is decided and its %d files are not yet committed there: a crash came between, the next start of the demo rolls it forward; its rows are counted as there",
			name, s.epoch(), len(files)))
	}
	return files, nil
}

// checkTable holds the table's log against the rules that every log must keep.
func (v *verification) checkTable(name string, t *oracle.Table) {
	found, err := oracle.CheckLog(t.Path)
	if err != nil {
		v.fail("table %s: %v", name, err)
	}
	for _, f := range found {
		v.fail("table %s: %v", name, f)
	}
	v.checkStopped(name, t.Path)
}

// text reads a column that is a string or binary.
func text(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), true
	}
	return "", false
}

// place reads the columns that say where a row came from.
func (v *verification) place(values map[string]any) (Place, string) {
	topic, ok := text(values["topic"])
	if !ok || topic != v.plan.Topic {
		return Place{}, fmt.Sprintf("topic is %v, must be %s", values["topic"], v.plan.Topic)
	}
	partition, ok := values["partition"].(int64)
	if !ok || partition < 0 || partition >= int64(v.plan.Partitions) {
		return Place{}, fmt.Sprintf("partition is %v, the topic has 0..%d", values["partition"], v.plan.Partitions-1)
	}
	offset, ok := values["offset"].(int64)
	if !ok || offset < 0 {
		return Place{}, fmt.Sprintf("offset is %v", values["offset"])
	}
	return Place{int32(partition), offset}, ""
}

// String names the place for people.
func (p Place) String() string { return fmt.Sprintf("partition %d offset %d", p.Partition, p.Offset) }

// bitmap is a set of offsets.
type bitmap []uint64

func newBitmap(n int64) bitmap      { return make(bitmap, (n+63)/64) }
func (b bitmap) has(i int64) bool   { return i>>6 < int64(len(b)) && b[i>>6]>>(i&63)&1 == 1 }
func (b bitmap) set(i int64)        { b[i>>6] |= 1 << (i & 63) }
func timestamp(ms int64) time.Time  { return time.UnixMilli(ms).UTC() }
func sameTime(v any, ms int64) bool { at, ok := v.(time.Time); return ok && at.Equal(timestamp(ms)) }
func bitmaps(ends []int64) []bitmap {
	out := make([]bitmap, len(ends))
	for i, end := range ends {
		out[i] = newBitmap(end)
	}
	return out
}
