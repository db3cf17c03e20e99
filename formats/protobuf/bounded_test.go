package protobuf

import (
	"runtime"
	"strings"
	"testing"
)

// A schema comes from whoever may write to a registry: what nests makes the compiler take memory by the square of its depth.
func TestSchemasAreBoundedBeforeTheyAreCompiled(t *testing.T) {
	const end = ` int32 a = 1; }`
	nest := func(open, close string, n int) string { return strings.Repeat(open, n) + strings.Repeat(close, n) }
	head := `syntax = "proto2"; message M { `
	for name, text := range map[string]string{
		"aggregates":            head + `option (o) = {` + nest("a{", "}", 20_000) + `};` + end,
		"aggregates of <":       head + `option (o) = {` + nest("a<", ">", 20_000) + `};` + end,
		"lists":                 head + `option (o) = {a:` + nest("[", "]", 20_000) + `};` + end,
		"messages":              head + nest("message A{", "}", 20_000) + end,
		"open":                  head + strings.Repeat("message A{", 20_000),
		"after a quote":         head + `option (o) = "\"{"; option (p) = {` + nest("a{", "}", 20_000) + `};` + end,
		"after a comment":       head + "/* \" */ // '\n option (p) = {" + nest("a{", "}", 20_000) + `};` + end,
		"closed before":         head + strings.Repeat("}", 20_000) + nest("message A{", "}", 20_000),
		"closed by another":     head + strings.Repeat("{>", 20_000),
		"a quote over lines":    head + "option (o) = \"\n" + nest("a{", "}", 20_000) + "\";" + end,
		"a quote without end":   head + `option (o) = "`,
		"a comment without end": head + `/*/`,
		"a name":                head + `optional ` + strings.Repeat("a.", 5_000) + `a b = 2;` + end,
		"a name with comments":  head + `optional ` + strings.Repeat("a /**/ . ", 5_000) + `a b = 2;` + end,
		"wide":                  head + `option (o) = {` + strings.Repeat("a{}", 20_000) + `};` + end,
		"size":                  head + strings.Repeat(" ", maxSource) + end,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := FromSource(text, nil, "M", Options{})
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > 1<<20 {
			t.Errorf("%s: %d bytes were taken: %.300v", name, took, err)
		}
		if _, err := FromSource(`syntax = "proto2"; import "other.proto"; message M {`+end, map[string]string{"other.proto": text}, "M", Options{}); err == nil || len(err.Error()) > 300 {
			t.Errorf("%s, imported: %.300v", name, err)
		}
	}
}

func TestBoundedSchemasAreCompiled(t *testing.T) {
	for name, text := range map[string]string{
		"brackets in texts":    `syntax = "proto2"; message M { optional string a = 1 [default = "` + strings.Repeat(`{<(['`, 200) + `"]; }`,
		"escapes":              `syntax = "proto2"; message M { optional string a = 1 [default = "\"{\\"]; optional string b = 2 [default = '\'{']; }`,
		"brackets in comments": "syntax = \"proto2\"; // " + strings.Repeat("{", 500) + "\n/* " + strings.Repeat("[\"", 500) + "*/ message M { optional int32 a = 1; }//",
		"a map":                `syntax = "proto3"; message M { map<string, int32> a = 1; reserved 5 to 7, 9; }`,
		"depth":                `syntax = "proto3"; message M { int32 a = 1; ` + strings.Repeat("message A{", 30) + strings.Repeat("}", 30) + `}`,
		"many fields":          `syntax = "proto3"; message M {` + strings.Repeat(" ", 5_000) + `int32 a = 1; }`,
	} {
		if _, err := FromSource(text, nil, "M", Options{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
