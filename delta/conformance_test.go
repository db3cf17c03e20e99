package delta_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/supervision"
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

// conformanceFloor is the number of tables that the last run with all of them passed: fewer is a loss.
const conformanceFloor = "testdata/conformance-floor.txt"

// outcome is why a table is not compared row by row, "" if it is.
type outcome struct {
	kind string // equal, refused as it must be, log only; or not compared because of what
	why  string
}

// passed reports whether the table was held against an expectation.
func (o outcome) passed() bool {
	return o.kind == "equal" || o.kind == "must-fail" || o.kind == "log-only"
}

// TestConformance reads every table of the conformance set named by the environment, without it those of
// testdata: what we read must be what is expected, at every version, and what we refuse must be refused by name.
func TestConformance(t *testing.T) {
	root := os.Getenv("DELTAIC_DELTA_CORPUS")
	small := root == ""
	if small {
		t.Log("DELTAIC_DELTA_CORPUS does not name the conformance tables: only the small ones of testdata are read")
		root = "testdata/tables"
	}
	var tables []string
	if err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "expect.json" {
			tables = append(tables, path)
		}
		return err
	}); err != nil || len(tables) == 0 {
		t.Fatalf("no tables under %s: %v", root, err)
	}
	passed, failed, kinds := 0, 0, map[string]int{}
	for _, file := range tables {
		name, _ := filepath.Rel(root, filepath.Dir(file))
		got := outcome{kind: "failed"}
		ok := t.Run(filepath.ToSlash(name), func(t *testing.T) {
			got = conform(t, file)
			if !got.passed() && !t.Failed() {
				t.Skip(got.why)
			}
		})
		kinds[got.kind]++
		switch {
		case !ok:
			failed++
		case got.passed():
			passed++
		}
	}
	summary := fmt.Sprintf("conformance: %d passed, %d failed, %d skipped of %d tables: %v", passed, failed, len(tables)-passed-failed, len(tables), kinds)
	t.Log(summary)
	if small {
		return
	}
	text, err := os.ReadFile(conformanceFloor)
	if err != nil {
		t.Fatal(err)
	}
	floor, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatalf("%s: %v", conformanceFloor, err)
	}
	if passed < floor {
		t.Errorf("%s; %s asks for %d", summary, conformanceFloor, floor)
	} else if passed > floor {
		t.Logf("raise %s from %d to %d", conformanceFloor, floor, passed)
	}
}

// conform holds a table against its expectation.
func conform(t *testing.T, file string) outcome {
	t.Helper()
	var want expectation
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	store, err := local.New(unpacked(t, file), local.Options{})
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
		if f := (*supervision.Failure)(nil); !errors.As(err, &f) || f.Class == "" || f.Path == "" {
			t.Errorf("refused without saying what and where: %v", err)
		}
		t.Logf("refused: %v", err)
		return outcome{kind: "must-fail"}
	case want.Expectation == "either" || want.Expectation == "other":
		return outcome{want.Expectation, fmt.Sprintf("left open (%s): %v", want.Reason, err)}
	case err != nil && strings.Contains(err.Error(), "DELTA_UNSUPPORTED_FEATURES_FOR_READ"):
		return outcome{"unsupported feature", err.Error()}
	case want.Expectation == "log-only" && snapshot != nil:
		if want.LiveFiles != nil && len(snapshot.Files()) != *want.LiveFiles {
			t.Errorf("%d live files, want %d", len(snapshot.Files()), *want.LiveFiles)
		}
		return outcome{kind: "log-only"}
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
	return outcome{kind: "equal"}
}
