package measure

import "golang.org/x/sys/unix"

// ThreadCPU returns the processor time, user and system, in seconds, that the calling thread has taken. The caller's
// goroutine is locked to it.
func ThreadCPU() (float64, error) {
	var t unix.Timespec // not getrusage: that lags behind by up to a tick of the scheduler
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0, err
	}
	return float64(t.Sec) + float64(t.Nsec)/1e9, nil
}

// ProcessCPU returns the processor time, user and system, in seconds, that this process has taken, to the nanosecond.
func ProcessCPU() float64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t) != nil {
		return Used().CPU
	}
	return float64(t.Sec) + float64(t.Nsec)/1e9
}
