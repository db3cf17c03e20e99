// Package judge compares what a run committed with what its source held. It
// reads the files of tables and ledger by the oracle alone and shares no code
// with the rooms that wrote them.
package judge

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/internal/crash/model"
	"github.com/deltaic/deltaic/internal/oracle"
)

// Case is what to judge: tables below Root, as they lie there now.
type Case struct {
	Root  string
	Flow  string
	Model model.Model
	// Ledger is the folder of the table that holds the ledger, Objects that of
	// manifest files, both below Root.
	Ledger, Objects string
	// Bronze holds every row, Silver each key once, Quarantine the broken rows. "" is
	// none. A flow without a quarantine has no broken rows.
	Bronze, Silver, Quarantine string
	// Windows holds the windows that are over, Current all of them as they are, Late the rows that came too
	// late, of a model with event times. "" is none.
	Windows, Current, Late string
	// Hops holds sliding windows, Sessions sessions and Alarms what timers told, instead of Windows and Current.
	Hops, Sessions, Alarms string
	// Idle says that splits may have been idle, Furthest that the split furthest ahead made the watermark: which rows were late
	// followed not from the positions alone then.
	Idle, Furthest bool
	// End is set when the run was asked to reach these offsets: the liveness check.
	End []int64
}

func (c Case) tables() []string {
	return slices.DeleteFunc([]string{c.Bronze, c.Silver, c.Quarantine, c.Windows, c.Current, c.Hops, c.Sessions, c.Alarms, c.Late}, func(t string) bool { return t == "" })
}

// Verdict is what was found.
type Verdict struct {
	Lost, Doubled int      // rows
	Findings      []string // each a sentence; empty: all is well
	Positions     []int64  // committed, by split
	Epoch         int64
	Rows          int64 // in bronze or silver
}

// OK reports whether nothing was found.
func (v *Verdict) OK() bool { return len(v.Findings) == 0 }

func (v *Verdict) find(format string, args ...any) {
	if len(v.Findings) < 20 {
		v.Findings = append(v.Findings, fmt.Sprintf(format, args...))
	}
}

// Check judges the case. final says that recovery has run to the end, so every
// table holds the newest decided epoch; otherwise other tables than the ledger may lack it.
func Check(c Case, final bool) *Verdict {
	v := &Verdict{Positions: make([]int64, c.Model.Splits)}
	entries, ok := v.ledger(c)
	if !ok {
		return v
	}
	newest := (*oracle.Manifest)(nil)
	if len(entries) > 0 {
		e := entries[len(entries)-1]
		m, err := e.LoadManifest(filepath.Join(c.Root, c.Objects))
		if err != nil {
			v.find("manifest: %v", err)
			return v
		}
		newest, v.Epoch = m, e.Epoch
	}
	v.positions(c, newest)
	for _, t := range c.tables() {
		v.table(c, t)
	}
	if !final && v.behind(c, newest) {
		return v
	}
	v.rows(c, final)
	if final {
		v.statistics(c)
	}
	for split, end := range c.End {
		if final && v.Positions[split] < end {
			v.find("not live: split %d ended at %d, its end is %d", split, v.Positions[split], end)
		}
	}
	return v
}

func (v *Verdict) ledger(c Case) ([]oracle.Entry, bool) {
	path := filepath.Join(c.Root, c.Ledger)
	found, err := oracle.CheckLedger(path, c.Flow, filepath.Join(c.Root, c.Objects))
	if errors.Is(err, oracle.ErrNoTable) {
		return nil, true
	}
	if err != nil {
		v.find("ledger: %v", err)
		return nil, false
	}
	for _, f := range found {
		v.find("ledger: %s", f)
	}
	v.log(path)
	entries, err := oracle.ReadLedger(path, c.Flow)
	if err != nil {
		v.find("ledger: %v", err)
	}
	return entries, err == nil
}

func (v *Verdict) log(path string) {
	found, err := oracle.CheckLog(path)
	if err != nil && !errors.Is(err, oracle.ErrNoTable) {
		v.find("log: %v", err)
	}
	for _, f := range found {
		v.find("log: %s", f)
	}
}

// table checks a table's log, and that no epoch beyond the ledger's is in it.
func (v *Verdict) table(c Case, name string) {
	path := filepath.Join(c.Root, name)
	if name != c.Ledger {
		v.log(path)
	}
	t, err := oracle.Replay(path)
	if err != nil {
		return // the log check has said why
	}
	for app, x := range t.Transactions {
		if strings.HasPrefix(app, c.Flow+"/") && x.Version > v.Epoch {
			v.find("%s holds epoch %d, the ledger has decided %d", name, x.Version, v.Epoch)
		}
	}
}

