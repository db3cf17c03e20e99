package avro

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	judge "github.com/twmb/avro"
	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
)

// drawn is a random schema and what draws values of it.
type drawn struct {
	schema any
	value  func(t *rapid.T) any
}

var names int

func drawSchema(t *rapid.T, depth int) drawn {
	plain := []string{"boolean", "int", "long", "float", "double", "string", "bytes", "millis", "date", "fixed", "enum"}
	kinds := plain
	if depth > 0 {
		kinds = append(kinds, "record", "array", "map", "optional", "union")
	}
	names++
	name := fmt.Sprintf("n%d", names)
	switch k := rapid.SampledFrom(kinds).Draw(t, "kind"); k {
	case "boolean":
		return drawn{k, func(t *rapid.T) any { return rapid.Bool().Draw(t, k) }}
	case "int":
		return drawn{k, func(t *rapid.T) any { return rapid.Int32().Draw(t, k) }}
	case "long":
		return drawn{k, func(t *rapid.T) any { return rapid.Int64().Draw(t, k) }}
	case "float":
		return drawn{k, func(t *rapid.T) any { return rapid.Float32().Draw(t, k) }}
	case "double":
		return drawn{k, func(t *rapid.T) any { return rapid.Float64().Draw(t, k) }}
	case "string":
		return drawn{k, func(t *rapid.T) any { return strings.ToValidUTF8(rapid.String().Draw(t, k), "") }}
	case "bytes":
		return drawn{k, func(t *rapid.T) any { return rapid.SliceOf(rapid.Byte()).Draw(t, k) }}
	case "millis":
		return drawn{described{"type": "long", "logicalType": "timestamp-millis"}, func(t *rapid.T) any { return rapid.Int64Range(-1e15, 1e15).Draw(t, k) }}
	case "date":
		return drawn{described{"type": "int", "logicalType": "date"}, func(t *rapid.T) any { return rapid.Int32Range(-100000, 100000).Draw(t, k) }}
	case "fixed":
		size := rapid.IntRange(1, 5).Draw(t, "size")
		return drawn{described{"type": "fixed", "name": name, "size": size}, func(t *rapid.T) any { return rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, k) }}
	case "enum":
		return drawn{described{"type": "enum", "name": name, "symbols": []string{"A", "B", "C"}}, func(t *rapid.T) any { return rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, k) }}
	}
	return drawNested(t, depth, name)
}

func drawNested(t *rapid.T, depth int, name string) drawn {
	of := drawSchema(t, depth-1)
	switch rapid.IntRange(0, 4).Draw(t, "nested") {
	case 0:
		return drawn{described{"type": "array", "items": of.schema}, func(t *rapid.T) any {
			l := []any{}
			for range rapid.IntRange(0, 3).Draw(t, "n") {
				l = append(l, of.value(t))
			}
			return l
		}}
	case 1:
		return drawn{described{"type": "map", "values": of.schema}, func(t *rapid.T) any {
			m := map[string]any{}
			if rapid.Bool().Draw(t, "entry") { // one: the judge writes several in any order
				m[strings.ToValidUTF8(rapid.String().Draw(t, "key"), "")] = of.value(t)
			}
			return m
		}}
	case 2:
		if _, union := of.schema.([]any); !union {
			return drawn{[]any{"null", of.schema}, func(t *rapid.T) any {
				if rapid.Bool().Draw(t, "null") {
					return nil
				}
				return of.value(t)
			}}
		}
		return of
	case 3:
		return drawn{[]any{"string", "null", "boolean", "long"}, func(t *rapid.T) any {
			return rapid.SampledFrom([]any{"x", nil, true, int64(7)}).Draw(t, "branch")
		}}
	}
	other := drawSchema(t, depth-1)
	fields := []any{described{"name": "a", "type": of.schema}, described{"name": "b", "type": other.schema}}
	return drawn{described{"type": "record", "name": name, "fields": fields}, func(t *rapid.T) any {
		return map[string]any{"a": of.value(t), "b": other.value(t)}
	}}
}

