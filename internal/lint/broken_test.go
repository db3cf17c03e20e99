package lint

import (
	"strings"
	"testing"
)

// TestEachRuleFailsWhenBroken breaks every rule on purpose: a rule that finds
// nothing here would find nothing in the house either. The last of each pair is
// the same thing done where it is allowed.
func TestEachRuleFailsWhenBroken(t *testing.T) {
	outside := "/ro" + "ot/x"
	cases := []struct {
		name, path, text string
		rule             func(tree) []finding
		want             string // "": nothing may be found
	}{
		{"a room above", "delta/a.go", `package delta; import _ "github.com/deltaic/deltaic/stream"`, ruleFloors, "delta is usable alone"},
		{"a room on the same floor", "expr/a.go", `package expr; import _ "github.com/deltaic/deltaic/connectors"`, ruleFloors, "imports go down"},
		{"the front door from a room", "node/a.go", `package node; import _ "github.com/deltaic/deltaic"`, ruleFloors, "imports go down"},
		{"saying meets running", "actors/a.go", `package actors; import _ "github.com/deltaic/deltaic/stream"`, ruleFloors, "front door only"},
		{"running meets saying", "stream/a.go", `package stream; import _ "github.com/deltaic/deltaic/actors"`, ruleFloors, "imports go down"},
		{"a room without a floor", "util/a.go", `package util`, ruleFloors, "not a room"},
		{"a kit outside tests", "actors/a.go", `package actors; import _ "github.com/deltaic/deltaic/operators/operatortest"`, ruleFloors, "kits for tests"},
		{"a tool in a room", "delta/a.go", `package delta; import _ "github.com/deltaic/deltaic/internal/oracle"`, ruleFloors, "tools of internal"},
		{"an oracle that knows the engine", "internal/oracle/a.go", `package oracle; import _ "github.com/deltaic/deltaic/batch"`, ruleFloors, "a judge"},
		{"a verifier that knows the engine", "node/demo/a.go", `package demo; import _ "github.com/deltaic/deltaic/delta"`, ruleFloors, "a judge"},
		{"a foundation that imports", "internal/mutant/a.go", `package mutant; import _ "github.com/deltaic/deltaic/batch"`, ruleFloors, "imports none"},
		{"down", "delta/a.go", `package delta; import _ "github.com/deltaic/deltaic/formats/parquet"`, ruleFloors, ""},
		{"up in a test", "delta/a_test.go", `package delta; import _ "github.com/deltaic/deltaic/stream"`, ruleFloors, ""},

		{"actors outside their shells", "actors/task.go", `package actors; import _ "github.com/asynkron/protoactor-go/actor"`, ruleLibraries, "thin shell"},
		{"Kafka in another room", "delta/a.go", `package delta; import _ "github.com/twmb/franz-go/pkg/kgo"`, ruleLibraries, "speaks Kafka"},
		{"the fake broker in the connector", "connectors/kafka/a.go", `package kafka; import _ "github.com/twmb/franz-go/pkg/kfake"`, ruleLibraries, "embedded broker"},
		{"Pebble's file system in delta", "delta/a.go", `package delta; import _ "github.com/cockroachdb/pebble/v2/vfs"`, ruleLibraries, "can fail"},
		{"a logger in a pure room", "operators/a.go", `package operators; import _ "go.uber.org/zap"`, ruleLibraries, "handed"},
		{"a library nobody chose", "delta/a.go", `package delta; import _ "github.com/someone/something"`, ruleLibraries, "on no list"},
		{"a library nobody chose, in a test", "delta/a_test.go", `package delta; import _ "github.com/someone/something"`, ruleLibraries, "on no list"},
		{"a shell", "actors/task_actor.go", `package actors; import _ "github.com/asynkron/protoactor-go/actor"`, ruleLibraries, ""},

		{"a goroutine in a pure room", "epochs/a.go", `package epochs; func f() { go f() }`, rulePure, "no goroutine"},
		{"a clock in a pure room", "stream/a.go", `package stream; import "time"; var now = time.Now`, rulePure, "time.Now"},
		{"a renamed clock in a pure room", "stream/a.go", `package stream; import t "time"; var now = t.Now()`, rulePure, "time.Now"},
		{"files in a pure room", "expr/a.go", `package expr; import _ "os"`, rulePure, "files"},
		{"durations in a pure room", "stream/a.go", `package stream; import "time"; var second = time.Second`, rulePure, ""},

		{"a clock asked in a room on call", "delta/a.go", `package delta; import "time"; var start = time.Now()`, ruleOnCall, "time.Now"},
		{"a goroutine in a room on call", "persistence/a.go", `package persistence; func f() { go f() }`, ruleOnCall, "who joins it"},
		{"chance in a room on call", "delta/a.go", `package delta; import "math/rand/v2"; var n = rand.Int()`, ruleOnCall, "rand.Int"},
		{"a clock as a default", "delta/a.go", `package delta; import "time"; var now = time.Now`, ruleOnCall, ""},

		{"a file beside the stores", "persistence/a.go", `package persistence; import _ "os"`, ruleFiles, "objstore"},
		{"a program", "node/a.go", `package node; import _ "os/exec"`, ruleFiles, "no program"},
		{"a print", "delta/a.go", `package delta; import "fmt"; func f() { fmt.Println() }`, ruleFiles, "standard output"},
		{"a file of the store", "objstore/local/a.go", `package local; import _ "os"`, ruleFiles, ""},

		{"a sleeping test", "delta/a_test.go", `package delta; import "time"; func f() { time.Sleep(1) }`, ruleSleep, "does not sleep"},
		{"a sleep on a virtual clock", "delta/a_test.go", `package delta; import ("time"; _ "testing/synctest"); func f() { time.Sleep(1) }`, ruleSleep, ""},

		{"a failed case", "delta/testdata/rapid/TestX/a.fail", "v1", ruleLeftovers, "not tracked"},
		{"test data", "delta/testdata/a.json", "{}", ruleLeftovers, ""},

		{"a silent package", "delta/a.go", "package delta", rulePackageComment, "has none"},
		{"a package that speaks", "delta/a.go", "// Package delta is.\npackage delta", rulePackageComment, ""},
		{"a silent function", "delta/a.go", "package delta\nfunc Do() {}", ruleDocumented, "Do is exported"},
		{"a silent method", "delta/a.go", "package delta\nfunc (t *Table) Do() {}", ruleDocumented, "Do is exported"},
		{"a silent type", "delta/a.go", "package delta\ntype Table struct{}", ruleDocumented, "Table is exported"},
		{"a silent constant", "delta/a.go", "package delta\nconst Most = 1", ruleDocumented, "Most is exported"},
		{"a silent method of a contract", "delta/a.go", "package delta\n// Store keeps.\ntype Store interface{ Get() }", ruleDocumented, "Store.Get"},
		{"a silent method of a private type", "delta/a.go", "package delta\nfunc (t *table) Do() {}", ruleDocumented, ""},

		{"a verb that nobody shows", "stream/a.go", "package stream\nfunc (d *Frame) Where() {}", ruleShown, "method Where"},
		{"a function that nobody shows", "windows/a.go", "package windows\nfunc Tumbling() {}", ruleShown, "function Tumbling"},
		{"a method that the engine calls", "operators/a.go", "package operators\nfunc (p *Pass) Flush() {}", ruleShown, ""},
		{"a verb of another room", "delta/a.go", "package delta\nfunc (t *Table) Do() {}", ruleShown, ""},

		{"a long file", "delta/a.go", "package delta\n" + strings.Repeat("\n", linesOfFile), ruleSize, "501 lines"},
		{"a long function", "delta/a.go", "package delta\nfunc f() {" + strings.Repeat("\n", linesOfFunction) + "}", ruleSize, "71 lines"},
		{"a function of one screen", "delta/a.go", "package delta\nfunc f() {" + strings.Repeat("\n", linesOfFunction-1) + "}", ruleSize, ""},

		{"a path of a machine", "docs/a.md", "see " + outside, ruleText, "a path of some machine"},
		{"a path of a machine in code", "delta/a.go", "package delta\nvar p = \"" + outside + "\"", ruleText, "a path of some machine"},
		{"a path that climbs out", "docs/a.md", "see ../" + "../shared", ruleText, "outside the repository"},
		{"a host of a registry", "Makefile", "GOPROXY=https://proxy.go" + "lang.org", ruleText, "package registry"},
		{"a host of a registry in CI", ".ci/run", "pip install -i https://py" + "pi.org/simple", ruleText, "package registry"},
		{"something unfinished", "delta/a.go", "package delta\n// TO" + "DO: more", ruleText, "finish it"},
		{"how it was made", "docs/a.md", "written by a sub" + "agent", ruleText, "says"},
		{"a path within", "docs/a.md", "see ../delta/doc.go and https://example.com" + outside, ruleText, ""},

		{"a replaced module", "go.mod", "module x\nreplace a => b", ruleModule, "go install"},
		{"a replaced module in a block", "tools/go.mod", "module x\nreplace (\n a => b\n)", ruleModule, "go install"},
		{"a plain module", "go.mod", "module x\nrequire a v1.0.0", ruleModule, ""},
	}
	for _, c := range cases {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			s, err := newSource(c.path, c.text)
			if err != nil {
				t.Fatal(err)
			}
			found := c.rule(tree{s})
			switch {
			case c.want == "" && len(found) > 0:
				t.Errorf("found %v", found)
			case c.want != "" && len(found) == 0:
				t.Error("found nothing")
			case c.want != "" && !strings.Contains(found[0].text, c.want):
				t.Errorf("found %v, want one with %q", found, c.want)
			}
		})
	}
}

// TestAnExcuseHasBounds: it is for one rule, file and text, and a size may only shrink.
func TestAnExcuseHasBounds(t *testing.T) {
	kept := excuses
	defer func() { excuses = kept }()
	excuses = []excuse{{rule: "size", path: "a.go", text: "the file", most: 600, reason: "a test"}}
	f := finding{rule: "size", path: "a.go", text: "the file has 600 lines", size: 600}
	for i, c := range []struct {
		change func(*finding)
		want   bool
	}{
		{func(*finding) {}, true},
		{func(f *finding) { f.size = 601 }, false},
		{func(f *finding) { f.path = "b.go" }, false},
		{func(f *finding) { f.rule = "text" }, false},
		{func(f *finding) { f.text = "f has 600 lines" }, false},
	} {
		g := f
		c.change(&g)
		if excused(g, make([]bool, 1)) != c.want {
			t.Errorf("case %d: %+v", i, g)
		}
	}
	for _, e := range kept {
		if e.reason == "" {
			t.Errorf("the excuse %+v has no reason", e)
		}
	}
}
