package json

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
)

// draw writes a random value of the type; spaced, shuffled and with keys that
// nobody asked for if wild. The same seed values make the same row.
type writer struct {
	t    *rapid.T
	wild bool
}

type member struct{ key, plain, wild string }

func (w writer) gap() string {
	return rapid.SampledFrom([]string{"", "", " ", "\n\t", "  \r"}).Draw(w.t, "gap")
}

// value returns the same value written plainly and wildly.
func (w writer) value(t batch.Type) (string, string) {
	if rapid.IntRange(0, 9).Draw(w.t, "null") == 0 {
		return "null", "null"
	}
	same := func(s string) (string, string) { return s, s }
	switch t.Kind {
	case batch.BigInt:
		return same(strconv.FormatInt(rapid.Int64().Draw(w.t, "bigint"), 10))
	case batch.Int:
		return same(strconv.FormatInt(int64(rapid.Int32().Draw(w.t, "int")), 10))
	case batch.Double:
		return same(strconv.FormatFloat(rapid.Float64().Draw(w.t, "double"), 'g', -1, 64))
	case batch.Boolean:
		return same(strconv.FormatBool(rapid.Bool().Draw(w.t, "boolean")))
	case batch.Decimal:
		return same(fmt.Sprintf("%d.%03d", rapid.Int32().Draw(w.t, "whole"), rapid.IntRange(0, 999).Draw(w.t, "part")))
	case batch.String:
		s := rapid.String().Draw(w.t, "string")
		text, _ := stdjson.Marshal(s)
		var escaped strings.Builder
		for _, r := range s {
			if r > 0xFFFF {
				r -= 0x10000
				fmt.Fprintf(&escaped, `\u%04x\u%04X`, 0xD800+r>>10, 0xDC00+r&0x3FF)
			} else {
				fmt.Fprintf(&escaped, `\u%04x`, r)
			}
		}
		return string(text), `"` + escaped.String() + `"`
	case batch.Array:
		var a, b []string
		for range rapid.IntRange(0, 4).Draw(w.t, "length") {
			p, q := w.value(t.Fields[0].Type)
			a, b = append(a, p), append(b, w.gap()+q+w.gap())
		}
		return "[" + strings.Join(a, ",") + "]", "[" + strings.Join(b, ",") + "]"
	case batch.Map:
		var all []member
		for i := range rapid.IntRange(0, 20).Draw(w.t, "entries") {
			p, q := w.value(t.Fields[1].Type)
			all = append(all, member{fmt.Sprintf("key%d", i), p, q})
		}
		return w.object(all, nil)
	}
	return w.structure(t)
}

func (w writer) structure(t batch.Type) (string, string) {
	var all, extra []member
	for _, f := range t.Fields {
		p, q := w.value(f.Type)
		all = append(all, member{f.Name, p, q})
		if rapid.IntRange(0, 5).Draw(w.t, "double") == 0 {
			_, first := w.value(f.Type)
			extra = append(extra, member{f.Name, "", first})
		}
	}
	extra = append(extra, member{"nobody", "", `{"a":[1,{"b":"]}\""}],"c":-1.5e3}`})
	return w.object(rapid.Permutation(all).Draw(w.t, "order"), extra)
}

// object writes members in the order given; extra ones come first.
func (w writer) object(all, extra []member) (string, string) {
	var a, b []string
	for _, m := range append(extra, all...) {
		if m.plain != "" {
			a = append(a, fmt.Sprintf("%q:%s", m.key, m.plain))
		}
		b = append(b, fmt.Sprintf("%s%q%s:%s%s%s", w.gap(), m.key, w.gap(), w.gap(), m.wild, w.gap()))
	}
	return "{" + strings.Join(a, ",") + "}", "{" + strings.Join(b, ",") + "}"
}

