package parquet

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
)

// nineColumns is the shape of the reference measurements: two strings of few
// values, one of 17 bytes, three bigint, a timestamp, a double and a boolean,
// with 5 % nulls in four columns.
func nineColumns(rows int) *batch.Batch {
	r := rand.New(rand.NewPCG(1, 2))
	names := []string{"region", "kind", "user", "a", "b", "c", "at", "amount", "flag"}
	types := []batch.Type{batch.StringType, batch.StringType, batch.StringType, batch.BigIntType, batch.BigIntType,
		batch.BigIntType, batch.TimestampType, batch.DoubleType, batch.BooleanType}
	s := &batch.Schema{}
	var b []*batch.Builder
	for i := range names {
		s.Fields = append(s.Fields, batch.Field{Name: names[i], Type: types[i], Nullable: true})
		b = append(b, batch.NewBuilder(types[i], nil))
	}
	null := func(c int) bool {
		if r.IntN(20) != 0 {
			return false
		}
		b[c].Null()
		return true
	}
	for i := range rows {
		b[0].String(fmt.Sprintf("region-%d", r.IntN(8)))
		b[1].String(fmt.Sprintf("kind-%d", r.IntN(100)))
		if !null(2) {
			b[2].String(fmt.Sprintf("user-%012d", r.IntN(1_000_000)))
		}
		b[3].Int64(int64(i))
		if !null(4) {
			b[4].Int64(r.Int64N(1000))
		}
		if !null(5) {
			b[5].Int64(r.Int64())
		}
		b[6].Int64(1_700_000_000_000_000 + int64(i)*137)
		if !null(7) {
			b[7].Float64(float64(r.IntN(100000)) / 100)
		}
		b[8].Bool(r.IntN(2) == 0)
	}
	return finish(s, rows, b)
}

func finish(s *batch.Schema, rows int, b []*batch.Builder) *batch.Batch {
	var c []*batch.Column
	for _, x := range b {
		c = append(c, x.Finish())
	}
	return batch.NewBatch(s, rows, c...)
}

// bids is the bid of the Nexmark generator.
func bids(rows int) *batch.Batch {
	r := rand.New(rand.NewPCG(3, 4))
	s := &batch.Schema{}
	var b []*batch.Builder
	for _, f := range []batch.Field{{Name: "auction", Type: batch.BigIntType}, {Name: "bidder", Type: batch.BigIntType},
		{Name: "price", Type: batch.BigIntType}, {Name: "channel", Type: batch.StringType}, {Name: "url", Type: batch.StringType},
		{Name: "dateTime", Type: batch.TimestampType}, {Name: "extra", Type: batch.StringType}} {
		f.Nullable = true
		s.Fields = append(s.Fields, f)
		b = append(b, batch.NewBuilder(f.Type, nil))
	}
	hot := []string{"Google", "Facebook", "Baidu", "Apple"}
	text := func(n int) string {
		v := make([]byte, n)
		for i := range v {
			v[i] = byte('a' + r.IntN(26))
		}
		return string(v)
	}
	var urls []string
	for range 10_000 {
		urls = append(urls, "https://www.nexmark.com/"+text(5)+"/"+text(5)+"/"+text(5)+"/item.htm?query=1&channel_id="+fmt.Sprint(r.Uint32()))
	}
	for i := range rows {
		b[0].Int64(int64(1000 + i/15 + r.IntN(100)))
		b[1].Int64(int64(1000 + r.IntN(10000)))
		b[2].Int64(int64(100 * (1 + r.ExpFloat64()*1000)))
		if r.IntN(2) == 0 {
			h := r.IntN(4)
			b[3].String(hot[h])
			b[4].String(urls[h])
		} else {
			h := r.IntN(10000)
			b[3].String(fmt.Sprintf("channel-%d", h))
			b[4].String(urls[h])
		}
		b[5].Int64(1_700_000_000_000_000 + int64(i/10)*1000)
		b[6].String(text(20 + r.IntN(60)))
	}
	return finish(s, rows, b)
}

