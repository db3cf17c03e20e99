package expr

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// sparkCase is a statement and what Spark 4 made of it. sparkmake_test.go says how the statements are chosen.
type sparkCase struct {
	Function string    `json:"f"`
	Mode     string    `json:"m,omitempty"` // "": ANSI, UTC. "legacy": ANSI off. Others are zones (sparkZones)
	Text     string    `json:"q"`
	Columns  []string  `json:"c,omitempty"` // expressions of c0, c1, ...: one row with them, one of nulls
	Values   []*string `json:"v,omitempty"` // CAST to string of each row
	Type     string    `json:"t,omitempty"`
	Class    string    `json:"e,omitempty"` // of the error, without its subclass
}

func (c sparkCase) key() string {
	k := c.Mode + "\t" + c.Text
	if len(c.Columns) > 0 {
		k += "\t" + strings.Join(c.Columns, "; ")
	}
	return k
}

//go:embed testdata/spark.jsonl.gz
var sparkGolden []byte

//go:embed testdata/differences.txt
var sparkDifferences string

func sparkCases(t testing.TB) []sparkCase {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(sparkGolden))
	if err != nil {
		t.Fatal(err)
	}
	var l []sparkCase
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for {
		if !lines.Scan() {
			if err := lines.Err(); err != nil {
				t.Fatal(err)
			}
			return l
		}
		var c sparkCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		l = append(l, c)
	}
}

// ours is what this package makes of the statement of c.
func ours(c sparkCase) sparkCase {
	o := NewOptions()
	o.ANSI = c.Mode != "legacy"
	o.Zone = sparkZones[c.Mode]
	out := sparkCase{Function: c.Function, Mode: c.Mode, Text: c.Text, Columns: c.Columns}
	fail := func(err error) sparkCase {
		out.Class = err.Error()
		var f *supervision.Failure
		if errors.As(err, &f) {
			out.Class, _, _ = strings.Cut(f.Class, ".")
		}
		return out
	}
	in, err := sparkColumns(c.Columns, o)
	if err != nil {
		return fail(err)
	}
	b, err := Bind(c.Text, in.Schema, o)
	if err != nil {
		return fail(err)
	}
	ctx := &Context{Pool: batch.NewPool()}
	v, err := b.Eval(ctx, in)
	if err != nil {
		return fail(err)
	}
	defer v.Release()
	if len(ctx.Rejected) > 0 {
		out.Class, _, _ = strings.Cut(ctx.Rejected[0].Class, ".")
		return out
	}
	out.Type = sparkType(b.Type())
	for i := range in.N {
		if v.IsNull(i) {
			out.Values = append(out.Values, nil)
			continue
		}
		text := string(appendValue(nil, v, i, o.zone()))
		out.Values = append(out.Values, &text)
	}
	return out
}

func sparkType(t batch.Type) string { return strings.ReplaceAll(t.String(), ", ", ",") }

func sparkColumns(columns []string, o Options) (*batch.Batch, error) {
	in := &batch.Batch{Schema: batch.NewSchema(), N: 1}
	for i, text := range columns {
		b, err := Bind(text, batch.NewSchema(), o)
		if err != nil {
			return nil, err
		}
		one, err := b.Eval(&Context{}, &batch.Batch{N: 1})
		if err != nil {
			return nil, err
		}
		rows := batch.NewBuilder(b.Type(), nil)
		rows.AppendRows(one, []int32{0})
		rows.Null()
		in.Schema.Fields = append(in.Schema.Fields, batch.Field{Name: fmt.Sprintf("c%d", i), Type: b.Type(), Nullable: true})
		in.Columns, in.N = append(in.Columns, rows.Finish()), 2
	}
	return in, nil
}

// sparkZones are the sessions' zones by mode; the others have UTC.
var sparkZones = map[string]*time.Location{"zone": mustZone("Europe/Berlin"), "york": mustZone("America/New_York"), "kolkata": mustZone("Asia/Kolkata")}

func mustZone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return z
}

