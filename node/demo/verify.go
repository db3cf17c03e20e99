package demo

import (
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/internal/oracle"
)

// Names of the demo's tables and folders under its directory.
const (
	Bronze     = "bronze"
	Silver     = "silver"
	Quarantine = "quarantine"
	Gold       = "gold"
	LateRows   = "late"
	TablesDir  = "tables"
	Checkpoint = "checkpoint"
	LedgerDir  = "ledger" // under Checkpoint
)

// Tables are the demo's tables.
var Tables = []string{Bronze, Silver, Quarantine, Gold, LateRows}

// Report is what [Verify] found, in the form that `demo verify --json` prints.
type Report struct {
	OK        bool             `json:"ok"`
	Epoch     int64            `json:"epoch"`     // newest decided one, 0 if none is
	Positions map[string]int64 `json:"positions"` // next offset by "<topic>/<partition>"
	Tables    []TableReport    `json:"tables"`
	Findings  []string         `json:"findings"` // what is wrong, a sentence each; empty when ok
	Notes     []string         `json:"notes"`    // what is worth knowing and not wrong
}

// TableReport compares one table with what it must hold. Numbers are rows.
type TableReport struct {
	Table    string `json:"table"`
	Expected int64  `json:"expected"`
	Found    int64  `json:"found"`
	Missing  int64  `json:"missing"` // expected and nowhere
	Doubled  int64  `json:"doubled"` // there once more than expected
	Wrong    int64  `json:"wrong"`   // another content than expected, or not expected at all
}

const (
	examples    = 5       // rows of one table that are named one by one
	mostOffsets = 1 << 31 // of a partition: what is beyond is damage, and would cost memory
)

// verification is one run of Verify.
type verification struct {
	dir    string
	plan   Plan
	report Report
	stop   *Stop
}

func (v *verification) fail(format string, args ...any) {
	v.report.Findings = append(v.report.Findings, fmt.Sprintf(format, args...))
}

// Verify recomputes from the plan what the tables of the demo in dir must hold for the source
// positions they have committed, and compares it row by row with committed bytes. What is
// wrong is in the report; the error says that there was nothing to verify or that it could not be
// read at all. It may run beside the demo, or after it was killed: an epoch that was decided
// and not yet carried into every table counts as done, and a note says so. After a
// clean stop ([RecordStop]) every table must stand where it stood then.
//
// Memory is a few bits per offset.
func Verify(dir string) (Report, error) {
	v := &verification{dir: dir, report: Report{Positions: map[string]int64{}, Tables: []TableReport{}, Findings: []string{}, Notes: []string{}}}
	var err error
	if v.plan, err = LoadPlan(dir); err != nil {
		return v.report, err
	}
	if v.stop, err = loadStop(dir); err != nil {
		return v.report, err
	}
	state, err := v.readState()
	if err != nil {
		return v.report, err
	}
	ends, usable := v.positions(state.manifest)
	if usable {
		for _, table := range Tables {
			at := ends
			if table == Gold {
				if at, err = v.goldEnds(state, ends); err != nil {
					return v.report, err
				}
			}
			if err := v.table(table, state, at); err != nil {
				return v.report, err
			}
		}
	}
	v.report.OK = len(v.report.Findings) == 0
	return v.report, nil
}

// state is the ledger and the tables as of the ledger's newest epoch.
type state struct {
	entry    *oracle.Entry
	manifest *oracle.Manifest
	tables   map[string]*oracle.Table // absent: it was never made
}

// readState reads the ledger and then the tables, each as of the ledger's
// newest epoch: a demo that runs may have gone on meanwhile.
func (v *verification) readState() (state, error) {
	s, err := v.readLedger()
	if err != nil {
		return s, err
	}
	ahead, furthest := "", s.epoch()
	for _, name := range Tables {
		epoch, err := v.readTable(name, &s)
		if err != nil {
			return s, err
		}
		if epoch > furthest {
			ahead, furthest = name, epoch
		}
	}
	if ahead != "" {
		again, err := v.readLedger()
		if err != nil {
			return s, err
		}
		if again.epoch() < furthest {
			v.fail("table %s holds epoch %d, the ledger has decided %d at most: the ledger's last commit is gone", ahead, furthest, again.epoch())
		}
	}
	v.checkLedger()
	return s, nil
}

