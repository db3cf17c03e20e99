package delta

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/formats/parquet"
)

// mapping is how the columns of a table are found in its files, partition values and statistics.
type mapping uint8

const (
	mappingNone mapping = iota // by their own name
	mappingName                // by the physical name in their metadata
	mappingID                  // by their field id in files, elsewhere by the physical name
)

func mappingOf(m *log.Metadata) (mapping, error) {
	switch mode := m.Configuration["delta.columnMapping.mode"]; mode {
	case "", "none":
		return mappingNone, nil
	case "name":
		return mappingName, nil
	case "id":
		return mappingID, nil
	default:
		return 0, fmt.Errorf("the column mapping mode %q is not known; none, name and id are", mode)
	}
}

// mapped is what a column's metadata says of its place in files.
type mapped struct {
	ID   int32  `json:"delta.columnMapping.id"`
	Name string `json:"delta.columnMapping.physicalName"`
}

func (m mapping) of(f batch.Field) mapped {
	var p mapped
	if f.Metadata != "" {
		_ = json.Unmarshal([]byte(f.Metadata), &p) // what it does not say is found missing by check
	}
	return p
}

// physical returns the name by which the log's partition values and statistics call a column.
func (m mapping) physical(f batch.Field) string {
	if m == mappingNone {
		return f.Name
	}
	return m.of(f).Name
}

// key returns how a column is found in a file.
func (m mapping) key(f batch.Field) parquet.Key {
	switch p := m.of(f); {
	case m == mappingNone || p.Name == "": // no column of the table: the type of a change
		return parquet.Key{Name: f.Name}
	case m == mappingID:
		return parquet.Key{Name: p.Name, ID: p.ID}
	default:
		return parquet.Key{Name: p.Name}
	}
}

// keepMapping returns a schema that is to replace the table's, where columns that have their name and type already keep their ids and
// physical names: who follows the table's changes sees them go on.
func keepMapping(head *Head, s *batch.Schema) (*batch.Schema, error) {
	m, err := mappingOf(&head.Metadata)
	if err != nil || m == mappingNone {
		return s, err
	}
	fields, err := m.keep(head.Schema.Fields, s.Fields)
	return &batch.Schema{Fields: fields}, err
}

func (m mapping) keep(old, fields []batch.Field) ([]batch.Field, error) {
	out, before := slices.Clone(fields), &batch.Schema{Fields: old}
	for i := range out {
		f := &out[i]
		at := before.IndexFold(f.Name)
		if at < 0 || old[at].Type.Kind != f.Type.Kind || f.Type.Kind != batch.Struct && !sameShape(old[at].Type, f.Type) {
			continue
		}
		p := m.of(old[at])
		meta, err := metadataOf(*f)
		if err != nil {
			return nil, err
		}
		name, err := json.Marshal(p.Name)
		if err != nil {
			return nil, err
		}
		meta["delta.columnMapping.id"], meta["delta.columnMapping.physicalName"] = json.RawMessage(strconv.Itoa(int(p.ID))), name
		if err := setMetadata(f, meta); err != nil {
			return nil, err
		}
		if f.Type.Kind == batch.Struct {
			if f.Type.Fields, err = m.keep(old[at].Type.Fields, f.Type.Fields); err != nil {
				return nil, err
			}
		} else {
			f.Type.Fields = old[at].Type.Fields // with their ids
		}
	}
	return out, nil
}

// sameShape reports whether types are the same but for what their fields say of themselves.
func sameShape(a, b batch.Type) bool {
	if a.Kind != b.Kind || a.Precision != b.Precision || a.Scale != b.Scale || len(a.Fields) != len(b.Fields) {
		return false
	}
	for i := range a.Fields {
		if x, y := a.Fields[i], b.Fields[i]; x.Name != y.Name || x.Nullable != y.Nullable || !sameShape(x.Type, y.Type) {
			return false
		}
	}
	return true
}

// check makes sure that every column says where it lies.
func (m mapping) check(fields []batch.Field, path string) error {
	if m == mappingNone {
		return nil
	}
	for _, f := range fields {
		if p := m.of(f); p.Name == "" || m == mappingID && p.ID <= 0 {
			return fmt.Errorf("column %s%s has no id or no physical name, which column mapping needs", path, f.Name)
		}
		if err := m.checkNested(f.Type, path+f.Name+"."); err != nil {
			return err
		}
	}
	return nil
}

// checkNested is check for the structs within a type.
func (m mapping) checkNested(t batch.Type, path string) error {
	switch t.Kind {
	case batch.Struct:
		return m.check(t.Fields, path)
	case batch.Array, batch.Map:
		for _, f := range t.Fields {
			if err := m.checkNested(f.Type, path+f.Name+"."); err != nil {
				return err
			}
		}
	}
	return nil
}

// inFiles returns the columns as the table's files call them, down to the fields of structs.
func (m mapping) inFiles(fields []batch.Field) []batch.Field {
	if m == mappingNone {
		return fields
	}
	out := slices.Clone(fields)
	for i := range out {
		out[i].Name = m.of(fields[i]).Name
		out[i].Type = m.typeInFiles(fields[i].Type)
	}
	return out
}

func (m mapping) typeInFiles(t batch.Type) batch.Type {
	switch t.Kind {
	case batch.Struct:
		t.Fields = m.inFiles(t.Fields)
	case batch.Array, batch.Map:
		t.Fields = slices.Clone(t.Fields)
		for i := range t.Fields {
			t.Fields[i].Type = m.typeInFiles(t.Fields[i].Type)
		}
	}
	return t
}

// fieldIDs returns what gives the columns of files their ids, nil where they have none.
func (m mapping) fieldIDs(fields []batch.Field) func(path []string) (int32, bool) {
	if m == mappingNone {
		return nil
	}
	ids := map[string]int32{}
	m.collectIDs(fields, "", ids)
	return func(path []string) (int32, bool) {
		id, ok := ids[strings.Join(path, "\x00")+"\x00"]
		return id, ok
	}
}

func (m mapping) collectIDs(fields []batch.Field, path string, ids map[string]int32) {
	for _, f := range fields {
		p := m.of(f)
		at := path + p.Name + "\x00"
		ids[at] = p.ID
		m.collectWithin(f.Type, at, ids)
	}
}

// collectWithin is collectIDs for the structs within a type; the steps between are those of Parquet's lists and maps.
func (m mapping) collectWithin(t batch.Type, path string, ids map[string]int32) {
	switch t.Kind {
	case batch.Struct:
		m.collectIDs(t.Fields, path, ids)
	case batch.Array:
		m.collectWithin(t.Fields[0].Type, path+"list\x00element\x00", ids)
	case batch.Map:
		m.collectWithin(t.Fields[0].Type, path+"key_value\x00key\x00", ids)
		m.collectWithin(t.Fields[1].Type, path+"key_value\x00value\x00", ids)
	}
}
