package node

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/topology"
	"github.com/spf13/cobra"
)

// checked is what check prints.
type checked struct {
	OK       bool          `json:"ok"`
	Steps    []checkedStep `json:"steps"`
	Warnings []string      `json:"warnings"`
	Errors   []reported    `json:"errors"`
}

// checkedStep is a step with the verbs that it is made of.
type checkedStep struct {
	Flow       string   `json:"flow"`
	Name       string   `json:"name"`
	Verbs      []string `json:"verbs"`
	Schema     []column `json:"schema"` // behind the last verb
	Stateful   bool     `json:"stateful"`
	StateBound string   `json:"state_bound,omitempty"`
}

func (p *process) checkCommand() *cobra.Command {
	var o overrides
	var connect bool
	c := &cobra.Command{
		Use: "check FILE", Short: "Parse, analyse and plan flows; write nothing", Args: cobra.MaximumNArgs(1),
		Long: "Says what is wrong with the flows of a file, each mistake with its place, and what they would do. It writes\n" +
			"nothing and opens nothing, unless --connect asks it to try brokers and paths. Exit code 3: not ok.",
		Example: "  deltaic check flow.yaml\n  deltaic check flow.yaml --connect --json",
		RunE: func(c *cobra.Command, args []string) error {
			return p.check(c.Context(), strings.Join(args, ""), o, connect)
		},
	}
	c.Flags().StringArrayVar(&o.set, "set", nil, "override a key of the file: a.b=c (repeatable)")
	c.Flags().StringVar(&o.trigger, "trigger", "", "as of run")
	c.Flags().StringVar(&o.location, "checkpoint-location", "", "as of run")
	c.Flags().BoolVar(&connect, "connect", false, "also ask the brokers for their topics, and try whether paths can be written")
	return c
}

func (p *process) check(ctx context.Context, path string, o overrides, connect bool) error {
	result := checked{Steps: []checkedStep{}, Warnings: []string{}, Errors: []reported{}}
	units, err := p.load(path, o)
	if err == nil {
		err = p.examine(ctx, units, connect, &result)
	}
	if err != nil {
		first := describe(err)
		result.Errors = append([]reported{first}, first.Others...)
		result.Errors[0].Others = nil
	}
	result.OK = err == nil
	if p.asJSON() {
		if printErr := p.print(result); printErr != nil {
			return printErr
		}
	} else {
		p.sayChecked(result)
	}
	return invalid(err)
}

// examine looks at every flow and collects what they do. The error is the first flow's
// that has one.
func (p *process) examine(ctx context.Context, units []*unit, connect bool, result *checked) error {
	var first error
	for _, u := range units {
		result.Warnings = append(result.Warnings, u.warnings...)
		g, err := u.flow.Build()
		if err == nil {
			result.Steps = append(result.Steps, stepsOf(g, u)...)
			result.Warnings = append(result.Warnings, warningsOf(g)...)
			if p.env.Check != nil {
				err = p.env.Check(ctx, Start{Flow: u.flow, Options: u.options})
			}
		}
		if err == nil && connect {
			err = tryOutside(ctx, g, u, func(text string) { result.Warnings = append(result.Warnings, text) })
		}
		if err != nil && first == nil {
			first = u.file.Place(err)
		}
	}
	return first
}

// stepsOf groups the verbs of a graph by the steps of the file that they are of.
func stepsOf(g *topology.Graph, u *unit) []checkedStep {
	var steps []checkedStep
	at := map[string]int{}
	for _, s := range g.Steps {
		name := s.Name
		if u.file != nil && s.Verb != topology.VerbSource && s.Verb != topology.VerbSink {
			name = longestStep(u.file.Steps(), s.Name)
		}
		verb, _, _ := strings.Cut(strings.TrimRight(s.What, ","), " ")
		if s.Verb == topology.VerbSource || s.Verb == topology.VerbSink {
			verb = string(s.Verb)
		}
		i, known := at[string(s.Verb)+name]
		if !known || s.Verb == topology.VerbSource || s.Verb == topology.VerbSink {
			i = len(steps)
			at[string(s.Verb)+name] = i
			steps = append(steps, checkedStep{Flow: g.Flow, Name: name})
		}
		step := &steps[i]
		step.Verbs = append(step.Verbs, verb)
		step.Schema = columnsOf(s.Schema)
		if s.Stateful {
			step.Stateful = true
			if step.StateBound != "" {
				step.StateBound += "; " // several verbs of the step keep state
			}
			step.StateBound += s.StateBound
		}
	}
	return steps
}

// longestStep returns the step of the file that a verb named "<step>-<verb>" is of.
func longestStep(names []string, verb string) string {
	best := ""
	for _, n := range names {
		if strings.HasPrefix(verb, n+"-") && len(n) > len(best) {
			best = n
		}
	}
	if best == "" {
		return verb
	}
	return best
}

// warningsOf says what a flow may do and perhaps should not.
func warningsOf(g *topology.Graph) []string {
	var all []string
	fallible := []string{}
	if p, err := topology.MakePlan(g); err == nil {
		for _, a := range p.Explain().Advice {
			all = append(all, "flow "+g.Flow+": "+a)
		}
	}
	for _, s := range g.Steps {
		if s.Fallible {
			fallible = append(fallible, s.Name)
		}
	}
	if g.Quarantine < 0 && len(fallible) > 0 {
		all = append(all, fmt.Sprintf("flow %s has no quarantine: a row that cannot be computed in %s ends it", g.Flow, strings.Join(slices.Compact(fallible), ", ")))
	}
	return all
}

func (p *process) sayChecked(r checked) {
	for _, s := range r.Steps {
		state := ""
		if s.Stateful {
			state = "  [state: " + s.StateBound + "]"
		}
		p.say("%s: %s%s\n", s.Name, strings.Join(s.Verbs, ", "), state)
		columns := make([]string, len(s.Schema))
		for i, c := range s.Schema {
			columns[i] = c.Name + " " + c.Type
		}
		p.say("    %s\n", strings.Join(columns, ", "))
	}
	for _, w := range r.Warnings {
		p.say("warning: %s\n", w)
	}
	if r.OK {
		p.say("ok\n")
	}
}

func (p *process) planCommand() *cobra.Command {
	var o overrides
	c := &cobra.Command{
		Use: "plan FILE", Short: "Print how flows would run: stages, exchanges, state", Args: cobra.MaximumNArgs(1),
		Example: "  deltaic plan flow.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			units, err := p.load(strings.Join(args, ""), o)
			if err != nil {
				return err
			}
			type planned struct {
				Name string `json:"name"`
				Plan string `json:"plan"`
				topology.Explanation
			}
			var all []planned
			for _, u := range units {
				g, err := u.flow.Build()
				if err != nil {
					return invalid(u.file.Place(err))
				}
				plan, err := topology.MakePlan(g)
				if err != nil {
					return invalid(u.file.Place(err))
				}
				all = append(all, planned{u.name, plan.String(), plan.Explain()})
			}
			if p.asJSON() {
				if len(all) == 1 {
					return p.print(all[0])
				}
				return p.print(all)
			}
			for _, a := range all {
				p.say("%s", a.Plan)
			}
			return nil
		},
	}
	c.Flags().StringArrayVar(&o.set, "set", nil, "override a key of the file: a.b=c (repeatable)")
	return c
}
