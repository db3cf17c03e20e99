package topology

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/noop"
	"github.com/deltaic/deltaic/supervision"
	"pgregory.net/rapid"
)

// anyMode is a sink that takes every output mode.
type anyMode struct{ noop.Sink }

func (*anyMode) Modes() []connectors.OutputMode {
	return []connectors.OutputMode{connectors.Append, connectors.Update, connectors.Complete}
}

// appendOnly is a sink that does not say which modes it takes.
type appendOnly struct{ connectors.Sink }

func ruled(name string, ruling Ruling, inputs ...int) *Step {
	s := operate(name, 0)
	s.Inputs, s.Ruling, s.Stateful = inputs, ruling, ruling.Reading != ReadAlike
	if len(inputs) > 1 {
		s.Verb = VerbUnion
	}
	return s
}

func to(name string, input int, m connectors.OutputMode) *Step {
	s := sinkOf(name, input)
	s.Sink, s.Mode = &anyMode{}, m
	return s
}

// verbs are the rows of the matrix: a flow "in -> verbs -> sink" for each.
var verbs = map[string][]Ruling{
	"select":                      {{}},
	"aggregate":                   {AggregateRuling(false)},
	"windowed":                    {AggregateRuling(true)},
	"sessions":                    {SessionRuling(true)},
	"sessions without watermark":  {SessionRuling(false)},
	"dedup":                       {DedupRuling()},
	"top":                         {TopRuling(false, false)},
	"top of a window":             {TopRuling(true, false)},
	"sort":                        {SortRuling()},
	"limit":                       {LimitRuling()},
	"static join":                 {StaticJoinRuling()},
	"process":                     {ProcessRuling(false)},
	"process with updates":        {ProcessRuling(true)},
	"aggregate, select":           {AggregateRuling(false), {}},
	"windowed, select":            {AggregateRuling(true), {}},
	"aggregate, sort":             {AggregateRuling(false), SortRuling()},
	"aggregate, sort, limit":      {AggregateRuling(false), SortRuling(), LimitRuling()},
	"aggregate, dedup":            {AggregateRuling(false), DedupRuling()},
	"windowed, dedup":             {AggregateRuling(true), DedupRuling()},
	"aggregate, aggregate":        {AggregateRuling(false), AggregateRuling(false)},
	"windowed, aggregate":         {AggregateRuling(true), AggregateRuling(false)},
	"windowed, windowed":          {AggregateRuling(true), AggregateRuling(true)},
	"aggregate, windowed":         {AggregateRuling(false), AggregateRuling(true)},
	"sessions, aggregate":         {SessionRuling(true), AggregateRuling(false)},
	"sessions, windowed":          {SessionRuling(true), AggregateRuling(true)},
	"aggregate, sessions":         {AggregateRuling(false), SessionRuling(true)},
	"dedup, aggregate":            {DedupRuling(), AggregateRuling(false)},
	"dedup, windowed":             {DedupRuling(), AggregateRuling(true)},
	"windowed, top of the window": {AggregateRuling(true), TopRuling(true, false)},
	"aggregate, top":              {AggregateRuling(false), TopRuling(false, false)},
	"aggregate, static join":      {AggregateRuling(false), StaticJoinRuling()},
	"windowed, static join":       {AggregateRuling(true), StaticJoinRuling()},
	"aggregate, process":          {AggregateRuling(false), ProcessRuling(false)},
	"windowed, process":           {AggregateRuling(true), ProcessRuling(true)},
}

