package oracle

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Field is a column of a table. Type is a name such as "long" or
// "decimal(12,2)", or "struct", "array" or "map".
type Field struct {
	Name     string
	Type     string
	Nullable bool
}

// Schema returns the table's columns.
func (t *Table) Schema() ([]Field, error) {
	var s struct {
		Fields []struct {
			Name     string                     `json:"name"`
			Type     json.RawMessage            `json:"type"`
			Nullable bool                       `json:"nullable"`
			Metadata map[string]json.RawMessage `json:"metadata"`
		} `json:"fields"`
	}
	if err := json.Unmarshal([]byte(t.Metadata.SchemaString), &s); err != nil {
		return nil, fmt.Errorf("%s: schema: %w", t.Path, err)
	}
	fields := make([]Field, len(s.Fields))
	for i, f := range s.Fields {
		if _, mapped := f.Metadata["delta.columnMapping.physicalName"]; mapped {
			return nil, fmt.Errorf("%s: column %s: column mapping is not read here", t.Path, f.Name)
		}
		fields[i] = Field{Name: f.Name, Nullable: f.Nullable}
		if err := json.Unmarshal(f.Type, &fields[i].Type); err != nil {
			var nested struct {
				Type string `json:"type"`
			}
			if err := json.Unmarshal(f.Type, &nested); err != nil {
				return nil, fmt.Errorf("%s: column %s: type: %w", t.Path, f.Name, err)
			}
			fields[i].Type = nested.Type
		}
	}
	return fields, nil
}

// Rows calls row for each row of the table, file by file in the order of their
// paths. Every column of the schema is in the map: nil, bool, int64, float64,
// string, []byte, time.Time (UTC; timestamp and timestamp_ntz), a date as text 2006-01-02, a decimal as text with all digits
// of its scale, map[string]any for a struct, []any for an array, Pairs for a map.
// The map is the callee's. The first error ends the walk.
func (t *Table) Rows(row func(file File, number int64, values map[string]any) error) error {
	for _, f := range t.Files() {
		err := t.FileRows(f, func(number int64, values map[string]any) error { return row(f, number, values) })
		if err != nil {
			return err
		}
	}
	return nil
}

// readable is the reader features that change nothing here, or whose use is refused where it shows.
var readable = []string{"deletionVectors", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", "columnMapping", "variantType"}

// FileRows is [Table.Rows] for one file, which need not be live.
func (t *Table) FileRows(f File, row func(number int64, values map[string]any) error) error {
	gone, err := t.Deleted(f)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", t.Path, f.Path, err)
	}
	for _, feature := range t.Protocol.ReaderFeatures {
		if !slices.Contains(readable, feature) {
			return fmt.Errorf("%s: feature %s is not read here", t.Path, feature)
		}
	}
	fields, err := t.Schema()
	if err != nil {
		return err
	}
	partition := map[string]any{}
	for _, name := range t.Metadata.PartitionColumns {
		text, stated := f.PartitionValues[name]
		if !stated {
			return fmt.Errorf("%s: %s: no value of partition column %s", t.Path, f.Path, name)
		}
		for _, field := range fields {
			if field.Name == name {
				if partition[name], err = partitionValue(field.Type, text); err != nil {
					return fmt.Errorf("%s: %s: partition column %s: %w", t.Path, f.Path, name, err)
				}
			}
		}
	}
	return readParquet(t.locate(f), func(number int64, stored map[string]any) error {
		if gone.Contains(uint64(number)) {
			return nil
		}
		values := make(map[string]any, len(fields))
		for _, field := range fields {
			values[field.Name] = stored[field.Name]
		}
		for name, value := range partition {
			values[name] = value
		}
		return row(number, values)
	})
}

// partitionValue reads the text of a partition value; null and the empty text are null.
func partitionValue(kind string, text *string) (any, error) {
	if text == nil || *text == "" {
		return nil, nil
	}
	switch kind {
	case "byte", "short", "integer", "long":
		return strconv.ParseInt(*text, 10, 64)
	case "float", "double":
		return strconv.ParseFloat(*text, 64)
	case "boolean":
		return strconv.ParseBool(*text)
	case "binary":
		return []byte(*text), nil
	case "timestamp", "timestamp_ntz":
		return parseTime(*text)
	}
	return *text, nil // string, date, decimal
}

// parseTime reads the forms of timestamps that partition values and statistics have.
func parseTime(text string) (time.Time, error) {
	var first error
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999"} {
		at, err := time.Parse(layout, text)
		if err == nil {
			return at.UTC(), nil
		}
		if first == nil {
			first = err
		}
	}
	return time.Time{}, first
}