// agree reports whether two results are the same: doubles may differ in their last digits, since Java's and Go's
// elementary functions do, and bytes that are no UTF-8 are compared as Spark prints them.
func agree(spark, we sparkCase) bool {
	if nameless(spark.Class) {
		return we.Class != ""
	}
	if spark.Class != we.Class || len(spark.Values) != len(we.Values) || spark.Class == "" && spark.Type != we.Type {
		return false
	}
	for i, v := range spark.Values {
		w := we.Values[i]
		if (v == nil) != (w == nil) {
			return false
		}
		if v != nil && printed(*v) != printed(*w) && *v != kitBytes(*w) && !nearly(*v, *w) {
			return false
		}
	}
	return true
}

// nameless reports whether Spark has no class for an error: an exception of Java's, or a number. Of such only that they are errors counts.
func nameless(class string) bool {
	return strings.HasSuffix(class, "Exception") || strings.HasSuffix(class, "JavaError") || strings.HasPrefix(class, "_LEGACY_ERROR_TEMP") || class == "INTERNAL_ERROR"
}

// kitBytes is the form in which the kit shows bytes that are no UTF-8: their number, and those that are none escaped.
func kitBytes(s string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "s%d:", len(s))
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

func printed(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	for strings.Contains(s, "\ufffd\ufffd") {
		s = strings.ReplaceAll(s, "\ufffd\ufffd", "\ufffd")
	}
	return s
}

func nearly(a, b string) bool {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err1 == nil && err2 == nil && strings.ContainsAny(a, ".E") && strings.ContainsAny(b, ".E") && math.Abs(x-y) <= 1e-14*math.Abs(x)
}

// knownDifferences reads testdata/differences.txt: statements by their reason.
func knownDifferences() map[string]string {
	known, reason := map[string]string{}, ""
	for _, line := range strings.Split(sparkDifferences, "\n") {
		switch {
		case strings.HasPrefix(line, "#"):
			reason = strings.TrimSpace(line[1:])
		case line != "":
			known[line] = reason
		}
	}
	return known
}

// TestSpark compares every statement with what Spark 4 made of it. What differs is listed with its reason, and nothing else
// is listed; DELTAIC_SPARK_REPORT=FILE writes what differs now.
func TestSpark(t *testing.T) {
	cases, known, per := sparkCases(t), knownDifferences(), map[string]int{}
	var report strings.Builder
	different := 0
	for _, c := range cases {
		we := ours(c)
		per[c.Function]++
		line := strings.ReplaceAll(c.Function+"\t"+c.key(), "\n", `\n`)
		reason, listed := known[line]
		delete(known, line)
		if agree(c, we) {
			if listed {
				t.Errorf("%s is listed as different, and is not: take it out", line)
			}
			continue
		}
		different++
		fmt.Fprintf(&report, "%s\n\tspark %s\n\tours  %s\n", line, shown(c), shown(we))
		if !listed || reason == "" {
			t.Errorf("%s\n\tspark %s\n\tours  %s", line, shown(c), shown(we))
		}
	}
	for line := range known {
		t.Errorf("%q is listed as different, and is no statement", line)
	}
	t.Logf("%d of %d statements differ (%.2f %%), of %d functions", different, len(cases), 100*float64(different)/float64(len(cases)), len(per))
	if different*100 > len(cases) {
		t.Errorf("more than one in a hundred differ")
	}
	if file := os.Getenv("DELTAIC_SPARK_REPORT"); file != "" {
		if err := os.WriteFile(file, []byte(report.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var thin []string
	for _, f := range Functions() {
		if per[f.Name] < 8 && !slices.Contains(sparkless, f.Name) {
			thin = append(thin, f.Name)
		}
	}
	if len(thin) > thinFunctions {
		t.Errorf("%d functions have less than eight statements, more than %d: %s. Run TestMakeSpark with DELTAIC_INTEROP set", len(thin), thinFunctions, strings.Join(thin, ", "))
	}
}

// thinFunctions is how many functions may have less than eight statements: what Spark was not asked yet, mostly statements that
// fail. It only falls.
const thinFunctions = 0

func shown(c sparkCase) string {
	if c.Class != "" {
		return c.Class
	}
	var l []string
	for _, v := range c.Values {
		if v == nil {
			l = append(l, "NULL")
		} else {
			l = append(l, fmt.Sprintf("%q", *v))
		}
	}
	return strings.Join(l, " ") + " : " + c.Type
}
