package interop

import (
	"bufio"
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/deltaic/deltaic/benchmarks/nexmark"
)

// child is a process of ours that runs the flow.
type child struct {
	c    *exec.Cmd
	mu   sync.Mutex
	last told
	done chan error
}

// start starts the flow in a process of its own.
func start(t *testing.T, dir, address, topic, trigger string, options map[string]string) *child {
	t.Helper()
	text, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	k := &child{c: again(t, "bids", dir, address, topic, trigger, string(text)), done: make(chan error, 1)}
	out, err := k.c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var now told
			if json.Unmarshal(lines.Bytes(), &now) == nil {
				k.mu.Lock()
				k.last = now
				k.mu.Unlock()
			}
		}
		k.done <- k.c.Wait()
	}()
	return k
}

func (k *child) now() told {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.last
}

// reach waits until the process has done so many rows; it fails the test if the process ends before.
func (k *child) reach(t *testing.T, rows int64) {
	t.Helper()
	for k.now().Rows < rows {
		select {
		case err := <-k.done:
			t.Fatalf("the process ended before it had %d rows: %v", rows, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// end waits for the end of a process that ends by itself or was asked to.
func (k *child) end(t *testing.T) told {
	t.Helper()
	select {
	case err := <-k.done:
		if err != nil {
			t.Fatalf("the process failed: %v", err)
		}
	case <-time.After(20 * time.Minute):
		_ = k.c.Process.Kill()
		t.Fatal("the process does not end")
	}
	if !k.now().Done {
		t.Fatal("the process ended without saying that it is done")
	}
	return k.now()
}

func (k *child) kill(t *testing.T) {
	t.Helper()
	if err := k.c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-k.done
}

// Ten per cent of the topic at a time, the node is killed, the broker is restarted, the broker is killed,
// both are, while the topic is still being filled; then every row must be where it belongs, once.
func TestBidsThroughCrashes(t *testing.T) {
	bidsThroughCrashes(t, func(int) map[string]string { return nil })
}

// The same where every process reads the four partitions in parts, most of them in ten.
func TestBidsInPartsThroughCrashes(t *testing.T) {
	bidsThroughCrashes(t, func(process int) map[string]string {
		return map[string]string{"minPartitions": jsonNumber([]int{10, 10, 6, 10, 1}[process%5])}
	})
}

// bidsThroughCrashes is told the options of each process but for the limit of an epoch.
func bidsThroughCrashes(t *testing.T, more func(process int) map[string]string) {
	events := number(t, "EVENTS", 200_000)
	b := startBroker(t)
	w := makeTruth(t, events)
	b.create("bids", 4)
	produced := make(chan error, 1)
	go func() {
		_, err := nexmark.Run(t.Context(), bidsOptions(events), nexmark.Destination{Brokers: []string{b.address()}, Topic: "bids"})
		produced <- err
	}()
	dir := t.TempDir()
	processes := 0
	options := func(limited bool) map[string]string {
		o := map[string]string{}
		maps.Copy(o, more(processes))
		if processes++; limited {
			o["maxOffsetsPerTrigger"] = jsonNumber(max(events/100, 1000))
		}
		return o
	}
	steps := []func(k *child){
		func(k *child) { k.kill(t) },
		func(k *child) { b.script("restart") },
		func(k *child) { k.kill(t) },
		func(k *child) { b.script("kill9", "--restart") },
		func(k *child) { k.kill(t); b.script("kill9", "--restart") },
		func(k *child) { // a clean stop
			if err := k.c.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			k.end(t)
		},
		func(k *child) { k.kill(t) },
	}
	k := start(t, dir, b.address(), "bids", "default", options(true))
	for i, step := range steps {
		k.reach(t, k.now().Rows+int64(w.records/10))
		t.Logf("step %d at %+v", i, k.now())
		if step(k); k.c.ProcessState != nil {
			k = start(t, dir, b.address(), "bids", "default", options(true))
		}
	}
	if err := <-produced; err != nil {
		t.Fatalf("producing: %v", err)
	}
	k.kill(t)
	last := start(t, dir, b.address(), "bids", "available", options(false)).end(t)
	t.Logf("the last run: %+v", last)
	w.verify(t, dir)
	w.verifyDuckDB(t, dir)
	if events <= 300_000 {
		for _, name := range []string{"bronze", "silver", "quarantine"} {
			equal(t, filepath.Join(dir, name), digestOf(t, filepath.Join(dir, name)))
		}
	}
}

// The same flow undisturbed, on a topic that is full: what it takes.
func TestBidsAtSpeed(t *testing.T) {
	events := number(t, "EVENTS", 200_000)
	b := startBroker(t)
	w := makeTruth(t, events)
	b.create("bids", 4)
	made, err := nexmark.Run(t.Context(), bidsOptions(events), nexmark.Destination{Brokers: []string{b.address()}, Topic: "bids"})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("produced %+v", made)
	for _, trigger := range []string{"available", "default"} {
		t.Run(trigger, func(t *testing.T) { w.atSpeed(t, b, trigger, made.Bytes) })
	}
}

func (w *truth) atSpeed(t *testing.T, b *broker, trigger string, bytes int64) {
	dir := t.TempDir()
	k := start(t, dir, b.address(), "bids", trigger, nil)
	if trigger == "default" {
		k.reach(t, int64(w.records))
		if err := k.c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	r := k.end(t)
	t.Logf("%d rows in %.2f s and %.2f s of CPU: %.0f rows/s, %.0f rows per CPU-second, %.1f MB/s, peak RSS %d MiB, last epoch %d",
		r.Rows, r.Seconds, r.CPU, float64(r.Rows)/r.Seconds, float64(r.Rows)/r.CPU, float64(bytes)/r.Seconds/1e6, r.PeakRSS>>20, r.Epoch)
	w.verify(t, dir)
	w.verifyDuckDB(t, dir)
}
