package expr

import (
	"fmt"
	"testing"

	"github.com/deltaic/deltaic/batch"
)

const benchRows = 4096

// benchBatch has numbers, short texts, a dictionary and JSON records.
func benchBatch(p *batch.Pool) (*batch.Schema, *batch.Batch) {
	s := batch.NewSchema(
		batch.Field{Name: "l", Type: batch.BigIntType}, batch.Field{Name: "m", Type: batch.BigIntType, Nullable: true},
		batch.Field{Name: "d", Type: batch.DoubleType}, batch.Field{Name: "s", Type: batch.StringType},
		batch.Field{Name: "k", Type: batch.StringType}, batch.Field{Name: "value", Type: batch.BinaryType},
		batch.Field{Name: "t", Type: batch.TimestampType})
	l, m, d := batch.NewBuilder(batch.BigIntType, p), batch.NewBuilder(batch.BigIntType, p), batch.NewBuilder(batch.DoubleType, p)
	text, value, at := batch.NewBuilder(batch.StringType, p), batch.NewBuilder(batch.BinaryType, p), batch.NewBuilder(batch.TimestampType, p)
	entries := batch.NewBuilder(batch.StringType, p)
	for i := range 16 {
		entries.String(fmt.Sprintf("Region-%d", i))
	}
	k := p.NewDict(entries.Finish(), benchRows)
	for i := range benchRows {
		l.Int64(int64(i * 7919 % 1000))
		if i%10 == 0 {
			m.Null()
		} else {
			m.Int64(int64(i))
		}
		d.Float64(float64(i) / 7)
		text.String(fmt.Sprint(i * 31))
		value.String(fmt.Sprintf(`{"order_id":"o-%d","region":"north","amount":%d.25,"at":"2026-03-09T14:05:07.123Z","n":%d}`, i, i, i))
		at.Int64(int64(i) * 1e9)
		k.I32[i] = int32(i % 16)
	}
	return s, batch.NewBatch(s, benchRows, l.Finish(), m.Finish(), d.Finish(), text.Finish(), k, value.Finish(), at.Finish())
}

func BenchmarkEval(b *testing.B) {
	pool := batch.NewPool()
	s, in := benchBatch(pool)
	for _, text := range []string{
		"l > 500",
		"l > 500 AND m IS NOT NULL",
		"l * 908 DIV 1000",
		"l + m",
		"d * 0.9D + 1",
		"k = 'Region-3'",
		"lower(k)",
		"s = '31'",
		"cast(s as bigint)",
		"cast(l as string)",
		"CASE WHEN l > 500 THEN 'high' ELSE k END",
		"CASE WHEN l > 500 THEN l ELSE m END",
		"l IN (1, 2, 3, 500)",
		"hour(t)",
		"date_format(t, 'yyyy-MM-dd')",
		"split(s, '1')[0]",
		"regexp_extract(s, '([0-9])1', 1)",
		"from_json(cast(value AS string), 'order_id STRING, region STRING, amount DOUBLE, at TIMESTAMP, n BIGINT')",
	} {
		bound, err := Bind(text, s, NewOptions())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(text[:min(40, len(text))], func(b *testing.B) {
			ctx := &Context{Pool: pool}
			b.ReportAllocs()
			for b.Loop() {
				c, err := bound.Eval(ctx, in)
				if err != nil {
					b.Fatal(err)
				}
				c.Release()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
		})
	}
}

// TestAllocations holds that work over 4,096 rows allocates a handful of times.
func TestAllocations(t *testing.T) {
	pool := batch.NewPool()
	s, in := benchBatch(pool)
	for _, text := range []string{"l > 500 AND m IS NOT NULL", "l + m", "k = 'Region-3'", "lower(s)", "cast(s as bigint)", "cast(l as string)",
		"CASE WHEN l > 500 THEN s ELSE k END", "date_format(t, 'yyyy-MM-dd')", "substring(s, 2, 2)", "hour(t)", "split(s, '1')[0]",
		"from_json(value, 'order_id STRING, region STRING, amount DOUBLE, at TIMESTAMP, n BIGINT').amount > 3"} {
		bound, err := Bind(text, s, NewOptions())
		if err != nil {
			t.Fatal(err)
		}
		ctx := &Context{Pool: pool}
		if n := testing.AllocsPerRun(5, func() {
			c, err := bound.Eval(ctx, in)
			if err != nil {
				t.Fatal(err)
			}
			c.Release()
		}); n > 60 {
			t.Errorf("%s allocates %.0f times a batch", text, n)
		}
	}
}
