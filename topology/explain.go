package topology

import (
	"fmt"
	"strings"
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/operators"
)

// Explanation describes a plan: what runs together, what is exchanged, what bounds each state, and what
// an author should know. Its JSON is what `deltaic plan --json` prints.
type Explanation struct {
	Flow      string           `json:"flow"`
	KeyGroups int              `json:"key_groups"`
	Policy    string           `json:"multiple_watermark_policy,omitempty"` // if several inputs have a watermark and it is not min
	Stages    []ExplainedStage `json:"stages"`
	Advice    []string         `json:"advice"`
}

// ExplainedStage is a fused chain.
type ExplainedStage struct {
	Name        string          `json:"name"`
	Tasks       string          `json:"tasks"` // how many there are, in words
	ColumnsRead []string        `json:"columns_read,omitempty"`
	Steps       []ExplainedStep `json:"steps"`
	Exchanges   []Exchanged     `json:"exchanges,omitempty"`
}

// ExplainedStep is one step of a stage.
type ExplainedStep struct {
	Name      string              `json:"name"`
	What      string              `json:"what"`
	Reads     string              `json:"reads,omitempty"` // "changes" or "complete result"; final rows if left out
	Watermark *ExplainedWatermark `json:"watermark,omitempty"`
	Tables    []ExplainedTable    `json:"state,omitempty"`
	Mode      string              `json:"output_mode,omitempty"` // of a sink
}

// ExplainedWatermark is a watermark that a step makes.
type ExplainedWatermark struct {
	Column    string `json:"column"`
	Delay     string `json:"delay"`
	Splits    string `json:"splits"`
	IdleAfter string `json:"idle_after"`
	Lead      string `json:"max_lead"`
}

// ExplainedTable is a state table and what bounds it.
type ExplainedTable struct {
	Table  string `json:"table"`
	Bound  string `json:"bound"`
	Advice string `json:"advice,omitempty"`
}

// Exchanged is rows that leave a stage.
type Exchanged struct {
	To   string   `json:"to"`
	How  string   `json:"how"` // "hash", "rebalance", "rejected" or "late"
	Keys []string `json:"keys,omitempty"`
}

var readWords = [operators.Ports]string{operators.PortChanges: "changes", operators.PortComplete: "complete result"}

// Explain describes the plan.
func (p *Plan) Explain() Explanation {
	e := Explanation{Flow: p.Graph.Flow, KeyGroups: p.keyGroups(), Advice: p.advice()}
	if p.Graph.WatermarkPolicy != "min" {
		e.Policy = p.Graph.WatermarkPolicy
	}
	for i := range p.Stages {
		e.Stages = append(e.Stages, p.explainStage(i))
	}
	return e
}

func (p *Plan) keyGroups() int {
	if p.Graph.KeyGroups > 0 {
		return p.Graph.KeyGroups
	}
	return DefaultKeyGroups
}

func (p *Plan) explainStage(i int) ExplainedStage {
	stage := &p.Stages[i]
	e := ExplainedStage{Name: stage.Name, Tasks: map[Role]string{RoleSource: "a task per split", RoleKeyed: "a task per range of key groups", RoleSink: "a task per share"}[stage.Role]}
	if stage.Role == RoleKeyed && p.Graph.ActorPerKeyGroup {
		e.Tasks = "a task per key group"
	}
	if stage.Role == RoleKeyed && len(p.Graph.Steps[stage.Nodes[0].Step].Keys) == 0 {
		e.Tasks = "one task has all rows"
	}
	if stage.Step >= 0 {
		step := p.Graph.Steps[stage.Step]
		e.Steps = append(e.Steps, explainStep(step))
		for c, want := range stage.Columns {
			if want {
				e.ColumnsRead = append(e.ColumnsRead, step.Schema.Fields[c].Name)
			}
		}
	}
	for _, n := range stage.Nodes {
		e.Steps = append(e.Steps, explainStep(p.Graph.Steps[n.Step]))
	}
	for x := range p.Edges {
		if p.Edges[x].From == i {
			e.Exchanges = append(e.Exchanges, p.explainEdge(&p.Edges[x]))
		}
	}
	return e
}

func (p *Plan) explainEdge(edge *Edge) Exchanged {
	x := Exchanged{To: p.Stages[edge.To].Name, How: "rebalance"}
	switch {
	case edge.Side && p.Graph.Quarantine >= 0 && p.Stages[edge.To].Step == p.Graph.Quarantine:
		x.How = "rejected"
	case edge.Side:
		x.How = "late"
	case edge.Kind == Hash:
		x.How = "hash"
		for _, k := range edge.Keys {
			x.Keys = append(x.Keys, edge.Schema.Fields[k].Name)
		}
	}
	return x
}

