package expr

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// sparkless are functions that Spark has not, whose results are of the moment, or that are held to Spark by statements of their own.
var sparkless = []string{"iff", "window_time", "current_timestamp", "now", "localtimestamp", "current_date", "curdate", "unix_timestamp",
	"current_timezone",
	"get_path", "json_tuple",
	"from_avro", "to_avro", "schema_of_avro", "from_protobuf", "to_protobuf"}

// bounds are arguments at the edges of their type.
var bounds = map[batch.Kind][]string{
	batch.Boolean: {"false"}, batch.TinyInt: {"127Y", "-128Y"}, batch.SmallInt: {"32767S", "-32768S"},
	batch.Int: {"2147483647", "-2147483648", "0", "-1"}, batch.BigInt: {"9223372036854775807L", "-9223372036854775808L", "0L"},
	batch.Float: {"float('NaN')", "float('3.4028235E38')"}, batch.Double: {"double('NaN')", "double('-Infinity')", "1.7976931348623157E308D", "-0.5D"},
	batch.Decimal: {"99999999999999999999999999999999999999BD", "-0.000000001BD", "cast(2.5 as decimal(10,4))"},
	batch.String:  {"''", "'äß€😀 z'", "' 12 '"}, batch.Binary: {"X''", "X'00FF80'"},
	batch.Date: {"DATE'0001-01-01'", "DATE'9999-12-31'"}, batch.Timestamp: {"TIMESTAMP'0001-01-01 00:00:00'", "TIMESTAMP'2026-03-29 02:30:00'", "TIMESTAMP'9999-12-31 23:59:59.999999'"},
	batch.TimestampNTZ: {"TIMESTAMP_NTZ'0001-01-01 00:00:00'", "TIMESTAMP_NTZ'9999-12-31 23:59:59.999999'"},
	batch.YearMonth:    {"INTERVAL '178956970-7' YEAR TO MONTH", "INTERVAL '-1-2' YEAR TO MONTH"},
	batch.DayTime:      {"INTERVAL '106751991 04:00:54.775807' DAY TO SECOND", "INTERVAL '-1 02:03:04' DAY TO SECOND"},
	batch.Array:        {"array()", "array(null)", "array(3, null, 1, 3)", "array('b', null, 'a')", "array(1.5D, double('NaN'))"},
	batch.Map:          {"map()", "map('a', null)", "map(1, 2, 3, 4)"}, batch.Struct: {"named_struct('a', null)", "struct(1, 'x')"},
	batch.Variant: {"parse_json('null')", "parse_json('{\"a\":[1,2.5,\"x\",true]}')"},
}

// strangers are arguments of other types than wanted.
func strangers(k batch.Kind) []string {
	switch {
	case numeric(k):
		return []string{"'12'", "'x'", "array(1)", "true"}
	case k == batch.String:
		return []string{"12", "array('x')", "DATE'2026-01-31'"}
	case k == batch.Array:
		return []string{"'x'", "1", "map('a', 1)"}
	case k == batch.Map:
		return []string{"'x'", "array(1)"}
	case instantKind(k):
		return []string{"'2026-01-31 10:20:30'", "12", "array(1)"}
	}
	return []string{"array(1)", "12", "'x'"}
}

// hungry are functions that would make gigabytes, or digits for hours, of the bounds of their numbers.
var hungry = []string{"repeat", "space", "lpad", "rpad", "array_repeat", "sequence", "format_number", "round", "bround", "ceil", "ceiling", "floor", "randstr"}

// callIn returns the first call of the function, under any of its names.
func callIn(n parse.Node, f *function) *parse.Call {
	if c, ok := n.(*parse.Call); ok {
		if g := functions[strings.ToLower(c.Name)]; g != nil && (g == f || g.doc.Example == f.doc.Example) {
			return c
		}
	}
	for _, k := range parse.Kids(n) {
		if c := callIn(k, f); c != nil {
			return c
		}
	}
	return nil
}

