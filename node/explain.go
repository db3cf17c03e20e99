package node

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/topology"
)

// explain describes a graph: its plan, or what holds its watermark, or its
// keyed state. last may be nil.
func explain(g *topology.Graph, last *stream.Progress, what string) (string, error) {
	switch what {
	case "", "plan":
		return stream.Explain(g), nil
	case "watermark":
		if last != nil && last.EventTime["watermark"] != "" {
			return "the watermark is " + last.EventTime["watermark"] + "\n", nil
		}
		return "no step of this flow has a watermark\n", nil
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
