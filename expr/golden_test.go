package expr

import (
	_ "embed"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
)

//go:embed testdata/golden.txt
var golden string

// evalText evaluates an expression without columns: the text of the result, or
// the class of what failed, and the type.
func evalText(text string, o Options) (result, kind string) {
	b, err := Bind(text, batch.NewSchema(), o)
	if err != nil {
		return err.Error(), ""
	}
	ctx := &Context{Pool: batch.NewPool()}
	c, err := b.Eval(ctx, &batch.Batch{N: 1})
	if err != nil {
		return err.Error(), ""
	}
	defer c.Release()
	switch {
	case len(ctx.Rejected) > 0:
		return ctx.Rejected[0].Class, b.Type().String()
	case c.IsNull(0):
		return "NULL", b.Type().String()
	}
	return string(appendValue(nil, c, 0, o.zone())), b.Type().String()
}

func TestGolden(t *testing.T) {
	for _, line := range strings.Split(golden, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndex(line, " | ")
		rest, kind := line[:at], line[at+3:]
		at = strings.LastIndex(rest, " | ")
		text, want := rest[:at], strings.TrimPrefix(rest[at:], " | ")
		if got, is := evalText(text, NewOptions()); got != want || is != kind {
			t.Errorf("%s\n got %s : %s\nwant %s : %s", text, got, is, want, kind)
		}
	}
}

// TestExamples runs the example of every function that is documented.
func TestExamples(t *testing.T) {
	for _, d := range Functions() {
		if d.Doc == "" || d.Signature == "" || d.Example == "" {
			t.Errorf("%s lacks documentation", d.Name)
		}
		if got, _ := evalText(d.Example, NewOptions()); got != d.Result {
			t.Errorf("%s = %s, want %s", d.Example, got, d.Result)
		}
	}
}

// TestLegacy holds what differs without ANSI.
func TestLegacy(t *testing.T) {
	for text, want := range map[string]string{
		"2147483647 + 1": "-2147483648", "1 / 0": "NULL", "cast('x' as int)": "NULL", "cast('12.7' as int)": "12",
		"cast(300 as tinyint)": "44", "cast(1e20 as int)": "2147483647", "array(1)[3]": "NULL", "coalesce(1, 'a')": "1",
		"to_date('x', 'yyyy')": "NULL", "make_date(2026, 2, 30)": "NULL",
	} {
		if got, _ := evalText(text, Options{}); got != want {
			t.Errorf("%s = %s, want %s", text, got, want)
		}
	}
}

// TestZone holds sessions outside UTC, with both changes of the clock.
func TestZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no zone files")
	}
	o := Options{ANSI: true, Zone: berlin}
	for text, want := range map[string]string{
		"cast(TIMESTAMP'2026-07-01 12:00:00' as bigint)":                "1782900000",
		"TIMESTAMP'2026-07-01 10:00:00Z'":                               "2026-07-01 12:00:00",
		"TIMESTAMP'2026-03-29 02:30:00'":                                "2026-03-29 03:30:00",
		"cast(TIMESTAMP'2026-10-25 02:30:00' as bigint)":                "1792888200",
		"hour(timestamp_seconds(0))":                                    "1",
		"date_trunc('DAY', TIMESTAMP'2026-07-01 12:00:00')":             "2026-07-01 00:00:00",
		"TIMESTAMP'2026-03-28 12:00:00' + INTERVAL 24 HOURS":            "2026-03-29 12:00:00",
		"TIMESTAMP'2026-02-28 12:00:00' + INTERVAL 1 MONTH":             "2026-03-28 12:00:00",
		"date_format(TIMESTAMP'2026-07-01 12:00:00', 'HH:mm XXX VV')":   "12:00 +02:00 Europe/Berlin",
		"cast(TIMESTAMP_NTZ'2026-07-01 12:00:00' as timestamp)":         "2026-07-01 12:00:00",
		"cast(cast('2026-07-01' as date) as timestamp)":                 "2026-07-01 00:00:00",
		"from_json('{\"t\":\"2026-07-01T12:00:00\"}', 't TIMESTAMP').t": "2026-07-01 12:00:00",
	} {
		if got, _ := evalText(text, o); got != want {
			t.Errorf("%s = %s, want %s", text, got, want)
		}
	}
}
