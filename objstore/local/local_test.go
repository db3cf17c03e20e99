package local_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	s, ctx := open(t, dir, nil), context.Background()
	w, err := s.Create(ctx, "data/file")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Sweep(ctx, "data/", time.Unix(0, 0)); n != 0 || err != nil {
		t.Fatalf("swept %d young files, %v", n, err)
	}
	if n, err := s.Sweep(ctx, "data/", time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Fatalf("swept %d old files, %v; want 1", n, err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
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
