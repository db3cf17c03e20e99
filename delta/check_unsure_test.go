package delta_test

import (
	"maps"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/delta"
)

// TestCheckSparesWhatItCannotTell: where a commit cannot be read, files that others name are known, and those that only it may name are
// not called leftovers that a vacuum removes.
func TestCheckSparesWhatItCannotTell(t *testing.T) {
	spared := 0
	for _, file := range expectations(t, "testdata/tables") {
		all := load(t, filepath.Join(filepath.Dir(file), "delta")).withoutCheckpoints()
		for name := range maps.Clone(all) {
			if ok, _ := regexp.MatchString(commits, name); !ok || !within(all, name) {
				continue
			}
			for _, text := range []string{"", "{"} {
				harmed := maps.Clone(all)
				if harmed[name] = []byte(text); text == "" {
					delete(harmed, name)
				}
				named := ""
				for n, b := range harmed {
					if strings.HasSuffix(n, ".json") {
						named += string(b)
					}
				}
				for f, err := range harmed.table(t).Check(ctx, delta.CheckOptions{}) {
					switch {
					case err != nil:
						t.Fatal(err)
					case f.Kind == delta.ChangeFileMissing && all[f.Path] != nil:
						t.Errorf("%s without %s: the change file %s is there: %s", file, name, f.Path, f.Message)
					case f.Kind != delta.Orphan:
					case f.Harmless || f.Repair != "":
						t.Errorf("%s without %s: %s is a leftover: %s", file, name, f.Path, f.Message)
					case strings.Contains(named, `"path":"`+f.Path+`"`):
						t.Errorf("%s without %s: %s is named by another commit: %s", file, name, f.Path, f.Message)
					default:
						spared++
					}
				}
			}
		}
	}
	if spared == 0 {
		t.Error("no commit that is gone named a file")
	}
}
