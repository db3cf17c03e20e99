package log

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/objstore"
)

// contents are the files and tombstones of a version, each as text; those of one form and those of another must be equal.
func (f *forms) contents(t interface{ Fatal(...any) }, version int64) []string {
	var out []string
	for _, a := range f.all(t, version) {
		switch {
		case a.Add != nil:
			out = append(out, fmt.Sprintf("add %s %s %d %s", a.Add.Path, a.Add.DeletionVector.ID(), a.Add.Size, a.Add.Stats))
		case a.Remove != nil:
			out = append(out, fmt.Sprintf("remove %s %s", a.Remove.Path, a.Remove.DeletionVector.ID()))
		}
	}
	slices.Sort(out)
	return out
}

// TestSecondForm: checkpoints of both forms written one after the other, on top of each other. Each says what the commits
// alone say, although most of what it says was written earlier.
func TestSecondForm(t *testing.T) {
	reused := 0
	rapid.Check(t, func(t *rapid.T) {
		f, plain, ids := newForms(), newForms(), 0
		o := CheckpointOptions{Cutoff: math.MinInt64, TxnCutoff: math.MinInt64, NewID: func() (string, error) { ids++; return fmt.Sprintf("00000000-0000-4000-8000-%012d", ids), nil },
			SidecarActions: int64(rapid.IntRange(1, 6).Draw(t, "a sidecar's actions")), SmallSidecars: rapid.IntRange(1, 6).Draw(t, "small sidecars")}
		var live []*Add
		before := map[string]bool{}
		for v := range int64(rapid.IntRange(1, 7).Draw(t, "commits")) {
			blind := true
			c := Commit{Info: &CommitInfo{Operation: "WRITE", IsBlindAppend: &blind}}
			if v == 0 || rapid.IntRange(0, 9).Draw(t, "metadata") == 0 {
				c.Protocol = &Protocol{MinReader: 3, MinWriter: 7, ReaderFeatures: []string{"deletionVectors", "v2Checkpoint"}, WriterFeatures: []string{"deletionVectors", "domainMetadata", "v2Checkpoint"}}
				c.Metadata = &Metadata{ID: "i", Provider: "parquet", SchemaString: fmt.Sprintf(`{"type":"struct","fields":[{"name":"c%d","type":"long","nullable":true,"metadata":{}}]}`, v)}
			}
			for i := range rapid.IntRange(0, 5).Draw(t, "files") {
				c.Adds = append(c.Adds, Add{Path: fmt.Sprintf("f%d-%d", v, i), Size: v, DataChange: true})
			}
			if len(live) > 0 && rapid.IntRange(0, 2).Draw(t, "rewrites") == 0 {
				blind = false
				at := rapid.IntRange(0, len(live)-1).Draw(t, "which")
				if old := live[at]; rapid.Bool().Draw(t, "with other statistics") {
					c.Adds = append(c.Adds, Add{Path: old.Path, DeletionVector: old.DeletionVector, Size: old.Size, Stats: fmt.Sprintf(`{"numRecords":%d}`, v)})
				} else {
					c.Removes = []Remove{{Path: old.Path, DeletionVector: old.DeletionVector, DeletionTimestamp: &v}}
					live = slices.Delete(live, at, at+1)
					if rapid.Bool().Draw(t, "marks rows") {
						c.Adds = append(c.Adds, Add{Path: old.Path, DataChange: true, DeletionVector: &DeletionVector{StorageType: "i", PathOrInline: fmt.Sprint(v), SizeInBytes: 1}})
					}
				}
			}
			for i := range c.Adds {
				if c.Adds[i].DataChange {
					live = append(live, &c.Adds[i])
				}
			}
			text := c.Encode(nil)
			f.put(t, CommitName(v), text)
			plain.put(t, CommitName(v), text)
			if rapid.IntRange(0, 2).Draw(t, "checkpoint") == 0 {
				continue
			}
			o.Second = rapid.IntRange(0, 5).Draw(t, "form") > 0
			info := f.written(t, v, o)
			if want := int64(len(plain.all(t, v))); info.Actions < want || info.Adds != int64(len(live)) {
				t.Fatalf("version %d: %+v for %d actions with %d files", v, info, want, len(live))
			}
			for _, name := range f.sidecars(t, v) {
				if before[name] {
					reused++
				}
				before[name] = true
			}
			got, want := f.contents(t, v), plain.contents(t, v)
			if !slices.Equal(got, want) {
				t.Fatalf("version %d says\n%s\nand the commits\n%s", v, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if a, err := f.state(v); err != nil {
				t.Fatal(err)
			} else if b, _ := plain.state(v); a != b {
				t.Fatalf("version %d is\n%s\nand by its commits\n%s", v, a, b)
			}
		}
	})
	if reused == 0 {
		t.Fatal("no sidecar was ever used again")
	}
}

func (f *forms) written(t interface{ Fatal(...any) }, version int64, o CheckpointOptions) (info *CheckpointInfo) {
	if err := f.log.Load(ctx, version, func(seg *Segment) (err error) {
		info, err = f.log.WriteCheckpoint(ctx, seg, o)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return info
}

func (f *forms) sidecars(t interface{ Fatal(...any) }, version int64) (names []string) {
	seg, err := f.log.Segment(ctx, version, nil)
	if err != nil {
		t.Fatal(err)
	}
	all, err := f.log.sidecarsOf(ctx, seg.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		names = append(names, s.Path)
	}
	return names
}

// TestCostFollowsWhatIsNew: a checkpoint after blind appends reads no sidecar of the one before, and few are ever there.
func TestCostFollowsWhatIsNew(t *testing.T) {
	f, ids, blind := newForms(), 0, true
	o := CheckpointOptions{Second: true, NewID: func() (string, error) { ids++; return fmt.Sprint("id", ids), nil }, SmallSidecars: 4}
	for v := range int64(30) {
		c := Commit{Info: &CommitInfo{IsBlindAppend: &blind}, Adds: []Add{{Path: fmt.Sprint(v), DataChange: true}}}
		if v == 0 {
			c.Protocol, c.Metadata = &Protocol{MinReader: 1, MinWriter: 2}, &Metadata{ID: "i", Provider: "parquet", SchemaString: `{"type":"struct","fields":[]}`}
		}
		f.put(t, CommitName(v), c.Encode(nil))
		opened := &opening{Store: f.store, names: map[string]bool{}}
		f.log.Store = opened
		before := ids
		f.written(t, v, o)
		sidecars := f.sidecars(t, v)
		if len(sidecars) > 6 {
			t.Fatalf("version %d has sidecars %v", v, sidecars)
		}
		if read := len(opened.names); read > 6 && len(sidecars) > 1 {
			t.Fatalf("version %d: %d names were made and %v opened", v, ids-before, opened.names)
		}
	}
}

// opening notes which objects are opened.
type opening struct {
	objstore.Store
	mu    sync.Mutex
	names map[string]bool
}

func (o *opening) Open(ctx context.Context, name string) (objstore.Reader, error) {
	o.mu.Lock()
	o.names[name] = true
	o.mu.Unlock()
	return o.Store.Open(ctx, name)
}

// TestNumbersThatDoNotFit: what the columns of a checkpoint cannot hold is refused.
func TestNumbersThatDoNotFit(t *testing.T) {
	for _, second := range []bool{false, true} {
		f := newForms()
		c := everything()
		c.Metadata.PartitionColumns = nil
		c.Adds[0].DeletionVector = &DeletionVector{StorageType: "u", PathOrInline: "x", Offset: pointer(int64(1 << 31)), SizeInBytes: 4}
		f.put(t, CommitName(0), c.Encode(nil))
		seg, err := f.log.Segment(ctx, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.log.WriteCheckpoint(ctx, seg, CheckpointOptions{Second: second, NewID: func() (string, error) { return "id", nil }}); err == nil || !strings.Contains(err.Error(), "32 bits") {
			t.Errorf("a deletion vector behind 2 GiB was written: %v", err)
		}
		if _, err := f.store.Head(ctx, HintName); !errors.Is(err, objstore.ErrNotFound) {
			t.Errorf("the hint points at it: %v", err)
		}
	}
}
