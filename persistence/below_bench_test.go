package persistence

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/persistence/image"
	"github.com/deltaic/deltaic/persistence/state"
)

// counting is a task that counts rows by key, with an epoch for every so many.
type counting struct {
	b       *testing.B
	options Options
	objects *local.Store
	store   *Store
	segment *state.Segment
	files   []StateFile
	epoch   int64
	unique  int
	keys    *batch.Column
	hashes  []uint64
	rows    []uint32
}

func newCounting(b *testing.B, dir string, limit int64) *counting {
	objects, err := local.New(dir+"/checkpoint", local.Options{})
	if err != nil {
		b.Fatal(err)
	}
	c := &counting{b: b, objects: objects, keys: &batch.Column{Type: batch.BigIntType, N: benchRows, I64: make([]int64, benchRows)}, rows: make([]uint32, benchRows)}
	c.options = testOptions(batch.NewPool())
	c.options.Account = batch.NewAccount("memory_limit", limit)
	c.options.Unique = func() string { c.unique++; return fmt.Sprint(time.Now().UnixNano(), c.unique) }
	c.open(dir)
	return c
}

func (c *counting) open(dir string) {
	c.options.Image = image.Local(dir+"/image", c.options.Account, nil)
	var err error
	if c.store, err = NewStore(c.options); err == nil {
		err = c.store.Restore(context.Background(), c.objects, c.files)
	}
	if err != nil {
		c.b.Fatal(err)
	}
	table, err := c.store.Table(state.Spec{Name: "counts", Keys: []state.Column{{Name: "k", Type: batch.BigIntType}},
		Values: []state.Column{{Name: "count", Type: batch.BigIntType}, {Name: "sum", Type: batch.BigIntType}}})
	if err != nil {
		c.b.Fatal(err)
	}
	c.segment = table.Segment(0)
}

func (c *counting) close() {
	c.store.Close()
	if err := c.options.Image.Close(); err != nil {
		c.b.Fatal(err)
	}
}

// feed counts one batch of keys.
func (c *counting) feed(key func(i int) int64) {
	for i := range c.keys.I64 {
		c.keys.I64[i] = key(i)
	}
	columns := []*batch.Column{c.keys}
	c.hashes = batch.Hash(columns, benchRows, c.hashes)
	if err := c.segment.Upsert(columns, nil, benchRows, c.hashes, c.rows, nil); err != nil {
		c.b.Fatal(err)
	}
	count, sum := c.segment.Words(0), c.segment.Words(1)
	for i, r := range c.rows {
		*count.Slot(r)++
		*sum.Slot(r) += uint64(c.keys.I64[i])
	}
	c.segment.Touch(c.rows)
}

// checkpoint makes an epoch durable and does the upkeep, as a task's background work would.
func (c *counting) checkpoint() {
	c.epoch++
	ctx := context.Background()
	change := c.store.Checkpoint(c.epoch)
	files, err := change.Write(ctx, c.objects)
	change.Release()
	if err != nil {
		c.b.Fatal(err)
	}
	c.files = append(c.files, files...)
	if u := c.store.Upkeep(c.files); u != nil {
		files, err := u.Write(ctx, c.objects)
		if err != nil {
			c.b.Fatal(err)
		}
		c.store.Done(u)
		c.files = Live(append(c.files, files...))
	}
}

// BenchmarkBelowMemory updates a count and a sum of 1 M keys by a Zipf law, an epoch every 50 batches (205 k rows),
// with memory for all of them, and for a quarter.
func BenchmarkBelowMemory(b *testing.B) {
	const keys = 1_000_000
	for _, limit := range []int64{0, 12 << 20} {
		b.Run(fmt.Sprintf("limit=%dMB", limit>>20), func(b *testing.B) {
			dir := b.TempDir()
			c := newCounting(b, dir, limit)
			for from := 0; from < keys; from += benchRows {
				c.feed(func(i int) int64 { return int64(from + i) })
				if from/benchRows%50 == 49 {
					c.checkpoint()
				}
			}
			c.checkpoint()
			random := rand.New(rand.NewPCG(1, 2))
			zipf := rand.NewZipf(random, 1.05, 1, keys-1)
			var inside time.Duration
			b.ResetTimer()
			drawn := make([]int64, benchRows)
			for i := range b.N {
				for j := range drawn {
					drawn[j] = int64(zipf.Uint64() * 2654435761 % keys)
				}
				start := time.Now()
				c.feed(func(j int) int64 { return drawn[j] })
				inside += time.Since(start)
				if i%50 == 49 {
					c.checkpoint()
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds()/1e6, "Mrows/s")
			b.ReportMetric(float64(inside.Nanoseconds())/float64(b.N)/benchRows, "ns/row-in-task")
			b.ReportMetric(float64(c.options.Account.Used())/1e6, "MB-charged")
			c.close()
			start := time.Now()
			c.open(dir)
			b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms-restart")
			if n := c.segment.Len(); n < keys*9/10 {
				b.Fatalf("%d keys after the restart", n)
			}
			c.close()
		})
	}
}
