package local_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/objstore/storetest"
)

func open(t testing.TB, root string, fs vfs.FS) *local.Store {
	t.Helper()
	s, err := local.New(root, local.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDisk(t *testing.T) {
	base, n := t.TempDir(), 0
	storetest.Run(t, func() objstore.Store {
		n++
		return open(t, filepath.Join(base, fmt.Sprint("store", n), "deep"), nil)
	})
}

func TestCrashableMemory(t *testing.T) {
	storetest.Run(t, func() objstore.Store { return open(t, "/tables/one", vfs.NewCrashableMem()) })
}

// images calls check on file systems as a power cut may leave them now.
func images(t *testing.T, mem *vfs.MemFS, seed uint64, check func(t *testing.T, s *local.Store)) {
	t.Helper()
	for _, percent := range []int{0, 25, 50, 75, 100} {
		for i := range uint64(4) {
			cut := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(seed, i))})
			check(t, open(t, "/deep/er/table", cut))
		}
	}
}

// TestPowerCut cuts the power after every operation below the store: what was
// acknowledged is there whole, and what is there was put whole.
func TestPowerCut(t *testing.T) {
	ctx := context.Background()
	content := func(i int) string { return strings.Repeat(fmt.Sprint("entry ", i, ";"), 200) }
	mem, points := vfs.NewCrashableMem(), 0
	acked := map[string]string{}
	inject := errorfs.InjectorFunc(func(op errorfs.Op) error {
		points++
		images(t, mem, uint64(points), func(t *testing.T, s *local.Store) {
			t.Helper()
			for name, want := range acked {
				if got, err := s.Get(ctx, name, 0); err != nil || string(got) != want {
					t.Fatalf("before op %d %v %s: acknowledged %s is lost: %d bytes, %v", points, op.Kind, op.Path, name, len(got), err)
				}
			}
			if err := s.List(ctx, "", "", func(info objstore.Info) bool {
				var i int
				if _, err := fmt.Sscanf(filepath.Base(info.Name), "%d.json", &i); err != nil {
					t.Fatalf("foreign name %s", info.Name)
				}
				if got, err := s.Get(ctx, info.Name, 0); err != nil || string(got) != content(i) {
					t.Fatalf("before op %d %v %s: torn %s: %d bytes, %v", points, op.Kind, op.Path, info.Name, len(got), err)
				}
				return true
			}); err != nil {
				t.Fatal(err)
			}
		})
		return nil
	})
	s := open(t, "/deep/er/table", errorfs.Wrap(mem, inject))
	for i := range 6 {
		name := fmt.Sprintf("_delta_log/%020d.json", i)
		if i%2 == 1 {
			name = fmt.Sprintf("p=%d/%d.json", i, i)
		}
		if err := s.PutIfAbsent(ctx, name, []byte(content(i))); err != nil {
			t.Fatal(err)
		}
		acked[name] = content(i)
	}
	if points < 30 {
		t.Fatalf("only %d points: the injector does not see the operations", points)
	}
}

// TestFailedFsync: nothing is acknowledged, and a failed fsync of the file
// leaves nothing visible.
func TestFailedFsync(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		match   func(errorfs.Op) bool
		visible bool
	}{
		{func(o errorfs.Op) bool { return o.Kind == errorfs.OpFileSync && strings.Contains(o.Path, ".tmp-") }, false},
		{func(o errorfs.Op) bool { return o.Kind == errorfs.OpFileSync && !strings.Contains(o.Path, ".tmp-") }, true},
	} {
		armed := false
		fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if armed && c.match(op) {
				return errorfs.ErrInjected
			}
			return nil
		}))
		s := open(t, "/t", fs)
		if err := s.PutIfAbsent(ctx, "first", nil); err != nil {
			t.Fatal(err)
		}
		armed = true
		if err := s.PutIfAbsent(ctx, "a", []byte("x")); !errors.Is(err, objstore.ErrUndurable) || errors.Is(err, objstore.ErrUnknown) {
			t.Fatalf("error %v, want ErrUndurable and not ErrUnknown", err)
		}
		armed = false
		if _, err := s.Head(ctx, "a"); (err == nil) != c.visible {
			t.Fatalf("visible: %v, want %v", err == nil, c.visible)
		}
	}
}

