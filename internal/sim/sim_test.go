package sim

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // as in the crash command
	os.Exit(m.Run())
}

func TestReference(t *testing.T) {
	for _, s := range Explored {
		ops, r := Reference(1, s)
		if r.Problem != "" {
			t.Errorf("%s: %s", s, r.Problem)
		}
		points := map[string]int{}
		for _, o := range ops {
			points[o.Point()]++
		}
		t.Logf("%s: %d ops, %d steps, %d epochs, positions %v rows %d: %v", s, len(ops), r.Steps, r.Epochs, r.Verdict.Positions, r.Verdict.Rows, points)
	}
}

func TestCrashPoints(t *testing.T) {
	for i, shape := range Shapes {
		var s Sweep
		Points(uint64(i+1), shape, 1, 1, &s)
		t.Logf("%s: %d runs, lost=%d doubled=%d", shape, s.Runs, s.Lost, s.Doubled)
		for _, f := range s.Failures {
			t.Errorf("%s\n  %s", f.Replay, f.Problem)
		}
	}
}

// The budget of .ci/run; make crash has the whole.
func TestCrashSeeds(t *testing.T) {
	n := 40
	if s := os.Getenv("SEEDS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	var s Sweep
	fired := map[string]int{}
	Seeds(1, n, &s, fired)
	t.Logf("%d runs, lost=%d doubled=%d, %v", s.Runs, s.Lost, s.Doubled, fired)
	for _, f := range s.Failures {
		t.Errorf("%s\n  %s", f.Replay, f.Problem)
	}
}

// What happens to requests to a bucket loses nothing and doubles nothing, whatever happens to processes beside.
func TestBucketSeeds(t *testing.T) {
	n := 10
	if s := os.Getenv("SEEDS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	var s Sweep
	fired := map[string]int{}
	BucketSeeds(1, n, &s, fired)
	t.Logf("%d runs, lost=%d doubled=%d, %v", s.Runs, s.Lost, s.Doubled, fired)
	for _, f := range s.Failures {
		t.Errorf("%s\n  %s", f.Replay, f.Problem)
	}
	for _, name := range BucketFaults {
		if fired[name] == 0 && n >= LeastSeeds {
			t.Errorf("%s never fired", name)
		}
	}
}

func TestReplay(t *testing.T) {
	seed, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	if err != nil {
		t.Skip("SEED names no seed")
	}
	r := Explore(seed, func(s string) { t.Log(s) })
	t.Log(r.Problem)
}

func TestASeedIsOneRun(t *testing.T) {
	for seed := range uint64(6) {
		var traces [2][]string
		for i := range traces {
			Explore(seed, func(s string) { traces[i] = append(traces[i], s) })
			ExploreBucket(seed, func(s string) { traces[i] = append(traces[i], s) })
		}
		if a, b := strings.Join(traces[0], "\n"), strings.Join(traces[1], "\n"); a != b {
			t.Errorf("seed %d ran in two ways", seed)
		}
	}
}

// TestHunt is how the mutants command looks for a bug: seeds in order, until one finds something.
func TestHunt(t *testing.T) {
	bug, hunting := os.LookupEnv("DELTAIC_MUTANT")
	if !hunting {
		t.Skip("DELTAIC_MUTANT is not set")
	}
	budget := 60
	if s, err := strconv.Atoi(os.Getenv("SEEDS")); err == nil {
		budget = s
	}
	if seed, problem := Hunt(1, budget); seed > 0 {
		first, _, _ := strings.Cut(strings.TrimSpace(problem), "\n")
		t.Logf("%s caught: seed %d %s", bug, seed, first)
	}
}
