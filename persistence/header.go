package persistence

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
)

// magic begins every state file; formatVersion follows it. docs/FORMATS.md
// describes the file.
const (
	magic         = "DLTCSTAT"
	formatVersion = 1
	// schemaVersion is the version of a table's own columns: 1 is key columns alone.
	schemaVersion = 1
	maxHeader     = 1 << 20 // bytes
)

// header says what a file holds, so that it can be told without a manifest.
type header struct {
	Flow          string     `json:"flow"`
	Incarnation   string     `json:"incarnation"`
	Step          string     `json:"step"`
	Table         string     `json:"table"`
	Kind          string     `json:"kind"`
	SchemaVersion int        `json:"schemaVersion"`
	Keys          []typeJSON `json:"keys"`
	Groups        int        `json:"groups"`
	GroupLo       int        `json:"groupLo"`
	GroupHi       int        `json:"groupHi"`
	Attempt       int64      `json:"attempt"`
	Epoch         int64      `json:"epoch"`
}

// typeJSON is a type in a header.
type typeJSON struct {
	Kind      string      `json:"type"`
	Precision uint8       `json:"precision,omitempty"`
	Scale     uint8       `json:"scale,omitempty"`
	Fields    []fieldJSON `json:"fields,omitempty"`
}

type fieldJSON struct {
	Name string `json:"name"`
	typeJSON
}

func typeToJSON(t batch.Type) typeJSON {
	j := typeJSON{Kind: t.Kind.String(), Precision: t.Precision, Scale: t.Scale}
	for _, f := range t.Fields {
		j.Fields = append(j.Fields, fieldJSON{f.Name, typeToJSON(f.Type)})
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
		return t, fmt.Errorf("a key of type %q", j.Kind)
	case batch.Decimal:
		if t.Precision < 1 || t.Precision > 38 || t.Scale > t.Precision {
			return t, fmt.Errorf("a key of type decimal(%d,%d)", t.Precision, t.Scale)
		}
	case batch.Array:
		want = 1
	case batch.Struct:
		want = len(j.Fields)
	}
	if len(j.Fields) != want || depth > maxTypeDepth {
		return t, fmt.Errorf("a key of type %q with %d fields, %d deep", j.Kind, len(j.Fields), depth)
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
