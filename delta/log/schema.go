package log

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
)

// maxFields bounds the fields of one schema, nested ones counted.
const maxFields = 32_768

// ParseSchema reads a schemaString.
func ParseSchema(text string) (*batch.Schema, error) {
	if len(text) > 64<<20 {
		return nil, fmt.Errorf("schema of %d bytes, more than 64 MiB", len(text))
	}
	p := &schemaParser{s: scanner{data: []byte(text)}}
	t, err := p.typ()
	if err == nil {
		err = p.s.end()
	}
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if t.Kind != batch.Struct {
		return nil, fmt.Errorf("schema: its type is %s, not a struct", t)
	}
	if err := uniqueNames(t, ""); err != nil {
		return nil, err
	}
	return batch.NewSchema(t.Fields...), nil
}

func uniqueNames(t batch.Type, path string) error {
	seen := map[string]bool{}
	for _, f := range t.Fields {
		name := strings.ToLower(f.Name)
		if t.Kind == batch.Struct && seen[name] {
			return fmt.Errorf("schema: column %s%s occurs twice (letter case does not count)", path, f.Name)
		}
		seen[name] = true
		if err := uniqueNames(f.Type, path+f.Name+"."); err != nil {
			return err
		}
	}
	return nil
}

type schemaParser struct {
	s      scanner
	fields int
}

// typ reads a type: a name, or an object with a "type" of its own. The parts of an
// object may come in any order.
func (p *schemaParser) typ() (batch.Type, error) {
	if p.s.peek() == '"' {
		name, err := p.s.str()
		if err != nil {
			return batch.Type{}, err
		}
		return simpleType(name)
	}
	var kind string
	var fields []batch.Field
	var element, key, value batch.Type
	containsNull, valueNull := true, true
	err := p.s.object(func(k []byte) (err error) {
		switch string(k) {
		case "type":
			kind, err = p.s.str()
		case "fields":
			err = p.s.array(func() error {
				f, err := p.field()
				fields = append(fields, f)
				return err
			})
		case "elementType":
			element, err = p.typ()
		case "containsNull":
			containsNull, err = p.s.bool()
		case "keyType":
			key, err = p.typ()
		case "valueType":
			value, err = p.typ()
		case "valueContainsNull":
			valueNull, err = p.s.bool()
		default:
			err = p.s.skip()
		}
		return err
	})
	if err != nil {
		return batch.Type{}, err
	}
	switch {
	case kind == "struct":
		return batch.StructType(fields...), nil
	case kind == "array" && element.Kind != batch.Invalid:
		return batch.ArrayType(element, containsNull), nil
	case kind == "map" && key.Kind != batch.Invalid && value.Kind != batch.Invalid:
		return batch.MapType(key, value, valueNull), nil
	}
	return batch.Type{}, fmt.Errorf("type %q is not known or not complete", kind)
}

func (p *schemaParser) field() (batch.Field, error) {
	f := batch.Field{Nullable: true}
	if p.fields++; p.fields > maxFields {
		return f, fmt.Errorf("more than %d fields", maxFields)
	}
	err := p.s.object(func(k []byte) (err error) {
		switch string(k) {
		case "name":
			f.Name, err = p.s.str()
		case "type":
			f.Type, err = p.typ()
		case "nullable":
			f.Nullable, err = p.s.bool()
		case "metadata":
			err = p.metadata(&f)
		default:
			err = p.s.skip()
		}
		return err
	})
	if err == nil && f.Type.Kind == batch.Invalid {
		err = errors.New("it has no type")
	}
	if err != nil {
		return f, fmt.Errorf("column %s: %w", f.Name, err)
	}
	return f, nil
}

// metadata splits the comment from the rest, which is kept as text.
func (p *schemaParser) metadata(f *batch.Field) error {
	var rest strings.Builder
	err := p.s.object(func(k []byte) error {
		if string(k) == "comment" && p.s.peek() == '"' {
			return p.s.strTo(&f.Comment)
		}
		key := AppendString(nil, k)
		raw, err := p.s.raw()
		if rest.Len() > 0 {
			rest.WriteByte(',')
		}
		rest.Write(key)
		rest.WriteByte(':')
		rest.Write(raw)
		return err
	})
	if rest.Len() > 0 {
		f.Metadata = "{" + rest.String() + "}"
	}
	return err
}