// TestWildWritingIsTheSameRow: key order, doubled keys, foreign keys, space
// and escapes change nothing, and nor does decoding one by one.
func TestWildWritingIsTheSameRow(t *testing.T) {
	d := decoder(t, fuzzType, Options{})
	rapid.Check(t, func(t *rapid.T) {
		w := writer{t: t}
		var lines bytes.Buffer
		var records [][]byte
		n := rapid.IntRange(1, 5).Draw(t, "records")
		for range n {
			a, b := w.structure(fuzzType)
			records = append(records, []byte(a), []byte(b))
		}
		in := batch.NewBuilder(batch.StringType, nil)
		b := batch.NewBuilder(fuzzType, nil)
		for _, r := range records {
			in.Bytes(r)
			lines.Write(bytes.Map(func(r rune) rune {
				if r == '\n' {
					return ' '
				}
				return r
			}, r))
			lines.WriteByte('\n')
			if err := d.Decode(r, b); err != nil {
				t.Fatalf("%s: %v", r, err)
			}
		}
		single := b.Finish()
		d.DecodeColumn(in.Finish(), nil, b, func(row int, err *Error) { t.Fatal(row, err) })
		column := b.Finish()
		if _, err := d.DecodeLines(lines.Bytes(), b); err != nil {
			t.Fatal(err)
		}
		byLine := b.Finish()
		for i := range records {
			want := plain(single, i&^1)
			for _, got := range []any{plain(single, i), plain(column, i), plain(byLine, i)} {
				if !cmp.Equal(got, want) {
					t.Fatalf("%s\nand %s differ: %s", records[i&^1], records[i], cmp.Diff(want, got))
				}
			}
		}
	})
}

// TestNumbersAreExact compares with strconv, in all positions that a number
// can have at the end of a text.
func TestNumbersAreExact(t *testing.T) {
	ty := batch.StructType(field("i", batch.BigIntType), field("f", batch.DoubleType))
	d := decoder(t, ty, Options{})
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})`).Draw(t, "digits")
		number := digits + rapid.StringMatching(`(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?`).Draw(t, "rest")
		tail := rapid.StringMatching(` {0,20}`).Draw(t, "tail")
		b := batch.NewBuilder(ty, nil)
		if err := d.Decode([]byte(`{"f":`+number+`}`+tail), b); err != nil {
			t.Fatal(err)
		}
		want, _ := strconv.ParseFloat(number, 64)
		if got := b.Kids[1].Column().F64[0]; math.Float64bits(got) != math.Float64bits(want) {
			t.Fatalf("%s: got %v, want %v", number, got, want)
		}
		v, wrong := strconv.ParseInt(digits, 10, 64)
		err := d.Decode([]byte(`{"i":`+digits+`}`+tail), b)
		if (err == nil) != (wrong == nil) || err == nil && b.Kids[0].Column().I64[1] != v {
			t.Fatalf("%s: %v", digits, err)
		}
	})
}

// TestTimesAgree compares the fixed layouts with the time package.
func TestTimesAgree(t *testing.T) {
	ty := batch.StructType(field("t", batch.TimestampType), field("pad", batch.StringType))
	d := decoder(t, ty, Options{})
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(-62135596800e6, 253402300799e6).Draw(t, "micros")
		digits := rapid.IntRange(0, 6).Draw(t, "digits")
		layout := rapid.SampledFrom([]string{"2006-01-02 15:04:05", "2006-01-02T15:04:05"}).Draw(t, "layout")
		if digits > 0 {
			layout += "." + strings.Repeat("0", digits)
		}
		layout += rapid.SampledFrom([]string{"", "Z", "+00:00"}).Draw(t, "zone")
		at := time.UnixMicro(micros).UTC()
		text := at.Format(strings.TrimSuffix(layout, "+00:00"))
		if strings.HasSuffix(layout, "+00:00") {
			text += "+00:00"
		}
		unit := time.Second
		for range digits {
			unit /= 10
		}
		want := at.Truncate(unit).UnixMicro()
		b := batch.NewBuilder(ty, nil)
		for _, tail := range []string{"", `,"pad":"` + strings.Repeat("x", 30) + `"`} {
			if err := d.Decode([]byte(`{"t":"`+text+`"`+tail+`}`), b); err != nil {
				t.Fatal(err)
			}
		}
		if got := b.Kids[0].Column().I64; got[0] != want || got[1] != want {
			t.Fatalf("%s: got %v, want %d", text, got, want)
		}
	})
}

// TestBombs: hostile records are refused, or read, in a second and 64 MiB.
func TestBombs(t *testing.T) {
	big := 64 << 20
	bombs := map[string]string{
		"deep arrays":       `{"z":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
		"deep objects":      strings.Repeat(`{"e":`, 1000) + "1" + strings.Repeat("}", 1000),
		"deep unclosed":     strings.Repeat(`{"z":[`, 1<<20),
		"deep text":         `{"c":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
		"long number":       `{"z":` + strings.Repeat("9", 1<<20) + `}`,
		"long integer":      `{"a":` + strings.Repeat("9", 1<<20) + `}`,
		"long double":       `{"b":0.` + strings.Repeat("9", 1<<20) + `}`,
		"huge exponent":     `{"h":1e999999999999}`,
		"long string":       `{"c":"` + strings.Repeat("x", big) + `"}`,
		"foreign keys":      `{` + strings.Repeat(`"k\u0031":1,`, 1<<20) + `"a":1}x`,
		"map of one key":    `{"g":{` + strings.Repeat(`"k":"v",`, 1<<20) + `"a":1},"a":"x"}`,
		"unclosed string":   `{"c":"` + strings.Repeat(`\\`, 1<<20),
		"many empty arrays": `{"z":[` + strings.Repeat("[],", 2<<20) + `[]],"a":"x"}`,
	}
	for name, text := range bombs {
		d := decoder(t, fuzzType, Options{})
		record := []byte(text)
		b := batch.NewBuilder(fuzzType, nil)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := cpuTime()
		err := d.Decode(record, b)
		took := cpuTime() - start
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: taken", name)
		} else if len(err.Error()) > 500 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
		if took > time.Second || after.TotalAlloc-before.TotalAlloc > 64<<20 {
			t.Errorf("%s: %v, %d bytes", name, took, after.TotalAlloc-before.TotalAlloc)
		}
		t.Logf("%-18s %8v %9d B  %.90v", name, took.Round(time.Microsecond), after.TotalAlloc-before.TotalAlloc, err)
	}
}

