package delta_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/local"
)

// expectation is expect.json as far as it is used here.
type expectation struct {
	Expectation string
	Reason      string
	RowsDigest  string `json:"rows_digest"`
	Rows        *int64
	LiveFiles   *int   `json:"live_files"`
	LiveBytes   *int64 `json:"live_bytes"`
	Protocol    struct {
		MinReaderVersion int
		ReaderFeatures   []string
	}
	Configuration    map[string]string
	PartitionColumns []string `json:"partition_columns"`
	Txn              map[string]int64
	Schema           []struct {
		Name     string
		Nullable bool
	}
	Log struct {
		LatestVersion *int64 `json:"latest_version"`
	}
	Versions []struct {
		Version    int64
		Files      *int `json:"live_files"`
		Rows       *int64
		RowsDigest string `json:"rows_digest"`
		Error      string
	}
}

func scanDigest(t *delta.Table, version int64) (*batch.RowDigest, *delta.Snapshot, error) {
	s, err := t.SnapshotAt(context.Background(), version)
	if err != nil {
		return nil, nil, err
	}
	d := &batch.RowDigest{}
	for b, err := range s.Scan(context.Background(), delta.ScanOptions{}) {
		if err != nil {
			return nil, s, err
		}
		err = d.Add(b)
		b.Release()
		if err != nil {
			return nil, s, err
		}
	}
	return d, s, nil
}

// TestConformance reads every table of the conformance set named by the environment:
// what we read must be what is expected, what we refuse must be refused by name.
func TestConformance(t *testing.T) {
	root := os.Getenv("DELTAIC_DELTA_CORPUS")
	if root == "" {
		t.Skip("DELTAIC_DELTA_CORPUS does not name the conformance tables; TestOwnTables reads those of testdata")
	}
	tables, err := filepath.Glob(filepath.Join(root, "*", "*", "expect.json"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables under %s: %v", root, err)
	}
	equal, refused := 0, map[string]int{}
	for _, file := range tables {
		name := strings.TrimPrefix(filepath.Dir(file), root+"/")
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), "delta")); err != nil {
				t.Skip("packed")
			}
			if class := conform(t, file); class == "" {
				equal++
			} else {
				refused[class]++
			}
		})
	}
	t.Logf("%d tables equal; others: %v", equal, refused)
}

// conform returns "" if the table reads as expected, else why it does not have to.
func conform(t *testing.T, file string) string {
	var want expectation
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	store, err := local.New(filepath.Join(filepath.Dir(file), "delta"), local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	table := delta.Open(store, delta.Options{Pool: batch.NewPool()})
	got, snapshot, err := scanDigest(table, -1)
	switch {
	case want.Expectation == "must-fail":
		if err == nil {
			t.Errorf("read, though it must fail: %s", want.Reason)
		}
		t.Logf("refused: %v", err)
		return "must-fail"
	case want.Expectation == "either" || want.Expectation == "other":
		t.Logf("%s: %v", want.Reason, err)
		return want.Expectation
	case err != nil && strings.Contains(err.Error(), "DELTA_UNSUPPORTED_FEATURES_FOR_READ"):
		t.Logf("not supported: %v", err)
		return "unsupported feature"
	case want.Expectation == "log-only" && snapshot != nil:
		if want.LiveFiles != nil && len(snapshot.Files()) != *want.LiveFiles {
			t.Errorf("%d live files, want %d", len(snapshot.Files()), *want.LiveFiles)
		}
		return "log-only"
	case err != nil:
		t.Fatalf("cannot be read: %v", err)
	}
	if want.LiveFiles != nil && len(snapshot.Files()) != *want.LiveFiles {
		t.Errorf("%d live files, want %d", len(snapshot.Files()), *want.LiveFiles)
	}
	if want.LiveBytes != nil && snapshot.Bytes() != *want.LiveBytes {
		t.Errorf("%d live bytes, want %d", snapshot.Bytes(), *want.LiveBytes)
	}
	for app, version := range want.Txn {
		if got := snapshot.Txns[app].Version; got != version {
			t.Errorf("txn %s is %d, want %d", app, got, version)
		}
	}
	if want.Rows != nil && got.Rows() != *want.Rows {
		t.Errorf("%d rows, want %d", got.Rows(), *want.Rows)
	}
	if want.RowsDigest != "" && got.String() != want.RowsDigest {
		t.Errorf("digest %s, want %s", got, want.RowsDigest)
	}
	for _, v := range want.Versions {
		if v.RowsDigest == "" || v.Version == snapshot.Version { // the newest was compared above
			continue
		}
		got, _, err := scanDigest(table, v.Version)
		if err != nil && strings.Contains(err.Error(), "DELTA_UNSUPPORTED_FEATURES_FOR_READ") {
			t.Logf("not supported: %v", err)
		} else if err != nil {
			t.Errorf("version %d: %v", v.Version, err)
		} else if got.String() != v.RowsDigest {
			t.Errorf("version %d: digest %s of %d rows, want %s", v.Version, got, got.Rows(), v.RowsDigest)
		}
	}
	return ""
}
