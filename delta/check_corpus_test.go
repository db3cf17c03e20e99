package delta_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/local"
)

// peculiar are tables of the conformance set that can be read and are not sound, with the kinds of what is wrong: some were made so by hand.
var peculiar = map[string]string{
	"delta-rs-err-logs/table_b":                 "commit_missing",                     // which a later checkpoint makes up for
	"delta-rs-data/delta-live-table":            "metadata_invalid",                   // version 0 has an empty schema
	"kernel-rs-data/parquet_row_group_skipping": "checkpoint_mismatch",                // its checkpoint is another table's
	"kernel-rs-data/parsed-stats":               "statistics_mismatch",                // of a column that no file has
	"kernel-rs-data/table-with-cdf":             "change_file_missing commit_invalid", // log only, as far as changes go; a file goes that never was
	"kernel-rs-golden/deltalog-getChanges":      "change_file_missing",
	"kernel-rs-data/v2-classic-checkpoint-json": "hint_stale", // the checkpoint was given another name
}

// damaged says by an expectation's words which kind of finding explains it.
var damaged = []struct {
	reason string
	kind   log.FindingKind
}{
	{`not contiguous|missing (before|after|because)|are missing`, "commit_missing"},
	{`(without|has no) metaData|schemaString`, "metadata_invalid"},
	{`feature catalog`, "feature_unsupported"},
}

// TestCheckKnownTables: tables that can be read are sound, rows and statistics included, and of those that cannot be it is said why.
func TestCheckKnownTables(t *testing.T) {
	root := os.Getenv("DELTAIC_DELTA_CORPUS")
	if root == "" {
		root = "testdata/tables"
	}
	tables := 0
	for _, file := range expectations(t, root) {
		name, _ := filepath.Rel(root, filepath.Dir(file))
		name = filepath.ToSlash(name)
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
		kinds, said, err := checked(delta.Open(store, delta.Options{Pool: batch.NewPool()}), !strings.HasPrefix(name, "perf/"))
		lost := kinds["data_file_missing"]
		delete(kinds, "data_file_missing")
		tables++
		switch {
		case want.Expectation == "must-fail", want.Expectation == "either", want.Expectation == "other":
			if want.Expectation == "must-fail" && err == nil && len(kinds)+lost == 0 {
				t.Errorf("%s must not be read (%s), and nothing is found", name, want.Reason)
			}
			for _, d := range damaged {
				if why, _ := regexp.MatchString(d.reason, want.Reason); why && want.Expectation == "must-fail" && err == nil && kinds[d.kind] == 0 {
					t.Errorf("%s must not be read (%s), and this is found, not %s:\n%s", name, want.Reason, d.kind, strings.Join(said, "\n"))
				}
			}
			continue
		case err != nil:
			t.Errorf("%s: %v", name, err)
			continue
		case lost > 0 && want.Missing == 0 && want.Expectation != "log-only":
			t.Errorf("%s: %d files are missing", name, lost)
		}
		var found []string
		for k := range kinds {
			found = append(found, string(k))
		}
		slices.Sort(found)
		if strings.Join(found, " ") != peculiar[name] {
			t.Errorf("%s: found %v, want [%s]:\n%s", name, found, peculiar[name], strings.Join(said, "\n"))
		}
	}
	t.Logf("%d tables", tables)
}
