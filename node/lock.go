package node

import (
	"os"
	"path/filepath"

	"github.com/deltaic/deltaic/objstore/location"
)

// runningFile, in a checkpoint location on this machine, is locked by every process that runs the flow. A second run may take a flow over, which
// the ledger decides, so they share the lock; who needs the flow stopped asks whether anybody has it. It is gone with the process, however that ends.
const runningFile = "running"

// hold notes that this process runs the flow, until release is called.
func hold(u *unit) (release func(), err error) {
	if u.location == "" || location.Remote(u.location) {
		return func() {}, nil
	}
	folder := location.Here(u.location)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(folder, runningFile), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	_ = lock(f, false) // who asks at this moment lets go at once: then the run is not noted, and fences as ever
	return func() { f.Close() }, nil
}

// held reports whether a process of this machine runs the flow.
func held(u *unit) bool {
	if u.location == "" || location.Remote(u.location) {
		return false
	}
	f, err := os.OpenFile(filepath.Join(location.Here(u.location), runningFile), os.O_RDWR, 0o644)
	if err != nil {
		return false // it never ran here
	}
	defer f.Close()
	return lock(f, true) != nil
}
