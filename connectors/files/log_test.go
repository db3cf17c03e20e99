package files_test

import (
	stdjson "encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/connectors/files"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/memory"
)

// sparkFiles reads the log as Spark's MetadataLogFileIndex does: the interval
// from the names, then all entries from the newest that compacts on. Folders are left out.
func sparkFiles(t testing.TB, s objstore.Store) (paths []string) {
	t.Helper()
	entries := map[int64]bool{} // compact?
	latest := int64(-1)
	var compacts []int64
	_ = s.List(ctx, "_spark_metadata/", "", func(i objstore.Info) bool {
		name, compact := strings.CutSuffix(strings.TrimPrefix(i.Name, "_spark_metadata/"), ".compact")
		n, err := strconv.ParseInt(name, 10, 64)
		if err != nil {
			t.Errorf("the log holds %s", i.Name)
		}
		entries[n], latest = compact, max(latest, n)
		if compact {
			compacts = append(compacts, n)
		}
		return true
	})
	if latest < 0 {
		return nil
	}
	slices.Sort(compacts)
	interval := int64(10)
	if len(compacts) >= 2 {
		interval = compacts[len(compacts)-1] - compacts[len(compacts)-2]
	}
	for n := max(0, (latest+1)/interval*interval-1); n <= latest; n++ {
		compact, there := entries[n]
		if !there || compact != ((n+1)%interval == 0) {
			t.Fatalf("entry %d: there %v, compact %v; the latest is %d", n, there, compact, latest)
		}
		name := fmt.Sprint("_spark_metadata/", n)
		if compact {
			name += ".compact"
		}
		text, err := s.Get(ctx, name, 0)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		if lines[0] != "v1" {
			t.Fatalf("%s begins with %q", name, lines[0])
		}
		for _, l := range lines[1:] {
			var f struct {
				Path   string
				IsDir  bool
				Action string
				Size   int64
			}
			if err := stdjson.Unmarshal([]byte(l), &f); err != nil || f.Action != "add" {
				t.Fatalf("%s: %q, %v", name, l, err)
			}
			if !f.IsDir {
				paths = append(paths, strings.TrimPrefix(f.Path, "memory:///"))
			}
		}
	}
	slices.Sort(paths)
	return paths
}

// However many epochs there were, and whoever writes beside: Spark's reader
// finds exactly the visible files, and old entries go.
func TestSparkReadsTheLog(t *testing.T) {
	s := memory.New(memory.Options{})
	a := begin(t, files.New(s, files.Options{Format: files.JSON}), 1, 1)
	for epoch := range 45 {
		if epoch%7 == 3 {
			a = begin(t, files.New(s, files.Options{Format: files.JSON}), int64(epoch), 1) // a new process
			a.epoch = int64(epoch)
		}
		a.write(0, row(int64(epoch), "d", "h"))
		c := a.prepare()
		for range 2 {
			if _, err := a.sink.Commit(ctx, c); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := sparkFiles(t, s), visible(t, s); !slices.Equal(got, want) || len(want) != epoch+1 {
			t.Fatalf("after %d epochs Spark reads %d files, visible are %d", epoch+1, len(got), len(want))
		}
	}
	entries, rest := 0, 0
	_ = s.List(ctx, "_spark_metadata/", "", func(objstore.Info) bool { entries++; return true })
	_ = s.List(ctx, "_temporary/", "", func(objstore.Info) bool { rest++; return true })
	if entries > 20 || rest > 0 {
		t.Errorf("%d entries and %d staged files are left", entries, rest)
	}
}

// Two flows write one folder: both go on, also when they meet at one number of the log.
func TestTwoFlowsShareAFolder(t *testing.T) {
	s := memory.New(memory.Options{})
	flows := [2]*flow{}
	for i := range flows {
		sink := files.New(s, files.Options{Format: files.JSON})
		flows[i] = begin(t, sink, 1, 1)
	}
	for e := range int64(12) {
		for i, f := range flows {
			f.write(0, row(e*2+int64(i), "d", "h"))
			c := f.prepare()
			c.Flow = []string{"f", "other"}[i]
			if done, err := f.sink.Commit(ctx, c); err != nil || done.Repeat {
				t.Fatalf("epoch %d: %+v, %v", e, done, err)
			}
		}
	}
	got := content(t, s)
	slices.Sort(got)
	if len(got) != 24 || got[23] != 23 || len(sparkFiles(t, s)) != 24 {
		t.Errorf("rows %v", got)
	}
}

// The log forgets files that are older than the retention, and not how far a flow is.
func TestRetention(t *testing.T) {
	s := memory.New(memory.Options{})
	o := files.Options{Format: files.JSON, Retention: time.Hour}
	f := begin(t, files.New(s, o), 1, 1)
	for epoch := range int64(10) {
		f.write(0, row(epoch, "d", "h"))
		c := f.prepare()
		if epoch == 9 {
			c.Time += 2 * time.Hour.Microseconds()
		}
		if _, err := f.sink.Commit(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	if got := sparkFiles(t, s); len(got) != 2 || len(visible(t, s)) != 10 {
		t.Errorf("the log names %d files; %d are visible", len(got), len(visible(t, s)))
	}
	begin(t, files.New(s, o), 2, 1)
}
