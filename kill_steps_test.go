package deltaic_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/internal/oracle"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/local"
)

// dying is a store whose process dies before its n-th durable write, or right after it.
type dying struct {
	objstore.Store
	left  atomic.Int64
	after bool
}

// step counts a durable write, which is what is done.
func (d *dying) step(write func() error) error {
	last := d.left.Add(-1) == 0
	if last && !d.after {
		die()
	}
	err := write()
	if last {
		die()
	}
	return err
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func (d *dying) PutIfAbsent(ctx context.Context, name string, data []byte) error {
	return d.step(func() error { return d.Store.PutIfAbsent(ctx, name, data) })
}

func (d *dying) Put(ctx context.Context, name string, data []byte) error {
	return d.step(func() error { return d.Store.Put(ctx, name, data) })
}

func (d *dying) Delete(ctx context.Context, name string) error {
	return d.step(func() error { return d.Store.Delete(ctx, name) })
}

func (d *dying) Create(ctx context.Context, name string) (objstore.Writer, error) {
	w, err := d.Store.Create(ctx, name)
	return dyingWriter{w, d}, err
}

type dyingWriter struct {
	objstore.Writer
	d *dying
}

func (w dyingWriter) Close() error { return w.d.step(w.Writer.Close) }

// diesAtStep returns the sink of a table with all that upserts may have to write, whose process dies at a step: "7 before", "7 after", 0 never.
func diesAtStep(path, text string) (*delta.Sink, error) {
	store, err := local.New(path, local.Options{})
	if err != nil {
		return nil, err
	}
	number, when, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return nil, err
	}
	d := &dying{Store: store, after: when == "after"}
	d.left.Store(int64(n))
	return delta.NewSink(d, delta.SinkOptions{Keys: []string{"user"}, Properties: map[string]string{"delta.enableDeletionVectors": "true",
		"delta.enableChangeDataFeed": "true", "delta.enableRowTracking": "true", "delta.checkpointInterval": "2"}}), nil
}

// TestUpsertsOutliveKillsAtEachStep kills the process of a flow that upserts into a table with vectors, change files and row tracking at
// each durable write to the table, before and after it. A process that then goes on makes the table the batch result: rows have the
// numbers that they had, the change feed leads to the table, and an independent reader finds nothing wrong. Without DELTAIC_TEST_KILLS
// only some of the writes are tried.
func TestUpsertsOutliveKillsAtEachStep(t *testing.T) {
	all, some := os.Getenv("DELTAIC_TEST_KILLS") != "", map[string]bool{"2 after": true, "5 before": true}
	broker, dir, random := kafkatest.Start(t, 3, []string{"clicks"}), t.TempDir(), rand.New(rand.NewPCG(5, 6))
	var rows [][2]int64
	produce := func() {
		var values [3][]string
		for n := range 200 {
			r := [2]int64{random.Int64N(40) + random.Int64N(4), random.Int64N(100)}
			rows = append(rows, r)
			values[n%3] = append(values[n%3], fmt.Sprintf(`{"user":%d,"amount":%d}`, r[0], r[1]))
		}
		for partition, v := range values {
			broker.Values("clicks", int32(partition), v...)
		}
	}
	run := func(mode string) (killed bool) {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%s|2|step %s", killedVariable, broker.Addresses()[0], dir+"/now", mode))
		out, err := c.CombinedOutput()
		if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return true
		}
		if err != nil {
			t.Fatalf("%s: %v: %s", mode, err, out)
		}
		return false
	}
	for range 3 { // epochs before the one that is killed: there are vectors to be replaced, and numbers to be kept
		produce()
		run("0")
	}
	before := numbersOf(t, dir+"/now/table")
	produce()
	if err := os.CopyFS(dir+"/then", os.DirFS(dir+"/now")); err != nil {
		t.Fatal(err)
	}
	want, kills := clickModel(rows, false), 0
	for n, ended := 1, false; !ended && (all || kills < len(some)); n++ {
		for _, when := range []string{"before", "after"} {
			step := fmt.Sprint(n, " ", when)
			if !all && !some[step] {
				continue
			}
			if err := os.RemoveAll(dir + "/now"); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(dir+"/now", os.DirFS(dir+"/then")); err != nil {
				t.Fatal(err)
			}
			if !run(step) {
				ended = true
				continue
			}
			kills++
			if found, err := oracle.CheckLog(dir + "/now/table"); err != nil || len(found) > 0 {
				t.Fatalf("killed at step %s: findings %v, %v", step, found, err)
			}
			run("0")
			outlived(t, step, dir+"/now/table", want, before)
		}
	}
	if t.Logf("%d kills", kills); kills < len(some) || all && kills < 24 {
		t.Errorf("only %d writes were met", kills)
	}
}

// outlived checks a table after a kill.
func outlived(t *testing.T, step, path string, want map[string]int, before map[string]int64) {
	t.Helper()
	if got := tablesOf(t, path)[filepath.Base(path)]; !maps.Equal(got, want) {
		t.Fatalf("killed at step %s, the table holds\n%v\nwant\n%v", step, got, want)
	}
	if found, err := oracle.CheckData(path); err != nil || len(found) > 0 {
		t.Fatalf("killed at step %s: findings %v, %v", step, found, err)
	}
	numbers, seen := numbersOf(t, path), map[int64]bool{}
	for user, id := range numbers {
		if old, there := before[user]; seen[id] || there && old != id {
			t.Errorf("killed at step %s, the row of user %s has the number %d (had %d); two have it: %v", step, user, id, old, seen[id])
		}
		seen[id] = true
	}
	if fed := fedRows(t, path); !maps.Equal(fed, want) {
		t.Errorf("killed at step %s, the changes lead to\n%v\nwant\n%v", step, fed, want)
	}
}

// numbersOf returns the number of the row of each user.
func numbersOf(t *testing.T, path string) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	table, _, err := delta.SinkAt(path, delta.SinkOptions{}).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range s.Scan(t.Context(), delta.ScanOptions{Columns: []string{"user", "_metadata.row_id"}}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows() {
			row := b.Row(i)
			out[fmt.Sprint(b.Columns[0].I64[row])] = b.Columns[1].Kids[0].I64[row]
		}
		b.Release()
	}
	return out
}

// fedRows folds the change feed from its beginning.
func fedRows(t *testing.T, path string) map[string]int {
	t.Helper()
	rows := map[string]int{}
	code, all := lines(t, "table", "changes", path, "--from", "0")
	if code != 0 {
		t.Fatalf("table changes ends with %d: %v", code, all)
	}
	for _, line := range all {
		row, n := fmt.Sprintf(`{"user":%.0f,"clicks":%.0f,"amount":%.0f}`, line["user"], line["clicks"], line["amount"]), 1
		if kind := line["_change_type"]; kind == "delete" || kind == "update_preimage" {
			n = -1
		}
		if rows[row] += n; rows[row] == 0 {
			delete(rows, row)
		}
	}
	return rows
}
