package demo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// FlowFile is the demo's project file under its directory.
const FlowFile = "flow.yaml"

// Reset removes what a demo made in dir, and nothing else. It refuses a
// directory without a plan, and one whose demo runs. A directory that is not there, or is
// empty, is fine.
func Reset(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("resetting the demo: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, planFile)); err != nil {
		return fmt.Errorf("resetting the demo: %s holds no demo (%s is missing); nothing was deleted", dir, planFile)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "kafka.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("resetting the demo: %w", err)
	}
	defer lock.Close()
	if err := lockFile(lock); err != nil {
		return fmt.Errorf("resetting the demo: another process runs the demo in %s; stop it first: %w", dir, err)
	}
	// The plan goes last: a reset that was cut short can be repeated.
	for _, name := range []string{stopFile, TablesDir, Checkpoint, "kafka", "kafka.port", FlowFile, planFile, "kafka.lock"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("resetting the demo: %w", err)
		}
	}
	_ = os.Remove(dir) // only if nothing else lies there
	return nil
}
