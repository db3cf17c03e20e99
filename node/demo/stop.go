package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/deltaic/deltaic/internal/oracle"
)

const stopFile = "stopped.json"

// Stop is where everything stood when the demo was stopped cleanly.
type Stop struct {
	Format   int              `json:"format"`   // 1
	Versions map[string]int64 `json:"versions"` // of the ledger and each table; a table that is not there is left out
}

// RecordStop notes, after the flow has stopped cleanly, at which version the
// ledger and every table stand, so that [Verify] can tell a commit that was lost later from
// one that a crash delayed. The next start calls [ForgetStop] first.
func RecordStop(dir string) error {
	stop := Stop{Format: 1, Versions: map[string]int64{}}
	for _, name := range append([]string{LedgerDir}, Tables...) {
		path := filepath.Join(dir, TablesDir, name)
		if name == LedgerDir {
			path = filepath.Join(dir, Checkpoint, LedgerDir)
		}
		t, err := oracle.Replay(path)
		if errors.Is(err, oracle.ErrNoTable) {
			continue
		}
		if err != nil {
			return fmt.Errorf("noting the stop: %w", err)
		}
		stop.Versions[name] = t.Version
	}
	encoded, err := json.Marshal(stop)
	if err != nil {
		return err
	}
	return writeDurably(filepath.Join(dir, stopFile), append(encoded, '\n'))
}

// ForgetStop removes the note of a clean stop. It is called before anything is written.
func ForgetStop(dir string) error {
	if err := os.Remove(filepath.Join(dir, stopFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forgetting the last stop: %w", err)
	}
	return nil
}

// loadStop returns the note, nil if the demo runs or was killed.
func loadStop(dir string) (*Stop, error) {
	path := filepath.Join(dir, stopFile)
	encoded, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	stop := new(Stop)
	if err := json.Unmarshal(encoded, stop); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if stop.Format != 1 {
		return nil, fmt.Errorf("%s: format is %d, this version knows 1", path, stop.Format)
	}
	return stop, nil
}

// checkStopped compares a log's end with where it was at the clean stop.
func (v *verification) checkStopped(name, path string) {
	if v.stop == nil {
		return
	}
	want, noted := v.stop.Versions[name]
	t, err := oracle.Replay(path)
	if err != nil || !noted {
		if noted {
			v.fail("%s stood at version %d when the demo stopped: %v", name, want, err)
		}
		return
	}
	switch {
	case t.Version < want:
		v.fail("%s stands at version %d, when the demo stopped it was %d: its last commit is gone", name, t.Version, want)
	case t.Version > want:
		v.report.Notes = append(v.report.Notes, fmt.Sprintf("%s stands at version %d, when the demo stopped it was %d: somebody else has written since", name, t.Version, want))
	}
}