// statistics checks that the files' statistics bound their rows.
func (v *Verdict) statistics(c Case) {
	for _, t := range c.tables() {
		found, err := oracle.CheckData(filepath.Join(c.Root, t))
		if err != nil && !errors.Is(err, oracle.ErrNoTable) {
			v.find("data: %v", err)
		}
		for _, f := range found {
			v.find("data: %s", f)
		}
	}
}

func (v *Verdict) positions(c Case, m *oracle.Manifest) {
	if m == nil {
		return
	}
	for _, splits := range m.Positions {
		for name, at := range splits {
			i := strings.LastIndexByte(name, '/')
			split, err := strconv.Atoi(name[i+1:])
			offset, err2 := strconv.ParseInt(strings.Trim(at, `"`), 10, 64)
			if err != nil || err2 != nil || split >= len(v.Positions) {
				v.find("position %s of split %s cannot be read", at, name)
				continue
			}
			v.Positions[split] = offset
		}
	}
}

// behind reports whether a table has yet to be rolled forward to the newest epoch.
func (v *Verdict) behind(c Case, m *oracle.Manifest) bool {
	if m == nil {
		return false
	}
	for name, record := range m.Sinks {
		if _, err := record.Adds(); err != nil {
			v.find("manifest of epoch %d: sink %s: %v", m.Epoch, name, err)
		}
		if !record.HasOutput() {
			continue
		}
		t, err := oracle.Replay(filepath.Join(c.Root, "lake", name))
		if err != nil || t.Transactions[c.Flow+"/"+m.Incarnation].Version < m.Epoch {
			return true
		}
	}
	return false
}

// rows compares the contents of the tables with the source up to the committed positions.
func (v *Verdict) rows(c Case, final bool) {
	if c.Model.Timed {
		v.timed(c, final)
		return
	}
	bronze, silver, broken := map[string]int{}, map[string]int{}, map[string]int{}
	for split, end := range v.Positions {
		for offset := range end {
			r := c.Model.At(split, offset)
			at := fmt.Sprintf("%d@%d", split, offset)
			switch r.Kind {
			case model.Broken:
				broken[at]++
			case model.Good:
				bronze[fmt.Sprintf("%s n=%d p=%s", at, r.Key, r.Part)]++
				silver[fmt.Sprintf("n=%d", r.Key)] = 1
			}
		}
	}
	if c.Bronze != "" {
		v.compare(c, c.Bronze, bronze, func(r map[string]any) string {
			return fmt.Sprintf("%v@%v n=%v p=%v", r["partition"], r["offset"], r["n"], r["p"])
		})
	}
	if c.Silver != "" {
		v.compare(c, c.Silver, silver, func(r map[string]any) string { return fmt.Sprintf("n=%v", r["n"]) })
	}
	if c.Quarantine != "" {
		v.compare(c, c.Quarantine, broken, func(r map[string]any) string { return fmt.Sprintf("%v@%v", r["partition"], r["offset"]) })
	}
}

func (v *Verdict) compare(c Case, name string, want map[string]int, row func(map[string]any) string) {
	got, err := read(c, name, row)
	if err != nil && !(errors.Is(err, oracle.ErrNoTable) && len(want) == 0) {
		v.find("%s: %v", name, err)
		return
	}
	var lost, doubled, strange []string
	for k, n := range want {
		if got[k] < n {
			lost = append(lost, k)
		}
	}
	for k, n := range got {
		v.Rows += int64(n)
		switch {
		case want[k] == 0:
			strange = append(strange, k)
		case n > want[k]:
			doubled = append(doubled, k)
		}
	}
	v.Lost += len(lost)
	v.Doubled += len(doubled) + len(strange)
	v.report(name, "lost", lost)
	v.report(name, "doubled", doubled)
	v.report(name, "not of a committed position", strange)
}

// read returns how often each row is in a table, as text.
func read(c Case, name string, row func(map[string]any) string) (map[string]int, error) {
	got := map[string]int{}
	t, err := oracle.Replay(filepath.Join(c.Root, name))
	if err != nil {
		return got, err
	}
	return got, t.Rows(func(_ oracle.File, _ int64, values map[string]any) error {
		got[row(values)]++
		return nil
	})
}

func (v *Verdict) report(table, what string, rows []string) {
	if len(rows) == 0 {
		return
	}
	slices.Sort(rows)
	v.find("%s: %d rows %s, such as %s", table, len(rows), what, strings.Join(rows[:min(3, len(rows))], "; "))
}
