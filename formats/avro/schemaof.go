package avro

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/deltaic/deltaic/batch"
)

// described is a part of a schema as JSON.
type described = map[string]any

// SchemaOf returns the schema with which Spark writes values of a type: what may be null is a union of its type and null.
func SchemaOf(t batch.Type, nullable bool) (*Schema, error) {
	d, err := describe(t, nullable, "topLevelRecord", "")
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return Parse(string(text), Names{})
}

func describe(t batch.Type, nullable bool, name, space string) (any, error) {
	d, err := describeType(t, name, space)
	if err != nil || !nullable || t.Kind == batch.Void {
		return d, err
	}
	return []any{d, "null"}, nil
}

var plainNames = map[batch.Kind]any{
	batch.Void: "null", batch.Boolean: "boolean", batch.TinyInt: "int", batch.SmallInt: "int", batch.Int: "int", batch.BigInt: "long",
	batch.Float: "float", batch.Double: "double", batch.String: "string", batch.Binary: "bytes",
	batch.Date:         described{"type": "int", "logicalType": "date"},
	batch.Timestamp:    described{"type": "long", "logicalType": "timestamp-micros"},
	batch.TimestampNTZ: described{"type": "long", "logicalType": "local-timestamp-micros"},
	batch.YearMonth:    described{"type": "int", "spark.sql.catalyst.type": "interval year to month"},
	batch.DayTime:      described{"type": "long", "spark.sql.catalyst.type": "interval day to second"},
}

func describeType(t batch.Type, name, space string) (any, error) {
	if plain, ok := plainNames[t.Kind]; ok {
		return plain, nil
	}
	below := name
	if space != "" {
		below = space + "." + name
	}
	switch t.Kind {
	case batch.Decimal:
		return described{"type": "fixed", "name": name + ".fixed", "size": bytesFor(int(t.Precision)), "logicalType": "decimal",
			"precision": int(t.Precision), "scale": int(t.Scale)}, nil
	case batch.Array:
		of, err := describe(t.Fields[0].Type, t.Fields[0].Nullable, name, space)
		return described{"type": "array", "items": of}, err
	case batch.Map:
		if t.Fields[0].Type.Kind != batch.String {
			return nil, fmt.Errorf("Avro has no maps with keys of type %.100s", t.Fields[0].Type.String())
		}
		of, err := describe(t.Fields[1].Type, t.Fields[1].Nullable, name, space)
		return described{"type": "map", "values": of}, err
	case batch.Struct:
		fields := []any{}
		for _, f := range t.Fields {
			of, err := describe(f.Type, f.Nullable, f.Name, below)
			if err != nil {
				return nil, err
			}
			fields = append(fields, described{"name": f.Name, "type": of})
		}
		d := described{"type": "record", "name": name, "fields": fields}
		if space != "" {
			d["namespace"] = space
		}
		return d, nil
	}
	return nil, fmt.Errorf("Avro has no type for %.100s", t.String())
}

// bytesFor is how many bytes a decimal of so many digits needs.
func bytesFor(precision int) int {
	n := 1
	for math.Pow(2, float64(8*n-1)) < math.Pow(10, float64(precision)) {
		n++
	}
	return n
}
