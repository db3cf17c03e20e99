package delta_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/memory"
)

// TestCheckpointProperties: whatever form a table asks its checkpoints to have, a table of which nothing else is left is the same,
// and its statistics leave out the same files.
func TestCheckpointProperties(t *testing.T) {
	schema := batch.NewSchema(column("id", batch.BigIntType), column("s", batch.StructType(column("at", batch.TimestampType), column("name", batch.StringType))),
		column("list", batch.ArrayType(batch.IntType, true)), column("day", batch.DateType), column("part", batch.IntType))
	for _, policy := range []string{"classic", "v2"} {
		for _, text := range []string{"true", "false"} {
			for _, columns := range []string{"true", "false"} {
				s := memory.New(memory.Options{})
				table := create(t, s, delta.CreateOptions{Schema: schema, PartitionBy: []string{"part"}, Properties: map[string]string{"delta.checkpointPolicy": policy,
					"delta.checkpoint.writeStatsAsJson": text, "delta.checkpoint.writeStatsAsStruct": columns}})
				for i := range 6 {
					head, err := table.Head(ctx)
					if err != nil {
						t.Fatal(err)
					}
					w, err := delta.NewWriter(table, head, delta.WriterOptions{Name: func(n int, _ string) string { return fmt.Sprintf("part-%d-%d", i, n) }})
					if err != nil {
						t.Fatal(err)
					}
					if err := w.Write(ctx, fillBatch(schema, 10*i, 10*i+10)); err != nil {
						t.Fatal(err)
					}
					adds, err := w.Finish(ctx)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds}); err != nil {
						t.Fatal(err)
					}
					if i%2 == 1 {
						if _, err := table.Checkpoint(ctx); err != nil {
							t.Fatal(err)
						}
					}
				}
				conditions := []string{"id >= 35", "s.at < TIMESTAMP'2001-01-01 00:00:00'", "s.name IS NULL", "part = 3", "day > DATE'2020-01-01'"}
				left := func(s objstore.Store) (out []string) {
					snapshot, err := delta.Open(s, options(7)).Snapshot(ctx)
					if err != nil {
						t.Fatal(err)
					}
					rows, known := snapshot.Rows()
					if out = append(out, fmt.Sprint(rows, known)); text == "false" && columns == "false" {
						return out // there are none
					}
					for _, c := range conditions {
						files, err := snapshot.FilesWhere(c)
						if err != nil {
							t.Fatal(err)
						}
						for _, f := range files {
							out = append(out, c+" "+f.Path)
						}
					}
					return out
				}
				name := fmt.Sprintf("%s, text %s, columns %s", policy, text, columns)
				commits := memory.New(memory.Options{}) // alone
				for v := range int64(7) {
					text, err := s.Get(ctx, log.CommitName(v), 0)
					if err == nil {
						err = commits.Put(ctx, log.CommitName(v), text)
					}
					if err == nil && v < 6 {
						err = s.Delete(ctx, log.CommitName(v))
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				want, got := left(commits), left(s)
				if text == "false" && columns == "false" {
					want[0] = got[0]
				}
				if strings.Join(got, "\n") != strings.Join(want, "\n") {
					t.Errorf("%s: by the checkpoint\n%s\nby the commits\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				if known := text == "true" || columns == "true"; strings.HasSuffix(got[0], "true") != known || known && len(got) < 10 {
					t.Errorf("%s: %v", name, got)
				}
				sidecars := 0
				if err := s.List(ctx, log.SidecarDir, "", func(objstore.Info) bool { sidecars++; return true }); err != nil || (sidecars > 0) != (policy == "v2") {
					t.Errorf("%s: %d sidecars, %v", name, sidecars, err)
				}
			}
		}
	}
}
