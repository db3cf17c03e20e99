package expr

import (
	"errors"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
)

// versions is a schema log in memory.
type versions []string

func (v *versions) Newest() (string, int, error) {
	if len(*v) == 0 {
		return "", 0, nil
	}
	return (*v)[len(*v)-1], len(*v), nil
}

func (v *versions) Append(version int, ddl string) error {
	if version > len(*v) {
		*v = append(*v, ddl)
	}
	return nil
}

func TestRescuedData(t *testing.T) {
	for _, c := range []struct{ record, options, want string }{
		{`{"a":1,"b":"x"}`, "'schemaEvolutionMode', 'rescue'", `{1, null, null, {"b":"x"}}`},
		{`{"a":1}`, "'schemaEvolutionMode', 'rescue'", `{1, null, null, null}`},
		{`{"a":"no","n":{"x":1.5,"y":2,"z":[1]}, "l":[{"p":"q"}]}`, "'rescuedDataColumn', 'r'", `{null, {null, 2}, [{null}], {"a":"no","n":{"x":1.5,"z":[1]},"l":[{"p":"q"}]}}`},
		{` { "A" : 1 , "\u0062" : null } `, "'schemaEvolutionMode', 'rescue'", `{null, null, null, {"A":1,"\\u0062":null}}`},
		{`{"a":1,"b":"x"}`, "'schemaEvolutionMode', 'none'", `{1, null, null}`},
		{`{"a":1,"b":`, "'schemaEvolutionMode', 'rescue', 'mode', 'FAILFAST'", `MALFORMED_RECORD_IN_PARSING`},
		{`{"a":9999999999,"b":2}`, "'schemaEvolutionMode', 'rescue', 'mode', 'FAILFAST'", `{null, null, null, {"a":9999999999,"b":2}}`},
	} {
		text := "from_json('" + strings.ReplaceAll(c.record, `\`, `\\`) + "', 'a INT, n STRUCT<x: INT, y: INT>, l ARRAY<STRUCT<p: INT>>', map(" + c.options + "))"
		got, _ := evalText(text, NewOptions())
		if got != strings.ReplaceAll(c.want, `\\`, `\`) {
			t.Errorf("%s %s\n got %s\nwant %s", c.record, c.options, got, c.want)
		}
	}
}

// bindOver binds an expression over a column v of texts.
func bindOver(t *testing.T, text string, log *versions) *Bound {
	t.Helper()
	o := NewOptions()
	o.Schemas = func(string) (SchemaLog, error) { return log, nil }
	b, err := Bind(text, batch.NewSchema(batch.Field{Name: "v", Type: batch.StringType, Nullable: true}), o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func evalOver(b *Bound, records ...string) (string, error) {
	rows := batch.NewBuilder(batch.StringType, nil)
	for _, r := range records {
		rows.String(r)
	}
	c, err := b.Eval(&Context{Pool: batch.NewPool()}, &batch.Batch{Columns: []*batch.Column{rows.Finish()}, N: len(records)})
	if err != nil {
		return "", err
	}
	var l []string
	for i := range c.N {
		l = append(l, string(appendValue(nil, c, i, nil)))
	}
	return strings.Join(l, " "), nil
}

func TestNewColumnsAreAdded(t *testing.T) {
	log := &versions{}
	text := "from_json(v, 'a BIGINT, n STRUCT<x: BIGINT>', map('schemaEvolutionMode', 'addNewColumns', 'schemaLocation', 'here'))"
	b := bindOver(t, text, log)
	if got, err := evalOver(b, `{"a":1}`, `{"a":2,"n":{"x":3}}`); err != nil || got != "{1, null} {2, {3}}" || len(*log) != 0 {
		t.Fatalf("%s, %v", got, err)
	}
	for range 2 { // two tasks may see it
		_, err := evalOver(b, `{"a":1}`, `{"a":2,"n":{"x":3,"y":true},"b":[{"c":"d"}]}`, `no json`)
		if !errors.Is(err, ErrPlanAnew) || !strings.Contains(err.Error(), "b array<struct<c:string>>") || !strings.Contains(err.Error(), "n.y boolean") {
			t.Fatal(err)
		}
	}
	if len(*log) != 1 {
		t.Fatalf("%v", *log)
	}
	b = bindOver(t, text, log)
	if got, err := evalOver(b, `{"a":2,"n":{"x":3,"y":true},"b":[{"c":"d"}]}`); err != nil || got != "{2, {3, true}, [{d}]}" {
		t.Fatalf("%s, %v, %s", got, err, b.Type())
	}
	// What cannot be added, because a field differs in letter case alone or has nothing in it, does not plan the flow anew for ever.
	if got, err := evalOver(b, `{"A":2,"q":{}}`); err != nil || got != "{null, null, null}" || len(*log) != 1 {
		t.Fatalf("%s, %v", got, err)
	}
	// A field that is of another type now is no new one.
	if got, err := evalOver(b, `{"a":"text","b":5}`); err != nil || got != "{null, null, null}" || len(*log) != 1 {
		t.Fatalf("%s, %v", got, err)
	}
}

func TestNewColumnsFail(t *testing.T) {
	b := bindOver(t, "from_json(v, 'a INT', map('schemaEvolutionMode', 'failOnNewColumns'))", nil)
	if got, err := evalOver(b, `{"a":1}`); err != nil || got != "{1}" {
		t.Fatal(got, err)
	}
	if _, err := evalOver(b, `{"a":1}`, `{"a":2,"b":"x"}`); err == nil || errors.Is(err, ErrPlanAnew) || !strings.Contains(err.Error(), "b string") {
		t.Fatal(err)
	}
	for _, options := range []string{"'schemaEvolutionMode', 'all'", "'schemaEvolutionMode', 'addNewColumns'", "'schemaLocation', 'x'", "'schemaEvolutionMode', 'addNewColumns', 'schemaLocation', 'x'"} {
		if _, err := Bind("from_json('{}', 'a INT', map("+options+"))", batch.NewSchema(), NewOptions()); err == nil {
			t.Errorf("%s is taken", options)
		}
	}
}