// sliced cuts a batch into batches of 4,096 rows that share nothing.
func sliced(b *batch.Batch) []*batch.Batch {
	var out []*batch.Batch
	for lo := 0; lo < b.N; lo += 4096 {
		hi := min(lo+4096, b.N)
		var c []*batch.Column
		for _, from := range b.Columns {
			x := batch.NewBuilder(from.Type, nil)
			for i := lo; i < hi; i++ {
				copyValue(x, from, i)
			}
			c = append(c, x.Finish())
		}
		out = append(out, batch.NewBatch(b.Schema, hi-lo, c...))
	}
	return out
}

func benchmarkWrite(b *testing.B, batches []*batch.Batch, codec string) {
	var rows, size, files int64
	b.ReportAllocs()
	cpu := cpuNow()
	for b.Loop() {
		w, err := NewWriter(io.Discard, batches[0].Schema, WriterOptions{Codec: codec})
		if err != nil {
			b.Fatal(err)
		}
		for _, x := range batches {
			if err := w.Write(x); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		rows += w.Rows()
		size += w.Size()
		files++
	}
	reportRows(b, rows, cpu)
	b.ReportMetric(float64(size)/float64(rows), "B/row")
}

func BenchmarkWrite(b *testing.B) {
	shapes := map[string][]*batch.Batch{"nine": sliced(nineColumns(1 << 18)), "bids": sliced(bids(1 << 18))}
	for _, shape := range []string{"nine", "bids"} {
		for _, codec := range []string{"uncompressed", "snappy", "zstd"} {
			b.Run(shape+"/"+codec, func(b *testing.B) { benchmarkWrite(b, shapes[shape], codec) })
		}
	}
}

// cpuNow returns the processor time of the process: the machine may be shared.
func cpuNow() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func reportRows(b *testing.B, rows int64, from time.Duration) {
	cpu := cpuNow() - from
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(rows), "cpu-ns/row")
	b.ReportMetric(float64(rows)/cpu.Seconds()/1e6, "Mrows/cpu-s")
}

// copyValue appends row i of a flat column.
func copyValue(x *batch.Builder, c *batch.Column, i int) {
	if c.IsNull(i) {
		x.Null()
		return
	}
	switch c.Type.Kind {
	case batch.Boolean:
		x.Bool(c.Bool(i))
	case batch.BigInt, batch.Timestamp:
		x.Int64(c.I64[i])
	case batch.Double:
		x.Float64(c.F64[i])
	default:
		x.Bytes(c.Bytes(i))
	}
}

func benchmarkRead(b *testing.B, batches []*batch.Batch, codec string) {
	var file bytes.Buffer
	w, err := NewWriter(&file, batches[0].Schema, WriterOptions{Codec: codec})
	if err != nil {
		b.Fatal(err)
	}
	for _, x := range batches {
		if err := w.Write(x); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	pool := batch.NewPool()
	var rows int64
	b.ReportAllocs()
	cpu := cpuNow()
	for b.Loop() {
		f, err := Open(bytes.NewReader(file.Bytes()), int64(file.Len()), ReadOptions{Pool: pool})
		if err != nil {
			b.Fatal(err)
		}
		r, err := f.Read(nil)
		if err != nil {
			b.Fatal(err)
		}
		for {
			x, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			rows += int64(x.N)
			x.Release()
		}
		r.Close()
	}
	reportRows(b, rows, cpu)
}

func BenchmarkRead(b *testing.B) {
	shapes := map[string][]*batch.Batch{"nine": sliced(nineColumns(1 << 18)), "bids": sliced(bids(1 << 18))}
	for _, shape := range []string{"nine", "bids"} {
		for _, codec := range []string{"uncompressed", "snappy", "zstd"} {
			b.Run(shape+"/"+codec, func(b *testing.B) { benchmarkRead(b, shapes[shape], codec) })
		}
	}
}

// BenchmarkWriteSmallFile is the cost of a file itself: one batch of few rows.
func BenchmarkWriteSmallFile(b *testing.B) {
	for _, rows := range []int{1, 1000} {
		x := bids(rows)
		b.Run(fmt.Sprint(rows), func(b *testing.B) { benchmarkWrite(b, []*batch.Batch{x}, "snappy") })
	}
}
