package interop

import (
	"fmt"
	"math"
	"strings"

	"github.com/deltaic/deltaic/batch"
)

func column(name string, t batch.Type) batch.Field {
	return batch.Field{Name: name, Type: t, Nullable: true}
}

// Days and microseconds from 1970: the years 1 and 9999, dates that the Julian calendar does not have or
// counts otherwise, and the last instants before 1970.
var (
	edgeDays   = []int32{-719162, -141428, -141427, -25567, -1, 0, 1, 19789, 2932896}
	edgeMicros = []int64{-62135596800000000, -12219292800000001, -2208988800000000, -1, 0, 1, 999, 1_709_210_096_789_999, 253402300799999999}
)

var edgeStrings = []string{"", " ", "a", "\x00", "tab\tline\nquote\"back\\slash", "é", "🙂", "NULL",
	strings.Repeat("z", 32), strings.Repeat("long ", 40), strings.Repeat("é", 31) + "🙂🙂", strings.Repeat("\U0010FFFF", 40),
	strings.Repeat("\x7f", 50), strings.Repeat("x", 31) + "🙂" + strings.Repeat("y", 5000)}

// edge appends the n-th of the interesting values of a type; null every seventh time if it may.
func edge(b *batch.Builder, t batch.Type, n int, nullable bool) {
	if nullable && n%7 == 3 {
		b.Null()
		return
	}
	pick := func(k int) int { return n % k }
	switch t.Kind {
	case batch.Boolean:
		b.Bool(n%2 == 0)
	case batch.TinyInt:
		b.Int32([]int32{math.MinInt8, -1, 0, 1, math.MaxInt8}[pick(5)])
	case batch.SmallInt:
		b.Int32([]int32{math.MinInt16, -1, 0, 1, math.MaxInt16}[pick(5)])
	case batch.Int:
		b.Int32([]int32{math.MinInt32, -1, 0, 1, math.MaxInt32}[pick(5)])
	case batch.BigInt:
		b.Int64([]int64{math.MinInt64, -1 << 53, -1, 0, 1, 1<<53 + 1, math.MaxInt64}[pick(7)])
	case batch.Date:
		b.Int32(edgeDays[pick(len(edgeDays))])
	case batch.Timestamp, batch.TimestampNTZ:
		b.Int64(edgeMicros[pick(len(edgeMicros))])
	case batch.Float:
		b.Float32([]float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.Copysign(0, -1)), 0, math.MaxFloat32, math.SmallestNonzeroFloat32, 1.5}[pick(8)])
	case batch.Double:
		b.Float64([]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0, math.MaxFloat64, math.SmallestNonzeroFloat64, 0.1}[pick(8)])
	case batch.Decimal:
		b.Decimal(edgeDecimal(int(t.Precision), n))
	case batch.String:
		b.String(edgeStrings[pick(len(edgeStrings))])
	case batch.Binary:
		b.Bytes([][]byte{{}, {0}, {0xff, 0xfe}, []byte("text"), make([]byte, 300)}[pick(5)])
	case batch.Struct:
		for i, f := range t.Fields {
			edge(b.Kids[i], f.Type, n+i+1, f.Nullable)
		}
		b.Struct()
	case batch.Array:
		for i := range n % 4 {
			edge(b.Kids[0], t.Fields[0].Type, n+i, t.Fields[0].Nullable)
		}
		b.List()
	case batch.Map:
		for i := range n % 3 {
			b.Kids[0].String(fmt.Sprint("key ", i))
			edge(b.Kids[1], t.Fields[1].Type, n+i, t.Fields[1].Nullable)
		}
		b.List()
	}
}

// edgeDecimal is the least, the greatest, and small values of a precision.
func edgeDecimal(precision, n int) batch.Int128 {
	digits, negative := "0", n%2 == 1
	switch n % 5 {
	case 0, 1:
		digits = strings.Repeat("9", precision)
	case 2, 3:
		digits = "1"
	}
	if negative {
		digits = "-" + digits
	}
	v, ok := batch.ParseDecimal([]byte(digits), precision, 0)
	if !ok {
		panic("decimal " + digits)
	}
	return v
}

// edges makes a batch of rows [from, to): the first column is the row's number.
func edges(s *batch.Schema, from, to int) *batch.Batch {
	out := &batch.Batch{Schema: s, N: to - from}
	for i, f := range s.Fields {
		b := batch.NewBuilder(f.Type, nil)
		for n := from; n < to; n++ {
			if i == 0 {
				b.Int64(int64(n))
			} else {
				edge(b, f.Type, n*3+i*5, f.Nullable)
			}
		}
		out.Columns = append(out.Columns, b.Finish())
	}
	return out
}