// TestEveryOperationFails fails each operation once: PutIfAbsent then gives an error or
// the object is there, and a definite error leaves nothing.
func TestEveryOperationFails(t *testing.T) {
	ctx := context.Background()
	for n := 1; ; n++ {
		count, fired := 0, false
		fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == errorfs.OpOpen || op.Kind == errorfs.OpStat {
				return nil
			}
			if count++; count == n {
				fired = true
				return errorfs.ErrInjected
			}
			return nil
		}))
		s := open(t, "/t", fs)
		err := s.PutIfAbsent(ctx, "log/a", []byte("x"))
		if !fired {
			if n < 5 {
				t.Fatalf("only %d operations seen", n)
			}
			return
		}
		got, getErr := s.Get(ctx, "log/a", 0)
		switch {
		case err == nil && (getErr != nil || string(got) != "x"):
			t.Fatalf("op %d: acknowledged and not there: %v", n, getErr)
		case err != nil && !errors.Is(err, objstore.ErrUnknown) && !errors.Is(err, objstore.ErrUndurable) && getErr == nil:
			t.Fatalf("op %d: definite error %v, yet it is there", n, err)
		}
	}
}

func TestReplaceRemovesHadoopChecksum(t *testing.T) {
	dir := t.TempDir()
	s, ctx := open(t, dir, nil), context.Background()
	if err := s.Put(ctx, "_last_checkpoint", []byte("1")); err != nil {
		t.Fatal(err)
	}
	sum := filepath.Join(dir, "._last_checkpoint.crc")
	if err := os.WriteFile(sum, []byte("crc"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(ctx, "_last_checkpoint", []byte("2")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(sum); !os.IsNotExist(err) {
		t.Fatalf("the stale checksum is still there: %v", err)
	}
}

// What a killed writer left is removed for whoever says that it is gone, in all folders below; what another still writes,
// what is the store's own, and what never was an object's stay.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	killed, s, ctx := open(t, dir, nil), open(t, dir, nil), context.Background()
	begin := func(s *local.Store, name string) objstore.Writer {
		t.Helper()
		w, err := s.Create(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	long := strings.Repeat("n", 240)
	left := []objstore.Writer{begin(killed, "data/1-a"), begin(killed, "data/part/1-b")}
	others := []objstore.Writer{begin(killed, "data/2-a"), begin(killed, "other/1-a"), begin(killed, "data/"+long), begin(s, "data/1-c")}
	stranger := filepath.Join(dir, "data", ".hidden")
	if err := os.WriteFile(stranger, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var asked []string
	if err := objstore.Sweep(ctx, s, "data/", func(name string) bool {
		asked = append(asked, name)
		return strings.Contains(name, "/1-")
	}); err != nil {
		t.Fatal(err)
	}
	sort.Strings(asked)
	if want := []string{"data/1-a", "data/2-a", "data/part/1-b"}; !slices.Equal(asked, want) {
		t.Errorf("asked about %q, want %q", asked, want)
	}
	for _, w := range left {
		if err := w.Close(); err == nil {
			t.Error("a writer that was swept away could close")
		}
	}
	for _, w := range others {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := objstore.Sweep(ctx, s, "missing/", nil); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(stranger); err != nil {
		t.Error(err)
	}
	temps, err := filepath.Glob(filepath.Join(dir, "*", ".tmp-*"))
	if err != nil || len(temps) > 0 {
		t.Errorf("left behind: %q, %v", temps, err)
	}
}

func TestReadOnlyFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root writes everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir, nil).PutIfAbsent(context.Background(), "a/b", nil); !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("error %v, want one that names the folder", err)
	}
}

func ExampleStore() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	s, _ := local.New(dir, local.Options{})
	ctx := context.Background()
	fmt.Println(s.PutIfAbsent(ctx, "_delta_log/00000000000000000000.json", []byte("mine")))
	err := s.PutIfAbsent(ctx, "_delta_log/00000000000000000000.json", []byte("yours"))
	fmt.Println(errors.Is(err, objstore.ErrExists))
	// Output:
	// <nil>
	// true
}

// TestPlace: a folder is at one place by all its names, and a file system in memory is nowhere.
func TestPlace(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "real"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "real"), filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	at := func(name string, o local.Options) any {
		s, err := local.New(name, o)
		if err != nil {
			t.Fatal(err)
		}
		return s.Place()
	}
	want := at(filepath.Join(dir, "real"), local.Options{})
	for _, name := range []string{"link", "real/", "./real", "link/../real"} {
		if got := at(dir+"/"+name, local.Options{}); got != want {
			t.Errorf("%s is at %v, want %v", name, got, want)
		}
	}
	if at(filepath.Join(dir, "other"), local.Options{}) == want || at("/t", local.Options{FS: vfs.NewMem()}) != nil {
		t.Error("other folders are at the same place, or one in memory is at any")
	}
}
