package deltaic_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
)

// TestAFullDiskIsWaitedFor: on a disk without room a flow waits, says so, and commits nothing by halves; once there is room it goes on by
// itself, and every row is there once.
func TestAFullDiskIsWaitedFor(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk")
	must(t, os.Mkdir(disk, 0o755))
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"); err != nil {
		t.Skip("a small disk cannot be made here: ", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	filler := filepath.Join(disk, "filler")
	must(t, os.WriteFile(filler, make([]byte, 3<<20), 0o644))
	flow, in := stream.New("full"), memory.NewSource(batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}, batch.Field{Name: "noise", Type: batch.StringType}), 1)
	flow.From("in", in).To("out", delta.SinkAt(disk+"/out", delta.SinkOptions{}), stream.Append)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	q, err := deltaic.Start(ctx, flow, stream.CheckpointLocation(disk+"/state"))
	must(t, err)
	random, rows := rand.New(rand.NewPCG(1, 2)), 0
	for !strings.Contains(q.Status().Waiting, "DISK_FULL") {
		if rows < 2000 { // 2 MB that do not compress, in 1 MB of room
			noise := make([]rune, 512)
			for i := range noise {
				noise[i] = rune(0x80 + random.IntN(0x700))
			}
			must(t, in.AddRows(0, []any{rows, string(noise)}))
			rows++
			continue
		}
		select {
		case <-ctx.Done():
			t.Fatalf("it does not wait: %+v", q.Status())
		case <-time.After(5 * time.Millisecond):
		}
	}
	if s := q.Status(); !q.IsActive() || !strings.HasPrefix(s.Message, "Waiting for ") || !strings.Contains(s.Message, disk) {
		t.Errorf("it waits and does not say so: %+v", s)
	}
	// Attempts may have left files that no commit names: room is what is made, not what is freed.
	must(t, os.Remove(filler))
	must(t, syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=64m"))
	must(t, q.ProcessAllAvailable(ctx))
	if s := q.Status(); s.Waiting != "" {
		t.Errorf("it waits for room that is there: %+v", s)
	}
	must(t, q.Stop(ctx))
	found := map[string]int{}
	for row, n := range rowsOf(t, disk+"/out") {
		found[row[:strings.Index(row, ",")]] += n
	}
	for n := range rows {
		if key := fmt.Sprintf(`{"n":%d`, n); found[key] != 1 {
			t.Fatalf("row %d stands there %d times", n, found[key])
		}
	}
}
