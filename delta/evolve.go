package delta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/supervision"
)

// merging is how a table's schema takes in that of rows.
type merging struct {
	types bool // columns of both must have types that go together; else the table's holds
	wider bool // the table's type may become the rows', where Delta allows that
}

// WithNewColumns returns the table's schema and, behind its columns and the fields of its structs, what the rows have beyond it. New ones
// may be null. Types of columns that both have are the table's.
func WithNewColumns(table, rows *batch.Schema) (*batch.Schema, error) {
	fields, err := merging{}.fields(table.Fields, rows.Fields, "")
	return &batch.Schema{Fields: fields}, err
}

func (m merging) fields(table, rows []batch.Field, path string) ([]batch.Field, error) {
	out := append([]batch.Field(nil), table...)
	s := &batch.Schema{Fields: out}
	for _, r := range rows {
		at := s.Index(r.Name)
		if at < 0 {
			at = s.IndexFold(r.Name)
		}
		if at < 0 {
			r.Metadata, r.Nullable, r.Type = "", true, loosened(r.Type)
			s.Fields = append(s.Fields, r)
			continue
		}
		f := &s.Fields[at]
		changed, err := m.column(f.Type, r.Type, path+f.Name, "", f)
		if err != nil {
			return nil, err
		}
		f.Type = changed
	}
	return s.Fields, nil
}

// loosened is the type with all that is in it nullable: rows from before a column was added have nothing in it.
func loosened(t batch.Type) batch.Type {
	fields := append([]batch.Field(nil), t.Fields...)
	for i := range fields {
		fields[i].Type = loosened(fields[i].Type)
		fields[i].Metadata = ""
		fields[i].Nullable = fields[i].Nullable || t.Kind != batch.Map || i > 0
	}
	t.Fields = fields
	return t
}

// column returns the type of a column that both have. within is the path to it from the field that is nearest around it, which
// notes what was changed.
func (m merging) column(table, rows batch.Type, path, within string, nearest *batch.Field) (batch.Type, error) {
	switch {
	case table.Kind == rows.Kind && table.Kind == batch.Struct:
		fields, err := m.fields(table.Fields, rows.Fields, path+".")
		return batch.StructType(fields...), err
	case table.Kind == rows.Kind && (table.Kind == batch.Array || table.Kind == batch.Map):
		out := table
		out.Fields = append([]batch.Field(nil), table.Fields...)
		for i := range out.Fields {
			name := out.Fields[i].Name
			deeper := name
			if within != "" {
				deeper = within + "." + name
			}
			changed, err := m.column(table.Fields[i].Type, rows.Fields[i].Type, path+"."+name, deeper, nearest)
			if err != nil {
				return table, err
			}
			out.Fields[i].Type = changed
		}
		return out, nil
	case !m.types || assignable(rows, table):
		return table, nil
	case m.wider && log.WidensOnWrite(table, rows):
		return rows, note(nearest, table, rows, within)
	}
	e := supervision.New(supervision.Fatal, ClassMerge, "the column %s is %s in the table and %s in the rows", path, table, rows)
	if e.Hint = "cast it to " + table.String(); log.WidensOnWrite(table, rows) {
		e.Hint += ", or let the table's columns become wider: delta.enableTypeWidening=true"
	}
	return table, e
}

// typeChange is an entry of delta.typeChanges.
type typeChange struct {
	From string `json:"fromType"`
	To   string `json:"toType"`
	Path string `json:"fieldPath,omitempty"`
}

// note adds a change of type to what the field says of itself.
func note(f *batch.Field, from, to batch.Type, path string) error {
	const key = "delta.typeChanges"
	meta, err := metadataOf(*f)
	if err != nil {
		return err
	}
	var changes []json.RawMessage
	if old := meta[key]; old != nil {
		if err := json.Unmarshal(old, &changes); err != nil {
			return fmt.Errorf("column %s: %s: %w", f.Name, key, err)
		}
	}
	one, err := json.Marshal(typeChange{From: log.TypeName(from), To: log.TypeName(to), Path: path})
	if err != nil {
		return err
	}
	if meta[key], err = json.Marshal(append(changes, one)); err != nil {
		return err
	}
	return setMetadata(f, meta)
}

func metadataOf(f batch.Field) (map[string]json.RawMessage, error) {
	meta := map[string]json.RawMessage{}
	if f.Metadata == "" {
		return meta, nil
	}
	if err := json.Unmarshal([]byte(f.Metadata), &meta); err != nil {
		return nil, fmt.Errorf("column %s: its metadata: %w", f.Name, err)
	}
	return meta, nil
}

func setMetadata(f *batch.Field, meta map[string]json.RawMessage) error {
	text, err := json.Marshal(meta)
	f.Metadata = string(text)
	return err
}

