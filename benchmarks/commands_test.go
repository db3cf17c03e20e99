package benchmarks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/spf13/cobra"

	"github.com/deltaic/deltaic/benchmarks"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/node"
)

// TestMain is also the program that suites start again.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "bench" {
		if err := root().Execute(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func root() *cobra.Command {
	root := &cobra.Command{Use: "deltaic", SilenceUsage: true, SilenceErrors: true}
	root.PersistentFlags().Bool("json", false, "")
	bench := &cobra.Command{Use: "bench"}
	bench.AddCommand(benchmarks.Commands()...)
	root.AddCommand(bench)
	return root
}

func run(t *testing.T, args ...string) measure.Report {
	t.Helper()
	var out bytes.Buffer
	c := root()
	c.SetOut(&out)
	c.SetArgs(append([]string{"bench"}, args...))
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%v: %v: %s", args, err, out.String())
	}
	var r measure.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v: %v: %s", args, err, out.String())
	}
	if !r.Verified || len(r.Metrics) == 0 || len(r.Anchors) == 0 || len(r.Ratios) == 0 {
		t.Fatalf("%v: %s", args, out.String())
	}
	return r
}

func TestSuites(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	r := run(t, "ingest", "--events", "20000", "--verify-by", "oracle", "--json")
	if r.Metrics["rows"] != 20000.0 || r.Metrics["bids"] != 18400.0 {
		t.Errorf("ingest: %v", r.Metrics)
	}
	run(t, "skew", "--events", "5000", "--case", "q17", "--rounds", "1", "--json")
	run(t, "commit", "--commits", "20", "--rounds", "1", "--json")
	r = run(t, "latency", "--rate", "2000", "--duration", "2s", "--warmup", "1s", "--json")
	if r.Metrics["rows"] != 6000.0 {
		t.Errorf("latency: %v", r.Metrics)
	}
	run(t, "checkpoint", "--keys", "20000", "--small-keys", "5000", "--rate", "20000", "--epoch", "50ms", "--stretch", "200ms", "--rounds", "1", "--json")
	run(t, "state", "--keys", "40000", "--memory-limit", "4MiB", "--anchor-updates", "2000", "--epoch", "20ms", "--json")
	run(t, "recover", "--keys", "20000", "--kills", "3", "--settle", "100ms", "--json")
}

// TestExpressions runs the suite of expressions small; DuckDB takes part where it is installed.
func TestExpressions(t *testing.T) {
	var out bytes.Buffer
	c := root()
	c.SetOut(&out)
	c.SetArgs([]string{"bench", "expressions", "--rows", "5000", "--rounds", "1", "--case", "integer_bucket,regex_extract", "--json"})
	var r measure.Report
	if err := errors.Join(c.ExecuteContext(t.Context()), json.Unmarshal(out.Bytes(), &r)); err != nil || !r.Verified || len(r.Metrics) != 2 || r.Suite != "expressions" {
		t.Fatalf("%v: %s", err, out.String())
	}
}

// TestTables runs each case of the suite of tables small; delta-rs takes part where it is installed.
func TestTables(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	var out bytes.Buffer
	c := root()
	c.SetOut(&out)
	c.SetArgs([]string{"bench", "delta", "--files", "3000", "--commits", "120", "--rows", "20000", "--json"})
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	var r measure.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	installed := os.Getenv("DELTAIC_INTEROP") != ""
	if !r.Verified || len(r.Metrics) != 7 || (len(r.Anchors) == 8) != installed || (len(r.Ratios) > 0) != installed || (r.Settings["anchors"] == nil) != installed {
		t.Fatal(out.String())
	}
}

// TestRelay runs each shape of the case kafka-kafka small, each payload and each guarantee.
func TestRelay(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	small := []string{"latency", "--case", "kafka-kafka", "--rate", "2000", "--duration", "200ms", "--warmup", "100ms", "--rounds", "1", "--json"}
	for _, more := range [][]string{{"--shape", "count"}, {"--shape", "join"}, {"--payload", "lines", "--guarantee", "exactly-once", "--backlog", "2000"}} {
		if r := run(t, append(small, more...)...); r.Suite != "latency" || r.Case != "kafka-kafka" || r.Ratios["p99_to_bare_loop"] <= 0 {
			t.Errorf("%v: %+v", more, r)
		}
	}
	for _, wrong := range [][]string{{"--case", "nowhere"}, {"--shape", "count"}, {"--case", "kafka-kafka", "--payload", "nothing"}} {
		c := root()
		c.SetArgs(append([]string{"bench", "latency"}, wrong...))
		var exit *node.ExitError
		if err := c.Execute(); !errors.As(err, &exit) || exit.Code != node.ExitUsage {
			t.Errorf("%v: %v", wrong, err)
		}
	}
}

func TestUnknownWorker(t *testing.T) {
	c := root()
	c.SetArgs([]string{"bench", "worker", "nonsense"})
	if err := c.Execute(); err == nil {
		t.Error("a worker of no kind was started")
	}
}

// TestSoak has a few faults of each kind, and the flow comes through them.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	var out bytes.Buffer
	c := root()
	c.SetOut(&out)
	c.SetArgs([]string{"bench", "soak", "--duration", "6s", "--fault-every", "1s", "--epoch", "200ms", "--json"})
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	var r measure.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	fired, _ := r.Metrics["faults"].(map[string]any)
	if rows, _ := r.Metrics["rows"].(float64); !r.Verified || rows == 0 || len(fired) < 3 {
		t.Errorf("%s", out.String())
	}
}
