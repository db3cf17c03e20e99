package batch_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
)

func TestRowsAsJSON(t *testing.T) {
	day := func(y int, m time.Month, d int) int32 {
		return int32(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	}
	micros := time.Date(2026, 1, 31, 10, 20, 30, 123456000, time.UTC).UnixMicro()
	variant := func(value ...byte) func(b *batch.Builder) {
		return func(b *batch.Builder) {
			b.Kids[0].Bytes([]byte{0x11, 2, 0, 1, 2, 'a', 'b'})
			b.Kids[1].Bytes(value)
			b.Struct()
		}
	}
	for _, c := range []struct {
		ty   batch.Type
		fill func(b *batch.Builder)
		want string
	}{
		{batch.BooleanType, func(b *batch.Builder) { b.Bool(true) }, `true`},
		{batch.IntType, (*batch.Builder).Null, `null`},
		{batch.VoidType, (*batch.Builder).Null, `null`},
		{batch.BigIntType, func(b *batch.Builder) { b.Int64(math.MinInt64) }, `-9223372036854775808`},
		{batch.DecimalType(5, 2), func(b *batch.Builder) { b.Decimal(batch.Int128From(150)) }, `1.50`},
		{batch.DecimalType(5, 2), func(b *batch.Builder) { b.Decimal(batch.Int128From(-5)) }, `-0.05`},
		{batch.DecimalType(38, 0), func(b *batch.Builder) { b.Decimal(batch.Pow10(37)) }, `1` + strings.Repeat("0", 37)},
		{batch.FloatType, func(b *batch.Builder) { b.Float32(0.1) }, `0.1`},
		{batch.DoubleType, func(b *batch.Builder) { b.Float64(1e21) }, `1e+21`},
		{batch.DoubleType, func(b *batch.Builder) { b.Float64(math.NaN()) }, `"NaN"`},
		{batch.DoubleType, func(b *batch.Builder) { b.Float64(math.Inf(-1)) }, `"-Infinity"`},
		{batch.StringType, func(b *batch.Builder) { b.String("a\"\\\n\x01é\xff<") }, `"a\"\\\n\u0001é` + "\ufffd" + `<"`},
		{batch.BinaryType, func(b *batch.Builder) { b.Bytes([]byte{0, 255, 7}) }, `"AP8H"`},
		{batch.DateType, func(b *batch.Builder) { b.Int32(day(2026, 1, 31)) }, `"2026-01-31"`},
		{batch.DateType, func(b *batch.Builder) { b.Int32(day(0, 2, 29)) }, `"0000-02-29"`},
		{batch.DateType, func(b *batch.Builder) { b.Int32(day(-1, 12, 31)) }, `"-0001-12-31"`},
		{batch.DateType, func(b *batch.Builder) { b.Int32(day(12345, 6, 7)) }, `"+12345-06-07"`},
		{batch.TimestampType, func(b *batch.Builder) { b.Int64(micros) }, `"2026-01-31T10:20:30.123456Z"`},
		{batch.TimestampType, func(b *batch.Builder) { b.Int64(-1) }, `"1969-12-31T23:59:59.999999Z"`},
		{batch.TimestampNTZType, func(b *batch.Builder) { b.Int64(micros) }, `"2026-01-31T10:20:30.123456"`},
		{batch.YearMonthType, func(b *batch.Builder) { b.Int32(-14) }, `"INTERVAL '-1-2' YEAR TO MONTH"`},
		{batch.DayTimeType, func(b *batch.Builder) { b.Int64(-93784_500000) }, `"INTERVAL '-1 02:03:04.5' DAY TO SECOND"`},
		{batch.MapType(batch.StringType, batch.IntType, true), func(b *batch.Builder) {
			b.Kids[0].String("z")
			b.Kids[1].Null()
			b.Kids[0].String("a")
			b.Kids[1].Int32(1)
			b.List()
		}, `[{"key":"a","value":1},{"key":"z","value":null}]`},
		{batch.VariantType, variant(0x02, 2, 0, 1, 0, 2, 4, 0x0c, 0xff, 0x05, 'x'), `{"a":-1,"b":"x"}`},
		{batch.VariantType, variant(0x03, 2, 0, 1, 2, 0x00, 0x04), `[null,true]`},
		{batch.VariantType, variant(8<<2, 2, 0x39, 0x30, 0, 0), `123.45`},
		{batch.VariantType, variant(11<<2, 1, 0, 0, 0), `"1970-01-02"`},
		{batch.VariantType, variant(12<<2, 1, 0, 0, 0, 0, 0, 0, 0), `"1970-01-01T00:00:00.000001Z"`},
		{batch.VariantType, variant(15<<2, 1, 0, 0, 0, 7), `"Bw=="`},
		{batch.VariantType, variant(16<<2, 9, 0, 0, 0, 'x'), `"<broken variant: a value needs 9 bytes where 1 are left>"`},
		{batch.VariantType, variant(63 << 2), `"<broken variant: unknown primitive 63>"`},
	} {
		if got := string(batch.AppendJSON(nil, one(c.ty, c.fill), 0)); got != c.want {
			t.Errorf("%s: want %s, got %s", c.ty, c.want, got)
		}
	}
}

func TestCivilDates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.Int64Range(-200_000_000_000, 200_000_000_000).Draw(t, "days")
		y, m, d := batch.CivilDate(days)
		want := time.Unix(0, 0).UTC()
		if days > -100_000_000 && days < 100_000_000 {
			want = time.Unix(days*86400, 0).UTC()
			if want.Year() != int(y) || int(want.Month()) != m || want.Day() != d {
				t.Fatalf("day %d is %d-%d-%d, not %s", days, y, m, d, want)
			}
		}
		if back := batch.DaysFromCivil(y, m, d); back != days {
			t.Fatalf("day %d comes back as %d", days, back)
		}
	})
}

