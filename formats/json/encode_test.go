package json_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
	"github.com/deltaic/deltaic/formats/json"
)

// readable reports whether the decoder reads values of the type back as they were.
func readable(t batch.Type) bool {
	switch t.Kind {
	case batch.Variant, batch.YearMonth, batch.DayTime, batch.Void, batch.Float,
		batch.Date, batch.Timestamp, batch.TimestampNTZ: // random ones lie outside of the years that are read
		return false
	case batch.Map:
		if t.Fields[0].Type.Kind != batch.String {
			return false
		}
	}
	for _, f := range t.Fields {
		if !readable(f.Type) {
			return false
		}
	}
	return true
}

// repeats reports whether a map in the column has a key twice.
func repeats(c *batch.Column) bool {
	if c.Type.Kind == batch.Map {
		for i := range c.N {
			seen := map[string]bool{}
			for k := c.Off[i]; k < c.Off[i+1]; k++ {
				key := string(batch.AppendText(nil, c.Kids[0], int(k)))
				if seen[key] {
					return true
				}
				seen[key] = true
			}
		}
	}
	return slices.ContainsFunc(c.Kids, repeats)
}

// Random rows that were written are read back as they were, with and without nulls.
func TestEncodeAndDecode(t *testing.T) {
	rows := 0
	rapid.Check(t, func(r *rapid.T) {
		schema := batchtest.Schema(r, 4, 2)
		schema.Fields = slices.DeleteFunc(slices.Clone(schema.Fields), func(f batch.Field) bool { return !readable(f.Type) })
		if len(schema.Fields) == 0 {
			return
		}
		b := batchtest.Batch(r, schema, nil, 12)
		b.Kinds, b.Origin, b.Behind = nil, nil, nil
		if slices.ContainsFunc(b.Columns, repeats) {
			return // JSON has each name once
		}
		text := json.NewEncoder(schema, json.EncodeOptions{Nulls: rapid.Bool().Draw(r, "nulls")}).AppendLines(nil, b)
		d, err := json.NewDecoder(batch.StructType(schema.Fields...), json.Options{Mode: json.FailFast})
		if err != nil {
			r.Skip(err)
		}
		to := batch.NewBuilder(d.Type(), nil)
		lines, err := d.DecodeLines(text, to)
		if err != nil || lines != b.Rows() {
			r.Fatalf("%d lines of %d, %v:\n%s", lines, b.Rows(), err, text)
		}
		back := to.Finish()
		again := batch.NewBatch(schema, back.N, back.Kids...)
		if want, got := batchtest.Rows(b), batchtest.Rows(again); !slices.Equal(want, got) {
			r.Fatalf("want %q\ngot %q\ntext\n%s", want, got, text)
		}
		rows += lines
	})
	if rows < 100 {
		t.Errorf("only %d rows were drawn", rows)
	}
}

func TestEncodeOptions(t *testing.T) {
	schema := batch.NewSchema(batch.Field{Name: "a\"b", Type: batch.IntType, Nullable: true}, batch.Field{Name: "t", Type: batch.TimestampType},
		batch.Field{Name: "d", Type: batch.DateType}, batch.Field{Name: "x", Type: batch.DoubleType},
		batch.Field{Name: "m", Type: batch.MapType(batch.IntType, batch.BooleanType, true)})
	columns := make([]*batch.Builder, len(schema.Fields))
	for i, f := range schema.Fields {
		columns[i] = batch.NewBuilder(f.Type, nil)
	}
	columns[0].Null()
	columns[1].Int64(1_769_854_830_123_456)
	columns[2].Int32(20484)
	columns[3].Float64(math.Inf(-1))
	columns[4].Kids[0].Int32(7)
	columns[4].Kids[1].Null()
	columns[4].List()
	b := batch.NewBatch(schema, 1)
	for _, c := range columns {
		b.Columns = append(b.Columns, c.Finish())
	}
	format := func(kind batch.Kind, pattern string, zone *time.Location) (func([]byte, int64) []byte, error) {
		if pattern == "bad" {
			return nil, fmt.Errorf("no such letter")
		}
		return func(dst []byte, v int64) []byte { return fmt.Appendf(dst, "%s %q %s", kind, pattern, zone) }, nil
	}
	for _, c := range []struct {
		options map[string]string
		want    string // of the line, or in the error
	}{
		{nil, `{"t":"2026-01-31T10:20:30.123456Z","d":"2026-01-31","x":"-Infinity","m":{"7":null}}`},
		{map[string]string{"ignoreNullFields": "false", "encoding": "UTF-8"}, `{"a\"b":null,"t":"2026-01-31T10:20:30.123456Z","d":"2026-01-31","x":"-Infinity","m":{"7":null}}`},
		{map[string]string{"timestampFormat": "HH", "timeZone": "Europe/Berlin"}, `{"t":"timestamp \"HH\" Europe/Berlin","d":"2026-01-31","x":"-Infinity","m":{"7":null}}`},
		{map[string]string{"dateformat": "dd"}, `"d":"date \"dd\" UTC"`},
		{map[string]string{"dateFormat": "bad"}, "no such letter"},
		{map[string]string{"timeZone": "Mars"}, "Mars"},
		{map[string]string{"ignoreNullFields": "perhaps"}, "ignoreNullFields"},
		{map[string]string{"encoding": "utf-16"}, "encoding"},
		{map[string]string{"colour": "red"}, "colour"},
	} {
		o, err := json.ParseEncodeOptions(c.options, json.EncodeOptions{}, format)
		got := fmt.Sprint(err)
		if err == nil {
			got = string(json.NewEncoder(schema, o).AppendLines(nil, b))
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%v: got %s, want %s", c.options, got, c.want)
		}
	}
	if _, err := json.ParseEncodeOptions(map[string]string{"dateFormat": "dd"}, json.EncodeOptions{}, nil); err == nil {
		t.Error("a pattern was taken where nobody serves patterns")
	}
}

func ExampleEncoder() {
	schema := batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType}, batch.Field{Name: "name", Type: batch.StringType, Nullable: true})
	id, name := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.StringType, nil)
	id.Int64(1)
	name.String("Ada")
	id.Int64(2)
	name.Null()
	rows := batch.NewBatch(schema, 2, id.Finish(), name.Finish())
	fmt.Print(string(json.NewEncoder(schema, json.EncodeOptions{}).AppendLines(nil, rows)))
	// Output:
	// {"id":1,"name":"Ada"}
	// {"id":2}
}
