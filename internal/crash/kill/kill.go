// Package kill runs the shipped binary's demo under load, kills it with
// SIGKILL where it hurts, starts it again, and lets `demo verify` and the oracle say
// what became of the rows. Kills keep the page cache: what only a power cut shows is
// the simulator's to find.
package kill

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/deltaic/deltaic/internal/oracle"
	"github.com/deltaic/deltaic/internal/sim"
)

// Report is what became of the kills.
type Report struct {
	Kills         int
	Aimed         int // of them between an epoch's first ack and its last roll-forward
	Undecided     int // of those, before the decision
	Lost, Doubled int
	Verified      int // how often the tables were verified, the end included
	Failures      []sim.Failure
}

const (
	flow  = "demo"
	rate  = "30000"
	every = 10 // kills between two verifications
	anew  = 30 // kills after which the demo begins anew: its broker keeps all that it was given
)

var tables = []string{"bronze", "silver", "quarantine"}

type run struct {
	binary, folder string
	random         *rand.Rand
	seed           uint64
	report         Report
}

// Run kills the binary so often. The seed decides where, as far as a real clock lets it.
func Run(kills int, seed uint64) Report {
	folder, err := os.MkdirTemp("", "deltaic-kill-")
	if err != nil {
		return Report{Failures: []sim.Failure{{Problem: err.Error()}}}
	}
	r := &run{binary: filepath.Join(folder, "deltaic"), folder: filepath.Join(folder, "demo"), random: rand.New(rand.NewPCG(seed, 9)), seed: seed}
	if err := r.all(kills); err != nil {
		r.report.Failures = append(r.report.Failures, sim.Failure{Replay: fmt.Sprintf("-seeds 0 -least -1 -first %d -kills %d", seed, kills), Problem: err.Error() + "\n  kept in " + folder})
		return r.report
	}
	_ = os.RemoveAll(folder)
	return r.report
}

func (r *run) all(kills int) error {
	build := exec.Command("go", "build", "-o", r.binary, "github.com/deltaic/deltaic/cmd/deltaic")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the binary: %w\n%s", err, out)
	}
	if err := r.cleanly(); err != nil {
		return err
	}
	for n := range kills {
		if err := r.once(); err != nil {
			return fmt.Errorf("kill %d: %w", n+1, err)
		}
		if n%every == every-1 {
			if err := r.cleanly(); err != nil {
				return fmt.Errorf("after kill %d: %w", n+1, err)
			}
		}
		if n%anew == anew-1 && n+1 < kills {
			if err := os.RemoveAll(r.folder); err != nil {
				return err
			}
			if err := r.cleanly(); err != nil {
				return err
			}
		}
	}
	return r.cleanly()
}

func (r *run) command(arguments ...string) (*exec.Cmd, *bytes.Buffer) {
	c := exec.Command(r.binary, append([]string{"demo"}, arguments...)...)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	return c, &said
}

func (r *run) start(more ...string) (*exec.Cmd, *bytes.Buffer, error) {
	c, said := r.command(append([]string{"--dir", r.folder, "--rate", rate, "--no-open", "--listen", "off"}, more...)...)
	return c, said, c.Start()
}

// once starts the binary, kills it at a moment that is drawn, and looks where that was.
func (r *run) once() error {
	before, err := r.files()
	if err != nil {
		return err
	}
	w, err := watch(r.watched())
	if err != nil {
		return err
	}
	defer w.close()
	c, said, err := r.start()
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	r.moment(w)
	select {
	case err := <-ended:
		return fmt.Errorf("the process ended by itself: %w\n%s", err, said)
	default:
	}
	if err := c.Process.Kill(); err != nil {
		return err
	}
	<-ended
	r.report.Kills++
	return r.classify(before)
}

// moment waits for the time to kill: some time after a data file of an epoch has become durable, some
// time after the epoch was decided, or any time.
func (r *run) moment(w *watcher) {
	const patience = 10 * time.Second
	switch draw := r.random.IntN(10); {
	case draw < 7:
		for range 1 + r.random.IntN(2) {
			w.next("part-", patience)
		}
		spin(r.random.IntN(2_500))
	case draw < 9:
		for range 1 + r.random.IntN(2) {
			w.next("ledger/", patience)
		}
		spin(r.random.IntN(1_000))
	default:
		time.Sleep(time.Duration(20+r.random.IntN(1500)) * time.Millisecond)
	}
}

