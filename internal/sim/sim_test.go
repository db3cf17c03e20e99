package sim

import "testing"

func TestReference(t *testing.T) {
	for _, s := range Shapes {
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
	for _, shape := range Shapes {
		var s Sweep
		Points(1, shape, 1, &s)
		t.Logf("%s: %d runs, lost=%d doubled=%d", shape, s.Runs, s.Lost, s.Doubled)
		for _, f := range s.Failures {
			t.Errorf("%s\n  %s", f.Replay, f.Problem)
		}
	}
}