// record is a schema, its text and some records that the judge wrote.
func drawRecords(t *rapid.T) (text string, records [][]byte) {
	of := drawSchema(t, 3)
	d := drawn{described{"type": "record", "name": "top", "fields": []any{described{"name": "v", "type": of.schema}}}, func(t *rapid.T) any { return map[string]any{"v": of.value(t)} }}
	encoded, err := json.Marshal(d.schema)
	if err != nil {
		t.Fatal(err)
	}
	s, err := judge.Parse(string(encoded))
	if err != nil {
		t.Fatalf("%s: %v", encoded, err)
	}
	for range rapid.IntRange(1, 4).Draw(t, "records") {
		b, err := s.Encode(d.value(t))
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, b)
	}
	return string(encoded), records
}

// TestRecordsOfAnotherWriter reads what a library wrote, and writes the same bytes.
func TestRecordsOfAnotherWriter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, records := drawRecords(t)
		s, err := Parse(text, Names{})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		d, err := NewDecoder(s, s)
		if err != nil {
			t.Fatal(err)
		}
		b := batch.NewBuilder(d.Type(), nil)
		d.Bind(b)
		for _, r := range records {
			if err := d.Decode(r); err != nil {
				t.Fatalf("%s: %x: %v", text, r, err)
			}
			if len(r) > 0 {
				cut := r[:rapid.IntRange(0, len(r)-1).Draw(t, "cut")]
				if d.Decode(cut) == nil { // lists of nothing may be whole already
					b.Truncate(b.Len() - 1)
				}
			}
		}
		c := b.Finish()
		if c.N != len(records) {
			t.Fatalf("%d rows of %d records", c.N, len(records))
		}
		e, err := NewEncoder(c.Type, s)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range records {
			got, err := e.Append(nil, c, i)
			if err != nil || !bytes.Equal(got, r) {
				t.Fatalf("%s: %x was written as %x: %v", text, r, got, err)
			}
		}
	})
}

// TestSkipped reads records past the fields that a reader does not want.
func TestSkipped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, records := drawRecords(t)
		writer, err := Parse(`{"type":"record","name":"pair","fields":[{"name":"x","type":`+text+`},{"name":"y","type":"int"}]}`, Names{})
		if err != nil {
			t.Fatal(err)
		}
		reader, _ := Parse(`{"type":"record","name":"pair","fields":[{"name":"y","type":"long"}]}`, Names{})
		d, err := NewDecoder(writer, reader)
		if err != nil {
			t.Fatal(err)
		}
		b := batch.NewBuilder(d.Type(), nil)
		d.Bind(b)
		for _, r := range records {
			if err := d.Decode(append(bytes.Clone(r), 84)); err != nil {
				t.Fatal(err)
			}
		}
		for _, v := range b.Finish().Kids[0].I64 {
			if v != 42 {
				t.Fatalf("y is %d", v)
			}
		}
	})
}

// TestBombs holds records and schemas that ask for much with few bytes.
func TestBombs(t *testing.T) {
	huge := []byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01} // MaxInt64
	least := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}
	for name, c := range map[string]struct {
		schema string
		record []byte
		want   string
	}{
		"a block of numbers":      {`{"type":"array","items":"int"}`, huge, "elements in"},
		"a block of nulls":        {`{"type":"array","items":"null"}`, huge, "more than"},
		"blocks of nulls":         {`{"type":"array","items":"null"}`, bytes.Repeat([]byte{0x80, 0x89, 0x7a}, 3), "more than"}, // a million each
		"a block below zero":      {`{"type":"array","items":"null"}`, append(least, 2), "elements"},
		"the size of a block":     {`{"type":"array","items":"int"}`, append([]byte{1}, huge...), "bytes"},
		"a text":                  {`"string"`, huge, "length"},
		"a text below zero":       {`"bytes"`, []byte{1}, "length"},
		"a map of nulls":          {`{"type":"map","values":"null"}`, huge, "elements in"},
		"a long number":           {`"long"`, bytes.Repeat([]byte{0x80}, 40), "64 bits"},
		"many empty records":      {`{"type":"array","items":{"type":"record","name":"r","fields":[]}}`, huge, "more than"},
		"a branch that is not":    {`["int","string"]`, huge, "branch"},
		"a symbol that is not":    {`{"type":"enum","name":"e","symbols":["A"]}`, huge, "symbol"},
		"a number that is no int": {`"int"`, huge, "no int"},
	} {
		s, err := Parse(c.schema, Names{})
		if err != nil {
			t.Fatal(err)
		}
		d, _ := NewDecoder(s, s)
		b := batch.NewBuilder(d.Type(), nil)
		d.Bind(b)
		if err := d.Decode(c.record); err == nil || !strings.Contains(err.Error(), c.want) || b.Len() != 0 {
			t.Errorf("%s: %v, %d rows", name, err, b.Len())
		}
	}
	doubling := `{"type":"record","name":"r0","fields":[{"name":"a","type":"int"}]}`
	for i := range 20 {
		doubling = fmt.Sprintf(`{"type":"record","name":"r%d","fields":[{"name":"a","type":%s},{"name":"b","type":"r%d"}]}`, i+1, doubling, i)
	}
	for name, schema := range map[string]string{
		"references that double": doubling, "deep": strings.Repeat(`{"type":"array","items":`, 300) + `"int"` + strings.Repeat("}", 300),
		"long": `"` + strings.Repeat("x", maxSchemaText) + `"`, "itself": `{"type":"record","name":"r","fields":[{"name":"n","type":["null","r"]}]}`,
	} {
		if _, err := Parse(schema, Names{}); err == nil {
			t.Errorf("%s: the schema is taken", name)
		}
	}
}

