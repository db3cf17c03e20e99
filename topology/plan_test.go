package topology

import (
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/operators"
	"pgregory.net/rapid"
)

var columns = batch.NewSchema(batch.Field{Name: "a", Type: batch.BigIntType}, batch.Field{Name: "b", Type: batch.StringType}, batch.Field{Name: "c", Type: batch.StringType})

func source(name string) *Step {
	return &Step{Name: name, Verb: VerbSource, What: "memory", Schema: columns, Source: memory.NewSource(columns, 1)}
}

func operate(name string, input int, reads ...int) *Step {
	want := make([]bool, len(columns.Fields))
	for _, r := range reads {
		want[r] = true
	}
	return &Step{Name: name, Verb: VerbOperate, What: name, Inputs: []int{input}, Schema: columns,
		Operator: func() operators.Operator { return nil }, Needs: func([]bool) []bool { return want }}
}

func keyed(name string, input int, keys ...int) *Step {
	s := operate(name, input)
	s.Keys, s.Stateful, s.StateBound, s.Needs = keys, true, "every key", nil
	return s
}

func sinkOf(name string, inputs ...int) *Step {
	return &Step{Name: name, Verb: VerbSink, What: "memory", Inputs: inputs, Schema: columns, Sink: memory.NewSink(name), Mode: "append"}
}

func plan(t *testing.T, g *Graph) *Plan {
	t.Helper()
	p, err := MakePlan(g)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What is fused, what is exchanged and which columns are read, for a flow with
// a fan-out, a union, keyed state and a quarantine.
func TestAPlanFusesPrunesAndConnects(t *testing.T) {
	parsed := operate("parsed", 2, 1)
	parsed.Fallible = true
	g := &Graph{Flow: "shop", Quarantine: 8, Steps: []*Step{
		source("web"), source("app"),
		{Name: "both", Verb: VerbUnion, What: "union", Inputs: []int{0, 1}, Schema: columns},
		parsed, operate("renamed", 3, 0), keyed("once", 4, 0), sinkOf("bronze", 2), sinkOf("silver", 5), sinkOf("quarantine")}}
	got := plan(t, g).String()
	want := `flow shop, 256 key groups
stage web (a task per split)
  web: memory
    columns read: a, b, c
  parsed: parsed
  renamed: renamed
  -> quarantine, rejected rows
  -> once, by hash of a
  -> bronze, rebalanced
stage app (a task per split)
  app: memory
    columns read: a, b, c
  parsed: parsed
  renamed: renamed
  -> quarantine, rejected rows
  -> once, by hash of a
  -> bronze, rebalanced
stage once (a task per range of key groups)
  once: once
    state: every key
  -> silver, rebalanced
stage bronze (a task per share)
  bronze: memory
stage silver (a task per share)
  silver: memory
stage quarantine (a task per share)
  quarantine: memory
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestColumnsThatNothingReadsAreNotAskedFor(t *testing.T) {
	g := &Graph{Flow: "f", Quarantine: -1, Steps: []*Step{source("in"), operate("first", 0, 2), operate("second", 0, 1), sinkOf("x", 1), sinkOf("y", 2)}}
	read := plan(t, g).Stages[0].Columns
	if read[0] || !read[1] || !read[2] {
		t.Fatalf("columns read: %v, want the second and the third", read)
	}
}

func TestGraphsThatMakeNoSenseAreRefused(t *testing.T) {
	for name, g := range map[string]*Graph{
		"no source":      {Quarantine: -1, Steps: []*Step{}},
		"no sink":        {Quarantine: -1, Steps: []*Step{source("a")}},
		"same name":      {Quarantine: -1, Steps: []*Step{source("a"), sinkOf("a", 0)}},
		"no name":        {Quarantine: -1, Steps: []*Step{source(""), sinkOf("b", 0)}},
		"later input":    {Quarantine: -1, Steps: []*Step{source("a"), operate("b", 2), sinkOf("c", 1)}},
		"sink of two":    {Quarantine: -1, Steps: []*Step{source("a"), sinkOf("b", 0, 0)}},
		"union of none":  {Quarantine: -1, Steps: []*Step{source("a"), {Name: "u", Verb: VerbUnion, Schema: columns}, sinkOf("b", 0)}},
		"sink of nobody": {Quarantine: -1, Steps: []*Step{source("a"), sinkOf("b")}},
	} {
		if _, err := MakePlan(g); err == nil {
			t.Errorf("%s: planned", name)
		}
	}
}

// Ranges tile the key groups whatever their number, and TaskOf agrees with them.
func TestRangesTileTheKeyGroups(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		groups := rapid.IntRange(1, 1024).Draw(r, "groups")
		n := rapid.IntRange(1, groups).Draw(r, "tasks")
		of := TaskOf(groups, n)
		next := 0
		for i := range n {
			lo, hi := Range(groups, n, i)
			if lo != next || hi <= lo {
				r.Fatalf("task %d of %d has [%d,%d), the one before ended at %d", i, n, lo, hi, next)
			}
			for g := lo; g < hi; g++ {
				if of[g] != int32(i) {
					r.Fatalf("group %d is in [%d,%d) of task %d, TaskOf says %d", g, lo, hi, i, of[g])
				}
			}
			next = hi
		}
		if next != groups {
			r.Fatalf("the ranges end at %d of %d", next, groups)
		}
	})
}

func TestRatesAreWrittenAsSparkDoes(t *testing.T) {
	for r, want := range map[Rate]string{12.345: "12.3", 7: "7.0", 0.04: "0.0", 1234567.89: "1234567.9"} {
		if text, err := r.MarshalJSON(); err != nil || string(text) != want {
			t.Errorf("%v is written %s, want %s", float64(r), text, want)
		}
	}
}
