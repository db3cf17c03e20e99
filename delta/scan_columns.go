package delta

import (
	"errors"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
)

// readable returns the columns that may be read: the table's, and _metadata unless the table has one of its own.
func readable(s *batch.Schema) *batch.Schema {
	if s.IndexFold(MetadataColumn) >= 0 {
		return s
	}
	return &batch.Schema{Fields: append(append([]batch.Field(nil), s.Fields...), batch.Field{Name: MetadataColumn, Type: metadataType})}
}

// wantedPart is a part of the schema that is wanted: whole, or the parts of it.
type wantedPart struct {
	field batch.Field
	whole bool
	parts []*wantedPart
}

// selectColumns returns the fields that the paths name, in their order; structs have the parts wanted of them in
// their own order. Nil asks for all columns of the table.
func selectColumns(s *batch.Schema, paths []string) (*batch.Schema, error) {
	if paths == nil {
		all := s.Fields
		if n := len(all); n > 0 && all[n-1].Name == MetadataColumn && all[n-1].Type.Equal(metadataType) {
			all = all[:n-1]
		}
		return &batch.Schema{Fields: all}, nil
	}
	root := &wantedPart{field: batch.Field{Type: batch.StructType(s.Fields...)}}
	for _, p := range paths {
		steps, err := splitPath(s, p)
		if err == nil {
			err = root.want(steps)
		}
		if err != nil {
			return nil, fmt.Errorf("there is no column %s: %w", p, err)
		}
	}
	out := &batch.Schema{}
	for _, k := range root.parts {
		out.Fields = append(out.Fields, k.pruned())
	}
	return out, nil
}

// splitPath cuts a path at its points. A column whose name has points may be named as it is, or in backticks.
func splitPath(s *batch.Schema, path string) ([]string, error) {
	path = strings.TrimSpace(path)
	if s.IndexFold(path) >= 0 {
		return []string{path}, nil
	}
	var steps []string
	for {
		var step string
		var quoted bool
		if path, quoted = strings.CutPrefix(path, "`"); quoted {
			end := strings.IndexByte(path, '`')
			if end < 0 {
				return nil, errors.New("a backtick is not closed")
			}
			step, path = path[:end], path[end+1:]
			if path != "" && path[0] != '.' {
				return nil, errors.New("a point must follow what is in backticks")
			}
		} else if end := strings.IndexByte(path, '.'); end >= 0 {
			step, path = path[:end], path[end:]
		} else {
			step, path = path, ""
		}
		steps = append(steps, step)
		if path == "" {
			return steps, nil
		}
		path = path[1:]
	}
}

// want notes that the part at the end of the steps is wanted.
func (w *wantedPart) want(steps []string) error {
	if len(steps) == 0 {
		w.whole = true
		return nil
	}
	fields := structOf(w.field.Type).Fields
	s := batch.Schema{Fields: fields}
	at := s.Index(steps[0])
	if at < 0 {
		at = s.IndexFold(steps[0])
	}
	if at < 0 {
		if len(fields) == 0 {
			return fmt.Errorf("%s is of type %s, which has no field %s", w.field.Name, w.field.Type, steps[0])
		}
		return fmt.Errorf("the fields are (%s)", &s)
	}
	for _, k := range w.parts {
		if k.field.Name == fields[at].Name {
			return k.want(steps[1:])
		}
	}
	k := &wantedPart{field: fields[at]}
	w.parts = append(w.parts, k)
	return k.want(steps[1:])
}

// structOf returns the struct that a type is or has as elements, or a type without fields.
func structOf(t batch.Type) batch.Type {
	for t.Kind == batch.Array {
		t = t.Fields[0].Type
	}
	if t.Kind != batch.Struct {
		return batch.Type{}
	}
	return t
}

// pruned returns the field with the parts wanted of it.
func (w *wantedPart) pruned() batch.Field {
	f := w.field
	if !w.whole {
		f.Type = w.prune(f.Type)
	}
	return f
}

func (w *wantedPart) prune(t batch.Type) batch.Type {
	if t.Kind == batch.Array {
		return batch.ArrayType(w.prune(t.Fields[0].Type), t.Fields[0].Nullable)
	}
	var kept []batch.Field
	for _, f := range t.Fields {
		for _, k := range w.parts {
			if k.field.Name == f.Name {
				kept = append(kept, k.pruned())
			}
		}
	}
	return batch.StructType(kept...)
}