// statementsOf makes the statements of a function by rule from its example.
func statementsOf(name string) []sparkCase {
	f := functions[name]
	var l []sparkCase
	add := func(mode, text string, columns ...string) {
		l = append(l, sparkCase{Function: name, Mode: mode, Text: text, Columns: columns})
	}
	tree, err := parse.Item(f.doc.Example)
	if err != nil {
		return nil
	}
	call := callIn(tree, f)
	if call == nil {
		add("", f.doc.Example)
		return l
	}
	args := make([]string, len(call.Args))
	kinds := make([]batch.Kind, len(call.Args))
	for i, a := range call.Args {
		args[i] = parse.Render(a)
		if b, err := Bind(args[i], batch.NewSchema(), NewOptions()); err == nil {
			kinds[i] = b.Type().Kind
		}
	}
	of := func(args ...string) string { return name + "(" + strings.Join(args, ", ") + ")" }
	with := func(i int, v string) string {
		changed := slices.Clone(args)
		changed[i] = v
		return of(changed...)
	}
	add("", of(args...))
	add("", "array("+of(args...)+")")
	add("", of(append(slices.Clone(args), "1", "'x'", "null", "2", "3", "4", "5", "6")...))
	if len(args) == 0 {
		add("", "CASE WHEN true THEN "+of()+" END")
		for _, form := range []string{"typeof(%s)", "struct(%s)", "coalesce(null, %s)", "nullif(%[1]s, %[1]s)"} {
			add("", fmt.Sprintf(form, of()))
		}
		return l
	}
	add("", of(args[:len(args)-1]...))
	add("legacy", of(args...))
	add("zone", of(args...))
	var columns, refs []string
	for i, a := range args {
		if kinds[i] == batch.Invalid {
			refs = append(refs, a)
			continue
		}
		refs = append(refs, fmt.Sprintf("c%d", len(columns)))
		columns = append(columns, a)
	}
	if len(columns) > 0 {
		add("", of(refs...), columns...)
		first := slices.Clone(args)
		for i := range args {
			if kinds[i] != batch.Invalid {
				first[i] = "c0"
				add("", of(first...), args[i])
				add("", with(i, "if(true, "+args[i]+", null)"))
				break
			}
		}
	}
	for i := range args {
		add("", with(i, "null"))
		if kinds[i] == batch.Invalid {
			continue
		}
		for k, v := range bounds[kinds[i]] {
			if slices.Contains(hungry, name) && strings.Contains(v, "2147483647") {
				v = "100"
			}
			if k > 2 || k > 1 && i > 0 {
				break
			}
			add("", with(i, v))
			if k == 0 && i == 0 {
				add("legacy", with(i, v))
			}
			if k == 1 && instantKind(kinds[i]) {
				add("zone", with(i, v))
			}
		}
		for k, v := range strangers(kinds[i])[:2] {
			add("", with(i, v))
			if k == 0 && i == 0 {
				add("legacy", with(i, v))
			}
		}
	}
	return l
}

var exampleLine = regexp.MustCompile(`(?m)^\s*> SELECT (.*);`)

type sparkAnswer struct {
	Rows    [][]*string `json:"rows"`
	Columns []struct{ Type string }
	Error   *struct{ Class, Type string } `json:"error"`
}

// askSpark runs the statements, some hundreds a session. A statement that takes Spark down or too long has an answer without
// columns; it returns the answers that came before the test's deadline.
func askSpark(t *testing.T, kit, mode string, statements []string) []sparkAnswer {
	t.Helper()
	var l []sparkAnswer
	for len(l) < len(statements) {
		some := statements[len(l):min(len(l)+400, len(statements))]
		answers := askSome(t, kit, mode, some)
		if answers == nil {
			break
		}
		l = append(l, answers...)
		if len(answers) < len(some) {
			t.Logf("no answer to %.300s", some[len(answers)])
			l = append(l, sparkAnswer{})
		}
	}
	return l
}

// stall is how long one statement may take.
const stall = 40 * time.Second