// TestDefaultsAreBounded holds a reader that adds much to each of many records.
func TestDefaultsAreBounded(t *testing.T) {
	writer, _ := Parse(`{"type":"record","name":"r","fields":[]}`, Names{})
	reader, err := Parse(`{"type":"record","name":"r","fields":[{"name":"s","type":"string","default":"`+strings.Repeat("x", 1<<19)+`"}]}`, Names{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDecoder(writer, reader)
	if err != nil {
		t.Fatal(err)
	}
	b := batch.NewBuilder(d.Type(), nil)
	d.Bind(b)
	for range 2000 {
		if err = d.Decode(nil); err != nil {
			break
		}
	}
	if err == nil || b.Len() > 512 {
		t.Fatalf("%d rows of half a MiB: %v", b.Len(), err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, schema := range []string{`"int"`, `{"type":"array","items":["null","string"]}`, `{"type":"map","values":{"type":"array","items":"long"}}`,
		`{"type":"record","name":"r","fields":[{"name":"a","type":["int","string",{"type":"enum","name":"e","symbols":["A"]}]},{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}]}`} {
		f.Add(schema, schema, []byte{2, 2, 2, 'x', 0, 0})
	}
	f.Fuzz(func(t *testing.T, writer, reader string, record []byte) {
		w, err := Parse(writer, Names{})
		if err != nil {
			return
		}
		r, err := Parse(reader, Names{Stable: len(record)%2 == 0})
		if err != nil {
			return
		}
		d, err := NewDecoder(w, r)
		if err != nil {
			return
		}
		b := batch.NewBuilder(d.Type(), nil)
		d.Bind(b)
		rows := 0
		for range 2 {
			if d.Decode(record) == nil {
				rows++
			}
		}
		if c := b.Finish(); c.N != rows {
			t.Fatalf("%d rows, want %d", c.N, rows)
		}
	})
}

// BenchmarkDecode is the event of go-stack's table: eleven fields, some 100 bytes.
func BenchmarkDecode(b *testing.B) {
	fields := []any{}
	value := map[string]any{}
	for i, k := range []string{"string", "long", "string", "double", "int", "boolean", "string", "long"} {
		name := fmt.Sprintf("f%d", i)
		fields = append(fields, described{"name": name, "type": k})
		value[name] = map[string]any{"string": "some text of it", "long": int64(math.MaxInt32) * 3, "double": 1.5, "int": int32(77), "boolean": true}[k]
	}
	text, _ := json.Marshal(described{"type": "record", "name": "event", "fields": fields})
	record, err := judge.MustParse(string(text)).Encode(value)
	if err != nil {
		b.Fatal(err)
	}
	s, err := Parse(string(text), Names{})
	if err != nil {
		b.Fatal(err)
	}
	d, _ := NewDecoder(s, s)
	pool := batch.NewPool()
	to := batch.NewBuilder(d.Type(), pool)
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.Bind(to)
		if err := d.Decode(record); err != nil {
			b.Fatal(err)
		}
		if i%4096 == 4095 {
			to.Finish().Release()
		}
	}
}