// spin waits so many microseconds: a timer is too coarse for it.
func spin(microseconds int) {
	for until := time.Now().Add(time.Duration(microseconds) * time.Microsecond); time.Now().Before(until); {
	}
}

func (r *run) watched() map[string]string {
	names := map[string]string{filepath.Join(r.folder, "checkpoint", "ledger", "_delta_log"): "ledger/"}
	for _, t := range tables {
		names[filepath.Join(r.folder, "tables", t)] = ""
	}
	return names
}

// files lists the data files that lie in the tables' folders.
func (r *run) files() (map[string]bool, error) {
	files := map[string]bool{}
	for _, t := range tables {
		entries, err := os.ReadDir(filepath.Join(r.folder, "tables", t))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), "part-") {
				files[t+"/"+e.Name()] = true
			}
		}
	}
	return files, nil
}

// classify says from what lies there whether the kill hit an epoch between its
// first ack and its last roll-forward: files of this run that nothing names yet, or a
// decided epoch that a table lacks.
func (r *run) classify(before map[string]bool) error {
	now, err := r.files()
	if err != nil {
		return err
	}
	ledger := filepath.Join(r.folder, "checkpoint", "ledger")
	entries, err := oracle.ReadLedger(ledger, flow)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return nil
	}
	newest := entries[len(entries)-1]
	m, err := newest.LoadManifest(filepath.Join(r.folder, "checkpoint"))
	if err != nil {
		return err
	}
	named := map[string]bool{}
	behind := false
	for _, name := range tables {
		t, err := oracle.Replay(filepath.Join(r.folder, "tables", name))
		if err != nil {
			return err
		}
		for path := range t.Live {
			named[name+"/"+path] = true
		}
		if m == nil {
			continue
		}
		adds, err := m.Sinks[name].Adds()
		if err != nil {
			return err
		}
		for _, a := range adds {
			named[name+"/"+a.Name()] = true
		}
		behind = behind || len(adds) > 0 && t.Transactions[flow+"/"+m.Incarnation].Version < m.Epoch
	}
	undecided := false
	for f := range now {
		undecided = undecided || !before[f] && !named[f]
	}
	if undecided {
		r.report.Undecided++
	}
	if undecided || behind {
		r.report.Aimed++
	}
	return nil
}

// cleanly runs the demo for a moment, stops it as a user would, and verifies.
func (r *run) cleanly() error {
	c, said, err := r.start("--duration", "1500ms")
	if err != nil {
		return err
	}
	if err := c.Wait(); err != nil {
		return fmt.Errorf("a run with a clean end: %w\n%s", err, said)
	}
	for _, name := range tables {
		found, err := oracle.CheckLog(filepath.Join(r.folder, "tables", name))
		if err != nil || len(found) > 0 {
			return fmt.Errorf("table %s: %w %v", name, err, found)
		}
	}
	found, err := oracle.CheckLedger(filepath.Join(r.folder, "checkpoint", "ledger"), flow, filepath.Join(r.folder, "checkpoint"))
	if err != nil || len(found) > 0 {
		return fmt.Errorf("ledger: %w %v", err, found)
	}
	return r.verify()
}

func (r *run) verify() error {
	c := exec.Command(r.binary, "demo", "verify", "--dir", r.folder, "--json")
	out, err := c.Output()
	var v struct {
		OK     bool
		Tables []struct{ Missing, Doubled, Wrong int }
	}
	if e := json.Unmarshal(out, &v); e != nil {
		return fmt.Errorf("demo verify: %w: %w\n%s", err, e, out)
	}
	r.report.Verified++
	for _, t := range v.Tables {
		r.report.Lost += t.Missing
		r.report.Doubled += t.Doubled + t.Wrong
	}
	if !v.OK || err != nil {
		return fmt.Errorf("demo verify is not ok: %w\n%s", err, out)
	}
	return nil
}
