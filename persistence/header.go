package persistence

import (
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
)

// magic begins every state file; formatVersion follows it. docs/FORMATS.md
// describes the file.
const (
	magic         = "DLTCSTAT"
	formatVersion = 2
	maxHeader     = 1 << 20 // bytes
)

// header says what a file holds, so that it can be told without a manifest.
type header struct {
	Flow          string      `json:"flow"`
	Incarnation   string      `json:"incarnation"`
	Step          string      `json:"step"`
	Table         string      `json:"table"`
	Kind          string      `json:"kind"`
	SchemaVersion int         `json:"schemaVersion"`
	Keys          []fieldJSON `json:"keys"`
	Prefix        int         `json:"prefix,omitempty"` // leading keys that decide the key group; 0: all
	Values        []fieldJSON `json:"values,omitempty"`
	Windowed      bool        `json:"windowed,omitempty"`
	Shared        bool        `json:"shared,omitempty"` // how memory keeps the keys; says nothing of the file
	Drops         int64       `json:"drops,omitempty"`  // segments dropped, which stand before the rows
	Groups        int         `json:"groups"`
	GroupLo       int         `json:"groupLo"`
	GroupHi       int         `json:"groupHi"`
	Attempt       int64       `json:"attempt"`
	Epoch         int64       `json:"epoch"`
}

// typeJSON is a type in a header.
type typeJSON struct {
	Kind      string      `json:"type"`
	Precision uint8       `json:"precision,omitempty"`
	Scale     uint8       `json:"scale,omitempty"`
	Fields    []fieldJSON `json:"fields,omitempty"`
}

type fieldJSON struct {
	Name string `json:"name,omitempty"`
	typeJSON
	Since   int    `json:"since,omitempty"`   // of a value: see state.Column
	Default uint64 `json:"default,omitempty"` // its word
}

func typeToJSON(t batch.Type) typeJSON {
	j := typeJSON{Kind: t.Kind.String(), Precision: t.Precision, Scale: t.Scale}
	for _, f := range t.Fields {
		j.Fields = append(j.Fields, fieldJSON{Name: f.Name, typeJSON: typeToJSON(f.Type)})
	}
	return j
}

const maxTypeDepth = 64

// typeFromJSON returns the type, checked to be one that a key can have.
func typeFromJSON(j typeJSON, depth int) (batch.Type, error) {
	t := batch.Type{Precision: j.Precision, Scale: j.Scale}
	for k := batch.Boolean; k <= batch.Void; k++ {
		if k.String() == j.Kind {
			t.Kind = k
		}
	}
	want := 0
	switch t.Kind {
	case batch.Invalid, batch.Map, batch.Variant:
		return t, fmt.Errorf("a column of type %q", j.Kind)
	case batch.Decimal:
		if t.Precision < 1 || t.Precision > 38 || t.Scale > t.Precision {
			return t, fmt.Errorf("a column of type decimal(%d,%d)", t.Precision, t.Scale)
		}
	case batch.Array:
		want = 1
	case batch.Struct:
		want = len(j.Fields)
	}
	if len(j.Fields) != want || depth > maxTypeDepth {
		return t, fmt.Errorf("a column of type %q with %d fields, %d deep", j.Kind, len(j.Fields), depth)
	}
	for _, f := range j.Fields {
		of, err := typeFromJSON(f.typeJSON, depth+1)
		if err != nil {
			return t, err
		}
		t.Fields = append(t.Fields, batch.Field{Name: f.Name, Type: of, Nullable: true})
	}
	return t, nil
}

// spec returns what the rows of the file are, checked.
func (h *header) spec() (state.Spec, error) {
	s := state.Spec{Name: h.Table, Prefix: h.Prefix, Shared: h.Shared, Windowed: h.Windowed, Version: h.SchemaVersion}
	for _, group := range []struct {
		from []fieldJSON
		to   *[]state.Column
	}{{h.Keys, &s.Keys}, {h.Values, &s.Values}} {
		for _, f := range group.from {
			t, err := typeFromJSON(f.typeJSON, 0)
			if err != nil {
				return s, err
			}
			*group.to = append(*group.to, state.Column{Name: f.Name, Type: t, Since: f.Since, Default: f.Default})
		}
	}
	return s, nil
}

func columnsToJSON(columns []state.Column) []fieldJSON {
	var out []fieldJSON
	for _, c := range columns {
		out = append(out, fieldJSON{Name: c.Name, typeJSON: typeToJSON(c.Type), Since: c.Since, Default: c.Default})
	}
	return out
}

// schemaOf returns the columns of a file's blocks.
func schemaOf(spec state.Spec) *batch.Schema {
	s := batch.NewSchema(batch.Field{Name: "#group", Type: batch.IntType})
	if spec.Windowed {
		s.Fields = append(s.Fields, batch.Field{Name: "#segment", Type: batch.BigIntType})
	}
	for i, k := range spec.Keys {
		s.Fields = append(s.Fields, batch.Field{Name: fmt.Sprintf("key%d", i+1), Type: k.Type, Nullable: true})
	}
	for i, v := range spec.Values {
		s.Fields = append(s.Fields, batch.Field{Name: fmt.Sprintf("value%d", i+1), Type: v.Type})
	}
	return s
}

// dropSchema is that of the blocks that hold the dropped segments.
var dropSchema = batch.NewSchema(batch.Field{Name: "#segment", Type: batch.BigIntType})

// groupsOf returns the key group of each row, from its leading key columns.
func groupsOf(spec state.Spec, keys []*batch.Column, n, groups int, hashes []uint64, out []int32) []int32 {
	out = slices.Grow(out[:0], n)[:n]
	if spec.GroupColumns() == 0 {
		clear(out)
		return out
	}
	if spec.GroupColumns() < len(keys) {
		hashes = batch.Hash(keys[:spec.GroupColumns()], n, nil)
	}
	for i, h := range hashes[:n] {
		out[i] = int32(batch.KeyGroup(h, groups))
	}
	return out
}
