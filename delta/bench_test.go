package delta_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/objstore/memory"
)

func bare(b *testing.B, dir string, n int, data []byte) {
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	temp, final := filepath.Join(dir, ".tmp"), filepath.Join(dir, fmt.Sprintf("%020d.json", n))
	f, err := os.Create(temp)
	check(err)
	_, err = f.Write(data)
	check(err)
	check(f.Sync())
	check(f.Close())
	check(os.Link(temp, final))
	check(os.Remove(temp))
	d, err := os.Open(dir)
	check(err)
	check(d.Sync())
	check(d.Close())
}

// BenchmarkCommit commits one add-action a version to this disk, turn by turn with the
// anchor: create, write as many bytes, fsync, link, unlink, fsync of the folder.
func BenchmarkCommit(b *testing.B) {
	store, err := local.New(b.TempDir(), local.Options{})
	if err != nil {
		b.Fatal(err)
	}
	create(b, store, delta.CreateOptions{Domains: true})
	table := delta.Open(store, delta.Options{})
	dir, data := b.TempDir(), make([]byte, 1024)
	const block = 20
	n := 0
	var anchor, ours float64
	for b.Loop() {
		start := b.Elapsed()
		for range block {
			bare(b, dir, n, data)
			n++
		}
		middle := b.Elapsed()
		for i := range block {
			c := delta.Commit{Operation: "WRITE", Adds: []log.Add{add(fmt.Sprintf("part-%d-%d.parquet", n, i))}, Txns: []log.Txn{{AppID: "a", Version: int64(n)}},
				Domains: []log.Domain{{Domain: "deltaic.ledger", Configuration: "{}"}}, Check: func(*delta.Head) error { return nil }}
			if _, err := table.Commit(context.Background(), c); err != nil {
				b.Fatal(err)
			}
		}
		anchor += (middle - start).Seconds()
		ours += (b.Elapsed() - middle).Seconds()
	}
	b.ReportMetric(float64(n)/ours, "commits/s")
	b.ReportMetric(float64(n)/anchor, "anchor/s")
	b.ReportMetric(anchor/ours, "ratio")
}

// BenchmarkOpenForAppend loads what an appender needs of a table of 10,000
// files in 100 commits: from the commits, and from a checkpoint.
func BenchmarkOpenForAppend(b *testing.B) {
	s := memory.New(memory.Options{})
	table := create(b, s, delta.CreateOptions{})
	stats := `{"numRecords":1000,"minValues":{"n":1},"maxValues":{"n":1000},"nullCount":{"n":0}}`
	for v := range 100 {
		c := delta.Commit{Operation: "WRITE"}
		for i := range 100 {
			a := add(fmt.Sprintf("part-%05d-%036d-c000.snappy.parquet", i, v))
			a.Stats = stats
			c.Adds = append(c.Adds, a)
		}
		if _, err := table.Commit(ctx, c); err != nil {
			b.Fatal(err)
		}
	}
	open := func(b *testing.B) {
		for b.Loop() {
			if h, err := delta.Open(s, delta.Options{}).Head(ctx); err != nil || h.Version != 100 {
				b.Fatal(h, err)
			}
		}
	}
	b.Run("commits", open)
	b.Run("snapshot-commits", func(b *testing.B) {
		for b.Loop() {
			if _, err := delta.Open(s, delta.Options{}).Snapshot(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	if _, err := table.Checkpoint(ctx); err != nil {
		b.Fatal(err)
	}
	b.Run("checkpoint", open)
	b.Run("snapshot-checkpoint", func(b *testing.B) {
		for b.Loop() {
			if s, err := delta.Open(s, delta.Options{}).Snapshot(ctx); err != nil || len(s.Files()) != 10_000 {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkWrite writes batches of 4,096 rows of five columns into memory.
func BenchmarkWrite(b *testing.B) {
	schema := batch.NewSchema(column("id", batch.BigIntType), column("name", batch.StringType), column("at", batch.TimestampType),
		column("amount", batch.DoubleType), column("day", batch.DateType))
	rows := fillBatch(schema, 0, 4096)
	for name, partition := range map[string][]string{"plain": nil, "partitioned": {"day"}} {
		b.Run(name, func(b *testing.B) {
			table := create(b, memory.New(memory.Options{}), delta.CreateOptions{Schema: schema, PartitionBy: partition})
			head, _ := table.Head(ctx)
			w, err := delta.NewWriter(table, head, delta.WriterOptions{Pool: batch.NewPool()})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Write(ctx, rows); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*4096/b.Elapsed().Seconds(), "rows/s")
			w.Abort()
		})
	}
}
