package interop

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/node"
)

func init() {
	roles["node"] = func(args []string) error {
		os.Exit(node.Main(context.Background(), args, deltaic.Env()))
		return nil
	}
}

// running is a node in a process of its own, whose flow has its checkpoint in the folder.
type running struct {
	t    *testing.T
	c    *exec.Cmd
	dir  string
	done chan error
}

func startNode(t *testing.T, dir, flow string) *running {
	t.Helper()
	file := filepath.Join(dir, "flow.yaml")
	if err := os.WriteFile(file, []byte(flow), 0o600); err != nil {
		t.Fatal(err)
	}
	n := &running{t: t, c: again(t, "node", "run", file), dir: dir, done: make(chan error, 1)}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	n.c.Stderr = log
	if err := n.c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { n.done <- n.c.Wait() }()
	t.Cleanup(func() { _ = n.c.Process.Kill() })
	return n
}

// log is what the node has written to stderr.
func (n *running) log() string {
	n.t.Helper()
	text, err := os.ReadFile(filepath.Join(n.dir, "log"))
	if err != nil {
		n.t.Fatal(err)
	}
	return string(text)
}

// status is what the command prints, and its exit code.
func (n *running) status(flags ...string) (string, int) {
	n.t.Helper()
	c := again(n.t, "node", append([]string{"status", "--location", filepath.Join(n.dir, "checkpoint")}, flags...)...)
	c.Stderr = nil
	out, err := c.CombinedOutput()
	if err != nil && c.ProcessState == nil {
		n.t.Fatal(err)
	}
	return strings.TrimSpace(string(out)), c.ProcessState.ExitCode()
}

// get asks the node over HTTP.
func (n *running) get(path string) (string, int) {
	n.t.Helper()
	at, err := os.ReadFile(filepath.Join(n.dir, "checkpoint", "listen"))
	if err != nil {
		return err.Error(), 0
	}
	resp, err := http.Get("http://" + strings.TrimPrefix(strings.TrimSpace(string(at)), "http://") + path)
	if err != nil {
		return err.Error(), 0
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return strings.TrimSpace(string(text)), resp.StatusCode
}

// until waits for a condition, and ends the test where the node ends first.
func (n *running) until(what string, is func() bool) {
	n.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for !is() {
		select {
		case err := <-n.done:
			n.t.Fatalf("the node ended before %s: %v\n%s", what, err, n.log())
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			status, _ := n.status()
			n.t.Fatalf("it does not come: %s; %s", what, status)
		}
	}
}

// stood is how a node stood at one moment, by its own metrics.
type stood struct {
	At                                       time.Duration
	Goroutines, Files, Resident, Heap, Spent float64
}

func (n *running) stood(since time.Time) (s stood) {
	n.t.Helper()
	text, code := n.get("/metrics")
	if code != http.StatusOK {
		n.t.Fatalf("/metrics: %d %s", code, text)
	}
	s.At = time.Since(since).Round(time.Second)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		to := map[string]*float64{"go_goroutines": &s.Goroutines, "process_open_fds": &s.Files, "process_resident_memory_bytes": &s.Resident,
			"go_memstats_heap_alloc_bytes": &s.Heap, "process_cpu_seconds_total": &s.Spent}[name]
		if to != nil {
			*to, _ = strconv.ParseFloat(value, 64)
		}
	}
	return s
}