func explainStep(s *Step) ExplainedStep {
	e := ExplainedStep{Name: s.Name, What: s.What}
	for i := range s.Inputs {
		if word := readWords[s.port(i)]; word != "" {
			e.Reads = word
		}
	}
	if s.Verb == VerbSink {
		e.Mode = string(s.Mode)
	}
	for _, t := range s.Tables {
		e.Tables = append(e.Tables, ExplainedTable(ExplainedTable{t.Table, t.Bound, t.Advice}))
	}
	if s.Stateful && len(s.Tables) == 0 {
		e.Tables = []ExplainedTable{{Table: s.Name, Bound: s.StateBound}}
	}
	if w := s.Watermark; w != nil {
		e.Watermark = &ExplainedWatermark{Column: s.Schema.Fields[w.Column].Name, Delay: length(w.Delay, 0), Splits: "min",
			IdleAfter: length(w.IdleAfter, DefaultIdleAfter), Lead: length(w.Lead, DefaultLead)}
		if w.Splits == "max" {
			e.Watermark.Splits, e.Watermark.IdleAfter, e.Watermark.Lead = "max", "", ""
		}
	}
	return e
}

// length writes microseconds; 0 is the default, and what is negative is never.
func length(micros, otherwise int64) string {
	if micros < 0 {
		return "never"
	}
	if micros == 0 {
		micros = otherwise
	}
	return (time.Duration(micros) * time.Microsecond).String()
}

// advice collects what the steps and sinks of a flow should be told.
func (p *Plan) advice() []string {
	all := []string{}
	for _, s := range p.Graph.Steps {
		all = append(all, s.Advice...)
		for _, t := range s.Tables {
			if t.Advice != "" {
				all = append(all, t.Advice)
			}
		}
		if s.Verb == VerbSink && s.Mode == connectors.Complete {
			all = append(all, fmt.Sprintf("the sink %s is written as a whole in every epoch, whose cost grows with the result: output mode update writes what changed, append what is final", s.Name))
		}
	}
	return all
}

// String describes the plan for people.
func (p *Plan) String() string { return p.Explain().String() }

// String describes the plan for people.
func (e Explanation) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "flow %s, %d key groups\n", e.Flow, e.KeyGroups)
	if e.Policy != "" {
		fmt.Fprintf(&s, "watermarks of several inputs: %s\n", e.Policy)
	}
	for _, stage := range e.Stages {
		stage.write(&s)
	}
	for _, a := range e.Advice {
		fmt.Fprintf(&s, "advice: %s\n", a)
	}
	return s.String()
}

func (e *ExplainedStage) write(s *strings.Builder) {
	fmt.Fprintf(s, "stage %s (%s)\n", e.Name, e.Tasks)
	for i := range e.Steps {
		e.Steps[i].write(s)
		if i == 0 && e.ColumnsRead != nil {
			fmt.Fprintf(s, "    columns read: %s\n", strings.Join(e.ColumnsRead, ", "))
		}
	}
	for _, x := range e.Exchanges {
		how := map[string]string{"hash": "by hash of " + strings.Join(x.Keys, ", "), "rebalance": "rebalanced", "rejected": "rejected rows", "late": "late rows"}[x.How]
		if x.How == "hash" && len(x.Keys) == 0 {
			how = "all to one task"
		}
		fmt.Fprintf(s, "  -> %s, %s\n", x.To, how)
	}
}

func (e *ExplainedStep) write(s *strings.Builder) {
	fmt.Fprintf(s, "  %s: %s", e.Name, e.What)
	if e.Reads != "" {
		fmt.Fprintf(s, ", reads the %s", e.Reads)
	}
	if e.Mode != "" && e.Mode != string(connectors.Append) {
		fmt.Fprintf(s, ", output mode %s", e.Mode)
	}
	s.WriteByte('\n')
	if w := e.Watermark; w != nil && w.Splits == "max" {
		fmt.Fprintf(s, "    watermark: greatest %s of all splits less %s\n", w.Column, w.Delay)
	} else if w != nil {
		fmt.Fprintf(s, "    watermark: %s of the slowest split less %s; a split is idle after %s, and held when %s ahead\n", w.Column, w.Delay, w.IdleAfter, w.Lead)
	}
	for _, t := range e.Tables {
		fmt.Fprintf(s, "    state: %s\n", t.Bound)
	}
}
