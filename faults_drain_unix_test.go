//go:build unix

package deltaic_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
)

const drainedFlow = `
name: drained
checkpointLocation: DIR/state
trigger: {processingTime: 50ms}
sources:
  clicks: {format: kafka, options: {kafka.bootstrap.servers: "BROKERS", subscribe: clicks, startingOffsets: earliest}}
steps:
  parsed:
    from: clicks
    do:
      - select: ["partition", "offset", "from_json(CAST(value AS STRING), 'user BIGINT, amount BIGINT') AS c"]
      - select: ["partition", "offset", "c.*"]
  sums:
    from: parsed
    do:
      - aggregate: {groupBy: [user], agg: ["count(*) AS clicks", "sum(amount) AS amount"]}
sinks:
  all: {from: parsed, format: delta, path: DIR/all}
  totals: {from: sums, format: delta, path: DIR/totals, outputMode: update, keys: [user]}
`

// TestACleanStopUnderLoad asks a process to end while rows come faster than it is done with them: it ends by itself within the deadline of a drain with
// exit code 0, and what it leaves is whole epochs, in which every table ends at the same rows, and goes on from there.
func TestACleanStopUnderLoad(t *testing.T) {
	k := newKilled(t, 0, 1)
	broker, dir := kafkatest.Start(t, 3, []string{"clicks"}), t.TempDir()
	file := flowFile(t, dir, strings.ReplaceAll(drainedFlow, "BROKERS", broker.Addresses()[0]))
	value := func(partition, n int) string { return fmt.Sprintf(`{"user":%d,"amount":%d}`, n%(50+partition), n%100) }
	produce := func(from int) (end func() int) { // without a pause; end says how many each partition has then
		over, made := make(chan struct{}), make(chan int)
		go func() {
			for n := from; ; n += 2000 {
				select {
				case <-over:
					made <- n
					return
				default:
				}
				for partition := range 3 {
					values := make([]string, 2000)
					for i := range values {
						values[i] = value(partition, n+i)
					}
					broker.Values("clicks", int32(partition), values...)
				}
			}
		}()
		return func() int { close(over); return <-made }
	}
	total := 0
	for range whole(2, 10) {
		end := produce(total)
		stopUnderLoad(t, k.command("run", file, "--listen", "off", "--drain-timeout", "60s"), dir+"/state/ledger")
		total = end()
		wantDrained(t, dir, value, total, false)
	}
	k.finish(file)
	wantDrained(t, dir, value, total, true)
}

// stopUnderLoad ends a flow by SIGTERM once it has decided some epochs.
func stopUnderLoad(t *testing.T, c *exec.Cmd, ledger string) {
	t.Helper()
	out := &killedCommandOutput{}
	c.Stdout, c.Stderr = out, out
	before := commitsTo(ledger)
	must(t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for asked := false; ; {
		select {
		case err := <-ended:
			if err != nil || !asked {
				t.Fatalf("it ended with %v, asked to: %v: %s", err, asked, out.text())
			}
			return
		case <-time.After(time.Millisecond):
			if !asked && commitsTo(ledger) >= before+5 {
				asked = true
				must(t, c.Process.Signal(syscall.SIGTERM))
			}
		}
	}
}

// wantDrained compares what the tables hold: each partition's rows from the first to some last one, once each, and the sums of just these.
func wantDrained(t *testing.T, dir string, value func(partition, n int) string, made int, all bool) {
	t.Helper()
	var ends [3]int
	sums := map[int64][2]int64{}
	seen := map[[2]int]bool{}
	for text, times := range rowsOf(t, dir+"/all") {
		var row struct {
			Partition, Offset int
			User, Amount      int64
		}
		must(t, json.Unmarshal([]byte(text), &row))
		if want := value(row.Partition, row.Offset); times != 1 || want != fmt.Sprintf(`{"user":%d,"amount":%d}`, row.User, row.Amount) {
			t.Fatalf("%s is there %d times, want once %s", text, times, want)
		}
		seen[[2]int{row.Partition, row.Offset}] = true
		ends[row.Partition] = max(ends[row.Partition], row.Offset+1)
		s := sums[row.User]
		sums[row.User] = [2]int64{s[0] + 1, s[1] + row.Amount}
	}
	if n := ends[0] + ends[1] + ends[2]; n != len(seen) || n == 0 || ends[0] > made || all && n != 3*made {
		t.Fatalf("%d rows of partitions that end at %v; %d were made of each", len(seen), ends, made)
	}
	want := map[string]int{}
	for user, s := range sums {
		want[fmt.Sprintf(`{"user":%d,"clicks":%d,"amount":%d}`, user, s[0], s[1])] = 1
	}
	wantTables(t, fmt.Sprint("sums of rows up to ", ends), map[string]map[string]int{"totals": rowsOf(t, dir+"/totals")}, map[string]map[string]int{"totals": want})
}
