package files_test

import (
	"fmt"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/files"
	"github.com/deltaic/deltaic/objstore/memory"
)

// bids are rows of Nexmark's query 10: four columns, and the minute of the
// event time that partitions, a new one every 20,000 rows.
func bids(first int64, rows int) *batch.Batch {
	schema := batch.NewSchema(batch.Field{Name: "auction", Type: batch.BigIntType}, batch.Field{Name: "bidder", Type: batch.BigIntType},
		batch.Field{Name: "price", Type: batch.BigIntType}, batch.Field{Name: "dateTime", Type: batch.TimestampType}, batch.Field{Name: "extra", Type: batch.StringType},
		batch.Field{Name: "dt", Type: batch.StringType}, batch.Field{Name: "hm", Type: batch.StringType})
	columns := make([]*batch.Builder, len(schema.Fields))
	for i, f := range schema.Fields {
		columns[i] = batch.NewBuilder(f.Type, nil)
	}
	for n := first; n < first+int64(rows); n++ {
		columns[0].Int64(n % 1000)
		columns[1].Int64(n % 777)
		columns[2].Int64(n * 7919 % 1_000_000)
		columns[3].Int64(1_769_854_800_000_000 + n*3000)
		columns[4].String("some text of a usual length, here 50 bytes or so..")
		columns[5].String("2026-01-31")
		columns[6].String(fmt.Sprintf("10:%02d", n/20_000%60))
	}
	b := batch.NewBatch(schema, rows)
	for _, c := range columns {
		b.Columns = append(b.Columns, c.Finish())
	}
	return b
}

// BenchmarkPartitioned writes epochs of 100,000 rows.
func BenchmarkPartitioned(b *testing.B) {
	var batches []*batch.Batch
	for i := range 25 {
		batches = append(batches, bids(int64(i)*4000, 4000))
	}
	for _, o := range []files.Options{{Format: files.JSON}, {Format: files.CSV}, {Format: files.Parquet}, {Format: files.CSV, Compression: "gzip"}, {Format: files.JSON, Compression: "zstd"}} {
		o.PartitionBy = []string{"dt", "hm"}
		b.Run(string(o.Format)+o.Compression, func(b *testing.B) {
			s := memory.New(memory.Options{})
			sink := files.New(s, o)
			if err := sink.Bind(ctx, batches[0].Schema, connectors.Append); err != nil {
				b.Fatal(err)
			}
			w, err := sink.Writer(ctx, connectors.Share{Flow: "f", Incarnation: "i", Attempt: 1, Count: 1})
			if err != nil {
				b.Fatal(err)
			}
			epoch := int64(0)
			for b.Loop() {
				for _, rows := range batches {
					if err := w.Write(ctx, rows); err != nil {
						b.Fatal(err)
					}
				}
				sealed, _ := w.Seal(epoch)
				p, err := sealed.Finish(ctx)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := sink.Commit(ctx, connectors.Commit{Flow: "f", Incarnation: "i", Epoch: epoch, Attempt: 1, Prepared: []connectors.Prepared{p}}); err != nil {
					b.Fatal(err)
				}
				epoch++
			}
			b.ReportMetric(float64(epoch)*100_000/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}