func askSome(t *testing.T, kit, mode string, statements []string) []sparkAnswer {
	set := "SET spark.sql.ansi.enabled=" + fmt.Sprint(mode != "legacy")
	if zone := sparkZones[mode]; zone != nil {
		set = "SET spark.sql.session.timeZone=" + zone.String()
	}
	var input bytes.Buffer
	for _, s := range append([]string{set}, statements...) {
		line, _ := json.Marshal(s)
		input.Write(append(line, '\n'))
	}
	if end, ok := t.Deadline(); ok && time.Until(end) < 2*stall {
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(kit, "oracle", "sql"), "--engine", "spark", "--quiet", "--jsonl", "-")
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // the script has children
	cmd.Stdin, cmd.Stderr = &input, os.Stderr
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hangs := time.AfterFunc(stall, cancel)
	defer hangs.Stop()
	l := []sparkAnswer{}
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		hangs.Reset(stall)
		var a sparkAnswer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			break // cut off
		}
		l = append(l, a)
	}
	if err := cmd.Wait(); err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	if len(l) > 0 {
		l = l[1:]
	}
	return l
}

// examplesOf are the statements of DESCRIBE FUNCTION EXTENDED that are expressions.
func examplesOf(t *testing.T, kit string, names []string) []sparkCase {
	var ask []string
	for _, n := range names {
		ask = append(ask, "DESCRIBE FUNCTION EXTENDED `"+n+"`")
	}
	var l []sparkCase
	for i, a := range askSpark(t, kit, "", ask) {
		for _, row := range a.Rows {
			for _, m := range exampleLine.FindAllStringSubmatch(*row[0], -1) {
				if strings.Contains(strings.ToUpper(m[1]), " FROM VALUES") || strings.Contains(m[1], " FROM range") || strings.Contains(m[1], "OVER (") {
					continue
				}
				l = append(l, sparkCase{Function: names[i], Text: m[1]})
			}
		}
	}
	return l
}

func statementOf(c sparkCase) string {
	q := fmt.Sprintf("SELECT CAST((%s) AS STRING), typeof(%s)", c.Text, c.Text)
	if len(c.Columns) > 0 {
		var names, nulls []string
		for i := range c.Columns {
			names, nulls = append(names, fmt.Sprintf("c%d", i)), append(nulls, "null")
		}
		q += " FROM VALUES (" + strings.Join(c.Columns, ", ") + "), (" + strings.Join(nulls, ", ") + ") AS t(" + strings.Join(names, ", ") + ")"
	}
	return q
}

// writtenStatements are those of testdata/statements.txt: what the rules do not come by.
func writtenStatements(t *testing.T) (l []sparkCase) {
	t.Helper()
	text, err := os.ReadFile("testdata/statements.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if parts := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(parts) == 3 {
			l = append(l, sparkCase{Function: parts[0], Mode: parts[1], Text: parts[2]})
		}
	}
	return l
}

