package csv_test

import (
	"bytes"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/csv"
	"github.com/deltaic/deltaic/supervision"
)

// readAll reads a text of so many columns, some records at a time, as cells; nil is null.
func readAll(r *csv.Reader, width, most int) (rows [][]*string, err error) {
	builders := make([]*batch.Builder, width)
	for i := range builders {
		builders[i] = batch.NewBuilder(batch.StringType, nil)
	}
	for {
		n, err := r.Read(builders, most)
		columns := make([]*batch.Column, width)
		for i, b := range builders {
			columns[i] = b.Finish()
		}
		for i := range n {
			row := make([]*string, width)
			for k, c := range columns {
				if !c.IsNull(i) {
					v := string(c.Bytes(i))
					row[k] = &v
				}
			}
			rows = append(rows, row)
		}
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
	}
}

func show(rows [][]*string) string {
	var s strings.Builder
	for _, row := range rows {
		for _, v := range row {
			if v == nil {
				s.WriteString("null ")
			} else {
				fmt.Fprintf(&s, "%q ", *v)
			}
		}
		s.WriteString("\n")
	}
	return s.String()
}

// What was written is read back, nulls and empty strings apart, in every dialect
// and however few bytes come at a time.
func TestReadWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, width := drawRows(t, true)
		o := csv.Defaults()
		o.Separator = rapid.SampledFrom([]byte(",;|\t")).Draw(t, "sep")
		o.Escape = rapid.SampledFrom([]byte(`"\`)).Draw(t, "escape")
		o.LineSeparator = rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "lineSep")
		if rapid.Bool().Draw(t, "names") {
			o.Null, o.Empty = "NULL", "EMPTY"
		}
		schema, b := table(rows, width)
		w, err := csv.NewWriter(schema, o)
		if err != nil {
			t.Fatal(err)
		}
		text := w.Append(nil, b)
		if len(text) > 0 && rapid.Bool().Draw(t, "cut") {
			text = bytes.TrimSuffix(text, []byte(o.LineSeparator)) // the last line need not end
		}
		var in io.Reader = bytes.NewReader(text)
		if rapid.Bool().Draw(t, "drip") {
			in = iotest.OneByteReader(in)
		}
		r, err := csv.NewReader(in, o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAll(r, width, rapid.IntRange(1, 4).Draw(t, "most"))
		if err != nil || show(got) != show(rows) {
			t.Fatalf("%v, got\n%s\nwant\n%s\ntext\n%q", err, show(got), show(rows), text)
		}
	})
}

// Any text that Go's reader takes is read alike.
func TestReadAgainstEncodingCSV(t *testing.T) {
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([ab ]{0,3}|"([ab,\n\r]|""){0,4}")(,([ab ]{0,3}|"([ab,\n]|""){0,4}")){1,2}(\n|\r\n)([ab\n\r",]{0,12})`).Draw(t, "text")
		want, err := stdcsv.NewReader(strings.NewReader(text)).ReadAll()
		o := csv.Defaults()
		o.Escape, o.Null = '"', "no such text"
		r, newErr := csv.NewReader(strings.NewReader(text), o)
		if newErr != nil {
			t.Fatal(newErr)
		}
		width := 1
		if len(want) > 0 {
			width = len(want[0])
		}
		got, ourErr := readAll(r, width, 100)
		if err != nil {
			return // it may be stricter: quotes within plain values
		}
		taken++
		var plain [][]string
		for _, row := range got {
			var cells []string
			for _, v := range row {
				cells = append(cells, strings.ReplaceAll(*v, "\r\n", "\n")) // as that reader does
			}
			plain = append(plain, cells)
		}
		if ourErr != nil || !slices.EqualFunc(plain, want, slices.Equal[[]string]) {
			t.Fatalf("%q: got %q, %v, want %q", text, plain, ourErr, want)
		}
	})
	if taken < 20 {
		t.Errorf("only %d texts were taken", taken)
	}
}

func TestMalformedRecords(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"a,b\nc\n", "2: MALFORMED_CSV_RECORD: the record has 1 values, 2 are expected"},
		{"a,b\n\n\nc,d,e\n", "4: MALFORMED_CSV_RECORD: the record has 3 values"},
		{"a,\"b\nc\nd", "1: MALFORMED_CSV_RECORD: a quote is not closed"},
		{"a,\"b\"c\n", "follows a closing quote"},
		{"a," + strings.Repeat("b", 2000) + "\n", "more than 1000 bytes"},
		{"a,\"" + strings.Repeat("b\n", 2000), "more than 1000 bytes"},
	} {
		r, err := csv.NewReader(strings.NewReader(c.text), csv.Defaults())
		if err != nil {
			t.Fatal(err)
		}
		r.MaxRecord = 1000
		_, err = readAll(r, 2, 10)
		var f *supervision.Failure
		if !errors.As(err, &f) || !strings.Contains(fmt.Sprintf("%d: %v", f.Line, err), c.want) {
			t.Errorf("%.30q: %v, want %s", c.text, err, c.want)
		}
	}
	broken := errors.New("the disk is gone")
	r, _ := csv.NewReader(iotest.ErrReader(broken), csv.Defaults())
	if _, err := r.Header(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, err := csv.NewReader(nil, csv.Options{}); err == nil {
		t.Error("options without a line end were taken")
	}
}

// No text makes the reader panic or hang.
func FuzzReader(f *testing.F) {
	for _, text := range []string{"", "a,b\n", "\"a\"\"b\",c\r\n", "\"\\\"", "\r", "\"a\"\r", ",\n,", "\\,\"\\\\\""} {
		f.Add([]byte(text), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, doubled bool) {
		o := csv.Defaults()
		if doubled {
			o.Escape = '"'
		}
		whole, _ := csv.NewReader(bytes.NewReader(text), o)
		drip, _ := csv.NewReader(iotest.OneByteReader(bytes.NewReader(text)), o)
		a, errA := readAll(whole, 2, 3)
		b, errB := readAll(drip, 2, 3)
		if show(a) != show(b) || fmt.Sprint(errA) != fmt.Sprint(errB) {
			t.Errorf("at once %q, %v; byte by byte %q, %v", show(a), errA, show(b), errB)
		}
	})
}

func ExampleReader() {
	o, _ := csv.ParseOptions(map[string]string{"header": "true"}, csv.Defaults(), nil)
	r, _ := csv.NewReader(strings.NewReader("id,name\n1,Ada\n2,\n3,\"\"\n"), o)
	names, _ := r.Header()
	columns := []*batch.Builder{batch.NewBuilder(batch.StringType, nil), batch.NewBuilder(batch.StringType, nil)}
	n, err := r.Read(columns, 100)
	fmt.Println(names, n, err)
	name := columns[1].Finish()
	for i := range n {
		fmt.Printf("%v %q\n", name.IsNull(i), name.Bytes(i))
	}
	// Output:
	// [id name] 3 EOF
	// false "Ada"
	// true ""
	// false ""
}
