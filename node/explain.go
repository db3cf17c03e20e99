package node

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/topology"
)

// explain describes a graph: its plan, or its keyed state. last may be nil.
func explain(g *topology.Graph, last *stream.Progress, what string) (string, error) {
	switch what {
	case "", "plan":
		return stream.Explain(g), nil
	case "state":
		return explainState(g, last), nil
	}
	return "", fmt.Errorf("explain %q: want nothing, watermark or state", what)
}

func explainState(g *topology.Graph, last *stream.Progress) string {
	var s strings.Builder
	for _, step := range g.Steps {
		if !step.Stateful {
			continue
		}
		fmt.Fprintf(&s, "%s: %s; %s", step.Name, step.What, step.StateBound)
		if last != nil {
			for _, o := range last.StateOperators {
				if o.OperatorName == step.Name {
					fmt.Fprintf(&s, "; %d rows, %d bytes in %d tables", o.NumRowsTotal, o.MemoryUsedBytes, o.NumStateStoreInstances)
				}
			}
		}
		s.WriteString("\n")
	}
	if s.Len() == 0 {
		return "no step of this flow keeps state\n"
	}
	return s.String()
}
