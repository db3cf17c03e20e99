package local_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkPutIfAbsent puts 1 KiB objects on this disk, turn by turn with the bare
// system calls in the same order.
func BenchmarkPutIfAbsent(b *testing.B) {
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	dir, data := b.TempDir(), make([]byte, 1024)
	s := open(b, b.TempDir(), nil)
	n := 0
	var anchor, ours float64
	for b.Loop() {
		start := b.Elapsed()
		for range 10 {
			n++
			temp := filepath.Join(dir, ".tmp")
			f, err := os.Create(temp)
			check(err)
			_, err = f.Write(data)
			check(err)
			check(f.Sync())
			check(f.Close())
			check(os.Link(temp, filepath.Join(dir, fmt.Sprint(n))))
			check(os.Remove(temp))
			d, err := os.Open(dir)
			check(err)
			check(d.Sync())
			check(d.Close())
		}
		middle := b.Elapsed()
		for i := range 10 {
			check(s.PutIfAbsent(context.Background(), fmt.Sprintf("log/%d-%d", n, i), data))
		}
		anchor += (middle - start).Seconds()
		ours += (b.Elapsed() - middle).Seconds()
	}
	b.ReportMetric(float64(n)/ours, "puts/s")
	b.ReportMetric(anchor/ours, "ratio")
}