// TestTheMatrixOfModes: which verbs can be written in which mode (append, update, complete), as
// Spark has it; cells that Spark refuses and that work here are marked with +.
func TestTheMatrixOfModes(t *testing.T) {
	want := map[string]string{
		"select":                      "A U .",
		"aggregate":                   ". U C",
		"windowed":                    "A U C",
		"sessions":                    "A . C",
		"sessions without watermark":  ". . C",
		"dedup":                       "A U .",
		"top":                         ". +U .",
		"top of a window":             "+A +U .",
		"sort":                        ". . .",
		"limit":                       "A +U .",
		"static join":                 "A U .",
		"process":                     "A U .", // an append processor's rows never change
		"process with updates":        ". U .",
		"aggregate, select":           ". U C",
		"windowed, select":            "A U C",
		"aggregate, sort":             ". . C",
		"aggregate, sort, limit":      ". . C",
		"aggregate, dedup":            ". . .",
		"windowed, dedup":             "A +U .", // the dedup reads final rows
		"aggregate, aggregate":        ". +U +C",
		"windowed, aggregate":         ". +U +C",
		"windowed, windowed":          "A +U +C",
		"aggregate, windowed":         ". +U +C",
		"sessions, aggregate":         ". +U +C",
		"sessions, windowed":          "A +U +C",
		"aggregate, sessions":         ". . .",
		"dedup, aggregate":            ". U C",
		"dedup, windowed":             "A U C",
		"windowed, top of the window": "+A +U .",
		"aggregate, top":              ". +U .",
		"aggregate, static join":      ". . C",
		"windowed, static join":       "A . C",
		"aggregate, process":          ". . .",
		"windowed, process":           ". +U .",
	}
	for name, rulings := range verbs {
		got := make([]string, 3)
		for i, m := range []connectors.OutputMode{connectors.Append, connectors.Update, connectors.Complete} {
			g := &Graph{Flow: "f", Quarantine: -1, Steps: []*Step{source("in")}}
			for j, r := range rulings {
				g.Steps = append(g.Steps, ruled(fmt.Sprintf("step%d", j), r, j))
			}
			g.Steps = append(g.Steps, to("out", len(rulings), m))
			_, err := Resolve(g)
			got[i] = "."
			if err == nil {
				got[i] = strings.ToUpper(string(m[:1]))
				continue
			}
			var f *supervision.Failure
			if !errors.As(err, &f) || !strings.HasPrefix(f.Class, "STREAMING_OUTPUT_MODE.") || f.Step != "out" || f.Hint == "" || !strings.Contains(f.Message, string(m)) {
				t.Errorf("%s in mode %s is refused with %v", name, m, err)
			}
		}
		if g := strings.Join(got, " "); g != strings.ReplaceAll(want[name], "+", "") {
			t.Errorf("%s: %s, want %s", name, g, want[name])
		}
	}
	if len(want) != len(verbs) {
		t.Errorf("%d rows are wanted, %d are drawn", len(want), len(verbs))
	}
}

func TestASinkThatTakesAppendOnlyIsRefusedAnythingElse(t *testing.T) {
	for _, m := range []connectors.OutputMode{connectors.Update, connectors.Complete} {
		g := &Graph{Flow: "f", Quarantine: -1, Steps: []*Step{source("in"), ruled("sum", AggregateRuling(true), 0), to("out", 1, m)}}
		g.Steps[2].Sink = appendOnly{&noop.Sink{}}
		_, err := Resolve(g)
		var f *supervision.Failure
		if !errors.As(err, &f) || f.Class != "STREAMING_OUTPUT_MODE.UNSUPPORTED_DATASOURCE" {
			t.Errorf("mode %s: %v", m, err)
		}
	}
}

// A flow that is read in three modes at once: the aggregate runs once, what passes rows on runs once a
// mode, and a second aggregate runs over final rows for the one and over changes for the others.
func TestStepsAreRunOnceForEachWayOfReading(t *testing.T) {
	g := &Graph{Flow: "f", Quarantine: 9, LateSink: 11, Steps: []*Step{source("in"), ruled("windowed", AggregateRuling(true), 0), ruled("named", Ruling{}, 1),
		ruled("totals", AggregateRuling(true), 2),
		to("a", 2, connectors.Append), to("u", 2, connectors.Update), to("c", 2, connectors.Complete), to("final", 3, connectors.Append), to("newest", 3, connectors.Update),
		sinkOf("quarantine"), sinkOf("late"), ruled("unread", Ruling{}, 1)}}
	got, err := Resolve(g)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, s := range got.Steps {
		line := s.Name
		for i, in := range s.Inputs {
			line += fmt.Sprintf(" <- %s:%d", got.Steps[in].Name, s.Ports[i])
		}
		if s.Updating {
			line += " updating"
		}
		lines = append(lines, line)
	}
	want := []string{"in", "windowed <- in:0", "named <- windowed:0", "named-changes <- windowed:1 updating", "named-complete <- windowed:2",
		"totals <- named:0", "totals-changes <- named-changes:0 updating", "a <- named:0", "u <- named-changes:0 updating", "c <- named-complete:0",
		"final <- totals:0", "newest <- totals-changes:1 updating", "quarantine", "late"}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if got.Steps[got.Quarantine].Name != "quarantine" || got.Steps[got.LateSink-1].Name != "late" {
		t.Errorf("quarantine is step %d, late is step %d", got.Quarantine, got.LateSink-1)
	}
}

