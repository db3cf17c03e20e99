package ingest

import (
	"io"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/benchmarks/nexmark"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/formats/json"
	"github.com/deltaic/deltaic/formats/parquet"
)

const kernelRows = 4096

// values makes batches of raw events, one partition's as a broker holds them.
func values(tb testing.TB, batches int) []*batch.Column {
	tb.Helper()
	g, err := nexmark.New(nexmark.Options{Events: 1 << 40, Seed: 1})
	if err != nil {
		tb.Fatal(err)
	}
	var out []*batch.Column
	var line []byte
	for k, i := uint64(0), 0; i < batches; i++ {
		b := batch.NewBuilder(batch.BinaryType, nil)
		for range kernelRows {
			line = g.AppendEvent(line[:0], k)
			b.Bytes(line)
			k += 4
		}
		out = append(out, b.Finish())
	}
	return out
}

func decoder(tb testing.TB) (*json.Decoder, batch.Type) {
	tb.Helper()
	s, err := parse.DDL(schema)
	if err != nil {
		tb.Fatal(err)
	}
	t := batch.StructType(s.Fields...)
	d, err := json.NewDecoder(t, json.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return d, t
}

// decode returns the bids of raw events as batches with a selection, as the filter leaves them.
func decode(d *json.Decoder, t batch.Type, pool *batch.Pool, raw *batch.Column) *batch.Batch {
	out := batch.NewBuilder(t, pool)
	d.DecodeColumn(raw, nil, out, nil)
	event := out.Finish()
	bid := event.Kids[0]
	var sel []int32
	for i := range bid.N {
		if !bid.IsNull(i) {
			sel = append(sel, int32(i))
		}
	}
	columns := make([]*batch.Column, len(bid.Kids))
	for i := range bid.Kids {
		columns[i] = bid.Kids[i]
	}
	b := batch.NewBatch(batch.NewSchema(bid.Type.Fields...), bid.N, columns...)
	b.Sel = sel
	return b
}

// perRow reports the processor's time: others may use the machine too.
func perRow(b *testing.B, begun measure.Usage, rows int) {
	b.Helper()
	b.ReportMetric((measure.Used().CPU-begun.CPU)*1e9/float64(rows), "cpu-ns/row")
}

// B21: the decoding of an event, and the encoding of a bid.
func BenchmarkDecodeEvent(b *testing.B) {
	raw := values(b, 64)
	d, t := decoder(b)
	pool := batch.NewPool()
	n, begun := 0, measure.Used()
	for b.Loop() {
		out := batch.NewBuilder(t, pool)
		d.DecodeColumn(raw[n%len(raw)], nil, out, nil)
		out.Finish().Release()
		n++
	}
	perRow(b, begun, n*kernelRows)
}

func BenchmarkEncodeBid(b *testing.B) {
	raw := values(b, 100)
	d, t := decoder(b)
	var batches []*batch.Batch
	rows := 0
	for _, r := range raw {
		batches = append(batches, decode(d, t, nil, r))
		rows += batches[len(batches)-1].Rows()
	}
	buffers := parquet.NewBuffers(nil, 1<<30)
	n, begun := 0, measure.Used()
	for b.Loop() {
		w, err := parquet.NewWriter(io.Discard, batches[0].Schema, parquet.WriterOptions{Buffers: buffers})
		if err != nil {
			b.Fatal(err)
		}
		for _, one := range batches {
			if err := w.Write(one); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		n++
	}
	perRow(b, begun, n*rows)
}
