package deltaic_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
)

// damaged is a flow with every kind of file: state, manifests, staged rows, its ledger's table, a table that is upserted, checkpoints of both.
func damagedFlow(dir string, source *memory.Source) *stream.Flow {
	flow := stream.New("damaged")
	rows := flow.From("in", source)
	rows.To("all", delta.SinkAt(dir+"/all", delta.SinkOptions{Properties: map[string]string{"delta.checkpointInterval": "2"}}), stream.Append)
	rows.GroupBy("k").Agg("counts", "count(*) AS n", "sum(v) AS v").
		To("sums", delta.SinkAt(dir+"/sums", delta.SinkOptions{Keys: []string{"k"}}), stream.Update)
	return flow
}

// readTables returns the rows of both tables, or why they cannot be read.
func readTables(t *testing.T, dir string) (map[string]int, error) {
	rows := map[string]int{}
	for _, name := range []string{"all", "sums"} {
		table, exists, err := delta.SinkAt(dir+"/"+name, delta.SinkOptions{}).Open(t.Context())
		if err != nil || !exists {
			return nil, fmt.Errorf("%s: exists %v, %w", name, exists, err)
		}
		s, err := table.Snapshot(t.Context())
		if err != nil {
			return nil, err
		}
		for b, err := range s.Scan(t.Context(), delta.ScanOptions{}) {
			if err != nil {
				return nil, err
			}
			for i := range b.Rows() {
				rows[name+string(batch.AppendRowJSON(nil, b, b.Row(i)))]++
			}
			b.Release()
		}
	}
	return rows, nil
}

// damages are what happens to a file.
var damages = map[string]func(data []byte, at int) []byte{
	"flip": func(data []byte, at int) []byte { data[at/8] ^= 1 << (at % 8); return data },
	"torn": func(data []byte, at int) []byte { return data[:at/8] },
	"hole": func(data []byte, at int) []byte { clear(data[at/8 : min(at/8+512, len(data))]); return data },
}

// TestNoDamageIsSilent changes one bit, tears, or puts a hole into each file that a flow has written, and lets it go on: either the flow or
// the reader of its tables says what is wrong, or every row is right. The one exception is Delta's own: a commit has no checksum and no
// number of lines, and readers pass over actions that they do not know, so one bit of a commit may rename an action or change a word, and a cut between
// lines takes whole actions away. That is counted and told.
func TestNoDamageIsSilent(t *testing.T) {
	places := whole(1, 6)
	schema := batch.NewSchema(batch.Field{Name: "k", Type: batch.BigIntType}, batch.Field{Name: "v", Type: batch.BigIntType})
	rows := func(epochs int) *memory.Source {
		source := memory.NewSource(schema, 1)
		for n := range 40 * epochs {
			must(t, source.AddRows(0, []any{n % 7, n}))
		}
		return source
	}
	run := func(dir string, epochs int) error {
		q, err := deltaic.Start(t.Context(), damagedFlow(dir, rows(epochs)), stream.CheckpointLocation(dir+"/state"), stream.Parallelism(4), stream.AvailableNow())
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err = q.AwaitTermination(ctx)
		if ctx.Err() != nil {
			t.Errorf("it does not end: %+v", q.Status())
		}
		return err
	}
	whole := t.TempDir()
	for epochs := range 5 {
		must(t, run(whole, epochs+1))
	}
	next := t.TempDir()
	must(t, os.CopyFS(next, os.DirFS(whole)))
	must(t, run(next, 6))
	want, err := readTables(t, next)
	must(t, err)
	random, tried, found, silent := rand.New(rand.NewPCG(13, 1)), map[string]int{}, map[string]int{}, map[string]int{}
	must(t, filepath.WalkDir(whole, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(whole, path)
		data, err := os.ReadFile(path)
		if err != nil || len(data) == 0 {
			return err
		}
		for _, how := range []string{"flip", "torn", "hole"} {
			for range places {
				at := random.IntN(8 * len(data))
				dir := filepath.Join(t.TempDir(), "d")
				must(t, os.CopyFS(dir, os.DirFS(whole)))
				must(t, os.WriteFile(filepath.Join(dir, name), damages[how](append([]byte(nil), data...), at), 0o600))
				kind := fileKind(name)
				tried[kind]++
				err := run(dir, 6)
				if errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("%s, %s at bit %d: it does not end", name, how, at)
				}
				var got map[string]int
				if err == nil {
					got, err = readTables(t, dir)
				}
				if err != nil {
					found[kind]++
				} else if !maps.Equal(got, want) && strings.HasSuffix(kind, "commit") && (how == "flip" || how == "torn" && betweenLines(data, at/8)) {
					silent[kind]++
				} else if !maps.Equal(got, want) {
					t.Errorf("%s, %s at bit %d, %q: nobody says so, and the tables are wrong", name, how, at, data[max(at/8-40, 0):min(at/8+40, len(data))])
				}
				_ = os.RemoveAll(dir) // what a flow that failed still sweeps may be faster
			}
		}
		return nil
	}))
	for kind, n := range tried {
		t.Logf("%s: %d damages, %d said, %d bits that Delta cannot tell, the others did no harm", kind, n, found[kind], silent[kind])
		if silent[kind]*20 > n {
			t.Errorf("%s: %d of %d bits changed tables in silence", kind, silent[kind], n)
		}
	}
	for _, kind := range []string{"state", "manifest", "ledger commit", "data", "table commit"} {
		if tried[kind] == 0 {
			t.Errorf("the flow has written no %s", kind)
		}
	}
}

// betweenLines is whether what is before a place is whole lines.
func betweenLines(data []byte, at int) bool {
	return at == 0 || data[at] == '\n' || data[at-1] == '\n'
}

// fileKind says what a file of the flow is.
func fileKind(name string) string {
	switch name = filepath.ToSlash(name); {
	case strings.HasSuffix(name, ".checkpoint.parquet"):
		return "checkpoint"
	case strings.Contains(name, "ledger/_delta_log/"):
		return "ledger commit"
	case strings.Contains(name, "_delta_log/"):
		return "table commit"
	case strings.HasPrefix(name, "state/state/"):
		return "state"
	case strings.HasPrefix(name, "state/manifests/"):
		return "manifest"
	case strings.HasSuffix(name, ".parquet"):
		return "data"
	}
	return "other"
}
