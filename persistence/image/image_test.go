package image

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
)

func opened(t testing.TB, fs vfs.FS) *Image {
	t.Helper()
	i := New(Options{FS: fs, Dir: "image", Cache: 1 << 20})
	if err := i.open(); err != nil {
		t.Fatal(err)
	}
	return i
}

// add appends a row of a word key to what a fold will take.
func add(e *state.Encoded, segment int64, group int, key uint64, value string, kind batch.RowKind) []byte {
	row := state.EncodedRow{From: len(e.Data), Kind: kind}
	e.Data = state.AppendPlace(e.Data, segment, group)
	e.Data = append(e.Data, fmt.Sprintf("%08d", key)...)
	row.Key = len(e.Data)
	e.Data = append(e.Data, value...)
	row.End = len(e.Data)
	e.Rows = append(e.Rows, row)
	return e.Data[row.From:row.Key]
}

// Folds of random changes, over restarts, leave what a map of them would.
func TestFoldsEqualAMap(t *testing.T) {
	ctx, random, fs := context.Background(), rand.New(rand.NewPCG(1, 2)), vfs.NewMem()
	i := opened(t, fs)
	want := map[string]string{} // by place
	for epoch := range int64(30) {
		table, err := i.Table("i-1", "sum", "t")
		if err != nil {
			t.Fatal(err)
		}
		f, err := table.Fold(0, 8)
		if err != nil {
			t.Fatal(err)
		}
		if epoch%3 == 2 {
			segment, lo, hi := int64(random.IntN(5)-2), random.IntN(4), 4+random.IntN(5)
			f.Drop(segment, lo, hi)
			f.Drop(segment, lo+1, hi)
			maps.DeleteFunc(want, func(place, _ string) bool {
				s, g := state.SegmentOf([]byte(place))
				return s == segment && g >= lo && g < hi
			})
		}
		for range 400 {
			key := uint64(random.IntN(300))
			segment, group := int64(random.IntN(5)-2), int(key%8)
			place := string(add(&state.Encoded{}, segment, group, key, "", 0))
			kind, value := batch.UpdateAfter, fmt.Sprint("v", random.IntN(1000))
			if _, there := want[place]; !there {
				kind = batch.Insert
			} else if random.IntN(3) == 0 {
				kind = batch.Delete
			}
			add(f.Rows(), segment, group, key, value, kind)
			if want[place] = value; kind == batch.Delete {
				delete(want, place)
			}
			if random.IntN(100) == 0 {
				if err := f.flush(ctx, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		marks := make([]*Mark, 8)
		for g := range marks {
			marks[g] = &Mark{Epoch: epoch, File: fmt.Sprint("file ", epoch)}
		}
		if err := f.Commit(ctx, marks); err != nil {
			t.Fatal(err)
		}
		if epoch%4 == 0 {
			if err := i.Close(); err != nil {
				t.Fatal(err)
			}
			i = opened(t, fs)
			table, _ = i.Table("i-1", "sum", "t")
		}
		compare(t, table, want, epoch)
	}
	table, _ := i.Table("i-1", "sum", "t")
	if err := table.Reset(ctx, 2, 8); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(want, func(place, _ string) bool { _, g := state.SegmentOf([]byte(place)); return g >= 2 })
	compare(t, table, want, -1)
	if marks, err := table.Marks(0, 8); err != nil || marks[1] == nil || marks[1].File != "file 29" || marks[2] != nil {
		t.Fatal(marks, err)
	}
	if names, _ := fs.List("image"); slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, staging) }) {
		t.Fatalf("folds left files: %v", names)
	}
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
}

func compare(t *testing.T, table *Table, want map[string]string, epoch int64) {
	t.Helper()
	counts, err := table.Counts(0, 8)
	if err != nil {
		t.Fatal(err)
	}
	wanted, view, got := map[int64]int{}, table.View(0, 8), map[string]string{}
	places := slices.Sorted(maps.Keys(want))
	for _, p := range places {
		s, _ := state.SegmentOf([]byte(p))
		wanted[s]++
	}
	if !maps.Equal(counts, wanted) {
		t.Fatalf("epoch %d: counts are %v, want %v", epoch, counts, wanted)
	}
	collect := func(places, values [][]byte) error {
		for i, p := range places {
			got[string(p)] = string(values[i])
		}
		return nil
	}
	for s := range wanted {
		if err := view.Scan(s, collect); err != nil {
			t.Fatal(err)
		}
	}
	if !maps.Equal(got, want) {
		t.Fatalf("epoch %d: a scan meets %d rows, want %d", epoch, len(got), len(want))
	}
	clear(got)
	if err := table.View(2, 5).Dump(context.Background(), collect); err != nil {
		t.Fatal(err)
	}
	for p, v := range want {
		if _, g := state.SegmentOf([]byte(p)); (g >= 2 && g < 5) != (got[p] == v) {
			t.Fatalf("epoch %d: group %d in a dump of [2,5): %q, want %q", epoch, g, got[p], v)
		}
	}
	var asked [][]byte
	for i, p := range places {
		if i%2 == 0 {
			asked = append(asked, []byte(p+"x"))
		}
		asked = append(asked, []byte(p))
	}
	slices.SortFunc(asked, func(a, b []byte) int { return strings.Compare(string(a), string(b)) })
	n := 0
	if err := view.Read(asked, func(i int, values []byte) error {
		if n++; want[string(asked[i])] != string(values) {
			t.Fatalf("epoch %d: read %q, want %q", epoch, values, want[string(asked[i])])
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n != len(want) {
		t.Fatalf("epoch %d: %d rows were read, want %d", epoch, n, len(want))
	}
}

// An image that another process has open is refused, one that is broken is begun anew.
func TestOpen(t *testing.T) {
	fs := vfs.Default
	dir := t.TempDir() + "/image"
	o := Options{FS: fs, Dir: dir, Cache: 1 << 20}
	i := New(o)
	if err := i.open(); err != nil {
		t.Fatal(err)
	}
	if err := New(o).open(); err == nil || !strings.Contains(err.Error(), "STATE_STORE_IMAGE_IN_USE") {
		t.Fatalf("got %v", err)
	}
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	names, _ := fs.List(dir)
	for _, n := range names {
		if strings.HasPrefix(n, "MANIFEST") {
			f, err := fs.Create(fs.PathJoin(dir, n), vfs.WriteCategoryUnspecified)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = f.Write([]byte("not a manifest"))
			_ = f.Close()
		}
	}
	if i = New(o); i.open() != nil {
		t.Fatal("a broken image is not begun anew")
	}
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Table("i", "s", "t"); err == nil || !strings.Contains(err.Error(), "STATE_STORE_IMAGE_CLOSED") {
		t.Fatalf("got %v", err)
	}
}

// The filters of the lowest level are asked where rows are often not there, and no more where nearly all are.
func TestFiltersAreAskedWhereTheyHelp(t *testing.T) {
	v := &View{}
	if !v.mostlyNew() {
		t.Error("nothing is known yet, and filters are not asked")
	}
	v.asked, v.found = 2*recent, 2*recent-1
	if v.mostlyNew() || v.asked != recent {
		t.Errorf("nearly all rows were there, and filters are asked: %+v", v)
	}
	v.asked += recent
	if !v.mostlyNew() {
		t.Error("half of the rows were not there of late, and filters are not asked")
	}
}
