package log

import "github.com/deltaic/deltaic/batch"

// TypeName writes a type in one line, with Delta's names for the simple ones: struct<a:long,b:array<string>>.
func TypeName(t batch.Type) string {
	switch t.Kind {
	case batch.Struct:
		s := "struct<"
		for i, f := range t.Fields {
			if i > 0 {
				s += ","
			}
			s += f.Name + ":" + TypeName(f.Type)
		}
		return s + ">"
	case batch.Array:
		return "array<" + TypeName(t.Fields[0].Type) + ">"
	case batch.Map:
		return "map<" + TypeName(t.Fields[0].Type) + "," + TypeName(t.Fields[1].Type) + ">"
	}
	text := t.String()
	if name := map[string]string{"bigint": "long", "int": "integer", "smallint": "short", "tinyint": "byte"}[text]; name != "" {
		return name
	}
	return text
}
