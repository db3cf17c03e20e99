package delta_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/objstore/local"
)

// TestSkippingChangesNothing compares, for values of every column of every table at hand, scans with conditions that files can be
// left out by with the same conditions written so that nothing can be.
func TestSkippingChangesNothing(t *testing.T) {
	root := os.Getenv("DELTAIC_DELTA_CORPUS")
	if root == "" {
		root = "testdata/tables"
	}
	conditions := 0
	for _, file := range expectations(t, root) {
		name := filepath.ToSlash(filepath.Dir(file))
		if strings.Contains(name, "/perf/") || strings.HasSuffix(name, "/parsed-stats") { // large; has bounds of a column that no file has
			continue
		}
		store, err := local.New(unpacked(t, file), local.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := delta.Open(store, delta.Options{}).Snapshot(ctx)
		if err != nil {
			continue // the conformance test judges it
		}
		all := conditionsFor(s)
		step := 1 + len(all)*min(len(s.Files()), 20)/100 // tables of many files or columns get fewer
		for i := 0; i < len(all); i += step {
			where := all[i]
			plain, plainErr := count(s, "("+where+") OR _metadata.row_index < 0")
			skipped, err := count(s, where)
			if plainErr != nil {
				continue // log only
			}
			conditions++
			if err != nil || plain != skipped {
				t.Errorf("%s: %s gives %d rows, %d without skipping: %v", file, where, skipped, plain, err)
			}
		}
	}
	t.Logf("%d conditions", conditions)
}

func count(s *delta.Snapshot, where string) (n int, err error) {
	for b, err := range s.Scan(ctx, delta.ScanOptions{Columns: []string{"_metadata.row_index"}, Where: where}) {
		if err != nil {
			return 0, err
		}
		n += b.Rows()
		b.Release()
	}
	return n, nil
}

// conditionsFor compares the columns of a table with values of its first and last rows.
func conditionsFor(s *delta.Snapshot) (out []string) {
	var first, last *batch.Batch
	for b, err := range s.Scan(ctx, delta.ScanOptions{}) {
		if err != nil {
			return nil
		}
		if first == nil {
			first = b
		}
		last = b
	}
	for _, b := range []*batch.Batch{first, last} {
		if b == nil {
			continue
		}
		for _, row := range []int{0, b.Rows() / 2, b.Rows() - 1} {
			for i, f := range s.Schema.Fields[:min(len(s.Schema.Fields), 20)] {
				out = append(out, comparisons("`"+f.Name+"`", b.Columns[i], b.Row(row))...)
				for k, n := range f.Type.Fields {
					if f.Type.Kind == batch.Struct {
						out = append(out, comparisons("`"+f.Name+"`.`"+n.Name+"`", b.Columns[i].Kids[k], b.Row(row))...)
					}
				}
			}
		}
	}
	return out
}

func comparisons(name string, c *batch.Column, row int) (out []string) {
	if c.Type.Nested() || c.Type.Kind == batch.Binary || c.Type.Kind == batch.Void || strings.Contains(name[1:len(name)-1], "``") {
		return nil
	}
	out = []string{name + " IS NULL", name + " IS NOT NULL"}
	if c.IsNull(row) {
		return out
	}
	text := string(batch.AppendText(nil, c, row))
	value := fmt.Sprintf("CAST(%s AS %s)", parse.Render(&parse.Literal{Kind: batch.String, Text: text}), parse.TypeSQL(c.Type))
	for _, op := range []string{"=", "<", "<=", ">", ">=", "<>"} {
		out = append(out, name+" "+op+" "+value)
	}
	return out
}

// TestSkippingByStructStatistics leaves out files by statistics that only a checkpoint has, as structs.
func TestSkippingByStructStatistics(t *testing.T) {
	root := os.Getenv("DELTAIC_DELTA_CORPUS")
	if root == "" {
		t.Skip("DELTAIC_DELTA_CORPUS does not name the conformance tables")
	}
	for _, name := range []string{"v1-multi-part-struct-stats-only", "v2-classic-parquet-struct-stats-only", "v2-parquet-sidecars-struct-stats-only"} {
		store, err := local.New(filepath.Join(root, "kernel-rs-data", name, "delta"), local.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := delta.Open(store, delta.Options{}).Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if files, err := s.FilesWhere("id > 3"); err != nil || len(files) != 2 {
			t.Errorf("%s: %d files of ids above 3, want 2: %v", name, len(files), err)
		}
	}
}
