package batch_test

import (
	"fmt"
	"testing"

	"github.com/deltaic/deltaic/batch"
)

const benchRows = 4096

// benchBatch has the shape of a bid: three bigints, two strings, one of few values, and a timestamp.
func benchBatch(p *batch.Pool) *batch.Batch {
	s := batch.NewSchema(batch.Field{Name: "auction", Type: batch.BigIntType}, batch.Field{Name: "bidder", Type: batch.BigIntType},
		batch.Field{Name: "price", Type: batch.BigIntType}, batch.Field{Name: "url", Type: batch.StringType},
		batch.Field{Name: "channel", Type: batch.StringType}, batch.Field{Name: "at", Type: batch.TimestampType})
	b := batch.NewBatch(s, benchRows)
	for range 3 {
		c := p.NewColumn(batch.BigIntType, benchRows)
		for i := range c.I64 {
			c.I64[i] = int64(i * 7919 % 100_003)
		}
		b.Columns = append(b.Columns, c)
	}
	url := batch.NewBuilder(batch.StringType, p)
	for i := range benchRows {
		url.String(fmt.Sprintf("https://auction.example/item/%d?query=1", i*31))
	}
	b.Columns = append(b.Columns, url.Finish())
	url.Release()
	channel := batch.NewBuilder(batch.StringType, p)
	for i := range 8 {
		channel.String(fmt.Sprintf("channel-%d", i))
	}
	dict := p.NewDict(channel.Finish(), benchRows)
	channel.Release()
	for i := range dict.I32 {
		dict.I32[i] = int32(i % 8)
	}
	b.Columns = append(b.Columns, dict, p.NewColumn(batch.TimestampType, benchRows))
	return b
}

// perRow reports what is easiest to compare: rows a second.
func perRow(b *testing.B, rows int) {
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkHash(b *testing.B) {
	data := benchBatch(nil)
	out := make([]uint64, benchRows)
	for _, c := range []struct {
		name string
		cols []*batch.Column
	}{{"bigint", data.Columns[:1]}, {"3 bigints", data.Columns[:3]}, {"string", data.Columns[3:4]}, {"dictionary", data.Columns[4:5]}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				batch.Hash(c.cols, benchRows, out)
			}
			perRow(b, benchRows)
		})
	}
}

func BenchmarkGather(b *testing.B) {
	p := batch.NewPool()
	data := benchBatch(p)
	var rows []int32
	for i := range benchRows / 2 {
		rows = append(rows, int32(2*i))
	}
	for i, c := range data.Columns[2:5] {
		b.Run([]string{"bigint", "string", "dictionary"}[i], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				batch.Gather(p, c, rows).Release()
			}
			perRow(b, len(rows))
		})
	}
}

func BenchmarkScatter(b *testing.B) {
	p := batch.NewPool()
	data := benchBatch(p)
	hashes := make([]uint64, benchRows)
	partOf := make([]int32, 256)
	for i := range partOf {
		partOf[i] = int32(i / 64)
	}
	s := batch.NewScatterer(4)
	b.ReportAllocs()
	for b.Loop() {
		batch.Hash(data.Columns[:1], benchRows, hashes)
		for _, part := range s.ByHash(p, data, hashes, partOf) {
			part.Release()
		}
	}
	perRow(b, benchRows)
}

func BenchmarkWire(b *testing.B) {
	p := batch.NewPool()
	data := benchBatch(p)
	var wire []byte
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			wire = batch.Encode(wire[:0], data)
		}
		b.SetBytes(int64(len(wire)))
		perRow(b, benchRows)
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(wire)))
		for b.Loop() {
			got, err := batch.Decode(wire, data.Schema, p)
			if err != nil {
				b.Fatal(err)
			}
			got.Release()
		}
		perRow(b, benchRows)
	})
}

func BenchmarkBuilder(b *testing.B) {
	p := batch.NewPool()
	ints, texts := batch.NewBuilder(batch.BigIntType, p), batch.NewBuilder(batch.StringType, p)
	text := []byte("https://auction.example/item")
	b.ReportAllocs()
	for b.Loop() {
		for i := range benchRows {
			ints.Int64(int64(i))
			texts.Bytes(text)
		}
		ints.Finish().Release()
		texts.Finish().Release()
	}
	perRow(b, benchRows)
}

func BenchmarkAppender(b *testing.B) {
	p := batch.NewPool()
	data := benchBatch(p)
	a := batch.NewAppender(data.Schema, p, 8192, 0)
	emit := func(out *batch.Batch) error { out.Release(); return nil }
	b.ReportAllocs()
	for b.Loop() {
		if err := a.Append(data, emit); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, benchRows)
}

func BenchmarkRowJSON(b *testing.B) {
	data := benchBatch(nil)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		for i := range benchRows {
			dst = batch.AppendRowJSON(dst[:0], data, i)
		}
	}
	perRow(b, benchRows)
}

func BenchmarkRowDigest(b *testing.B) {
	data := benchBatch(nil)
	var d batch.RowDigest
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Add(data); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, benchRows)
}