var simpleTypes = map[string]batch.Type{
	"boolean": batch.BooleanType, "byte": batch.TinyIntType, "short": batch.SmallIntType, "integer": batch.IntType,
	"long": batch.BigIntType, "float": batch.FloatType, "double": batch.DoubleType, "string": batch.StringType,
	"binary": batch.BinaryType, "date": batch.DateType, "timestamp": batch.TimestampType,
	"timestamp_ntz": batch.TimestampNTZType, "variant": batch.VariantType, "void": batch.VoidType, "null": batch.VoidType,
	"decimal": batch.DecimalType(10, 0), "interval year to month": batch.YearMonthType, "interval year": batch.YearMonthType,
	"interval month": batch.YearMonthType, "interval day to second": batch.DayTimeType,
}

func simpleType(name string) (batch.Type, error) {
	if t, ok := simpleTypes[name]; ok {
		return t, nil
	}
	if inner, ok := strings.CutPrefix(name, "decimal("); ok {
		p, s, comma := strings.Cut(strings.TrimSuffix(inner, ")"), ",")
		if !comma {
			s = "0"
		}
		precision, e1 := strconv.ParseUint(strings.TrimSpace(p), 10, 8)
		scale, e2 := strconv.ParseUint(strings.TrimSpace(s), 10, 8)
		if e1 == nil && e2 == nil && strings.HasSuffix(inner, ")") && precision >= 1 && precision <= 38 && scale <= precision {
			return batch.DecimalType(uint8(precision), uint8(scale)), nil
		}
		return batch.Type{}, fmt.Errorf("type %q is not a decimal of 1 to 38 digits", name)
	}
	if strings.HasPrefix(name, "interval day") || strings.HasPrefix(name, "interval hour") ||
		strings.HasPrefix(name, "interval minute") || strings.HasPrefix(name, "interval second") {
		return batch.DayTimeType, nil
	}
	if len(name) > 80 {
		name = name[:80] + "..."
	}
	return batch.Type{}, fmt.Errorf("type %q is not known", name)
}

var typeNames = map[batch.Kind]string{
	batch.Boolean: "boolean", batch.TinyInt: "byte", batch.SmallInt: "short", batch.Int: "integer", batch.BigInt: "long",
	batch.Float: "float", batch.Double: "double", batch.String: "string", batch.Binary: "binary", batch.Date: "date",
	batch.Timestamp: "timestamp", batch.TimestampNTZ: "timestamp_ntz", batch.Variant: "variant", batch.Void: "void",
	batch.YearMonth: "interval year to month", batch.DayTime: "interval day to second",
}

// FormatSchema writes a schemaString as Spark does, without spaces.
func FormatSchema(s *batch.Schema) string {
	return string(appendType(nil, batch.StructType(s.Fields...)))
}

func appendType(b []byte, t batch.Type) []byte {
	switch t.Kind {
	case batch.Struct:
		b = append(b, `{"type":"struct","fields":[`...)
		for i, f := range t.Fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendField(b, f)
		}
		return append(b, "]}"...)
	case batch.Array:
		b = appendType(append(b, `{"type":"array","elementType":`...), t.Fields[0].Type)
		return append(strconv.AppendBool(append(b, `,"containsNull":`...), t.Fields[0].Nullable), '}')
	case batch.Map:
		b = appendType(append(b, `{"type":"map","keyType":`...), t.Fields[0].Type)
		b = appendType(append(b, `,"valueType":`...), t.Fields[1].Type)
		return append(strconv.AppendBool(append(b, `,"valueContainsNull":`...), t.Fields[1].Nullable), '}')
	case batch.Decimal:
		return fmt.Appendf(b, `"decimal(%d,%d)"`, t.Precision, t.Scale)
	}
	return AppendString(b, typeNames[t.Kind])
}

func appendField(b []byte, f batch.Field) []byte {
	b = AppendString(append(b, `{"name":`...), f.Name)
	b = appendType(append(b, `,"type":`...), f.Type)
	b = strconv.AppendBool(append(b, `,"nullable":`...), f.Nullable)
	b = append(b, `,"metadata":`...)
	rest := strings.TrimSpace(f.Metadata)
	switch {
	case f.Comment == "" && rest == "":
		b = append(b, "{}"...)
	case f.Comment == "":
		b = append(b, rest...)
	default:
		b = AppendString(append(b, `{"comment":`...), f.Comment)
		if inner := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(rest, "{"), "}")); inner != "" {
			b = append(append(b, ','), inner...)
		}
		b = append(b, '}')
	}
	return append(b, '}')
}
