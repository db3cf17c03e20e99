//go:build !linux

package measure

import "errors"

// ThreadCPU fails: this system does not tell what a thread has taken.
func ThreadCPU() (float64, error) {
	return 0, errors.New("bench: what one thread takes is known on Linux alone; run the suite there")
}

// ProcessCPU returns the processor time, user and system, in seconds, that this process has taken.
func ProcessCPU() float64 { return Used().CPU }
