package persistence

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/persistence/image"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// counted is a task that counts keys, in attempts: each goes on from the epoch that the one before has decided.
type counted struct {
	t       *testing.T
	objects *memory.Store
	image   *image.Image
	files   []StateFile
	epoch   int64
	attempt int64
	unique  int
	failed  []error
}

const (
	countedEpochs = 12
	countedRows   = 150
	countedKeys   = 1200
)

// keyAt is the key of a row of an epoch: every attempt reads the same.
func keyAt(epoch int64, i int) int64 { return (epoch*7919 + int64(i*i)*31) % countedKeys }

// run attempts until all epochs are decided and the counts have been looked at.
func (c *counted) run() {
	for c.attempt = 1; ; c.attempt++ {
		if c.attempt > 40 {
			c.t.Fatalf("still failing: %v", c.failed[len(c.failed)-1])
		}
		err := c.try()
		if err == nil {
			return
		}
		if failure := (*supervision.Failure)(nil); !errors.As(err, &failure) || !strings.HasPrefix(failure.Class, "STATE_STORE_IMAGE_") || failure.Hint == "" && failure.Cause != nil {
			c.t.Fatalf("attempt %d: %v", c.attempt, err)
		}
		c.failed = append(c.failed, err)
	}
}

func (c *counted) try() error {
	ctx, o := context.Background(), testOptions(batch.NewPool())
	o.Image, o.Attempt, o.Account = c.image, c.attempt, batch.NewAccount("memory_limit", 1)
	o.Unique = func() string { c.unique++; return fmt.Sprint(c.unique) }
	s, err := NewStore(o)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Restore(ctx, c.objects, c.files); err != nil {
		return err
	}
	table, err := s.Table(state.Spec{Name: "counts", Keys: []state.Column{{Name: "k", Type: batch.BigIntType}}, Values: []state.Column{{Name: "n", Type: batch.BigIntType}}})
	if err != nil {
		return err
	}
	segment, rows := table.Segment(0), make([]uint32, countedRows)
	key := &batch.Column{Type: batch.BigIntType, N: countedRows, I64: make([]int64, countedRows)}
	keys := []*batch.Column{key}
	for c.epoch < countedEpochs {
		for i := range key.I64 {
			key.I64[i] = keyAt(c.epoch+1, i)
		}
		if err := segment.Upsert(keys, nil, countedRows, batch.Hash(keys, countedRows, nil), rows, nil); err != nil {
			return err
		}
		for _, r := range rows {
			*segment.Words(0).Slot(r)++
		}
		segment.Touch(rows)
		change := s.Checkpoint(c.epoch + 1)
		written, err := change.Write(ctx, c.objects)
		change.Release()
		if err != nil {
			return err
		}
		c.files = append(c.files, written...)
		c.epoch++ // decided
		if u := s.Upkeep(c.files); u != nil {
			bases, err := u.Write(ctx, c.objects)
			if err != nil {
				return err
			}
			s.Done(u)
			c.files = Live(append(c.files, bases...))
		}
	}
	return c.look(segment)
}

// look compares with what the epochs come to.
func (c *counted) look(segment *state.Segment) error {
	want, got := map[int64]uint64{}, 0
	for epoch := range int64(countedEpochs) {
		for i := range countedRows {
			want[keyAt(epoch+1, i)]++
		}
	}
	err := segment.Scan(func(rows []uint32) error {
		keys := segment.Keys(nil, rows)
		for i, r := range rows {
			if got++; segment.Words(0).At(r) != want[keys[0].I64[i]] {
				c.t.Fatalf("attempt %d, after %v: key %d was counted %d times, want %d", c.attempt, c.failed, keys[0].I64[i], segment.Words(0).At(r), want[keys[0].I64[i]])
			}
		}
		return nil
	})
	if err == nil && (got != len(want) || segment.Len() != len(want)) {
		c.t.Fatalf("attempt %d, after %v: %d keys, %d by their number, want %d", c.attempt, c.failed, got, segment.Len(), len(want))
	}
	return err
}

func (c *counted) open(fs vfs.FS) {
	c.image = image.New(image.Options{FS: fs, Dir: "image", Cache: 1 << 20})
}

