//go:build unix

package node

import (
	"os"
	"syscall"
)

// lock locks a file, shared or alone, or fails at once.
func lock(f *os.File, alone bool) error {
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	return syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
}
