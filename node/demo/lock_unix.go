//go:build unix

package demo

import (
	"os"
	"syscall"
)

// lockFile holds the file until it is closed or the process ends, however it ends.
func lockFile(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
