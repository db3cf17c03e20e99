package deltaic_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/node"
)

// expectedFlow reads orders, holds them against rules and observes what is left.
const expectedFlow = `
name: expected
checkpointLocation: DIR/state
sources:
  orders: {format: kafka, options: {kafka.bootstrap.servers: "BROKERS", subscribe: orders, startingOffsets: earliest}}
steps:
  parsed:
    from: orders
    do:
      - select: ["from_json(CAST(value AS STRING), 'id BIGINT, amount INT, region STRING') AS o"]
      - select: ["o.*"]
      - expect:
          small: {constraint: "amount < 100", onViolation: warn, sample: 2}
          paid: {constraint: "amount > 0", onViolation: drop}
          known: {constraint: "region IS NOT NULL", onViolation: ACTION}
          divides: {constraint: "100 / (amount - 13) > -1000", onViolation: quarantine}
      - observe: {name: intake, agg: ["count(*) AS n", "sum(amount) AS total", "max(region) AS last"]}
sinks:
  silver: {from: parsed, format: delta, path: DIR/silver}
quarantine: {path: DIR/quarantine}
`

func expectedBroker(t *testing.T) (*kafkatest.Broker, func(action string) string) {
	broker, dir := kafkatest.Start(t, 2, []string{"orders"}), t.TempDir()
	broker.Values("orders", 0, `{"id":1,"amount":5,"region":"eu"}`, `{"id":2,"amount":-5,"region":"eu"}`, `{"id":3,"amount":7}`, `{"id":4,"amount":700,"region":"us"}`)
	broker.Values("orders", 1, `{"id":5,"amount":13,"region":"eu"}`, `{"id":6,"amount":null,"region":"eu"}`, `{"id":7,"amount":null}`, `{"id":`)
	return broker, func(action string) string {
		return flowFile(t, dir, strings.NewReplacer("BROKERS", broker.Addresses()[0], "ACTION", action).Replace(expectedFlow))
	}
}

// progressOf adds up what observedMetrics say.
func progressOf(t *testing.T, file string) (rules map[string][2]int64, dropped, quarantined, observed int64, sample []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rules = map[string][2]int64{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		var p struct {
			ObservedMetrics struct {
				Rules struct {
					Dropped      int64 `json:"dropped_records"`
					Quarantined  int64 `json:"quarantined_records"`
					Expectations []struct {
						Name, Dataset string
						Passed        int64 `json:"passed_records"`
						Failed        int64 `json:"failed_records"`
						Sample        []json.RawMessage
					}
				} `json:"parsed-expect"`
				Intake struct{ N int64 }
			}
		}
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		r := p.ObservedMetrics.Rules
		dropped, quarantined, observed = dropped+r.Dropped, quarantined+r.Quarantined, observed+p.ObservedMetrics.Intake.N
		for _, e := range r.Expectations {
			rules[e.Name] = [2]int64{rules[e.Name][0] + e.Passed, rules[e.Name][1] + e.Failed}
			for _, s := range e.Sample {
				sample = append(sample, string(s))
			}
		}
	}
	return rules, dropped, quarantined, observed, sample
}

// Every rule is counted by epoch, null violates, and each row goes where the gravest rule that it violates says.
func TestExpectations(t *testing.T) {
	_, file := expectedBroker(t)
	flow := file("quarantine")
	dir := strings.TrimSuffix(flow, "/flow.yaml")
	if code := command(t, "run", flow, "--listen", "off", "--trigger", "availableNow", "--progress", dir+"/progress.jsonl"); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	rules, dropped, quarantined, observed, sample := progressOf(t, dir+"/progress.jsonl")
	want := map[string][2]int64{"small": {4, 3}, "paid": {4, 3}, "known": {5, 2}, "divides": {4, 3}}
	if fmt.Sprint(rules) != fmt.Sprint(want) || dropped != 1 || quarantined != 4 || observed != 2 {
		t.Errorf("counted %v, dropped %d, quarantined %d, observed %d; want %v, 1, 4, 2", rules, dropped, quarantined, observed, want)
	}
	if len(sample) != 2 || !strings.Contains(strings.Join(sample, " "), `{"source":"orders","topic":"orders","partition":0,"offset":3,"row":{"id":4,"amount":700,"region":"us"}}`) {
		t.Errorf("the sample is %s", sample)
	}
	if got := rowsOf(t, dir+"/silver"); len(got) != 2 || got[`{"id":1,"amount":5,"region":"eu"}`] != 1 || got[`{"id":4,"amount":700,"region":"us"}`] != 1 {
		t.Errorf("silver holds %v", got)
	}
}

// A rule that fails ends the flow with exit code 4, names the row, and nothing of its epoch is there; with the rule changed the flow goes on.
func TestExpectationThatFails(t *testing.T) {
	_, file := expectedBroker(t)
	flow := file("fail")
	dir := strings.TrimSuffix(flow, "/flow.yaml")
	var stderr bytes.Buffer
	env := deltaic.Env()
	env.Stdout, env.Stderr = io.Discard, &stderr
	code := node.Main(t.Context(), []string{"run", flow, "--listen", "off", "--trigger", "availableNow", "--json"}, env)
	var failure struct {
		Error struct {
			Class, Message, Topic string
			Offset                int64
		}
	}
	said := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	if err := json.Unmarshal([]byte(said[len(said)-1]), &failure); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	f := failure.Error
	if code != 4 || f.Class != "EXPECTATION_VIOLATION" || f.Topic != "orders" || f.Offset != 2 || !strings.Contains(f.Message, "known: (region IS NOT NULL) is false") ||
		!strings.Contains(f.Message, `"amount":`) {
		t.Fatalf("exit code %d, %s", code, stderr.String())
	}
	if _, err := os.Stat(dir + "/silver/_delta_log/00000000000000000001.json"); err == nil {
		t.Fatalf("rows were committed: %v", rowsOf(t, dir+"/silver"))
	}
	if code := command(t, "run", file("drop"), "--listen", "off", "--trigger", "availableNow"); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if got := rowsOf(t, dir+"/silver"); len(got) != 2 {
		t.Errorf("silver holds %v", got)
	}
}
