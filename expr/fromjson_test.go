package expr

import (
	"errors"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// TestFromJSONRefuses what its schema and its options cannot be together.
func TestFromJSONRefuses(t *testing.T) {
	in := batch.NewSchema(batch.Field{Name: "s", Type: batch.StringType, Nullable: true})
	for text, want := range map[string]string{
		"from_json(s, 'ARRAY<INT>', map('schemaEvolutionMode', 'rescue'))":   "INVALID_OPTIONS",
		"from_json(s, 'MAP<STRING, INT>', map('rescuedDataColumn', 'rest'))": "INVALID_OPTIONS",
		"from_json(s, 'VARIANT', map('schemaEvolutionMode', 'rescue'))":      "INVALID_OPTIONS",
		"from_json(s, 'VARIANT', 5)":                                         "INVALID_OPTIONS.NON_MAP_FUNCTION",
		"from_json(s, 'a INT', 5)":                                           "INVALID_OPTIONS.NON_MAP_FUNCTION",
		"from_json(s, 'ARRAY<INT')":                                          "INVALID_SCHEMA.PARSE_ERROR",
		"from_json(s, 'INT')":                                                "DATATYPE_MISMATCH.INVALID_JSON_SCHEMA",
		"from_json(s, s)":                                                    "INVALID_SCHEMA.NON_STRING_LITERAL",
		"from_json(1, 'ARRAY<INT>')":                                         "DATATYPE_MISMATCH",
	} {
		_, err := Bind(text, in, NewOptions())
		var f *supervision.Failure
		if !errors.As(err, &f) || f.Class != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
