package interop

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// statisticsOf is the statistics of an add-action: a JSON string behind another member.
var statisticsOf = regexp.MustCompile(`,"stats":"(?:[^"\\]|\\.)*"`)

// predicates compare every column of flatSchema with values at and around its edges.
func predicates(engine string) []string {
	values := map[string][]string{
		"yes": {"true", "false"}, "tiny": {"-128", "0", "127"}, "small": {"-32768", "1", "32767"}, "i": {"-2147483648", "0", "2147483647"},
		"big": {"-9223372036854775807", "-9007199254740992", "9007199254740993", "9223372036854775807"},
		"day": {"DATE '0001-01-01'", "DATE '1582-10-14'", "DATE '1582-10-15'", "DATE '1969-12-31'", "DATE '1970-01-01'", "DATE '9999-12-31'"},
		"f":   {"CAST('NaN' AS FLOAT)", "CAST('Infinity' AS FLOAT)", "CAST('-Infinity' AS FLOAT)", "CAST(0 AS FLOAT)", "CAST(1.5 AS FLOAT)", "CAST('3.4028235E38' AS FLOAT)"},
		"d":   {"CAST('NaN' AS DOUBLE)", "CAST('Infinity' AS DOUBLE)", "CAST('-Infinity' AS DOUBLE)", "CAST(0 AS DOUBLE)", "CAST('0.1' AS DOUBLE)", "CAST('1.7976931348623157E308' AS DOUBLE)"},
		"text": {"''", "' '", "'a'", "'NULL'", "'é'", "'🙂'", "repeat('z', 32)", "repeat('z', 33)", "repeat('long ', 40)", "repeat('long ', 6)", "repeat('\U0010FFFF', 40)",
			"repeat('\U0010FFFF', 64)", "repeat('\x7f', 50)", "concat(repeat('x', 31), '🙂', repeat('y', 5000))", "concat(repeat('x', 31), '🙂')", "concat(repeat('é', 31), '🙂🙂')"},
		"never_null": {"0", "2147483647", "-5"},
		"moment": {"TIMESTAMP '1969-12-31 23:59:59.999999'", "TIMESTAMP '1970-01-01 00:00:00'", "TIMESTAMP '1970-01-01 00:00:00.000001'", "TIMESTAMP '1970-01-01 00:00:00.000999'",
			"TIMESTAMP '2024-02-28 08:34:56.789999'", "TIMESTAMP '2024-02-28 08:34:56.789'", "TIMESTAMP '2024-02-28 08:34:56.79'", "TIMESTAMP '9999-12-31 23:59:59.999999'", "TIMESTAMP '0001-01-01 00:00:00'"},
	}
	var out []string
	for _, column := range slices.Sorted(maps.Keys(values)) {
		literals := values[column]
		out = append(out, column+" IS NULL", column+" IS NOT NULL")
		for _, l := range literals {
			if engine == "duckdb" && column == "moment" {
				l = l[len("TIMESTAMP "):] + "::TIMESTAMPTZ"
			}
			for _, operator := range []string{"=", "<>", "<", "<=", ">", ">="} {
				out = append(out, fmt.Sprintf("%s %s %s", column, operator, l))
			}
			out = append(out, fmt.Sprintf("NOT (%s < %s)", column, l))
		}
	}
	return append(out, "text LIKE 'long%'", "text LIKE 'x%'", "length(text) > 100", "yes AND i > 0", "text IN ('a', 'é')", "i BETWEEN 0 AND 5 OR text = 'a'")
}
