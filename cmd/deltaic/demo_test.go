package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// running is the program as a process of its own.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	stderr strings.Builder
	began  time.Time
}

func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), asProgram+"=1")
	return c
}

func start(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{t: t, cmd: program(t, args...), began: time.Now()}
	r.cmd.Stderr = &r.stderr
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	r.lines = bufio.NewScanner(out)
	return r
}

// demoLine is what the tests look at of a line of demo --json.
type demoLine struct {
	Epoch      int64  `json:"epoch"`
	RowsIn     int64  `json:"rows_in"`
	FirstRowMs *int64 `json:"first_row_ms"`
}

// until reads lines until one has rows and an epoch beyond the given one.
func (r *running) until(epoch int64) demoLine {
	r.t.Helper()
	for r.lines.Scan() {
		var l demoLine
		if err := json.Unmarshal(r.lines.Bytes(), &l); err != nil {
			r.t.Fatalf("%v: %s", err, r.lines.Text())
		}
		if l.Epoch > epoch && l.RowsIn > 0 {
			return l
		}
	}
	r.t.Fatalf("the demo ended: %v %s", r.cmd.Wait(), r.stderr.String())
	return demoLine{}
}

// kill ends the process as a power cut of the process alone would.
func (r *running) kill() {
	r.t.Helper()
	if err := r.cmd.Process.Kill(); err != nil {
		r.t.Fatal(err)
	}
	_ = r.cmd.Wait()
}

// end signals the process, drains its output and returns its exit code.
func (r *running) end(s os.Signal) int {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
	for r.lines.Scan() {
	}
	_ = r.cmd.Wait()
	return r.cmd.ProcessState.ExitCode()
}

// verified runs demo verify and returns what it printed.
func verified(t *testing.T, dir string) (ok bool, report string) {
	t.Helper()
	out, err := program(t, "demo", "verify", "--dir", dir, "--json").Output()
	var r struct {
		OK    bool `json:"ok"`
		Epoch int64
	}
	if e := json.Unmarshal(out, &r); e != nil {
		t.Fatalf("%v, %v: %s", e, err, out)
	}
	if r.OK != (err == nil) {
		t.Fatalf("ok %v with exit code %v", r.OK, err)
	}
	return r.OK, string(out)
}

// The demo is killed at several moments and started again: what it has committed
// stays exact, and a clean stop ends it well.
func TestDemoStaysExactWhenItIsKilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	kills := 5
	if testing.Short() {
		kills = 2
	}
	var epoch int64
	for round := range kills {
		r := start(t, "demo", "--dir", dir, "--rate", "5000", "--json", "--no-open")
		switch round % 3 {
		case 0: // between a commit and the next
			epoch = r.until(epoch).Epoch
		case 1: // while it starts: the address is there, rows perhaps not
			waitFor(t, filepath.Join(dir, "checkpoint", "listen"))
		case 2: // while a table's log grows
			epoch = r.until(epoch).Epoch
			watchGrowth(t, filepath.Join(dir, "tables", "bronze", "_delta_log"))
		}
		r.kill()
		if ok, report := verified(t, dir); !ok {
			t.Fatalf("after kill %d: %s", round+1, report)
		}
	}
	r := start(t, "demo", "--dir", dir, "--json")
	first := r.until(epoch)
	if first.FirstRowMs == nil || *first.FirstRowMs > 5000 {
		t.Errorf("first row committed %v ms after the start", first.FirstRowMs)
	}
	began := time.Now()
	if code := r.end(syscall.SIGTERM); code != 0 {
		t.Fatalf("exit code %d: %s", code, r.stderr.String())
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the clean stop took %v", took)
	}
	ok, report := verified(t, dir)
	if !ok || strings.Contains(report, "rolls it forward") {
		t.Fatal(report)
	}
	if _, err := os.Stat(filepath.Join(dir, "checkpoint", "listen")); err == nil {
		t.Error("the address was left behind")
	}
	damage(t, dir)
}

// damage removes the newest commit of silver: verify must notice.
func damage(t *testing.T, dir string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "tables", "silver", "_delta_log", "*.json"))
	if err != nil || len(logs) == 0 {
		t.Fatal(err)
	}
	if err := os.Remove(logs[len(logs)-1]); err != nil {
		t.Fatal(err)
	}
	if ok, report := verified(t, dir); ok {
		t.Fatal("a lost commit went unnoticed:", report)
	}
	// Reset deletes what the demo made, and nothing in a folder that is no demo.
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "mine.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := program(t, "demo", "--dir", other, "--reset", "--duration", "1s").Run(); err == nil {
		t.Error("a folder without a demo was reset")
	}
	if _, err := os.Stat(filepath.Join(other, "mine.txt")); err != nil {
		t.Error(err)
	}
	if out, err := program(t, "demo", "--dir", dir, "--reset", "--duration", "1s", "--seed", "7").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if ok, report := verified(t, dir); !ok {
		t.Fatal(report)
	}
}

// waitFor polls for a file without holding the machine.
func waitFor(t *testing.T, path string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if _, err := os.Stat(path); err == nil {
			return
		}
		<-time.After(time.Millisecond)
	}
	t.Fatalf("%s did not come", path)
}

// watchGrowth returns when the folder has a further entry.
func watchGrowth(t *testing.T, dir string) {
	t.Helper()
	count := func() int { entries, _ := os.ReadDir(dir); return len(entries) }
	for before, end := count(), time.Now().Add(20*time.Second); time.Now().Before(end); {
		if count() > before {
			return
		}
		<-time.After(100 * time.Microsecond)
	}
	t.Fatalf("%s did not grow", dir)
}

// The commands speak to the process: status, explain, and a stop that ends it.
func TestCommandsSpeakToTheProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	r := start(t, "demo", "--dir", dir, "--json")
	r.until(0)
	location := filepath.Join(dir, "checkpoint")
	address, err := os.ReadFile(filepath.Join(location, "listen"))
	if err != nil {
		t.Fatal(err)
	}
	at := strings.TrimSpace(string(address))
	for _, path := range []string{"/livez", "/readyz", "/metrics", "/api/v1/streams"} {
		response, err := http.Get("http://" + at + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %v %s", path, response.Status, err, body)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"status", "demo", "--location", location, "--json"}, `"isTriggerActive":true,"state":"RUNNING"`},
		{[]string{"status", "--at", at}, "RUNNING"},
		{[]string{"explain", "demo", "--at", at}, "by hash of order_id"},
		{[]string{"explain", "demo", "state", "--at", at, "--json"}, `"plan":"decoded-dropDuplicates`},
		{[]string{"explain", "demo", "watermark", "--at", at}, "decoded-watermark: "},
		{[]string{"stop", "demo", "--at", at, "--json"}, `"stopped":true`},
	} {
		out, err := program(t, c.args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%v: %v: %s", c.args, err, out)
		}
	}
	for r.lines.Scan() {
	}
	if err := r.cmd.Wait(); err != nil {
		t.Fatalf("after stop: %v: %s", err, r.stderr.String())
	}
	if ok, report := verified(t, dir); !ok {
		t.Fatal(report)
	}
}
