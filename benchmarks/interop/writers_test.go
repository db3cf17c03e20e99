package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/objstore/location"
)

func init() { roles["append"] = appendRole }

var acknowledgedSchema = batch.NewSchema(column("writer", batch.StringType), column("seq", batch.BigIntType))

// appendRole appends to the table args[0] as writer args[1] args[2] commits of three rows, and prints the
// number of each commit once it is acknowledged.
func appendRole(args []string) error {
	ctx := context.Background()
	commits, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	store, err := location.Open(args[0])
	if err != nil {
		return err
	}
	table := delta.Open(store, delta.Options{})
	head, err := table.Head(ctx)
	if err != nil {
		return err
	}
	for n := range commits {
		w, err := delta.NewWriter(table, head, delta.WriterOptions{})
		if err != nil {
			return err
		}
		writer, seq := batch.NewBuilder(batch.StringType, nil), batch.NewBuilder(batch.BigIntType, nil)
		for range 3 {
			writer.String(args[1])
			seq.Int64(int64(n))
		}
		if err := w.Write(ctx, batch.NewBatch(acknowledgedSchema, 3, writer.Finish(), seq.Finish())); err != nil {
			return err
		}
		files, err := w.Seal()
		if err != nil {
			return err
		}
		adds, err := files.Finish(ctx)
		if err != nil {
			return err
		}
		if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Parameters: []log.Parameter{delta.StringParameter("mode", "Append")}, Adds: adds}); err != nil {
			return err
		}
		fmt.Println(n)
		if table.CheckpointDue() {
			if _, err := table.Checkpoint(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

const deltarsWriter = `
import sys, pyarrow as pa
from deltalake import write_deltalake, CommitProperties
for n in range(int(sys.argv[3])):
    t = pa.table({'writer': pa.array([sys.argv[2]] * 3, pa.string()), 'seq': pa.array([n] * 3, pa.int64())})
    try:
        write_deltalake(sys.argv[1], t, mode='append', commit_properties=CommitProperties(max_commit_retries=1000))
        print(n, flush=True)
    except Exception as e:
        print('refused', n, type(e).__name__, str(e)[:200], file=sys.stderr, flush=True)
`

// acknowledged collects what writers said is committed.
type acknowledged struct {
	mu   sync.Mutex
	acks map[string]bool // writer/seq
}

// follow notes every line of a writer, and kills it after so many lines if that is more than 0.
func (a *acknowledged) follow(t *testing.T, writer string, c *exec.Cmd, killAfter int) func() {
	t.Helper()
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for n := 1; lines.Scan(); n++ {
			a.mu.Lock()
			a.acks[writer+"/"+lines.Text()] = true
			a.mu.Unlock()
			if n == killAfter {
				_ = c.Process.Kill()
			}
		}
		_, _ = io.Copy(io.Discard, out)
		done <- c.Wait()
	}()
	return func() {
		if err := <-done; err != nil && killAfter == 0 {
			t.Errorf("writer %s: %v", writer, err)
		}
	}
}

// delta-rs and processes of ours append to one plain table at once; one of ours is killed on the way.
func TestWritersAtOnce(t *testing.T) {
	kit(t)
	path := filepath.Join(t.TempDir(), "table")
	store, err := local.New(path, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := delta.Create(t.Context(), store, delta.CreateOptions{Schema: acknowledgedSchema, Properties: map[string]string{"delta.checkpointInterval": "10"}}, delta.Options{}); err != nil {
		t.Fatal(err)
	}
	commits := number(t, "COMMITS", 60)
	a := &acknowledged{acks: map[string]bool{}}
	var wait []func()
	for i := range 2 {
		name := fmt.Sprint("rust", i)
		wait = append(wait, a.follow(t, name, python(t, deltarsWriter, path, name, strconv.Itoa(commits)), 0))
	}
	for i := range 4 {
		name, kill := fmt.Sprint("ours", i), 0
		if i == 3 {
			kill = commits / 2
		}
		wait = append(wait, a.follow(t, name, again(t, "append", path, name, strconv.Itoa(commits)), kill))
	}
	for _, w := range wait {
		w()
	}
	for _, writer := range []string{"rust0", "rust1", "ours0", "ours1", "ours2", "ours3"} {
		n := 0
		for k := range a.acks {
			if strings.HasPrefix(k, writer+"/") {
				n++
			}
		}
		t.Logf("%s: %d of %d commits acknowledged", writer, n, commits)
		if n == 0 {
			t.Errorf("%s committed nothing", writer)
		}
	}
	contiguous(t, path)
	a.check(t, path)
	equal(t, path, read(t, "deltars", path))
}

// contiguous checks that no version is missing.
func contiguous(t *testing.T, path string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(path, "_delta_log", "0*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range logs { // in order
		if filepath.Base(name) != fmt.Sprintf("%020d.json", i) {
			t.Fatalf("%s stands where version %d is expected", name, i)
		}
		if text, err := os.ReadFile(name); err != nil || len(text) == 0 || text[len(text)-1] != '\n' && text[len(text)-1] != '}' {
			t.Fatalf("%s: %v", name, err)
		}
	}
	t.Logf("%d versions", len(logs))
}

// check reads the table by DuckDB: every acknowledged commit is in it with its three rows, no other more than once.
func (a *acknowledged) check(t *testing.T, path string) {
	t.Helper()
	var rows [][]any
	if err := json.Unmarshal(sql(t, "duckdb", map[string]string{"t": path}, "SELECT writer || '/' || seq AS k, count(*) AS c FROM t GROUP BY 1")[0].Rows, &rows); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, r := range rows {
		k := r[0].(string)
		if found[k] = true; r[1].(float64) != 3 {
			t.Errorf("commit %s has %v rows, want 3", k, r[1])
		}
	}
	for k := range a.acks {
		if !found[k] {
			t.Errorf("the acknowledged commit %s is lost", k)
		}
	}
	t.Logf("%d commits acknowledged, %d in the table", len(a.acks), len(found))
}
