//go:build unix

package deltaic_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
)

// TestAStoppedProcessIsFencedWhenItWakes: a process that is stopped while another one takes its flow over commits nothing when it
// goes on; it says that it was fenced and ends, and every row is there once.
func TestAStoppedProcessIsFencedWhenItWakes(t *testing.T) {
	for round := range whole(1, 20) {
		broker, dir := kafkatest.Start(t, 3, []string{"clicks"}), t.TempDir()
		var rows [][2]int64
		produce := func() {
			var values [3][]string
			for n := range 300 {
				r := [2]int64{int64(n % 17), int64(n * round % 100)}
				rows = append(rows, r)
				values[n%3] = append(values[n%3], fmt.Sprintf(`{"user":%d,"amount":%d}`, r[0], r[1]))
			}
			for partition, v := range values {
				broker.Values("clicks", int32(partition), v...)
			}
		}
		k := newKilled(t, 0, uint64(round))
		start := func(mode string) (*killedCommandOutput, func() error) {
			c := k.command("-")
			c.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%s|2|%s", killedVariable, broker.Addresses()[0], dir, mode))
			out := &killedCommandOutput{}
			c.Stdout, c.Stderr = out, out
			must(t, c.Start())
			out.pid = c.Process.Pid
			return out, c.Wait
		}
		produce()
		first, wait := start("some")
		ended := make(chan error, 1)
		go func() { ended <- wait() }()
		for deadline := time.Now().Add(time.Minute); ; <-time.After(time.Millisecond) {
			if log, _ := filepath.Glob(dir + "/table/_delta_log/*.json"); len(log) > 1 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the first process does not get on: ", first.text())
			}
		}
		must(t, syscall.Kill(first.pid, syscall.SIGSTOP))
		produce()
		second, done := start("all")
		if err := done(); err != nil {
			t.Fatal(err, second.text())
		}
		must(t, syscall.Kill(first.pid, syscall.SIGCONT))
		woken := time.Now()
		produce() // something to commit
		select {
		case err := <-ended:
			if took := time.Since(woken); err == nil || !strings.Contains(strings.ToLower(first.text()), "fenced") {
				t.Errorf("it ended after %v with %v and says %q", took, err, first.text())
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the fenced process goes on: ", first.text())
		}
		last, done := start("all")
		if err := done(); err != nil {
			t.Fatal(err, last.text())
		}
		if got, want := rowsOf(t, dir+"/table"), clickModel(rows, false); !maps.Equal(got, want) {
			t.Fatalf("the table holds\n%v\nwant\n%v", got, want)
		}
	}
}
