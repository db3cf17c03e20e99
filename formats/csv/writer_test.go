package csv_test

import (
	stdcsv "encoding/csv"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/csv"
)

// table makes a batch of string columns; a nil cell is null.
func table(rows [][]*string, width int) (*batch.Schema, *batch.Batch) {
	var fields []batch.Field
	var columns []*batch.Column
	for k := range width {
		fields = append(fields, batch.Field{Name: fmt.Sprint("c", k), Type: batch.StringType, Nullable: true})
		b := batch.NewBuilder(batch.StringType, nil)
		for _, row := range rows {
			if row[k] == nil {
				b.Null()
			} else {
				b.String(*row[k])
			}
		}
		columns = append(columns, b.Finish())
	}
	schema := batch.NewSchema(fields...)
	return schema, batch.NewBatch(schema, len(rows), columns...)
}

var letters = rapid.StringMatching(`[ab "\\,;|\n\t\r']{0,6}`)

func drawRows(t *rapid.T, nulls bool) (rows [][]*string, width int) {
	width = rapid.IntRange(2, 4).Draw(t, "width")
	for range rapid.IntRange(0, 6).Draw(t, "rows") {
		row := make([]*string, width)
		for k := range row {
			if v := letters.Draw(t, "cell"); !nulls || rapid.IntRange(0, 4).Draw(t, "null") > 0 {
				row[k] = &v
			}
		}
		rows = append(rows, row)
	}
	return rows, width
}

// What is written by RFC 4180 is what Go's reader reads.
func TestAgainstEncodingCSV(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, width := drawRows(t, false)
		o := csv.Defaults()
		o.Escape, o.Separator = '"', rapid.SampledFrom([]byte(",;|\t")).Draw(t, "sep")
		o.QuoteAll = rapid.Bool().Draw(t, "quoteAll")
		if rapid.Bool().Draw(t, "crlf") {
			o.LineSeparator = "\r\n"
		}
		schema, b := table(rows, width)
		w, err := csv.NewWriter(schema, o)
		if err != nil {
			t.Fatal(err)
		}
		text := string(w.Append(nil, b))
		r := stdcsv.NewReader(strings.NewReader(text))
		r.Comma = rune(o.Separator)
		got, err := r.ReadAll()
		if err != nil || len(got) != len(rows) {
			t.Fatalf("%d records of %d, %v\n%s", len(got), len(rows), err, text)
		}
		for i, row := range rows {
			for k, v := range row {
				if want := strings.ReplaceAll(*v, "\r\n", "\n"); got[i][k] != want { // as that reader does
					t.Fatalf("cell %d,%d: got %q, want %q\n%s", i, k, got[i][k], want, text)
				}
			}
		}
	})
}

// sparkRead reads text as Spark's CSV source does by default: a backslash
// escapes quotes and itself within quotes, nothing without quotes is null.
func sparkRead(text string, sep byte) (rows [][]*string) {
	var row []*string
	var cell []byte
	quoted, was := false, false
	end := func() {
		if len(cell) == 0 && !was {
			row = append(row, nil)
		} else {
			v := string(cell)
			row = append(row, &v)
		}
		cell, was = nil, false
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			cell = append(cell, text[i])
		case quoted && c == '"':
			quoted = false
		case quoted:
			cell = append(cell, c)
		case c == '"' && len(cell) == 0 && !was:
			quoted, was = true, true
		case c == sep:
			end()
		case c == '\n':
			end()
			rows, row = append(rows, row), nil
		default:
			cell = append(cell, c)
		}
	}
	return rows
}

// What is written by Spark's defaults keeps nulls and empty strings apart.
func TestAgainstSparksRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, width := drawRows(t, true)
		schema, b := table(rows, width)
		w, err := csv.NewWriter(schema, csv.Defaults())
		if err != nil {
			t.Fatal(err)
		}
		text := string(w.Append(nil, b))
		if got, want := show(sparkRead(text, ',')), show(rows); got != want {
			t.Fatalf("got\n%s\nwant\n%s\ntext\n%s", got, want, text)
		}
	})
}

