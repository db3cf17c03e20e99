package deltaic_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
)

// What waits in quarantine goes back through the rule as it is now, or repaired by SQL, once, and is marked; what is rejected again waits anew.
func TestQuarantineReplay(t *testing.T) {
	_, file := expectedBroker(t)
	flow := file("quarantine")
	dir := strings.TrimSuffix(flow, "/flow.yaml")
	if code := command(t, "run", flow, "--listen", "off", "--trigger", "availableNow"); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	code, waiting := lines(t, "quarantine", "list", dir+"/quarantine")
	if code != 0 || len(waiting) != 5 {
		t.Fatalf("exit code %d, %v", code, waiting)
	}
	for _, w := range waiting {
		if w["topic"] != "orders" || w["offset"] == nil || w["rule"] == nil || w["error"] == nil || w["schema_version"] == nil || w["rejected_at"] == nil {
			t.Errorf("a row lacks what it should say: %v", w)
		}
	}
	// Repaired by SQL.
	code, done := lines(t, "quarantine", "replay", dir+"/quarantine", "--where", "rule = 'known'", "--with", "SELECT 'nowhere' AS region, coalesce(amount, 1) AS amount FROM quarantine")
	if code != 0 || done[0]["replayed"] != 2.0 || done[0]["quarantined"] != 0.0 {
		t.Fatalf("exit code %d, %v", code, done)
	}
	wantRows(t, dir+"/silver", `{"id":1,"amount":5,"region":"eu"}`, `{"id":4,"amount":700,"region":"us"}`, `{"id":3,"amount":7,"region":"nowhere"}`, `{"id":7,"amount":1,"region":"nowhere"}`)
	// Nothing is left of these, and what is rejected again waits with the place that it came from.
	code, done = lines(t, "quarantine", "replay", dir+"/quarantine", "--where", "rule = 'known'", "--with", "'nowhere' AS region")
	if code != 0 || done[0]["replayed"] != 0.0 {
		t.Fatalf("exit code %d, %v", code, done)
	}
	code, done = lines(t, "quarantine", "replay", dir+"/quarantine", "--where", "rule = 'divides'")
	if code != 0 || done[0]["replayed"] != 2.0 || done[0]["quarantined"] != 2.0 {
		t.Fatalf("exit code %d, %v", code, done)
	}
	_, waiting = lines(t, "quarantine", "list", dir+"/quarantine")
	places := map[string]int{}
	for _, w := range waiting {
		places[fmt.Sprint(w["rule"], " ", w["topic"], " ", w["partition"], " ", w["offset"])]++
	}
	if len(waiting) != 3 || places["divides orders 1 0"] != 1 || places["divides orders 1 1"] != 1 || places["from_json orders 1 3"] != 1 {
		t.Errorf("what waits: %v", places)
	}
	// A flow file with the correction; the record that was cut off is repaired where it was decoded.
	code, done = lines(t, "quarantine", "replay", dir+"/quarantine", "--where", "rule = 'divides'", "--with", strings.Replace(file("drop"), "", "", 1))
	if code != 0 || done[0]["replayed"] != 2.0 {
		t.Fatalf("exit code %d, %v", code, done)
	}
	code, done = lines(t, "quarantine", "replay", dir+"/quarantine", "--where", "rule = 'from_json'", "--with", `CAST('{"id":8,"amount":9,"region":"eu"}' AS BINARY) AS value`)
	if code != 0 || done[0]["replayed"] != 1.0 || done[0]["quarantined"] != 0.0 {
		t.Fatalf("exit code %d, %v", code, done)
	}
	if rows := rowsOf(t, dir+"/silver"); rows[`{"id":8,"amount":9,"region":"eu"}`] != 1 || len(rows) != 5 {
		t.Errorf("silver holds %v", rows)
	}
	// The flow itself goes on as if nothing had been.
	if code := command(t, "run", flow, "--listen", "off", "--trigger", "availableNow"); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	tablesOf(t, dir+"/silver", dir+"/quarantine")
}

