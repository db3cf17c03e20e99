package actors

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/topology"
)

// The watermark of a task never falls, is never ahead of a live input, and where all are idle
// it does not depend on which fell idle last.
func TestTheWatermarkOfATaskFollowsItsLiveInputs(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		inputs := make([]input, rapid.IntRange(1, 4).Draw(r, "inputs"))
		for i := range inputs {
			inputs[i] = input{watermark: noWatermark, clock: rapid.SampledFrom([]int{topology.NoClock, 3, 3, 4}).Draw(r, "clock")}
		}
		c := taskTime{watermark: noWatermark}
		for range rapid.IntRange(1, 20).Draw(r, "steps") {
			in := &inputs[rapid.IntRange(0, len(inputs)-1).Draw(r, "input")]
			switch {
			case in.clock == topology.NoClock:
			case rapid.Bool().Draw(r, "idle"):
				in.idle = !in.idle
			default:
				in.watermark, in.idle = max(in.watermark, rapid.Int64Range(0, 50).Draw(r, "at")), false
			}
			before := c.watermark
			at, idle := c.meet(inputs)
			if at < before {
				r.Fatalf("it fell from %d to %d", before, at)
			}
			live, clocked := false, false
			for _, in := range inputs {
				clocked = clocked || in.clock != topology.NoClock
				if in.clock != topology.NoClock && !in.idle {
					live = true
					if at > max(before, in.watermark) {
						r.Fatalf("it is %d, an input is at %d", at, in.watermark)
					}
				}
			}
			if idle == live && clocked || idle && !clocked {
				r.Fatalf("idle is %v, with a live input %v", idle, live)
			}
			c.watermark = at
		}
		for i := range inputs {
			inputs[i].watermark = endOfInput
		}
		if at, _ := c.meet(inputs); at != endOfInput {
			r.Fatalf("all inputs are at their end, the task is at %d", at)
		}
	})
}

func TestAllIdleInputsHaveTheirGreatestWatermarkInEveryOrder(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}} {
		inputs := []input{{watermark: 95, clock: 1}, {watermark: 3, clock: 1}, {watermark: noWatermark, clock: 1}}
		c := taskTime{watermark: noWatermark}
		for _, i := range order {
			inputs[i].idle = true
			c.watermark, _ = c.meet(inputs)
		}
		if c.watermark != 95 {
			t.Errorf("idle in the order %v: %d", order, c.watermark)
		}
	}
}

func TestThePolicyJoinsClocks(t *testing.T) {
	inputs := []input{{watermark: 10, clock: 1}, {watermark: 20, clock: 1}, {watermark: 5, clock: 2}, {watermark: noWatermark, clock: topology.NoClock}}
	least, greatest := taskTime{watermark: noWatermark}, taskTime{watermark: noWatermark, greatest: true}
	a, _ := least.meet(inputs)
	b, _ := greatest.meet(inputs)
	if a != 5 || b != 10 {
		t.Fatalf("min %d, max %d, want 5 and 10", a, b)
	}
}
