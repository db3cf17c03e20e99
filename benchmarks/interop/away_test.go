package interop

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
)

const awayFlow = `name: waited
checkpointLocation: %[1]s/checkpoint
sources:
  records: {format: kafka, options: {kafka.bootstrap.servers: "%[2]s", subscribe: waited, startingOffsets: earliest}}
steps:
  kept: {from: records, do: [{select: [value]}]}
sinks:
  table: {from: kept, format: delta, path: %[1]s/table, outputMode: append}
  again: {from: kept, format: kafka, outputMode: append, options: {kafka.bootstrap.servers: "%[2]s", topic: again, deliveryGuarantee: exactly-once}}
`

// span is how long the broker is away: DELTAIC_INTEROP_AWAY=1h.
func span(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("DELTAIC_INTEROP_AWAY")
	if text == "" {
		return 30 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		t.Fatalf("DELTAIC_INTEROP_AWAY=%s is no span", text)
	}
	return d
}

// awaited is a test of a node whose broker goes away.
type awaited struct {
	t     *testing.T
	b     *broker
	n     *running
	sent  int // of each of the four partitions
	began time.Time
}

// send writes so many more rows.
func (a *awaited) send(rows int) {
	a.t.Helper()
	c := a.b.client()
	defer c.Close()
	for p := range 4 {
		var all []string
		for i := range rows / 4 {
			all = append(all, fmt.Sprintf("%d of %d", a.sent+i, p))
		}
		a.b.produce(c, "waited", p, all...)
	}
	a.sent += rows / 4
}

// status is what the flow says of itself, and what /readyz says of the node.
func (a *awaited) status() (s struct{ State, Message, Waiting string }, ready string, code int) {
	text, exit := a.n.status("--json")
	if exit == 0 {
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			a.t.Fatalf("%v: %s", err, text)
		}
	}
	ready, code = a.n.get("/readyz")
	return s, ready, code
}

// runs waits until the node is ready and all that was sent is in the table.
func (a *awaited) runs() {
	a.t.Helper()
	a.n.until("the rows and readiness", func() bool {
		s, ready, code := a.status()
		if s.State != "RUNNING" || s.Waiting != "" || code != http.StatusOK || ready != `{"ready":true,"reasons":[]}` {
			return false
		}
		progress, _ := a.n.get("/api/v1/streams/waited/progress")
		var all []struct {
			Sources []struct{ EndOffset json.RawMessage }
		}
		if err := json.Unmarshal([]byte(progress), &all); err != nil || len(all) == 0 {
			return false
		}
		return string(all[len(all)-1].Sources[0].EndOffset) == fmt.Sprintf(`{"waited":{"0":%[1]d,"1":%[1]d,"2":%[1]d,"3":%[1]d}}`, a.sent)
	})
	text, exit := a.n.status()
	if exit != 0 || !strings.HasPrefix(text, "RUNNING") || strings.Contains(text, "aiting for 127") {
		a.t.Errorf("status exits %d: %s", exit, text)
	}
	a.t.Logf("ready: %s", strings.SplitN(text, "\n", 2)[0])
}

// waits waits until the node says that it waits, and then looks at what it says.
func (a *awaited) waits() {
	a.t.Helper()
	a.n.until("that the node says that it waits", func() bool {
		s, _, code := a.status()
		return s.Waiting != "" && code == http.StatusServiceUnavailable
	})
	s, ready, code := a.status()
	if s.State != "RUNNING" || !strings.HasPrefix(s.Message, "Waiting for ") || code != http.StatusServiceUnavailable || !strings.Contains(ready, `"ready":false`) || !strings.Contains(ready, `"stream":"waited"`) || !strings.Contains(ready, a.b.address()) {
		a.t.Errorf("status is %+v, /readyz %d %s", s, code, ready)
	}
	text, exit := a.n.status()
	if exit != 0 || !strings.HasPrefix(text, "RUNNING  Waiting for ") || !strings.Contains(text, a.b.address()) {
		a.t.Errorf("status exits %d: %s", exit, text)
	}
	a.t.Logf("waiting, after %s: %s; /readyz %d %s", time.Since(a.began).Round(time.Second), strings.SplitN(text, "\n", 2)[0], code, ready)
}

// stands notes how the node stands, and compares it with before.
func (a *awaited) stands(before *stood) stood {
	a.t.Helper()
	now := a.n.stood(a.began)
	a.t.Logf("%s: %.0f goroutines, %.0f files, %.1f MiB resident, %.1f MiB heap, %.2f s of processor, %d bytes of log", now.At, now.Goroutines, now.Files, now.Resident/(1<<20), now.Heap/(1<<20), now.Spent, len(a.n.log()))
	if before != nil && (now.Goroutines > before.Goroutines+20 || now.Files > before.Files+10 || now.Resident > before.Resident+64<<20) {
		a.t.Errorf("the node holds more than before: %+v, %+v", now, *before)
	}
	return now
}

// A broker that is killed and stays away: the node waits, says so to status and /readyz, holds on to nothing
// more than before, and goes on by itself when the broker is back; every row is in both sinks once.
func TestBrokerAway(t *testing.T) {
	away := span(t)
	a := &awaited{t: t, b: startBroker(t, "--heap", "512m"), began: time.Now()}
	a.b.create("waited", 4)
	a.b.create("again", 2)
	dir := t.TempDir()
	a.n = startNode(t, dir, fmt.Sprintf(awayFlow, filepath.ToSlash(dir), a.b.address()))
	for range 5 {
		a.send(4000)
		a.runs()
	}
	before := a.stands(nil)
	a.send(4000) // some of them may be on their way
	a.b.script("kill9")
	a.began = time.Now()
	a.waits()
	for i := range 12 {
		select {
		case err := <-a.n.done:
			t.Fatalf("the node ended: %v\n%s", err, a.n.log())
		case <-time.After(time.Until(a.began.Add(away * time.Duration(i+1) / 12))):
		}
		a.stands(&before)
	}
	a.waits()
	a.b.script("restart")
	back := time.Now()
	a.send(4000)
	a.runs()
	t.Logf("ready %s after the broker", time.Since(back).Round(10*time.Millisecond))
	for range 5 {
		a.send(4000)
		a.runs()
	}
	a.stands(&before)
	if err := a.n.c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-a.n.done; err != nil {
		t.Fatalf("a clean stop: %v\n%s", err, a.n.log())
	}
	a.each(filepath.Join(dir, "table"))
}

// each holds both sinks against what was sent.
func (a *awaited) each(table string) {
	a.t.Helper()
	once := func(where string, seen map[string]int) {
		for p := range 4 {
			for i := range a.sent {
				if value := fmt.Sprintf("%d of %d", i, p); seen[value] != 1 {
					a.t.Fatalf("%s has %q %d times", where, value, seen[value])
				}
			}
		}
		if len(seen) != 4*a.sent {
			a.t.Errorf("%s has %d rows that differ, want %d", where, len(seen), 4*a.sent)
		}
		a.t.Logf("%s: %d rows, each once", where, len(seen))
	}
	seen := map[string]int{}
	scan(a.t, table, []string{"value"}, func(b *batch.Batch, i int) { seen[string(b.Columns[0].Bytes(i))]++ })
	once("the table", seen)
	seen = map[string]int{}
	for _, r := range a.b.committed("again") {
		seen[string(r.Value)]++
	}
	once("the topic", seen)
}