// TestImageOverAFailingDisk fails one operation of the image's file system, or some in a row, with a full disk or an error of
// the device: the attempt ends with a failure that says so, the next one goes on from the checkpoint, and the counts are right.
func TestImageOverAFailingDisk(t *testing.T) {
	defer Small()()
	run := func(fail func(n int64, op errorfs.Op) error) (total int64, failed []error) {
		var n atomic.Int64
		c := &counted{t: t, objects: memory.New(memory.Options{})}
		c.open(errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error { return fail(n.Add(1), op) })))
		c.run()
		_ = c.image.Close() // a disk that fails may fail here too
		return n.Load(), c.failed
	}
	total, failed := run(func(int64, errorfs.Op) error { return nil })
	if total < 200 || len(failed) > 0 {
		t.Fatalf("%d operations, %v", total, failed)
	}
	classes := map[string]int{}
	random := rand.New(rand.NewPCG(5, 6))
	for range 24 {
		at, row, kind := random.Int64N(total), []int64{1, 1, 4, 12}[random.IntN(4)], []error{syscall.ENOSPC, syscall.EIO}[random.IntN(2)]
		_, failed := run(func(n int64, op errorfs.Op) error {
			if n < at || n >= at+row || kind == syscall.ENOSPC && op.Kind.ReadOrWrite() == errorfs.OpIsRead {
				return nil
			}
			return kind
		})
		for _, err := range failed {
			failure := (*supervision.Failure)(nil)
			_ = errors.As(err, &failure)
			classes[failure.Class]++
			if full := errors.Is(err, syscall.ENOSPC); full && failure.Class == "STATE_STORE_IMAGE_WRITE_FAILED" && !strings.Contains(failure.Hint, "make room") {
				t.Errorf("a full disk is told as %v: %s", failure, failure.Hint)
			}
		}
	}
	t.Logf("%d operations, failures %v", total, classes)
	if classes["STATE_STORE_IMAGE_BROKEN"] == 0 || classes["STATE_STORE_IMAGE_WRITE_FAILED"] == 0 {
		t.Errorf("failures were %v", classes)
	}
}

// TestDamagedImages damages a file of the image while nobody uses it: it is cut, altered or removed. The next attempt
// has the right counts, perhaps after one that noticed it amid its work.
func TestDamagedImages(t *testing.T) {
	defer Small()()
	disk, random, damaged, failed := vfs.NewMem(), rand.New(rand.NewPCG(7, 8)), map[string]int{}, 0
	c := &counted{t: t, objects: memory.New(memory.Options{})}
	c.open(disk)
	c.run()
	if err := c.image.Close(); err != nil {
		t.Fatal(err)
	}
	for range 60 {
		copied := vfs.NewMem()
		if _, err := vfs.Clone(disk, copied, "image", "image"); err != nil {
			t.Fatal(err)
		}
		names, err := copied.List("image")
		if err != nil {
			t.Fatal(err)
		}
		name, how := names[random.IntN(len(names))], []string{"cut", "altered", "removed"}[random.IntN(3)]
		damage(t, copied, copied.PathJoin("image", name), how, random)
		c.open(copied)
		c.failed = nil
		c.run()
		if err := c.image.Close(); err != nil && len(c.failed) == 0 {
			t.Errorf("%s %s: %v", name, how, err)
		}
		damaged[strings.TrimLeft(filepath.Ext("."+name), ".")+" "+how]++
		failed += len(c.failed)
	}
	t.Logf("damaged %v, %d attempts failed amid their work", damaged, failed)
}

func damage(t *testing.T, fs vfs.FS, path, how string, random *rand.Rand) {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, info.Size())
	if _, err := f.ReadAt(data, 0); err != nil && len(data) > 0 {
		t.Fatal(err)
	}
	_ = f.Close()
	if err := fs.Remove(path); err != nil {
		t.Fatal(err)
	}
	if how == "removed" {
		return
	}
	if len(data) > 0 {
		if at := random.IntN(len(data)); how == "cut" {
			data = data[:at]
		} else {
			data[at] ^= 0x55
		}
	}
	out, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = out.Write(data)
	}
	if err = errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
}