// TestMakeSpark asks Spark for what the golden data lacks: for each function, statements by rule (see statementsOf) and the
// examples of Spark's own documentation, and what testdata/statements.txt has. It needs DELTAIC_INTEROP, the folder of the interop kit, and
// DELTAIC_SPARK_WRITE: "new" asks for functions that have no statements, "more" for every statement that has no answer yet, "all" for all
// anew. What is not answered before the test's deadline is left for the next time.
func TestMakeSpark(t *testing.T) {
	kit, write := os.Getenv("DELTAIC_INTEROP"), os.Getenv("DELTAIC_SPARK_WRITE")
	if kit == "" || write == "" {
		t.Skip("DELTAIC_INTEROP and DELTAIC_SPARK_WRITE are not set")
	}
	var names []string
	for _, f := range Functions() {
		if !slices.Contains(sparkless, f.Name) {
			names = append(names, f.Name)
		}
	}
	have, examples := map[string]sparkCase{}, map[string]bool{}
	if write != "all" {
		for _, c := range sparkCases(t) {
			have[c.Function+"\t"+c.key()] = c
			examples[c.Function] = true
		}
	}
	var lacking []string
	for _, n := range names {
		if !examples[n] {
			lacking = append(lacking, n)
		}
	}
	want := examplesOf(t, kit, lacking)
	for _, c := range have {
		if slices.Contains(names, c.Function) {
			want = append(want, c)
		}
	}
	for _, n := range names {
		if write == "more" || !examples[n] {
			want = append(want, statementsOf(n)...)
		}
	}
	for _, c := range append(writtenStatements(t), operatorStatements()...) {
		if !slices.Contains(names, c.Function) {
			names = append(names, c.Function)
		}
		want = append(want, c)
	}
	ask := map[string][]sparkCase{}
	for _, c := range want {
		k := c.Function + "\t" + c.key()
		if _, ok := have[k]; !ok {
			have[k] = c
			ask[c.Mode] = append(ask[c.Mode], c)
		}
	}
	for _, mode := range []string{"legacy", "zone", "york", "kolkata", ""} {
		t.Logf("%d statements in mode %q", len(ask[mode]), mode)
		for cases := range slices.Chunk(ask[mode], 2000) {
			for _, c := range askAll(t, kit, mode, cases) {
				have[c.Function+"\t"+c.key()] = c
			}
			var l []sparkCase
			for _, c := range have {
				if slices.Contains(names, c.Function) && (c.Class != "" || c.Type != "") {
					l = append(l, c)
				}
			}
			writeSpark(t, l)
		}
	}
}

// askAll asks for all cases: those that should succeed many at a time, and one by one where that fails.
func askAll(t *testing.T, kit, mode string, cases []sparkCase) []sparkCase {
	var alone, together, done []sparkCase
	for _, c := range cases {
		if len(c.Columns) == 0 && ours(c).Class == "" {
			together = append(together, c)
		} else {
			alone = append(alone, c)
		}
	}
	for _, size := range []int{12, 3} {
		var some []sparkCase
		some, together = askPacked(t, kit, mode, together, size)
		done = append(done, some...)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(alone), func(i, j int) { alone[i], alone[j] = alone[j], alone[i] }) // some of each, if time is short
	alone = append(together, alone...)
	var statements []string
	for _, c := range alone {
		statements = append(statements, statementOf(c))
	}
	for i, a := range askSpark(t, kit, mode, statements) {
		done = append(done, answered(alone[i], a))
	}
	return done
}

// askPacked asks for so many cases at a time; those of a statement that fails come back.
func askPacked(t *testing.T, kit, mode string, cases []sparkCase, size int) (done, failed []sparkCase) {
	var statements []string
	var packs [][]sparkCase
	for pack := range slices.Chunk(cases, size) {
		var items []string
		for _, c := range pack {
			items = append(items, fmt.Sprintf("CAST((%s) AS STRING), typeof(%s)", c.Text, c.Text))
		}
		statements, packs = append(statements, "SELECT "+strings.Join(items, ", ")+" FROM VALUES (1)"), append(packs, pack)
	}
	for i, a := range askSpark(t, kit, mode, statements) {
		if a.Error != nil || len(a.Rows) == 0 {
			failed = append(failed, packs[i]...)
			continue
		}
		for k, c := range packs[i] {
			c.Values, c.Type = []*string{a.Rows[0][2*k]}, *a.Rows[0][2*k+1]
			done = append(done, c)
		}
	}
	return done, failed
}

func answered(c sparkCase, a sparkAnswer) sparkCase {
	if a.Error != nil {
		c.Class, _, _ = strings.Cut(a.Error.Class, ".")
		if c.Class == "" {
			c.Class = "JAVA:" + a.Error.Type
		}
		return c
	}
	for _, row := range a.Rows {
		c.Values = append(c.Values, row[0])
		c.Type = *row[1]
	}
	return c
}

func writeSpark(t *testing.T, l []sparkCase) {
	slices.SortFunc(l, func(a, b sparkCase) int {
		return strings.Compare(a.Function+"\t"+a.key(), b.Function+"\t"+b.key())
	})
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	for _, c := range l {
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := z.Write(append(line, '\n')); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("testdata/spark.jsonl.gz", out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
