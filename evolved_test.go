package deltaic_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/internal/oracle"
)

// TestNestedFieldsFlowOn: a field that comes to a struct within a list of a streamed table, and a column that becomes wider, reach the sink's
// table at a barrier of the process that has run before, whether rows are appended to it or replaced by key.
func TestNestedFieldsFlowOn(t *testing.T) {
	for mode, sink := range map[string]string{
		"append": "mergeSchema: \"true\"}",
		"update": "mergeSchema: \"true\"}, outputMode: update, keys: [id]",
	} {
		t.Run(mode, func(t *testing.T) {
			dir, k := t.TempDir(), newKilled(t, 0, 11)
			const widening = `delta.enableTypeWidening=true`
			if out, err := k.command("table", "create", dir+"/src", "--schema", "id BIGINT, n INT, s ARRAY<STRUCT<a: BIGINT>>", "--property", widening).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			add := func(row string) {
				t.Helper()
				input := filepath.Join(dir, "in.json")
				if err := os.WriteFile(input, []byte(row), 0o600); err != nil {
					t.Fatal(err)
				}
				if out, err := k.command("table", "append", dir+"/src", "--input", input, "--merge-schema").CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			add(`{"id":1,"n":1,"s":[{"a":1}]}`)
			c := k.command("run", flowFile(t, dir, `
name: grown
checkpointLocation: DIR/checkpoint
sources: {src: {format: delta, path: DIR/src}}
sinks: {out: {from: src, format: delta, path: DIR/out, properties: {`+strings.Replace(widening, "=", `: "`, 1)+`", delta.enableDeletionVectors: "true", delta.enableRowTracking: "true"}, options: {`+sink+`}}
`), "--listen", "off")
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
			seen := func(rows ...string) {
				t.Helper()
				for wait := time.Now().Add(time.Minute); ; {
					if _, exists, err := delta.SinkAt(dir+"/out", delta.SinkOptions{}).Open(t.Context()); exists && err == nil {
						got, all := rowsOf(t, dir+"/out"), true
						for _, r := range rows {
							all = all && got[r] == 1
						}
						if all && len(got) == len(rows) {
							return
						}
						if time.Now().After(wait) {
							t.Fatalf("the table holds %v, want %v", got, rows)
						}
					}
					<-time.After(5 * time.Millisecond)
				}
			}
			seen(`{"id":1,"n":1,"s":[{"a":1}]}`)
			add(`{"id":2,"n":2,"s":[{"a":1,"b":{"c":"x"}}]}`)
			seen(`{"id":1,"n":1,"s":[{"a":1,"b":null}]}`, `{"id":2,"n":2,"s":[{"a":1,"b":{"c":"x"}}]}`)
			wider(t, dir+"/src")
			seen(`{"id":1,"n":1,"s":[{"a":1,"b":null}]}`, `{"id":2,"n":2,"s":[{"a":1,"b":{"c":"x"}}]}`, `{"id":3,"n":5000000000,"s":null}`)
			if found, err := oracle.CheckLog(dir + "/out"); err != nil || len(found) > 0 {
				t.Errorf("findings %v, %v", found, err)
			}
		})
	}
}

// wider adds a row with a number that the table's column has no room for, which becomes wider.
func wider(t *testing.T, path string) {
	t.Helper()
	table, _, err := delta.SinkAt(path, delta.SinkOptions{}).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx, err := table.Begin(t.Context(), delta.WriteOptions{MergeSchema: true})
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Abort()
	id, n := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.BigIntType, nil)
	id.Int64(3)
	n.Int64(5_000_000_000)
	s := batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType}, batch.Field{Name: "n", Type: batch.BigIntType})
	if err := tx.Write(t.Context(), batch.NewBatch(s, 1, id.Finish(), n.Finish())); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}
