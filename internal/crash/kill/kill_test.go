package kill

import (
	"os"
	"strconv"
	"testing"
)

// A few kills of the real binary; KILLS says how many. make crash has more.
func TestCrashKills(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and runs the binary")
	}
	kills := 4
	if n, err := strconv.Atoi(os.Getenv("KILLS")); err == nil {
		kills = n
	}
	r := Run(kills, 1)
	t.Logf("%d kills, %d between first ack and last roll-forward, %d verified, lost=%d doubled=%d", r.Kills, r.Aimed, r.Verified, r.Lost, r.Doubled)
	for _, f := range r.Failures {
		t.Errorf("%s\n%s", f.Replay, f.Problem)
	}
}
