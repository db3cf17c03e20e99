package topology

import (
	"fmt"
	"strings"
)

// String describes the plan for people: stages with the steps fused into
// them, the edges between, what bounds each state.
func (p *Plan) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "flow %s, %d key groups\n", p.Graph.Flow, p.keyGroups())
	for i := range p.Stages {
		p.explainStage(&s, i)
	}
	return s.String()
}

func (p *Plan) keyGroups() int {
	if p.Graph.KeyGroups > 0 {
		return p.Graph.KeyGroups
	}
	return DefaultKeyGroups
}

func (p *Plan) explainStage(s *strings.Builder, i int) {
	stage := &p.Stages[i]
	tasks := map[Role]string{RoleSource: "a task per split", RoleKeyed: "a task per range of key groups", RoleSink: "a task per share"}[stage.Role]
	if stage.Role == RoleKeyed && p.Graph.ActorPerKeyGroup {
		tasks = "a task per key group"
	}
	fmt.Fprintf(s, "stage %s (%s)\n", stage.Name, tasks)
	if stage.Step >= 0 {
		step := p.Graph.Steps[stage.Step]
		fmt.Fprintf(s, "  %s: %s\n", step.Name, step.What)
		if stage.Role == RoleSource {
			var read []string
			for c, want := range stage.Columns {
				if want {
					read = append(read, step.Schema.Fields[c].Name)
				}
			}
			fmt.Fprintf(s, "    columns read: %s\n", strings.Join(read, ", "))
		}
	}
	for _, n := range stage.Nodes {
		step := p.Graph.Steps[n.Step]
		fmt.Fprintf(s, "  %s: %s\n", step.Name, step.What)
		if step.Stateful {
			fmt.Fprintf(s, "    state: %s\n", step.StateBound)
		}
	}
	for e := range p.Edges {
		edge := &p.Edges[e]
		if edge.From != i {
			continue
		}
		how := "rebalanced"
		if edge.Kind == Hash {
			var keys []string
			for _, k := range edge.Keys {
				keys = append(keys, edge.Schema.Fields[k].Name)
			}
			how = "by hash of " + strings.Join(keys, ", ")
		}
		if edge.Side {
			how = "rejected rows"
			if q := p.Graph.Quarantine; q < 0 || p.Stages[edge.To].Step != q {
				how = "late rows"
			}
		}
		fmt.Fprintf(s, "  -> %s, %s\n", p.Stages[edge.To].Name, how)
	}
}
