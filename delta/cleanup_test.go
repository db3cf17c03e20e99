package delta_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/memory"
)

// TestCleanLog: whatever a table's history, retention and checkpoints, every version that was the newest at some time within
// retention stays what it was through any number of clean-ups, and nothing is left of what only older ones need.
func TestCleanLog(t *testing.T) {
	removed := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC)
		s := memory.New(memory.Options{Now: func() time.Time { return now }})
		days := rapid.IntRange(1, 5).Draw(t, "retention")
		properties := map[string]string{"delta.logRetentionDuration": fmt.Sprintf("interval %d days", days), "delta.deletedFileRetentionDuration": "interval 1 day"}
		if rapid.Bool().Draw(t, "second form") {
			properties["delta.checkpointPolicy"] = "v2"
		}
		table, err := delta.Create(ctx, s, delta.CreateOptions{Schema: idSchema, Properties: properties}, delta.Options{Random: newRandom(1), Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		type version struct {
			at    time.Time
			files string
		}
		live := map[string]bool{}
		history := []version{{now, fmt.Sprint(live)}}
		for step := range rapid.IntRange(3, 16).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "hours")) * time.Hour)
			switch rapid.SampledFrom([]string{"commit", "commit", "commit", "commit", "checkpoint", "clean", "broken"}).Draw(t, "step") {
			case "commit":
				c := delta.Commit{Operation: "WRITE", Adds: []log.Add{add(fmt.Sprint("f", step))}}
				live[fmt.Sprint("f", step)] = true
				if len(history)%3 == 2 {
					name := ""
					for n := range live {
						name = max(name, n)
					}
					delete(live, name)
					ms, size := now.UnixMilli(), int64(1)
					if c.Removes = []log.Remove{{Path: name, DataChange: true, Size: &size, DeletionTimestamp: &ms}}; c.Adds[0].Path == name {
						c.Adds, c.Removes = nil, nil
					}
				}
				if _, err := table.Commit(ctx, c); err != nil {
					t.Fatal(err)
				}
				history = append(history, version{now, fmt.Sprint(live)})
			case "checkpoint":
				if _, err := table.Checkpoint(ctx); err != nil {
					t.Fatal(err)
				}
			case "broken": // a checkpoint that says nothing, whoever may rely on it
				at := rapid.IntRange(0, len(history)-1).Draw(t, "at")
				if err := s.Put(ctx, fmt.Sprintf("%s%020d.checkpoint.%036d.parquet", log.Dir, at, step), []byte("PAR1")); err != nil {
					t.Fatal(err)
				}
			default:
				c, err := table.CleanLog(ctx)
				if err != nil {
					t.Fatal(err)
				}
				for _, name := range c.Removed {
					removed[name[strings.LastIndex(name, "."):]]++
				}
			}
			if step%4 > 0 {
				continue
			}
			// The model: the newest version at the cutoff, and all after it.
			cutoff := now.Add(-time.Duration(days) * 24 * time.Hour).Truncate(24 * time.Hour)
			first := 0
			for v, h := range history {
				if !h.at.After(cutoff) {
					first = v
				}
			}
			for v := first; v < len(history); v++ {
				snapshot, err := delta.Open(s, options(9)).SnapshotAt(ctx, int64(v))
				if err != nil {
					t.Fatalf("version %d of %s, which was the newest after %s, cannot be read: %v", v, history[v].at, cutoff, err)
				}
				files := map[string]bool{}
				for _, f := range snapshot.Files() {
					files[f.Path] = true
				}
				if fmt.Sprint(files) != history[v].files {
					t.Fatalf("version %d has %v, it had %s", v, files, history[v].files)
				}
			}
		}
		// Nothing more than needed is left: of versions before the newest checkpoint that is not after the cutoff.
		c, err := table.CleanLog(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if c.First >= 0 {
			list(t, s, func(name string) {
				if name < log.Dir+fmt.Sprintf("%020d", c.First) {
					t.Fatalf("%s is left, though the log begins at %d", name, c.First)
				}
			})
		}
	})
	if removed[".json"] == 0 || removed[".crc"] == 0 || removed[".parquet"] == 0 {
		t.Fatalf("removed was %v", removed)
	}
}

func list(t interface{ Fatal(...any) }, s objstore.Store, each func(name string)) {
	if err := s.List(ctx, log.Dir, "", func(i objstore.Info) bool {
		if !strings.HasPrefix(i.Name, log.SidecarDir) {
			each(i.Name)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
}

// TestCleanLogIsAsked: nothing goes where the table does not want it, where its checkpoints are protected, and where times are
// not known.
func TestCleanLogIsAsked(t *testing.T) {
	for name, c := range map[string]struct {
		properties map[string]string
		protected  bool
		timeless   bool
		goes       bool
	}{
		"by default":            {goes: true},
		"not wanted":            {properties: map[string]string{"delta.enableExpiredLogCleanup": "false"}},
		"kept longer":           {properties: map[string]string{"delta.logRetentionDuration": "interval 400 days"}},
		"protected checkpoints": {protected: true},
		"no times":              {timeless: true},
	} {
		now := time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)
		clock := func() time.Time { return now }
		o := memory.Options{Now: clock}
		if c.timeless {
			o.Now = nil
		}
		s := memory.New(o)
		table, err := delta.Create(ctx, s, delta.CreateOptions{Schema: idSchema, Properties: c.properties}, delta.Options{Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		for v := range 3 {
			now = now.Add(24 * time.Hour)
			if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: []log.Add{add(fmt.Sprint(v))}}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := table.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		if c.protected {
			protocol := &log.Protocol{MinReader: 1, MinWriter: 7, WriterFeatures: []string{"appendOnly", "checkpointProtection", "invariants"}}
			if err := s.Put(ctx, log.CommitName(4), (&log.Commit{Info: &log.CommitInfo{Operation: "DROP FEATURE"}, Protocol: protocol}).Encode(nil)); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(40 * 24 * time.Hour)
		done, err := table.CleanLog(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if c.goes != (len(done.Removed) > 0) || c.goes != (done.First == 3) {
			t.Errorf("%s: %+v", name, done)
		}
	}
}