// TestVariantBomb: elements that all point at one nested array would double the output with each level.
func TestVariantBomb(t *testing.T) {
	value := []byte{0x00}
	for range 60 {
		array := []byte{0x03 | 1<<2, 2, 0, 0, 0, 0, byte(len(value)), byte(len(value) >> 8)} // two elements, both at offset 0
		value = append(array, value...)
	}
	out, err := batch.AppendVariantJSON(nil, []byte{1, 0, 0}, value)
	if err == nil || len(out) > 10*len(value) {
		t.Errorf("%d bytes became %d, error %v", len(value), len(out), err)
	}
	deep := []byte{0x00}
	for range 1500 {
		deep = append([]byte{0x03 | 3<<2, 1, 0, 0, 0, 0, 1, 0, 0, 0}, deep...)
	}
	if _, err := batch.AppendVariantJSON(nil, []byte{1, 0, 0}, deep); err == nil {
		t.Error("1,500 levels were read")
	}
}

func FuzzVariant(f *testing.F) {
	f.Add([]byte{0x11, 2, 0, 1, 2, 'a', 'b'}, []byte{0x02, 2, 0, 1, 0, 2, 4, 0x0c, 0xff, 0x05, 'x'})
	f.Add([]byte{1, 0, 0}, []byte{0x03, 2, 0, 1, 2, 0x00, 0x04})
	f.Add([]byte{1, 0, 0}, []byte{20 << 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	f.Add([]byte{1, 0, 0}, []byte{10 << 2, 38, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	f.Fuzz(func(t *testing.T, metadata, value []byte) {
		out, err := batch.AppendVariantJSON(nil, metadata, value)
		if limit := 64 + len(value)*(6*len(metadata)+64); len(out) > limit {
			t.Fatalf("%d bytes from %d and %d", len(out), len(metadata), len(value))
		}
		if err == nil && len(out) == 0 {
			t.Fatal("no value and no error")
		}
	})
}

// TestRowDigest holds the definition's check value and two tables whose digest
// another program computed.
func TestRowDigest(t *testing.T) {
	var d batch.RowDigest
	if got := d.String(); got != strings.Repeat("0", 64) {
		t.Errorf("no rows: %s", got)
	}
	ints := batch.NewBuilder(batch.BigIntType, nil)
	for _, v := range []int64{8, 1, 2, 99, 3, 4, 5, 6, 7} {
		ints.Int64(v)
	}
	b := batch.NewBatch(batch.NewSchema(batch.Field{Name: "value", Type: batch.BigIntType}), 9, ints.Finish())
	b.Sel = []int32{0, 1, 2, 4, 5, 6, 7, 8}
	checkDigest(t, b, "8273d38916c4ea1e619629d8c143c6998640325141366ea804e5adfb2b612c30")

	checkDigest(t, rowOf(intColumn(0), intColumn(0), intColumn(0), intColumn(0),
		one(batch.FloatType, func(b *batch.Builder) { b.Float32(0) }), doubleColumn(0), stringColumn("0"),
		one(batch.DateType, func(b *batch.Builder) { b.Int32(10957) }),
		one(batch.TimestampType, func(b *batch.Builder) { b.Int64(946713600000000) }),
		one(batch.DecimalType(1, 0), func(b *batch.Builder) { b.Decimal(batch.Int128{}) })),
		"f7a01910522a3dcc3f129971cab4171bfbc6029e9d588de953ce80902cee14da")

	decimals := []batch.Type{batch.DecimalType(12, 5), batch.DecimalType(5, 2), batch.DecimalType(10, 5), batch.DecimalType(20, 10)}
	rows := [][]string{{"-2342342.23423", "-999.99", "-99999.99999", "-9999999999.9999999999"}, {"0.00004", "0", "0", "0"},
		{"234", "1", "2", "3"}, {"2342222.23454", "111.11", "22222.22222", "3333333333.3333333333"}}
	table := batch.NewBatch(batch.NewSchema(), 4)
	for i, ty := range decimals {
		col := batch.NewBuilder(ty, nil)
		for _, row := range rows {
			v, ok := batch.ParseDecimal([]byte(row[i]), int(ty.Precision), int(ty.Scale))
			if !ok {
				t.Fatal(row[i])
			}
			col.Decimal(v)
		}
		table.Columns = append(table.Columns, col.Finish())
	}
	checkDigest(t, table, "ab07cb3eeab132a18ca0d4761956093aed63b5fe1ea66209b45abaf689d7cf26")
}

func rowOf(cols ...*batch.Column) *batch.Batch {
	return &batch.Batch{Schema: batch.NewSchema(), N: 1, Columns: cols}
}

func checkDigest(t *testing.T, b *batch.Batch, want string) {
	t.Helper()
	var d batch.RowDigest
	if err := d.Add(b); err != nil {
		t.Fatal(err)
	}
	if d.String() != want || d.Rows() != int64(b.Rows()) {
		t.Errorf("%d rows: want %s, got %s", d.Rows(), want, &d)
	}
}

func TestRowDigestRefusesVariants(t *testing.T) {
	p := batch.NewPool()
	c := p.NewColumn(batch.ArrayType(batch.VariantType, true), 0)
	b := batch.NewBatch(batch.NewSchema(batch.Field{Name: "v", Type: c.Type}), 0, c)
	if err := new(batch.RowDigest).Add(b); err == nil || !strings.Contains(err.Error(), `column "v"`) {
		t.Errorf("%v", err)
	}
}

// TestRowDigestIsASet: halves in any order sum to the whole.
func TestRowDigestIsASet(t *testing.T) {
	property(t, func(t *rapid.T, p *batch.Pool, b *batch.Batch) {
		var whole, low, high batch.RowDigest
		if whole.Add(b) != nil {
			return // variants
		}
		for half, d := range map[int]*batch.RowDigest{0: &low, 1: &high} {
			part := *b
			part.Sel = []int32{}
			for n := range b.Rows() {
				if n&1 == half {
					part.Sel = append(part.Sel, int32(b.Row(n)))
				}
			}
			if err := d.Add(&part); err != nil {
				t.Fatal(err)
			}
		}
		high.Merge(&low)
		if high.String() != whole.String() || high.Rows() != whole.Rows() {
			t.Fatalf("halves %s, whole %s", &high, &whole)
		}
	})
}

func TestTableLikeSpark(t *testing.T) {
	name, amount := batch.NewBuilder(batch.StringType, nil), batch.NewBuilder(batch.DoubleType, nil)
	for _, v := range []string{"ann", "a name that is longer than twenty", "日本"} {
		name.String(v)
		amount.Float64(float64(len(v)) * 1e6)
	}
	amount.Truncate(2)
	amount.Null()
	s := batch.NewSchema(batch.Field{Name: "name", Type: batch.StringType}, batch.Field{Name: "n", Type: batch.DoubleType})
	b := batch.NewBatch(s, 3, name.Finish(), amount.Finish())
	want := `+--------------------+---------+
|                name|        n|
+--------------------+---------+
|                 ann|3000000.0|
|a name that is lo...|    3.3E7|
|                日本|     NULL|
+--------------------+---------+
`
	if got := string(batch.AppendTable(nil, s, []*batch.Batch{b}, batch.TableOptions{})); got != want {
		t.Errorf("want\n%s got\n%s", want, got)
	}
	want = `+----+---------+
|name|n        |
+----+---------+
|ann |3000000.0|
+----+---------+
only showing top 1 row
`
	if got := string(batch.AppendTable(nil, s, []*batch.Batch{b}, batch.TableOptions{Rows: 1, Truncate: -1})); got != want {
		t.Errorf("want\n%s got\n%s", want, got)
	}
}

func TestTextOfNested(t *testing.T) {
	c := one(batch.StructType(batch.Field{Name: "a", Type: batch.ArrayType(batch.IntType, true)},
		batch.Field{Name: "m", Type: batch.MapType(batch.StringType, batch.TimestampType, true)},
		batch.Field{Name: "b", Type: batch.BinaryType}), func(b *batch.Builder) {
		b.Kids[0].Kids[0].Int32(1)
		b.Kids[0].Kids[0].Null()
		b.Kids[0].List()
		b.Kids[1].Kids[0].String("k")
		b.Kids[1].Kids[1].Int64(1_500_000)
		b.Kids[1].List()
		b.Kids[2].Bytes([]byte{0x1f, 10})
		b.Struct()
	})
	if got, want := string(batch.AppendText(nil, c, 0)), "{[1, NULL], {k -> 1970-01-01 00:00:01.5}, [1F 0A]}"; got != want {
		t.Errorf("want %s, got %s", want, got)
	}
}
