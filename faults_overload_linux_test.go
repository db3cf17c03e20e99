package deltaic_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// overload is a flow that costs much a row below a source that counts up.
const overload = `
name: overload
checkpointLocation: DIR/state
trigger: {processingTime: 1 second}
configuration: {memory_limit: 32MB}
sources:
  rows: {format: rate, options: {rowsPerSecond: %d, numPartitions: 1}}
steps:
  sums:
    from: rows
    do:
      - where: "length(sha2(repeat(CAST(value AS STRING), 100), 512)) = 128"
      - aggregate: {name: sums, groupBy: ["value %% 5000 AS k"], agg: ["count(*) AS c", "sum(value) AS s"]}
sinks:
  out: {from: sums, format: delta, path: DIR/out, outputMode: update, keys: [k]}
`

// loaded is what a run under a load came to.
type loaded struct {
	Rows    int64   `json:"rows_in"`
	Seconds float64 `json:"seconds"`
	Spent   float64 `json:"cpu_seconds"`
	Peak    int64   `json:"peak_rss_bytes"`
	sizes   []int64 // of the process, in bytes, one each 100 ms
}

// load runs the flow for some time with so many rows a second offered.
func load(t *testing.T, k *killedCommand, place string, rate int64, span time.Duration, group int64) (l loaded) {
	t.Helper()
	must(t, os.Mkdir(place, 0o755))
	c := k.command("run", flowFile(t, place, fmt.Sprintf(overload, rate)), "--listen", "off", "--json", "--quiet", "--duration", span.String())
	if whole(0, 1) == 1 && os.Geteuid() == 0 {
		inside := exec.CommandContext(t.Context(), "benchmarks/state/within", fmt.Sprint(group), os.Args[0])
		inside.Env = c.Env
		c = inside
	}
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	must(t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for {
		select {
		case err := <-ended:
			if err == nil {
				err = json.Unmarshal(out.Bytes(), &l)
			}
			if err != nil {
				t.Fatalf("%v: %s%s", err, out.String(), errs.String())
			}
			return l
		case <-time.After(100 * time.Millisecond):
			if n := residentBelow(c.Process.Pid); n > 0 {
				l.sizes = append(l.sizes, n)
			}
		}
	}
}

// residentBelow returns the memory of the largest of a process and those that it has started.
func residentBelow(pid int) (most int64) {
	if statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid)); err == nil {
		if f := strings.Fields(string(statm)); len(f) > 1 {
			pages, _ := strconv.ParseInt(f[1], 10, 64)
			most = pages * int64(os.Getpagesize())
		}
	}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, child := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(child); err == nil {
				most = max(most, residentBelow(n))
			}
		}
	}
	return most
}

// TestOverload finds out how many rows a second a flow can do, and then offers three times as many for a while, under make faults in a control
// group and for DELTAIC_TEST_OVERLOAD minutes (10): it does no fewer, the source is held to what it can do, the process does not grow, and
// what was taken is there, each row once.
func TestOverload(t *testing.T) {
	span := time.Duration(whole(4, 600)) * time.Second
	if n, err := strconv.Atoi(os.Getenv("DELTAIC_TEST_OVERLOAD")); err == nil && whole(0, 1) == 1 {
		span = time.Duration(n) * time.Minute
	}
	const group = 256 << 20
	dir, k := groupDir(t), newKilled(t, 0, 9)
	calm := load(t, k, dir+"/calm", 100_000_000, time.Duration(whole(2, 20))*time.Second, group)
	capacity := float64(calm.Rows) / calm.Seconds
	var got loaded
	did, offered, place := 0.0, 0.0, ""
	for try := 0; try < 3 && float64(got.Rows) >= offered*2/3; try++ { // again if by now it can do more: others may have left the machine
		capacity, place = max(capacity, did), fmt.Sprint(dir, "/over", try)
		got = load(t, k, place, int64(3*capacity), span, group)
		did, offered = float64(got.Rows)/got.Seconds, 3*capacity*got.Seconds
	}
	t.Logf("%.0f rows/s (%.0f s of a processor), and %.0f (%.0f s) of the %.0f offered for %v; at most %d MiB", capacity, calm.Spent, did, got.Spent, 3*capacity, span, got.Peak>>20)
	if got.Peak > group && !raced {
		t.Errorf("the process grew to %d bytes, want %d at most", got.Peak, group)
	}
	if float64(got.Rows) >= offered*2/3 {
		t.Errorf("%d of %.0f rows were taken: that was no overload", got.Rows, offered)
	}
	if now, before := float64(got.Rows)/got.Spent, float64(calm.Rows)/calm.Spent; now < before/2 { // by processor time: others may be on the machine
		t.Errorf("%.0f rows under overload for a second of a processor, %.0f before", now, before)
	}
	if n := len(got.sizes); n >= 6 {
		if early, late := slices.Max(got.sizes[n/3:2*n/3]), slices.Max(got.sizes[2*n/3:]); late > early+early/4+16<<20 {
			t.Errorf("the process grows: %d bytes in the second third, %d in the last", early, late)
		}
	} else {
		t.Errorf("the process was seen %d times", n)
	}
	checkLoaded(t, place+"/out", got.Rows)
}

// checkLoaded holds the sums of the flow against the rows 0 to n-1, each once.
func checkLoaded(t *testing.T, path string, n int64) {
	t.Helper()
	count, sum := int64(0), int64(0)
	for row := range rowsOf(t, path) {
		var r struct{ K, C, S int64 }
		must(t, json.Unmarshal([]byte(row), &r))
		count, sum = count+r.C, sum+r.S
		if want := (n - r.K + 4999) / 5000; r.C != want {
			t.Errorf("%d rows of the key %d, want %d", r.C, r.K, want)
			return
		}
	}
	if count != n || sum != n*(n-1)/2 {
		t.Errorf("%d rows with the sum %d were counted, %d were taken", count, sum, n)
	}
}