// one writes one value of a type beside an int column.
func one(t *testing.T, ty batch.Type, o csv.Options, put func(*batch.Builder)) string {
	t.Helper()
	v, n := batch.NewBuilder(ty, nil), batch.NewBuilder(batch.IntType, nil)
	put(v)
	n.Int32(1)
	schema := batch.NewSchema(batch.Field{Name: "v", Type: ty, Nullable: true}, batch.Field{Name: "n", Type: batch.IntType})
	w, err := csv.NewWriter(schema, o)
	if err != nil {
		t.Fatal(err)
	}
	return string(w.Append(nil, batch.NewBatch(schema, 1, v.Finish(), n.Finish())))
}

func TestValues(t *testing.T) {
	const micros = 1_769_854_830_120_000
	dots := csv.Defaults()
	dots.Separator = '.'
	all := csv.Defaults()
	all.QuoteAll = true
	trim := csv.Defaults()
	trim.TrimLeading, trim.TrimTrailing = true, true
	null := csv.Defaults()
	null.Null, null.Empty = "NULL", "EMPTY"
	format := csv.Defaults()
	format.Date = func(dst []byte, v int64) []byte { return fmt.Appendf(dst, "day,%d", v) }
	for _, c := range []struct {
		t    batch.Type
		o    csv.Options
		put  func(*batch.Builder)
		want string
	}{
		{batch.BigIntType, csv.Defaults(), func(b *batch.Builder) { b.Int64(math.MinInt64) }, "-9223372036854775808,1"},
		{batch.DoubleType, csv.Defaults(), func(b *batch.Builder) { b.Float64(1e10) }, "1.0E10,1"},
		{batch.DoubleType, csv.Defaults(), func(b *batch.Builder) { b.Float64(math.NaN()) }, "NaN,1"},
		{batch.DoubleType, dots, func(b *batch.Builder) { b.Float64(1.5) }, `"1.5".1`},
		{batch.BooleanType, all, func(b *batch.Builder) { b.Bool(true) }, `"true","1"`},
		{batch.DecimalType(9, 2), csv.Defaults(), func(b *batch.Builder) { b.Decimal(batch.Int128From(-150)) }, "-1.50,1"},
		{batch.DateType, csv.Defaults(), func(b *batch.Builder) { b.Int32(20484) }, "2026-01-31,1"},
		{batch.DateType, format, func(b *batch.Builder) { b.Int32(20484) }, `"day,20484",1`},
		{batch.TimestampType, csv.Defaults(), func(b *batch.Builder) { b.Int64(micros) }, "2026-01-31T10:20:30.120000Z,1"},
		{batch.TimestampNTZType, csv.Defaults(), func(b *batch.Builder) { b.Int64(micros) }, "2026-01-31T10:20:30.120000,1"},
		{batch.TimestampType, dots, func(b *batch.Builder) { b.Int64(micros) }, `"2026-01-31T10:20:30.120000Z".1`},
		{batch.DayTimeType, csv.Defaults(), func(b *batch.Builder) { b.Int64(1) }, "INTERVAL '0 00:00:00.000001' DAY TO SECOND,1"},
		{batch.StringType, csv.Defaults(), func(b *batch.Builder) { b.String(`say "hi\"`) }, `"say \"hi\\\"",1`},
		{batch.StringType, csv.Defaults(), func(b *batch.Builder) { b.String(`a\b`) }, `a\b,1`},
		{batch.StringType, csv.Defaults(), func(b *batch.Builder) { b.String(" a ") }, " a ,1"},
		{batch.StringType, trim, func(b *batch.Builder) { b.String(" a ") }, "a,1"},
		{batch.StringType, csv.Defaults(), func(b *batch.Builder) { b.String("") }, `"",1`},
		{batch.StringType, csv.Defaults(), func(b *batch.Builder) { b.Null() }, ",1"},
		{batch.StringType, null, func(b *batch.Builder) { b.Null() }, "NULL,1"},
		{batch.StringType, null, func(b *batch.Builder) { b.String("") }, "EMPTY,1"},
		{batch.StringType, null, func(b *batch.Builder) { b.String("NULL") }, `"NULL",1`},
	} {
		if got := one(t, c.t, c.o, c.put); got != c.want+"\n" {
			t.Errorf("%s: got %q, want %q", c.t, got, c.want)
		}
	}
}