// Whatever is drawn: inputs come first, names are unique, a step without a changing input is
// read by PortFinal alone, and state's names do not depend on which other sinks there are.
func TestResolvedGraphsHoldTogether(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		rulings := []Ruling{{}, AggregateRuling(true), AggregateRuling(false), SessionRuling(true), DedupRuling(), TopRuling(false, false), LimitRuling(), SortRuling()}
		g := &Graph{Flow: "f", Quarantine: -1, Steps: []*Step{source("in")}}
		for i := range rapid.IntRange(1, 6).Draw(r, "verbs") {
			inputs := []int{rapid.IntRange(0, i).Draw(r, "input")}
			ruling := rapid.SampledFrom(rulings).Draw(r, "ruling")
			if ruling.Reading == ReadAlike && rapid.Bool().Draw(r, "union") {
				inputs = append(inputs, rapid.IntRange(0, i).Draw(r, "other"))
			}
			g.Steps = append(g.Steps, ruled(fmt.Sprintf("step%d", i), ruling, inputs...))
		}
		verbs := len(g.Steps)
		for i := range rapid.IntRange(1, 3).Draw(r, "sinks") {
			m := rapid.SampledFrom([]connectors.OutputMode{connectors.Append, connectors.Update, connectors.Complete}).Draw(r, "mode")
			g.Steps = append(g.Steps, to(fmt.Sprintf("sink%d", i), rapid.IntRange(0, verbs-1).Draw(r, "reads"), m))
		}
		all, err := Resolve(g)
		if err != nil {
			r.Skip("refused")
		}
		holdsTogether(r, all)
		one := *g
		one.Steps = slices.Clone(g.Steps[:verbs+1])
		alone, err := Resolve(&one)
		if err != nil {
			r.Fatalf("one sink of several is refused: %v", err)
		}
		for _, s := range alone.Steps {
			if s.Stateful && !slices.ContainsFunc(all.Steps, func(o *Step) bool { return o.Name == s.Name }) {
				r.Fatalf("the state of %s has another name beside other sinks", s.Name)
			}
		}
	})
}

func holdsTogether(r *rapid.T, g *Graph) {
	names := map[string]bool{}
	for i, s := range g.Steps {
		if names[s.Name] {
			r.Fatalf("two steps are called %s", s.Name)
		}
		names[s.Name] = true
		for j, in := range s.Inputs {
			if in >= i {
				r.Fatalf("%s reads %s, which comes behind it", s.Name, g.Steps[in].Name)
			}
			if s.Ports[j] != 0 && g.Steps[in].Ruling.Reading == ReadAlike {
				r.Fatalf("%s reads port %d of %s, which passes rows on", s.Name, s.Ports[j], g.Steps[in].Name)
			}
			if no := g.Steps[in].Ruling.Refuses[s.Ports[j]]; no.Why != "" && g.Steps[in].Ruling.Reading != ReadAlike {
				r.Fatalf("%s reads %s by port %d although it %s", s.Name, g.Steps[in].Name, s.Ports[j], no.Why)
			}
		}
	}
}

// changingSource can give changes.
type changingSource struct{ connectors.Source }

func (changingSource) Changing() bool   { return true }
func (changingSource) TakeChanges(bool) {}

// A source that can give changes gives them where all that read it can take them.
func TestSourcesThatChange(t *testing.T) {
	for _, c := range []struct {
		name   string
		modes  []connectors.OutputMode
		final  bool // a step that decides once a row reads it too
		change bool
	}{
		{"a sink by key", []connectors.OutputMode{connectors.Update}, false, true},
		{"an append sink", []connectors.OutputMode{connectors.Append}, false, false},
		{"both", []connectors.OutputMode{connectors.Update, connectors.Append}, false, false},
		{"rows that are final above a sink by key", []connectors.OutputMode{connectors.Update}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &Graph{Flow: "f", Quarantine: -1, Steps: []*Step{{Name: "src", Verb: VerbSource, Source: changingSource{}}, {Name: "pass", Verb: VerbOperate, Inputs: []int{0}}}}
			if c.final {
				g.Steps[1].Ruling = Ruling{Reading: ReadFinal}
			}
			for _, m := range c.modes {
				g.Steps = append(g.Steps, &Step{Name: string(m), Verb: VerbSink, Inputs: []int{1}, Mode: m, Sink: &anyMode{}})
			}
			resolved, err := Resolve(g)
			if err != nil {
				t.Fatal(err)
			}
			sources := resolved.Sources()
			if len(sources) != 1 || resolved.Steps[sources[0]].Name != "src" || resolved.Steps[sources[0]].Updating != c.change {
				t.Errorf("the source is read as %+v", resolved.Steps[sources[0]])
			}
		})
	}
	g := &Graph{Flow: "f", Quarantine: -1, Steps: []*Step{{Name: "src", Verb: VerbSource, Source: changingSource{}}, {Name: "out", Verb: VerbSink, Inputs: []int{0}, Mode: connectors.Complete, Sink: &anyMode{}}}}
	if _, err := Resolve(g); err == nil {
		t.Error("the changes of a source are taken for a whole result")
	}
}
