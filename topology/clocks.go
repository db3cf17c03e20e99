package topology

import "github.com/deltaic/deltaic/supervision"

// clocks finds which watermark travels on each edge: that of the nearest step above it that makes one.
// Below a stage in which several meet, the stage itself is the clock.
func (p *planner) clocks() error {
	for i := range p.plan.Stages {
		s := &p.plan.Stages[i]
		c := clock{plan: p.plan, stage: i, above: NoClock}
		for _, e := range s.Inputs {
			c.meet(p.plan.Edges[e].Clock)
		}
		for _, e := range s.HeadEdges {
			p.plan.Edges[e].Clock = c.above
		}
		for _, n := range s.Heads {
			if err := c.walk(n, c.above); err != nil {
				return err
			}
		}
	}
	return nil
}

// clock walks one stage.
type clock struct {
	plan  *Plan
	stage int
	above int // what enters the stage
}

func (c *clock) meet(input int) {
	switch {
	case input == NoClock:
	case c.above == NoClock:
		c.above = input
	case c.above != input:
		c.above = len(c.plan.Graph.Steps) + c.stage // no step has this number
	}
}

func (c *clock) walk(n, above int) error {
	s := &c.plan.Stages[c.stage]
	step := c.plan.Graph.Steps[s.Nodes[n].Step]
	if step.Watermark != nil {
		if s.Role != RoleSource {
			return &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_FLOW", Flow: c.plan.Graph.Flow, Step: step.Name,
				Message: "a watermark is made behind a step that exchanges rows by key, where splits can no longer be told apart",
				Hint:    "put the watermark before the first aggregate, dropDuplicates or other step with keys"}
		}
		above = s.Nodes[n].Step
		s.Makers = append(s.Makers, n)
	}
	for _, out := range s.Nodes[n].Out {
		for _, e := range out.Edges {
			c.plan.Edges[e].Clock = above
		}
		for _, to := range out.Nodes {
			if err := c.walk(to, above); err != nil {
				return err
			}
		}
	}
	return nil
}
