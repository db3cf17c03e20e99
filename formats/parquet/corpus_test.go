package parquet

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	oracle "github.com/parquet-go/parquet-go"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
)

// TestCorpus reads every Parquet file below DELTAIC_DELTA_CORPUS, which holds
// tables made by other writers, and compares with parquet-go's count of rows.
func TestCorpus(t *testing.T) {
	root := os.Getenv("DELTAIC_DELTA_CORPUS")
	if root == "" {
		t.Skip("DELTAIC_DELTA_CORPUS names no folder with Delta tables of other writers")
	}
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	files, rows := 0, 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".parquet") {
			return err
		}
		file, err := os.ReadFile(path)
		if err != nil || len(file) > 64<<20 {
			return err
		}
		name, _ := filepath.Rel(root, path)
		got, err := tryFile(t, file, false, p)
		theirs, oracleErr := oracle.OpenFile(bytes.NewReader(file), int64(len(file)))
		switch {
		case err != nil && oracleErr == nil:
			t.Errorf("%s (%s): %v", name, theirs.Metadata().CreatedBy, err)
		case err == nil && oracleErr == nil && theirs.NumRows() != int64(got):
			t.Errorf("%s: %d rows, parquet-go counts %d", name, got, theirs.NumRows())
		case err != nil:
			t.Logf("%s: both refuse: %v", name, err)
		}
		files++
		rows += got
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files, %d rows", files, rows)
}