func wantRows(t *testing.T, path string, want ...string) {
	t.Helper()
	got := rowsOf(t, path)
	for _, w := range want {
		if got[w] != 1 {
			t.Errorf("%s lacks %s, or has it more than once", path, w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s holds %v", path, got)
	}
}

// replayedFlow keeps state behind the rule, so that a row that goes back twice would show in a table that is upserted too.
const replayedFlow = `
name: replayed
checkpointLocation: DIR/state
parallelism: 2
sources:
  orders: {format: kafka, options: {kafka.bootstrap.servers: "BROKERS", subscribe: orders, startingOffsets: earliest}}
steps:
  parsed:
    from: orders
    do:
      - select: ["from_json(CAST(value AS STRING), 'id BIGINT, amount INT, region STRING') AS o"]
      - select: ["o.*"]
      - expect_or_quarantine: {known: "region IS NOT NULL"}
  sums:
    from: parsed
    do:
      - aggregate: {groupBy: [region], agg: ["count(*) AS n", "sum(amount) AS amount"]}
sinks:
  silver: {from: parsed, format: delta, path: DIR/silver}
  totals: {from: sums, format: delta, path: DIR/totals, outputMode: update, keys: [region]}
quarantine: {path: DIR/quarantine}
`

// TestReplayOutlivesKills kills replays at any moment, and what comes after one is another replay or a run of the flow: in the end
// every row went back once. DELTAIC_TEST_KILLS says how often.
func TestReplayOutlivesKills(t *testing.T) {
	k := newKilled(t, 8, 77)
	broker, dir := kafkatest.Start(t, 2, []string{"orders"}), t.TempDir()
	flow := flowFile(t, dir, strings.ReplaceAll(replayedFlow, "BROKERS", broker.Addresses()[0]))
	replay := func() *exec.Cmd {
		return k.command("quarantine", "replay", dir+"/quarantine", "--with", "concat('r', id % 3) AS region", "--json")
	}
	id, broken := 0, 0
	more := func() {
		for partition := range int32(2) {
			var values []string
			for range 200 {
				region := `,"region":"r1"`
				if id%4 == 0 {
					region, broken = "", broken+1
				}
				values = append(values, fmt.Sprintf(`{"id":%d,"amount":%d%s}`, id, id%7, region))
				id++
			}
			broker.Values("orders", partition, values...)
		}
	}
	more()
	k.finish(flow)
	outcomes, want := map[string]int{}, 1
	for round := range k.kills {
		more()
		k.finish(flow)
		before := waitingIn(t, dir)
		entries, commits := commitsTo(dir+"/state/ledger"), commitsTo(dir+"/quarantine")
		c := replay()
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		err := killAt(c, ended, func() bool {
			return commitsTo(dir+"/state/ledger") >= entries+min(want, 3) && (want < 4 || commitsTo(dir+"/quarantine") > commits)
		})
		if want++; want > 4 {
			want = 1
		}
		switch left := waitingIn(t, dir); {
		case err == nil:
			outcomes["ended"]++
		case left == before && commitsTo(dir+"/state/ledger") < entries+3: // two claims and an epoch
			outcomes["undecided"]++
		case left == before:
			outcomes["decided"]++
		case left == 0:
			outcomes["marked"]++
		default:
			t.Fatalf("%d of %d rows are marked: a replay is one epoch", before-left, before)
		}
		if round%2 == 0 {
			k.finish(flow) // rolls forward what the replay has decided
		}
	}
	if out, err := replay().CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	rows, sums := map[string]int{}, map[string][2]int{}
	for n := range id {
		region := "r1"
		if n%4 == 0 {
			region = fmt.Sprint("r", n%3)
		}
		rows[fmt.Sprintf(`{"id":%d,"amount":%d,"region":"%s"}`, n, n%7, region)]++
		sums[region] = [2]int{sums[region][0] + 1, sums[region][1] + n%7}
	}
	tables := map[string]map[string]int{"silver": rows, "totals": {}}
	for region, s := range sums {
		tables["totals"][fmt.Sprintf(`{"region":"%s","n":%d,"amount":%d}`, region, s[0], s[1])]++
	}
	wantTables(t, "after the kills", tablesOf(t, dir+"/silver", dir+"/totals", dir+"/quarantine"), tables)
	if _, all := lines(t, "quarantine", "list", dir+"/quarantine", "--all"); len(all) != broken || waitingIn(t, dir) != 0 {
		t.Errorf("quarantine has %d rows, %d of which wait; want %d, all marked", len(all), waitingIn(t, dir), broken)
	}
	t.Logf("%d kills: %v", k.kills, outcomes)
}

// commitsTo counts the versions of a table.
func commitsTo(table string) int {
	log, _ := filepath.Glob(table + "/_delta_log/*.json")
	return len(log)
}

// killAt kills a process when the ledger has come so far.
func killAt(c *exec.Cmd, ended chan error, moved func() bool) error {
	for {
		select {
		case err := <-ended:
			return err
		case <-time.After(100 * time.Microsecond):
		}
		if moved() {
			_ = c.Process.Kill()
			return <-ended
		}
	}
}

func waitingIn(t *testing.T, dir string) int {
	t.Helper()
	code, waiting := lines(t, "quarantine", "list", dir+"/quarantine")
	if code != 0 {
		t.Fatalf("exit code %d", code)
	}
	return len(waiting)
}