// reshaped returns what the table will be with another schema: with ids and names for columns that are new, where it has column mapping,
// and with a protocol that serves their types. Nil metadata fields of it are head's.
func (t *Table) reshaped(head *Head, s *batch.Schema, partitionBy []string) (*Head, error) {
	if err := checkTypes(s.Fields, "", false); err != nil {
		return nil, err
	}
	next := *head
	next.Metadata.Configuration = maps.Clone(head.Metadata.Configuration)
	next.Metadata.PartitionColumns = partitionBy
	m, err := mappingOf(&head.Metadata)
	if err != nil {
		return nil, err
	}
	if m == mappingNone {
		if err := checkNames(s.Fields, ""); err != nil {
			return nil, err
		}
	} else if s, err = t.mapNew(s, next.Metadata.Configuration); err != nil {
		return nil, err
	}
	if err := checkPartition(s, partitionBy); err != nil {
		return nil, err
	}
	next.Schema, next.Metadata.SchemaString = s, log.FormatSchema(s)
	next.Protocol = *log.Serving(&head.Protocol, s)
	return &next, nil
}

// grown returns what the table will be once rows of a schema are merged into it: head itself if it has all that they have.
func (t *Table) grown(head *Head, rows *batch.Schema) (*Head, error) {
	m := merging{types: true, wider: widening(head)}
	fields, err := m.fields(head.Schema.Fields, rows.Fields, "")
	if err != nil {
		return nil, err
	}
	s := &batch.Schema{Fields: fields}
	if log.FormatSchema(s) == head.Metadata.SchemaString {
		return head, nil
	}
	return t.reshaped(head, s, head.Metadata.PartitionColumns)
}

// addColumns commits what rows of a schema need of the table, if that is anything. Who is faster with another change of
// the table is waited for: the rows are merged into what it made.
func (t *Table) addColumns(ctx context.Context, head *Head, rows *batch.Schema) (*Head, error) {
	for range tries {
		next, err := t.grown(head, rows)
		if err != nil || next == head {
			return head, t.at(err, head.Version)
		}
		c := Commit{Operation: "ADD COLUMNS", Read: head, Metadata: &next.Metadata}
		if !equalProtocol(&next.Protocol, &head.Protocol) {
			c.Protocol = &next.Protocol
		}
		_, failed := t.Commit(ctx, c)
		if head, err = t.Head(ctx); err != nil {
			return nil, err
		}
		var f *supervision.Failure
		if failed != nil && !(errors.As(failed, &f) && (f.Class == ClassMetadataChanged || f.Class == ClassProtocolChanged)) {
			return nil, failed
		}
	}
	return nil, t.failure(supervision.Transient, ClassMetadataChanged, head.Version, "other writers changed the table's columns %d times while columns were to be added", tries)
}

// maxColumnID is the property that holds the greatest id ever given to a column of the table.
const maxColumnID = "delta.columnMapping.maxColumnId"

// mapNew gives an id and a physical name to columns and fields that have none, and notes the greatest id in the configuration.
func (t *Table) mapNew(s *batch.Schema, config map[string]string) (*batch.Schema, error) {
	most, err := strconv.ParseInt(config[maxColumnID], 10, 32)
	if err != nil && config[maxColumnID] != "" {
		return nil, fmt.Errorf("the property %s is %q", maxColumnID, config[maxColumnID])
	}
	most = max(most, greatestID(s.Fields))
	fields, err := t.mapFields(s.Fields, &most)
	config[maxColumnID] = strconv.FormatInt(most, 10)
	return &batch.Schema{Fields: fields}, err
}

func greatestID(fields []batch.Field) (most int64) {
	for _, f := range fields {
		most = max(most, int64(mappingID.of(f).ID), greatestID(f.Type.Fields))
	}
	return most
}

func (t *Table) mapFields(fields []batch.Field, most *int64) ([]batch.Field, error) {
	out := append([]batch.Field(nil), fields...)
	for i := range out {
		f := &out[i]
		if p := mappingID.of(*f); p.ID <= 0 || p.Name == "" {
			id, err := t.newID()
			if err != nil {
				return nil, err
			}
			meta, err := metadataOf(*f)
			if err != nil {
				return nil, err
			}
			*most++
			meta["delta.columnMapping.id"] = json.RawMessage(strconv.FormatInt(*most, 10))
			meta["delta.columnMapping.physicalName"] = json.RawMessage(`"col-` + id + `"`)
			if err := setMetadata(f, meta); err != nil {
				return nil, err
			}
		}
		var err error
		if f.Type, err = t.mapWithin(f.Type, most); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// mapWithin is mapFields for the structs within a type.
func (t *Table) mapWithin(of batch.Type, most *int64) (batch.Type, error) {
	var err error
	switch of.Kind {
	case batch.Struct:
		of.Fields, err = t.mapFields(of.Fields, most)
	case batch.Array, batch.Map:
		of.Fields = append([]batch.Field(nil), of.Fields...)
		for i := range of.Fields {
			if of.Fields[i].Type, err = t.mapWithin(of.Fields[i].Type, most); err != nil {
				return of, err
			}
		}
	}
	return of, err
}
