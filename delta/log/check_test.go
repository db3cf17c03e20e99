package log

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// findings returns what is wrong with what is made of the commits, as "kind path".
func (f *forms) findings(t interface{ Fatal(...any) }) (found []string) {
	if _, err := f.log.Check(ctx, CheckOptions{Find: func(s Finding) error {
		if !s.Harmless && s.Kind != FileDuplicate && !strings.HasPrefix(string(s.Kind), "commit_invalid") {
			found = append(found, fmt.Sprintf("%s %s", s.Kind, s.Path))
		}
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	return found
}

// TestCheckForms: checkpoints of every whole form and reconciled commits say what the commits say, and the check agrees; with an action less
// they do not, and it is found.
func TestCheckForms(t *testing.T) {
	whole := []string{"classic", "multi-part", "inline json", "sidecars json", "sidecars parquet", "sidecars classic"}
	rapid.Check(t, func(t *rapid.T) {
		f := newForms()
		n := f.history(t)
		for v := range n {
			f.whole = append(f.whole, f.all(t, v))
		}
		at := rapid.Int64Range(0, n-1).Draw(t, "at")
		for range rapid.IntRange(0, 3).Draw(t, "checkpoints") {
			f.checkpoint(t, rapid.Int64Range(0, n-1).Draw(t, "of"), rapid.SampledFrom(whole).Draw(t, "form"), rapid.IntRange(1, 3).Draw(t, "parts"))
		}
		for range rapid.IntRange(0, 2).Draw(t, "reconciled") {
			if first, last := rapid.Int64Range(0, n-1).Draw(t, "first"), rapid.Int64Range(0, n-1).Draw(t, "last"); first < last {
				f.compact(t, first, last)
			}
		}
		if found := f.findings(t); len(found) > 0 {
			t.Fatalf("%q of a sound log", found)
		}
		if len(f.whole[at]) > 2 { // protocol and metaData come first
			drop := rapid.IntRange(2, len(f.whole[at])-1).Draw(t, "drop")
			if a := f.whole[at][drop]; a.Remove == nil { // tombstones may expire
				f.whole[at] = slices.Delete(slices.Clone(f.whole[at]), drop, drop+1)
				f.count += 100
				f.checkpoint(t, at, "inline json", 1)
				if found := f.findings(t); len(found) != 1 || !strings.HasPrefix(found[0], "checkpoint_mismatch") {
					t.Fatalf("%q of a log whose checkpoint of version %d lacks %+v", found, at, a)
				}
			}
		}
	})
}

// TestCheckReconciled: a file of reconciled commits that lacks a line is found, and one that can no longer be held against commits is not
// called wrong.
func TestCheckReconciled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newForms()
		n := f.history(t)
		if n < 3 {
			t.Skip("too short")
		}
		f.compact(t, 1, n-1)
		name := fmt.Sprintf("%s%020d.%020d.compacted.json", Dir, 1, n-1)
		text, err := f.store.Get(ctx, name, 0)
		if err != nil {
			t.Fatal(err)
		}
		lines := slices.DeleteFunc(strings.SplitAfter(string(text), "\n"), func(l string) bool { return l == "" })
		if len(lines) == 0 {
			t.Skip("nothing happened")
		}
		drop := rapid.IntRange(0, len(lines)-1).Draw(t, "drop")
		line := lines[drop]
		f.put(t, name, []byte(strings.Join(slices.Delete(slices.Clone(lines), drop, drop+1), "")))
		removed := strings.Contains(line, `"removed":true`)
		if found := f.findings(t); !removed && (len(found) != 1 || !strings.HasPrefix(found[0], "compacted_mismatch")) {
			t.Fatalf("%q of reconciled commits without %s", found, line)
		}
		f.put(t, name, text)
		if err := f.store.Delete(ctx, CommitName(n-2)); err != nil {
			t.Fatal(err)
		}
		if found := f.findings(t); len(found) != 1 || !strings.HasPrefix(found[0], "commit_missing") {
			t.Fatalf("%q of a log without a commit that others stand for", found)
		}
	})
}