// TestManyKeysInMap drives the table of keys, with and without a double.
func TestManyKeysInMap(t *testing.T) {
	d := decoder(t, fuzzType, Options{})
	for _, n := range []int{15, 16, 17, 18, 33, 1000} {
		var s strings.Builder
		for i := range n {
			fmt.Fprintf(&s, `"k%d":"%d",`, i, i)
		}
		b := batch.NewBuilder(fuzzType, nil)
		for _, last := range []string{`"x":"y"`, `"k3":"new"`} {
			if err := d.Decode([]byte(`{"g":{`+s.String()+last+`}}`), b); err != nil {
				t.Fatal(err)
			}
		}
		c := b.Finish()
		a, twice := plain(c, 0).(map[string]any)["g"].(map[string]any), plain(c, 1).(map[string]any)["g"].(map[string]any)
		if len(a) != n+1 || len(twice) != n || twice["k3"] != "new" || a["k3"] != "3" {
			t.Errorf("%d keys: %d and %d entries", n, len(a), len(twice))
		}
	}
}

// TestNoAllocations: the hot path does not allocate, one by one or by column.
func TestNoAllocations(t *testing.T) {
	for _, c := range []struct {
		t    batch.Type
		data []byte
	}{{flatType, flatLines(64)}, {nexmarkType, nexmarkLines(64)}} {
		d := decoder(t, c.t, Options{})
		b := batch.NewBuilder(c.t, nil)
		lines := bytes.Split(bytes.TrimSpace(c.data), []byte("\n"))
		in := stringColumn(strings.Split(strings.TrimSpace(string(c.data)), "\n")...)
		one := testing.AllocsPerRun(20, func() {
			for _, line := range lines {
				if err := d.Decode(line, b); err != nil {
					t.Fatal(err)
				}
			}
			b.Truncate(0)
		})
		column := testing.AllocsPerRun(20, func() {
			d.DecodeColumn(in, nil, b, nil)
			b.Truncate(0)
		})
		if one != 0 || column != 0 {
			t.Errorf("%v allocations for 64 records, %v by column", one, column)
		}
	}
}