func (s state) epoch() int64 {
	if s.entry == nil {
		return 0
	}
	return s.entry.Epoch
}

func (v *verification) ledgerPath() string { return filepath.Join(v.dir, Checkpoint, LedgerDir) }

func (v *verification) readLedger() (state, error) {
	s := state{tables: map[string]*oracle.Table{}}
	entries, err := oracle.ReadLedger(v.ledgerPath(), "")
	if errors.Is(err, oracle.ErrNoTable) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("reading the ledger: %w", err)
	}
	if len(entries) == 0 {
		return s, nil
	}
	s.entry = &entries[len(entries)-1]
	s.manifest, err = s.entry.LoadManifest(filepath.Join(v.dir, Checkpoint))
	if err != nil {
		return s, fmt.Errorf("reading the ledger: %w", err)
	}
	return s, nil
}

func (v *verification) checkLedger() {
	found, err := oracle.CheckLedger(v.ledgerPath(), "", filepath.Join(v.dir, Checkpoint))
	if err != nil && !errors.Is(err, oracle.ErrNoTable) {
		v.fail("%v", err)
	}
	logs, err := oracle.CheckLog(v.ledgerPath())
	if err != nil && !errors.Is(err, oracle.ErrNoTable) {
		v.fail("%v", err)
	}
	for _, f := range append(found, logs...) {
		v.fail("%v", f)
	}
	v.checkStopped(LedgerDir, v.ledgerPath())
}

func (v *verification) tablePath(name string) string {
	return filepath.Join(v.dir, TablesDir, name)
}

// appID is the application of the flow's txn actions.
func (s state) appID() string {
	if s.entry == nil {
		return ""
	}
	return s.entry.Flow + "/" + s.entry.Incarnation
}

// readTable loads the table as of the ledger's newest epoch and returns the
// newest epoch that it has by now.
func (v *verification) readTable(name string, s *state) (int64, error) {
	t, err := oracle.Replay(v.tablePath(name))
	if errors.Is(err, oracle.ErrNoTable) {
		return 0, nil
	}
	if errors.Is(err, oracle.ErrGap) {
		v.fail("table %s: %v", name, err)
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("table %s: %w", name, err)
	}
	newest := v.epochOf(t, *s)
	for s.entry != nil && t.Version > 0 && v.epochOf(t, *s) > s.epoch() {
		before, err := oracle.ReplayAt(t.Path, t.Version-1)
		if err != nil {
			break // the log no longer reaches back that far: its rows will tell
		}
		t = before
	}
	s.tables[name] = t
	return newest, nil
}

// epochOf returns the newest epoch that the flow committed to the table.
func (v *verification) epochOf(t *oracle.Table, s state) int64 {
	if s.entry != nil {
		return t.Transactions[s.appID()].Version
	}
	var epoch int64 // without a ledger any transaction is one too many
	for _, x := range t.Transactions {
		epoch = max(epoch, x.Version)
	}
	return epoch
}

// positions turns the manifest's positions into end offsets by partition.
func (v *verification) positions(m *oracle.Manifest) ([]int64, bool) {
	ends := make([]int64, v.plan.Partitions)
	if m == nil {
		v.report.Notes = append(v.report.Notes, "no epoch has been decided yet")
		return ends, true
	}
	v.report.Epoch = m.Epoch
	usable := true
	for source, splits := range m.Positions {
		names := make([]string, 0, len(splits))
		for split := range splits {
			names = append(names, split)
		}
		sort.Strings(names)
		for _, split := range names {
			number, ok := strings.CutPrefix(split, v.plan.Topic+"/")
			partition, err := strconv.ParseInt(number, 10, 32)
			if !ok || err != nil || partition < 0 || partition >= int64(v.plan.Partitions) {
				v.fail("the ledger has a position of source %s in %q; the demo's topic is %s with %d partitions", source, split, v.plan.Topic, v.plan.Partitions)
				usable = false
				continue
			}
			end, err := strconv.ParseInt(splits[split], 10, 64)
			if err != nil || end < 0 || end > mostOffsets {
				v.fail("the ledger's position in %s is %q, that is no offset", split, splits[split])
				usable = false
				continue
			}
			ends[partition] = end
			v.report.Positions[split] = end
		}
	}
	return ends, usable
}
