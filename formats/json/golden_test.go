package json

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

func decoder(t testing.TB, ty batch.Type, o Options) *Decoder {
	t.Helper()
	d, err := NewDecoder(ty, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func rows(c *batch.Column) (all []string) {
	for i := range c.N {
		all = append(all, string(batch.AppendJSON(nil, c, i)))
	}
	return all
}

func stringColumn(texts ...string) *batch.Column {
	b := batch.NewBuilder(batch.StringType, nil)
	for _, s := range texts {
		if s == "<null>" {
			b.Null()
		} else {
			b.String(s)
		}
	}
	return b.Finish()
}

func one(name string, t batch.Type) batch.Type { return batch.StructType(field(name, t)) }

// TestValues holds what Spark 4 gives for from_json in PERMISSIVE mode with
// partial results, but for the deviations that the package comment names.
func TestValues(t *testing.T) {
	small := batch.DecimalType(5, 2)
	nested := batch.StructType(field("x", batch.IntType), field("y", batch.StringType))
	cases := []struct {
		t          batch.Type
		text, want string
	}{
		{batch.BigIntType, `9223372036854775807`, `9223372036854775807`},
		{batch.BigIntType, `-9223372036854775808`, `-9223372036854775808`},
		{batch.BigIntType, `9223372036854775808`, `null`},
		{batch.BigIntType, `-0`, `0`},
		{batch.BigIntType, `1.0`, `null`},
		{batch.BigIntType, `1e3`, `null`},
		{batch.BigIntType, `"1"`, `null`},
		{batch.BigIntType, `true`, `null`},
		{batch.BigIntType, `123456789012345678`, `123456789012345678`},
		{batch.BigIntType, `12345678`, `12345678`},
		{batch.IntType, `2147483647`, `2147483647`},
		{batch.IntType, `2147483648`, `null`},
		{batch.SmallIntType, `-32768`, `-32768`},
		{batch.SmallIntType, `32768`, `null`},
		{batch.TinyIntType, `-128`, `-128`},
		{batch.TinyIntType, `128`, `null`},
		{batch.BooleanType, `true`, `true`},
		{batch.BooleanType, `false`, `false`},
		{batch.BooleanType, `"true"`, `null`},
		{batch.BooleanType, `1`, `null`},
		{batch.DoubleType, `1`, `1`},
		{batch.DoubleType, `0.1`, `0.1`},
		{batch.DoubleType, `-1.5e300`, `-1.5e+300`},
		{batch.DoubleType, `1e999`, `"Infinity"`},
		{batch.DoubleType, `"NaN"`, `"NaN"`},
		{batch.DoubleType, `NaN`, `"NaN"`},
		{batch.DoubleType, `-Infinity`, `"-Infinity"`},
		{batch.DoubleType, `"+INF"`, `"Infinity"`},
		{batch.DoubleType, `"1.5"`, `null`},
		{batch.DoubleType, `""`, `null`},
		{batch.FloatType, `0.1`, `0.1`},
		{small, `12.345`, `12.35`},
		{small, `"12.344"`, `12.34`},
		{small, `-999.99`, `-999.99`},
		{small, `999.995`, `null`},
		{small, `1e2`, `100.00`},
		{small, `"1,23"`, `123.00`},
		{small, `"abc"`, `null`},
		{small, `true`, `null`},
		{batch.DecimalType(38, 0), `99999999999999999999999999999999999999`, `99999999999999999999999999999999999999`},
		{batch.DecimalType(38, 0), `100000000000000000000000000000000000000`, `null`},
		{batch.DecimalType(18, 18), `0.123456789012345678`, `0.123456789012345678`},
		{batch.StringType, `"a\"\\\/\b\f\n\r\té😀"`, `"a\"\\/\u0008\u000c\n\r\té😀"`},
		{batch.StringType, `"\ud83dx\ude00"`, "\"\uFFFDx\uFFFD\""},
		{batch.StringType, "\"a\xffb\xc3\"", "\"a\uFFFDb\uFFFD\""},
		{batch.StringType, `1.50`, `"1.50"`},
		{batch.StringType, `{"b": [1, 2]}`, `"{\"b\": [1, 2]}"`},
		{batch.StringType, `""`, `""`},
		{batch.BinaryType, `"aGVsbG8="`, `"aGVsbG8="`},
		{batch.BinaryType, `"a*"`, `null`},
		{batch.BinaryType, `1`, `null`},
		{batch.DateType, `"2026-01-31"`, `"2026-01-31"`},
		{batch.DateType, `"2026-2-3 10:00"`, `"2026-02-03"`},
		{batch.DateType, `"2026-02-29"`, `null`},
		{batch.DateType, `"2026"`, `"2026-01-01"`},
		{batch.DateType, `"31.01.2026"`, `null`},
		{batch.DateType, `20260131`, `null`},
		{nested, `{"x":1,"y":"z"}`, `{"x":1,"y":"z"}`},
		{nested, `{"x":"bad","y":"z"}`, `{"x":null,"y":"z"}`},
		{nested, `[1]`, `null`},
		{nested, `{}`, `{"x":null,"y":null}`},
		{batch.ArrayType(batch.BigIntType, true), `[1, null ,3]`, `[1,null,3]`},
		{batch.ArrayType(batch.BigIntType, true), `[]`, `[]`},
		{batch.ArrayType(batch.BigIntType, true), `[1,"x"]`, `null`},
		{batch.ArrayType(batch.BigIntType, true), `1`, `null`},
		{batch.ArrayType(nested, true), `[{"x":1},{"x":"bad","y":"z"},null]`, `[{"x":1,"y":null},{"x":null,"y":"z"},null]`},
		{batch.MapType(batch.StringType, batch.IntType, true), `{"a":1,"b":null}`, `[{"key":"a","value":1},{"key":"b","value":null}]`},
		{batch.MapType(batch.StringType, batch.IntType, true), `{"a":1,"b":2,"a":3}`, `[{"key":"a","value":3},{"key":"b","value":2}]`},
		{batch.MapType(batch.StringType, batch.IntType, true), `{"a":1.5}`, `null`},
		{batch.VoidType, `null`, `null`},
	}
	for _, c := range cases {
		ty := one("v", c.t)
		b := batch.NewBuilder(ty, nil)
		var heard int
		d := decoder(t, ty, Options{})
		d.DecodeColumn(stringColumn(`{"v":`+c.text+`}`, `{"v" : `+c.text+` }`), nil, b, func(int, *Error) { heard++ })
		got := rows(b.Finish())
		want := `{"v":` + c.want + `}`
		if got[0] != want || got[1] != want {
			t.Errorf("%s from %s: got %s, want %s", c.t, c.text, got, want)
		}
		if bad := strings.Contains(c.want, "null") && !strings.Contains(c.text, "null") && c.text != "{}"; bad != (heard == 2) {
			if c.want != `[{"x":1,"y":null},{"x":null,"y":"z"},null]` {
				t.Errorf("%s from %s: %d failures heard", c.t, c.text, heard)
			}
		}
	}
}

func TestTimestamps(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zone data: ", err)
	}
	cases := []struct{ text, instant, wall string }{
		{`"2026-01-31 10:20:30.123"`, "2026-01-31T09:20:30.123Z", "2026-01-31T10:20:30.123"},
		{`"2026-01-31T10:20:30Z"`, "2026-01-31T10:20:30Z", ""},
		{`"2026-01-31T10:20:30.123456Z"`, "2026-01-31T10:20:30.123456Z", ""},
		{`"2026-01-31T10:20:30.1234567Z"`, "2026-01-31T10:20:30.123456Z", ""},
		{`"2026-01-31T10:20:30+01:00"`, "2026-01-31T09:20:30Z", ""},
		{`"2026-01-31T10:20:30 -0230"`, "2026-01-31T12:50:30Z", ""},
		{`"2026-01-31 10:20:30 UTC+1"`, "2026-01-31T09:20:30Z", ""},
		{`"2026-01-31 10:20:30 America/New_York"`, "2026-01-31T15:20:30Z", ""},
		{`"2026-07-01 00:00:00"`, "2026-06-30T22:00:00Z", "2026-07-01T00:00:00"},
		{`"2026-03-29 02:30:00"`, "2026-03-29T01:30:00Z", "2026-03-29T02:30:00"}, // skipped: moved on
		{`"2026-10-25 02:30:00"`, "2026-10-25T00:30:00Z", "2026-10-25T02:30:00"}, // twice: the earlier
		{`"2026-01-31"`, "2026-01-30T23:00:00Z", "2026-01-31T00:00:00"},
		{`"2026-1-3 4:5"`, "2026-01-03T03:05:00Z", "2026-01-03T04:05:00"},
		{`"1969-12-31 23:59:59.999999"`, "1969-12-31T22:59:59.999999Z", "1969-12-31T23:59:59.999999"},
		{`1700000000`, "2023-11-14T22:13:20Z", ""},
		{`"2026-02-30 00:00:00"`, "", ""},
		{`"2026-01-31 24:00:00"`, "", ""},
		{`"2026-01-31 10:61:00"`, "", ""},
		{`"2026-01-31 10:20:30 Nowhere/City"`, "", ""},
		{`"2026-01-31 10:20:30 ../../etc"`, "", ""},
		{`"2026-01-31T"`, "", ""},
		{`"10:20:30"`, "", ""},
		{`"999999-01-01"`, "", ""},
		{`""`, "", ""},
		{`1.5`, "", ""},
		{`9223372036854775807`, "", ""},
	}
	ty := batch.StructType(field("i", batch.TimestampType), field("w", batch.TimestampNTZType))
	quote := func(s string) string {
		if s == "" {
			return "null"
		}
		return `"` + s + `"`
	}
	for _, c := range cases {
		b := batch.NewBuilder(ty, nil)
		decoder(t, ty, Options{Zone: berlin}).DecodeColumn(stringColumn(`{"i":`+c.text+`,"w":`+c.text+`, "tail":"................"}`), nil, b, nil)
		got, want := rows(b.Finish())[0], `{"i":`+quote(c.instant)+`,"w":`+quote(c.wall)+`}`
		got = strings.NewReplacer(".123000", ".123", ".000000", "").Replace(got)
		if got != want {
			t.Errorf("%s: got %s, want %s", c.text, got, want)
		}
	}
}

func TestModes(t *testing.T) {
	ty := batch.StructType(field("a", batch.BigIntType), field("b", batch.StringType), field("_corrupt_record", batch.StringType))
	in := stringColumn(`{"a":1,"b":"x"}`, `{"a":"no","b":"y"}`, `{"a":2,`, `<null>`, ``, `  `, `[1]`, `{"a":3} x`, `null`, `{"_corrupt_record":"forged","a":4,"a":5}`)
	var heard []int
	d := decoder(t, ty, Options{})
	b := batch.NewBuilder(ty, nil)
	d.DecodeColumn(in, nil, b, func(row int, err *Error) {
		heard = append(heard, row)
		if supervision.KindOf(err) != supervision.Poison || !strings.HasPrefix(err.Error(), ClassMalformed) {
			t.Errorf("row %d: %v", row, err)
		}
	})
	want := []string{
		`{"a":1,"b":"x","_corrupt_record":null}`,
		`{"a":null,"b":"y","_corrupt_record":"{\"a\":\"no\",\"b\":\"y\"}"}`,
		`{"a":null,"b":null,"_corrupt_record":"{\"a\":2,"}`,
		`null`, `null`, `null`,
		`{"a":null,"b":null,"_corrupt_record":"[1]"}`,
		`{"a":null,"b":null,"_corrupt_record":"{\"a\":3} x"}`,
		`{"a":null,"b":null,"_corrupt_record":"null"}`,
		`{"a":5,"b":null,"_corrupt_record":null}`,
	}
	if got := rows(b.Finish()); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(heard) != 5 {
		t.Errorf("heard of rows %v", heard)
	}
	active := batch.Bitmap{0b1001}
	d.DecodeColumn(stringColumn(`{"a":1}`, `{broken`, `{"a":2}`, `{"a":3}`), active, b, func(row int, err *Error) { t.Error(row, err) })
	if got := rows(b.Finish()); got[1] != "null" || got[2] != "null" || got[3] != `{"a":3,"b":null,"_corrupt_record":null}` {
		t.Error(got)
	}
}

func TestLinesByMode(t *testing.T) {
	ty := one("a", batch.BigIntType)
	data := []byte("{\"a\":1}\r\n\n{\"a\":true}\n{\"a\":3}")
	for mode, want := range map[Mode]string{Permissive: `{"a":1} {"a":null} {"a":3}`, DropMalformed: `{"a":1} {"a":3}`, FailFast: `{"a":1}`} {
		b := batch.NewBuilder(ty, nil)
		n, err := decoder(t, ty, Options{Mode: mode}).DecodeLines(data, b)
		if got := strings.Join(rows(b.Finish()), " "); got != want {
			t.Errorf("%s: got %s", mode, got)
		}
		var e *Error
		if mode == FailFast != errors.As(err, &e) || e != nil && e.Line != 3 || e == nil && n != 4 {
			t.Errorf("%s: %d lines, %v", mode, n, err)
		}
	}
}

func TestErrorsNamePlace(t *testing.T) {
	ty := batch.StructType(field("a", batch.StructType(field("b", batch.IntType))))
	for text, want := range map[string]string{
		`{"a":{"b":"x"}}`:        `MALFORMED_RECORD_IN_PARSING: byte 10: field a.b: the value does not fit the type: cannot read it as int, at "\"x\"}}"`,
		`{"a":{"b":3000000000}}`: `MALFORMED_RECORD_IN_PARSING: byte 10: field a.b: the value is out of the type's range: cannot read it as int, at "3000000000}}"`,
		`{"a" 1}`:                `MALFORMED_RECORD_IN_PARSING: byte 5: expected ':' behind the field name, at "1}"`,
		`{"z":tru}`:              `MALFORMED_RECORD_IN_PARSING: byte 5: expected a value, at "tru}"`,
		`{"z":01}`:               `MALFORMED_RECORD_IN_PARSING: byte 5: this is not a JSON number, at "01}"`,
		`{"z":"\x"}`:             `MALFORMED_RECORD_IN_PARSING: byte 6: unknown escape in a string, at "\\x\"}"`,
		`{'a':1}`:                `MALFORMED_RECORD_IN_PARSING: byte 1: expected a field name in double quotes, at "'a':1}"`,
		`{"a":null`:              `MALFORMED_RECORD_IN_PARSING: byte 9: the text ends inside a value`,
		`{"a":null,}`:            `MALFORMED_RECORD_IN_PARSING: byte 10: expected a field name in double quotes, at "}"`,
	} {
		b := batch.NewBuilder(ty, nil)
		if err := decoder(t, ty, Options{}).Decode([]byte(text), b); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
		if b.Len() != 0 || b.Kids[0].Len() != 0 || b.Kids[0].Kids[0].Len() != 0 {
			t.Errorf("%s: rows were left behind", text)
		}
	}
}

func TestRefusedTypes(t *testing.T) {
	for _, ty := range []batch.Type{batch.StringType, one("v", batch.VariantType), one("v", batch.DayTimeType),
		one("v", batch.MapType(batch.IntType, batch.IntType, true)), one("_corrupt_record", batch.IntType),
		batch.StructType(field("a", batch.IntType), field("a", batch.IntType))} {
		if _, err := NewDecoder(ty, Options{}); err == nil {
			t.Errorf("%s was taken", ty)
		} else {
			t.Log(err)
		}
	}
}

func TestFoldCase(t *testing.T) {
	ty := batch.StructType(field("amount", batch.IntType))
	for fold, want := range map[bool]string{false: `{"amount":1}`, true: `{"amount":999}`} {
		b := batch.NewBuilder(ty, nil)
		if err := decoder(t, ty, Options{FoldCase: fold}).Decode([]byte(`{"amount":1,"AMOUNT":999}`), b); err != nil {
			t.Fatal(err)
		}
		if got := rows(b.Finish())[0]; got != want {
			t.Errorf("fold %v: %s", fold, got)
		}
	}
}

func TestParseOptions(t *testing.T) {
	hook := func(batch.Kind, string, *time.Location) (func([]byte) (int64, bool), error) {
		return func(text []byte) (int64, bool) { return int64(len(text)), true }, nil
	}
	o, err := ParseOptions(map[string]string{"MODE": "failfast", "columnNameOfCorruptRecord": "bad", "timeZone": "UTC",
		"allowNonNumericNumbers": "false", "dateFormat": "dd.MM.yyyy", "allowComments": "false", "maxNestingDepth": "7"}, Options{}, hook)
	if err != nil || o.Mode != FailFast || o.CorruptRecord != "bad" || !o.RefuseNonNumeric || o.Date == nil || o.MaxDepth != 7 {
		t.Fatalf("%+v, %v", o, err)
	}
	ty := one("d", batch.DateType)
	b := batch.NewBuilder(ty, nil)
	if err := decoder(t, ty, o).Decode([]byte(`{"d":"31.01.2026"}`), b); err != nil || b.Kids[0].Column().I32[0] != 10 {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"mode": "LAX", "allowSingleQuotes": "true", "timestampFormt": "x", "timeZone": "No/Zone",
		"maxNumLen": "0", "bogus": "1", "allowNonNumericNumbers": "maybe"} {
		if _, err := ParseOptions(map[string]string{name: value}, Options{}, hook); err == nil || !strings.Contains(err.Error(), name) && name != "mode" {
			t.Errorf("%s=%s: %v", name, value, err)
		} else {
			t.Log(err)
		}
	}
	if _, err := ParseOptions(map[string]string{"timestampFormat": "x"}, Options{}, nil); err == nil {
		t.Error("a format was taken without patterns")
	}
}

func TestInfer(t *testing.T) {
	records := []string{`{"n":1,"x":1,"s":"a","b":true,"o":{"p":1,"q":null},"l":[1,2.5],"big":12345678901234567890,"mix":1,"e":{}}`, ``,
		`{"x":1.5,"n":null,"o":{"r":[{"a":1},{"b":"x"}]},"mix":"x","at":"2026-01-31"}`}
	got, err := Infer(func(yield func([]byte) bool) {
		for _, r := range records {
			if !yield([]byte(r)) {
				return
			}
		}
	})
	want := "struct<n:bigint,x:double,s:string,b:boolean,o:struct<p:bigint,q:string,r:array<struct<a:bigint,b:string>>>,l:array<double>,big:decimal(38,0),mix:string,at:string>"
	if err != nil || got.String() != want {
		t.Errorf("got %s, %v", got, err)
	}
	_, err = Infer(func(yield func([]byte) bool) { yield([]byte(`{"a":`)) })
	var e *Error
	if !errors.As(err, &e) || e.Line != 1 {
		t.Error(err)
	}
}

// TestBuilderInUse: rows are added behind what a builder holds, from a
// dictionary too, and every column goes back to the pool.
func TestBuilderInUse(t *testing.T) {
	pool := batch.NewPool()
	ty := batch.StructType(field("a", batch.BigIntType), field("s", batch.StructType(field("b", batch.StringType), field("l", batch.ArrayType(batch.BooleanType, true)))))
	d := decoder(t, ty, Options{})
	b := batch.NewBuilder(ty, pool)
	start := pool.Lent()
	for round := range 3 {
		if err := d.Decode([]byte(` `), b); err != nil {
			t.Fatal(err)
		}
		if _, err := d.DecodeLines([]byte("{\"s\":{\"b\":\"x\"}}\n{\"a\":1,\"s\":null}\n"), b); err != nil {
			t.Fatal(err)
		}
		same := batch.NewConst(pool, batch.BinaryType, []byte(`{"s":{"l":[true,null,false]}}`), 70)
		d.DecodeColumn(same, nil, b, func(row int, err *Error) { t.Error(row, err) })
		same.Release()
		if err := d.Decode([]byte(`{"a":1,"s":{"b":"lost","l":[true,1]}}`), b); err == nil {
			t.Fatal("a number was taken for a boolean")
		}
		c := b.Finish()
		checkShape(t, c)
		got := rows(c)
		want := []string{`null`, `{"a":null,"s":{"b":"x","l":null}}`, `{"a":1,"s":null}`, `{"a":null,"s":{"b":null,"l":[true,null,false]}}`}
		if len(got) != 73 || strings.Join(got[:4], " ") != strings.Join(want, " ") || got[72] != want[3] {
			t.Fatalf("round %d: %d rows, %s", round, len(got), got[:4])
		}
		c.Release()
	}
	if now := pool.Lent(); now != start {
		t.Errorf("%d columns lent, %d before", now, start)
	}
}
