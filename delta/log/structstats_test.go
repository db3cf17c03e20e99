package log

import (
	"math"
	"testing"

	"github.com/deltaic/deltaic/batch"
)

// TestStatisticsAsColumns: they become the text that commits have. What JSON cannot say is left out, not guessed.
func TestStatisticsAsColumns(t *testing.T) {
	values := batch.StructType(field("s", batch.StringType), field("ok", batch.BooleanType), field("at", batch.TimestampType), field("ntz", batch.TimestampNTZType),
		field("day", batch.DateType), field("n", batch.DecimalType(12, 2)), field("f", batch.DoubleType), field("raw", batch.BinaryType),
		field("in", batch.StructType(field("x", batch.IntType))), field("empty", batch.StructType(field("y", batch.FloatType))))
	add := batch.StructType(field(parsedStats, batch.StructType(field("numRecords", batch.BigIntType), field("minValues", values))))
	b := batch.NewBuilder(add, nil)
	put := func(f float64) {
		stats := b.Kids[0]
		stats.Kids[0].Int64(7)
		v := stats.Kids[1]
		v.Kids[0].String("a\"\u00e9")
		v.Kids[1].Bool(true)
		v.Kids[2].Int64(-1)
		v.Kids[3].Int64(1_500_000)
		v.Kids[4].Int32(20000)
		n, _ := batch.ParseDecimal([]byte("1.50"), 12, 2)
		v.Kids[5].Decimal(n)
		v.Kids[6].Float64(f)
		v.Kids[7].Bytes([]byte{0xff})
		v.Kids[8].Kids[0].Int32(-3)
		v.Kids[8].Struct()
		v.Kids[9].Kids[0].Null()
		v.Kids[9].Struct()
		v.Struct()
		stats.Struct()
		b.Struct()
	}
	put(0.5)
	put(math.Inf(1))
	b.Kids[0].Null()
	b.Struct()
	r := recordOf(b.Finish())
	rest := `"s":"a\"é","ok":true,"at":"1969-12-31T23:59:59.999999Z","ntz":"1970-01-01T00:00:01.500000","day":"2024-10-04","n":1.50,`
	for row, want := range []string{`{"numRecords":7,"minValues":{` + rest + `"f":0.5,"in":{"x":-3}}}`, `{"numRecords":7,"minValues":{` + rest + `"in":{"x":-3}}}`, ""} {
		if got := statsText(r, row); got != want {
			t.Errorf("row %d\n%s\nwant\n%s", row, got, want)
		}
	}
	if n, ok := NumRecords(statsText(r, 0)); n != 7 || !ok {
		t.Errorf("%d rows, %v", n, ok)
	}
}