func TestRefusedSchemas(t *testing.T) {
	for _, ty := range []batch.Type{batch.BinaryType, batch.VariantType, batch.ArrayType(batch.IntType, true), batch.StructType()} {
		s := batch.NewSchema(batch.Field{Name: "n", Type: batch.IntType}, batch.Field{Name: "odd", Type: ty})
		if _, err := csv.NewWriter(s, csv.Defaults()); err == nil || !strings.Contains(err.Error(), "odd") {
			t.Errorf("%s: %v", ty, err)
		}
	}
	lone := batch.NewSchema(batch.Field{Name: "lone", Type: batch.IntType, Nullable: true})
	if _, err := csv.NewWriter(lone, csv.Defaults()); err == nil || !strings.Contains(err.Error(), "blank line") {
		t.Errorf("a lone nullable column: %v", err)
	}
	if _, err := csv.NewWriter(lone, csv.Options{}); err == nil {
		t.Error("options without a line end were taken")
	}
}

func TestParseOptions(t *testing.T) {
	formats := func(kind batch.Kind, pattern string, zone *time.Location) (func([]byte, int64) []byte, error) {
		if pattern == "bad" {
			return nil, fmt.Errorf("no such letter")
		}
		return func(dst []byte, v int64) []byte { return append(dst, pattern...) }, nil
	}
	schema, b := table([][]*string{{new(string), nil}}, 2)
	for _, c := range []struct {
		options map[string]string
		want    string // of the text, or in the error
	}{
		{map[string]string{"HEADER": "true", "sep": `\t`, "quoteAll": "true", "lineSep": "\r\n", "timeZone": "Europe/Berlin"}, "\"c0\"\t\"c1\"\r\n\"\"\t\r\n"},
		{map[string]string{"delimiter": "|", "nullValue": "a|b", "emptyValue": "", "quote": "'", "escape": "'"}, "|'a|b'\n"},
		{map[string]string{"quote": "", "escapeQuotes": "false", "ignoreLeadingWhiteSpace": "true", "encoding": "utf-8"}, "\"\",\n"},
		{map[string]string{"dateFormat": "yyyy", "timestampFormat": "HH", "timestampNTZFormat": "HH", "ignoreTrailingWhiteSpace": "false"}, "\"\",\n"},
		{map[string]string{"dateFormat": "bad"}, "no such letter"},
		{map[string]string{"sep": "||"}, "sep"},
		{map[string]string{"sep": `"`}, "quote"},
		{map[string]string{"escape": "\n"}, "line ends"},
		{map[string]string{"lineSep": "x"}, "lineSep"},
		{map[string]string{"header": "maybe"}, "header"},
		{map[string]string{"charset": "latin1"}, "charset"},
		{map[string]string{"timezone": "Mars"}, "Mars"},
		{map[string]string{"colour": "red"}, "colour"},
	} {
		o, err := csv.ParseOptions(c.options, csv.Defaults(), formats)
		got := fmt.Sprint(err)
		if err == nil {
			w, err := csv.NewWriter(schema, o)
			if err != nil {
				t.Fatal(err)
			}
			got = string(w.Append(w.Header(nil), b))
			if got == c.want {
				continue
			}
		}
		if err == nil || !strings.Contains(got, c.want) {
			t.Errorf("%v: got %q, want %q", c.options, got, c.want)
		}
	}
	if _, err := csv.ParseOptions(map[string]string{"dateFormat": "dd"}, csv.Defaults(), nil); err == nil {
		t.Error("a pattern was taken where nobody serves patterns")
	}
}

// A batch is appended without allocation.
func TestAppendDoesNotAllocate(t *testing.T) {
	a, b := "plain", `needs "quotes", it does`
	schema, rows := table(slices.Repeat([][]*string{{&a, &b}, {&b, nil}}, 100), 2)
	w, _ := csv.NewWriter(schema, csv.Defaults())
	text := w.Append(nil, rows)
	if n := testing.AllocsPerRun(20, func() { text = w.Append(text[:0], rows) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func ExampleWriter() {
	id, name := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.StringType, nil)
	for i, v := range []string{"Ada", "a, b", ""} {
		id.Int64(int64(i))
		name.String(v)
	}
	id.Int64(3)
	name.Null()
	schema := batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType}, batch.Field{Name: "name", Type: batch.StringType, Nullable: true})
	options, _ := csv.ParseOptions(map[string]string{"header": "true"}, csv.Defaults(), nil)
	w, _ := csv.NewWriter(schema, options)
	fmt.Print(string(w.Append(w.Header(nil), batch.NewBatch(schema, 4, id.Finish(), name.Finish()))))
	// Output:
	// id,name
	// 0,Ada
	// 1,"a, b"
	// 2,""
	// 3,
}
