package delta_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/local"
)

// upsertRows writes rows of the keys, in batches, and commits them as an epoch.
func upsertRows(b *testing.B, sink *delta.Sink, w connectors.Writer, pool *batch.Pool, epoch int64, keys func(yield func(int64) bool)) connectors.Committed {
	k, p, v := batch.NewBuilder(batch.BigIntType, pool), batch.NewBuilder(batch.StringType, pool), batch.NewBuilder(batch.BigIntType, pool)
	flush := func() {
		rows := batch.NewBatch(upsertSchema, k.Len(), k.Finish(), p.Finish(), v.Finish())
		if err := w.Write(ctx, rows); err != nil {
			b.Fatal(err)
		}
		rows.Release()
	}
	for key := range keys {
		k.Int64(key)
		p.String("region")
		v.Int64(key*7919 + epoch)
		if k.Len() == 4096 {
			flush()
		}
	}
	flush()
	sealed, err := w.Seal(epoch)
	if err != nil {
		b.Fatal(err)
	}
	prepared, err := sealed.Finish(ctx)
	if err != nil {
		b.Fatal(err)
	}
	done, err := sink.Commit(ctx, connectors.Commit{Flow: "f", Incarnation: "i", QueryID: "i", Epoch: epoch, Attempt: 1, Prepared: []connectors.Prepared{prepared}})
	if err != nil {
		b.Fatal(err)
	}
	return done
}

// BenchmarkUpsert changes 1 % of the keys of a table of 10 million rows in an epoch, keys that lie together and
// keys from anywhere, in tables without deletion vectors and with them, and says which share of the table's bytes was written.
func BenchmarkUpsert(b *testing.B) {
	for _, c := range []struct {
		loads   int64
		vectors bool
	}{{1, false}, {10, false}, {1, true}} {
		benchmarkUpsert(b, c.loads, c.vectors)
	}
}

func benchmarkUpsert(b *testing.B, loads int64, vectors bool) {
	const rows, changed = 10_000_000, 100_000
	store, err := local.New(b.TempDir(), local.Options{})
	if err != nil {
		b.Fatal(err)
	}
	pool := batch.NewPool()
	sink := delta.NewSink(store, delta.SinkOptions{Keys: []string{"k"}, Properties: map[string]string{"delta.enableDeletionVectors": strconv.FormatBool(vectors)}})
	if err := sink.Bind(ctx, upsertSchema, connectors.Update); err != nil {
		b.Fatal(err)
	}
	w, err := sink.Writer(ctx, connectors.Share{Flow: "f", Incarnation: "i", Attempt: 1, Count: 1, Pool: pool})
	if err != nil {
		b.Fatal(err)
	}
	epoch := int64(0)
	for range loads { // each with keys of the whole range
		epoch++
		upsertRows(b, sink, w, pool, epoch, func(yield func(int64) bool) {
			for k := epoch - 1; k < rows; k += loads {
				if !yield(k) {
					return
				}
			}
		})
	}
	table, _ := sink.Table()
	snapshot, err := table.Snapshot(ctx)
	if err != nil {
		b.Fatal(err)
	}
	for _, spread := range []string{"together", "uniform"} {
		b.Run(fmt.Sprintf("loads=%d/vectors=%v/%s", loads, vectors, spread), func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			var bytes, keys int64
			for b.Loop() {
				epoch++
				first := random.Int64N(rows - changed)
				done := upsertRows(b, sink, w, pool, epoch, func(yield func(int64) bool) {
					for i := range int64(changed) {
						k := first + i
						if spread == "uniform" {
							k = random.Int64N(rows)
						}
						if !yield(k) {
							return
						}
					}
				})
				bytes += done.Bytes
				keys += done.Changed
			}
			b.ReportMetric(100*float64(bytes)/float64(b.N)/float64(snapshot.Bytes()), "%rewritten")
			b.ReportMetric(float64(bytes)/float64(keys), "B/key")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(keys), "ns/key")
		})
	}
	b.Logf("%d files, %d bytes", len(snapshot.Files()), snapshot.Bytes())
	_ = sink.Close()
}
