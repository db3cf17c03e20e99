package actors

import (
	"errors"
	"testing"
	"time"
)

// TestAJobSaysWhyItBeginsAnew from the failure on until the next attempt is made, and not of one that runs.
func TestAJobSaysWhyItBeginsAnew(t *testing.T) {
	now := time.Unix(100, 0)
	j, _ := timedJob(now)
	if why := j.setback(); why != "" {
		t.Fatalf("an attempt that runs: %q", why)
	}
	j.Failed(Failed{Attempt: 1, Name: "parsed", Err: errors.New("the sky fell")}, now)
	if why := j.setback(); why == "" {
		t.Fatal("nothing while the tasks stop")
	}
	j.TasksStopped(1, now)
	if why := j.setback(); j.state != Waiting || why == "" {
		t.Fatalf("%s: %q", j.state, why)
	}
	j.Tick(now.Add(time.Minute))
	if why := j.setback(); why != "" {
		t.Fatalf("%s: %q", j.state, why)
	}
}
