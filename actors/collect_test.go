package actors

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/objstore/memory"
)

// What is removed is what no epoch needs that is among the last ones or young enough, each file once, whatever the
// manifests name and however the clock goes.
func TestRetention(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &Config{Retain: rapid.IntRange(2, 5).Draw(t, "retain"), Objects: memory.New(memory.Options{}),
			RetainFor: time.Duration(rapid.SampledFrom([]int{0, 1, 20, 1000}).Draw(t, "for")) * time.Second}
		a := &attempt{config: c}
		var state []epochs.StateFile
		var manifests []*epochs.Manifest
		removed, clock, files := map[string]bool{}, int64(0), 0
		for epoch := range int64(rapid.IntRange(1, 40).Draw(t, "epochs")) {
			clock += int64(rapid.IntRange(-1, 10).Draw(t, "passed")) * 1_000_000
			if rapid.IntRange(0, 5).Draw(t, "base") == 0 {
				state = nil
			}
			files++
			state = append(slices.Clone(state), epochs.StateFile{Name: fmt.Sprint("file ", files)})
			m := &epochs.Manifest{Epoch: epoch + 1, Time: clock, State: state}
			manifests = append(manifests, m)
			a.entry = &epochs.Entry{Epoch: m.Epoch, ManifestFile: &epochs.ManifestFile{Path: fmt.Sprint("manifest ", m.Epoch)}}
			for _, name := range a.unneededAfter(m) {
				if removed[name] {
					t.Fatalf("%s is removed twice", name)
				}
				removed[name] = true
			}
			kept := manifests[len(manifests)-len(a.kept):]
			if oldest := kept[0]; len(kept) > c.Retain && (c.RetainFor == 0 || oldest.Time < clock-c.RetainFor.Microseconds()) {
				t.Fatalf("epoch %d of %d is kept still", oldest.Epoch, m.Epoch)
			}
			if gone := len(manifests) - len(kept) - 1; gone >= 0 && len(kept) < c.Retain {
				t.Fatalf("%d epochs are kept", len(kept))
			}
			needed := map[string]bool{}
			for _, k := range kept {
				for _, f := range k.State {
					needed[f.Name] = true
				}
				needed[fmt.Sprint("manifest ", k.Epoch)] = true
			}
			for i := range files {
				if name := fmt.Sprint("file ", i+1); needed[name] == removed[name] {
					t.Fatalf("epoch %d: %s is needed: %v, removed: %v", m.Epoch, name, needed[name], removed[name])
				}
			}
			for _, m := range manifests {
				if name := fmt.Sprint("manifest ", m.Epoch); needed[name] == removed[name] {
					t.Fatalf("%s is needed: %v, removed: %v", name, needed[name], removed[name])
				}
			}
		}
	})
}
