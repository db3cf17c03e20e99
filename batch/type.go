package batch

import (
	"fmt"
	"strings"
)

// Kind names the shape of a type. Values are written to disk and to the wire
// (docs/FORMATS.md): they never change meaning, and new ones go at the end.
type Kind uint8

// The kinds, with the field of [Column] that holds their values.
const (
	Invalid      Kind = iota
	Boolean           // Bits
	TinyInt           // I32, -128..127
	SmallInt          // I32, -32768..32767
	Int               // I32
	BigInt            // I64
	Float             // F32
	Double            // F64
	Decimal           // I128, the unscaled value; precision 1..38
	String            // Off and Data, or Dict and I32; UTF-8 where it was made by us
	Binary            // Off and Data, or Dict and I32
	Date              // I32, days since 1970-01-01
	Timestamp         // I64, microseconds since 1970-01-01T00:00:00Z
	TimestampNTZ      // I64, microseconds of the wall clock since 1970-01-01T00:00:00
	YearMonth         // I32, months
	DayTime           // I64, microseconds
	Struct            // Kids, one per field
	Array             // Off and Kids[0]
	Map               // Off, Kids[0] keys (never null) and Kids[1] values
	Variant           // Kids[0] metadata and Kids[1] value, both Binary
	Void              // no buffers; every row is null
)

// Type is the type of a column. The zero Type is invalid.
type Type struct {
	Kind      Kind
	Precision uint8   // Decimal: digits, 1..38. Intervals: the first unit shown, see Units
	Scale     uint8   // Decimal: digits behind the point, 0..Precision. Intervals: the units below that are not shown
	Fields    []Field // Struct: its fields. Array: one, "element". Map: "key" and "value".
}

// Field is a named, typed column of a schema or struct.
type Field struct {
	Name     string
	Type     Type
	Nullable bool
	Comment  string
	Metadata string // a JSON object as text, "" for none; Delta's column metadata without the comment
}

// Schema is an ordered list of fields. It is immutable once a batch uses it.
type Schema struct {
	Fields []Field
}

// Simple types, for use where no parameters are needed.
var (
	BooleanType      = Type{Kind: Boolean}
	TinyIntType      = Type{Kind: TinyInt}
	SmallIntType     = Type{Kind: SmallInt}
	IntType          = Type{Kind: Int}
	BigIntType       = Type{Kind: BigInt}
	FloatType        = Type{Kind: Float}
	DoubleType       = Type{Kind: Double}
	StringType       = Type{Kind: String}
	BinaryType       = Type{Kind: Binary}
	DateType         = Type{Kind: Date}
	TimestampType    = Type{Kind: Timestamp}
	TimestampNTZType = Type{Kind: TimestampNTZ}
	YearMonthType    = Type{Kind: YearMonth}
	DayTimeType      = Type{Kind: DayTime}
	VariantType      = Type{Kind: Variant}
	VoidType         = Type{Kind: Void}
)

// DecimalType returns decimal(precision,scale).
func DecimalType(precision, scale uint8) Type {
	return Type{Kind: Decimal, Precision: precision, Scale: scale}
}

// StructType returns the struct of the fields, in order.
func StructType(fields ...Field) Type { return Type{Kind: Struct, Fields: fields} }

// ArrayType returns array<element>.
func ArrayType(element Type, containsNull bool) Type {
	return Type{Kind: Array, Fields: []Field{{Name: "element", Type: element, Nullable: containsNull}}}
}

// MapType returns map<key,value>.
func MapType(key, value Type, valueContainsNull bool) Type {
	return Type{Kind: Map, Fields: []Field{
		{Name: "key", Type: key}, {Name: "value", Type: value, Nullable: valueContainsNull}}}
}

var kindNames = [...]string{
	Boolean: "boolean", TinyInt: "tinyint", SmallInt: "smallint", Int: "int", BigInt: "bigint",
	Float: "float", Double: "double", Decimal: "decimal", String: "string", Binary: "binary",
	Date: "date", Timestamp: "timestamp", TimestampNTZ: "timestamp_ntz",
	YearMonth: "interval year to month", DayTime: "interval day to second",
	Struct: "struct", Array: "array", Map: "map", Variant: "variant", Void: "void",
}

// intervalUnits are the units of intervals, largest first.
var intervalUnits = map[Kind][]string{YearMonth: {"year", "month"}, DayTime: {"day", "hour", "minute", "second"}}

// IntervalType returns the type of intervals that show the units from and to, counted from the largest of the kind.
// Values are the same whatever the units; the zero ones show all.
func IntervalType(k Kind, from, to int) Type {
	return Type{Kind: k, Precision: uint8(from), Scale: uint8(len(intervalUnits[k]) - 1 - to)}
}

// Units returns the first and the last unit that an interval shows, see [IntervalType].
func (t Type) Units() (from, to int) {
	return int(t.Precision), len(intervalUnits[t.Kind]) - 1 - int(t.Scale)
}

// Whole returns the type with intervals, also within it, that show all their units: what columns have.
func (t Type) Whole() Type {
	switch {
	case t.Kind == YearMonth || t.Kind == DayTime:
		return Type{Kind: t.Kind}
	case !t.Nested():
		return t
	}
	out := t
	out.Fields = make([]Field, len(t.Fields))
	for i, f := range t.Fields {
		f.Type = f.Type.Whole()
		out.Fields[i] = f
	}
	return out
}

// String returns the kind in Spark's SQL spelling, in lower case.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// String returns the type in Spark's simpleString spelling, such as
// "decimal(12,2)" or "struct<a:int,b:array<string>>".
func (t Type) String() string {
	var s strings.Builder
	t.write(&s)
	return s.String()
}

func (t Type) write(s *strings.Builder) {
	switch t.Kind {
	case Decimal:
		fmt.Fprintf(s, "decimal(%d,%d)", t.Precision, t.Scale)
	case YearMonth, DayTime:
		units := intervalUnits[t.Kind]
		from, to := t.Units()
		from = min(from, len(units)-1)
		s.WriteString("interval " + units[from])
		if to > from {
			s.WriteString(" to " + units[to])
		}
	case Struct:
		s.WriteString("struct<")
		for i, f := range t.Fields {
			if i > 0 {
				s.WriteByte(',')
			}
			s.WriteString(f.Name)
			s.WriteByte(':')
			f.Type.write(s)
		}
		s.WriteByte('>')
	case Array:
		s.WriteString("array<")
		t.Fields[0].Type.write(s)
		s.WriteByte('>')
	case Map:
		s.WriteString("map<")
		t.Fields[0].Type.write(s)
		s.WriteByte(',')
		t.Fields[1].Type.write(s)
		s.WriteByte('>')
	default:
		s.WriteString(t.Kind.String())
	}
}

// Equal reports whether both types hold the same values under the same names;
// nullability, comments and metadata are not compared.
func (t Type) Equal(o Type) bool {
	if t.Kind != o.Kind || t.Precision != o.Precision || t.Scale != o.Scale || len(t.Fields) != len(o.Fields) {
		return false
	}
	for i := range t.Fields {
		if t.Kind == Struct && t.Fields[i].Name != o.Fields[i].Name {
			return false
		}
		if !t.Fields[i].Type.Equal(o.Fields[i].Type) {
			return false
		}
	}
	return true
}

// Fixed reports whether values of the type have a fixed width.
func (t Type) Fixed() bool {
	switch t.Kind {
	case String, Binary, Struct, Array, Map, Variant, Void, Invalid:
		return false
	}
	return true
}

// Nested reports whether the type has child columns.
func (t Type) Nested() bool {
	switch t.Kind {
	case Struct, Array, Map, Variant:
		return true
	}
	return false
}

// NewSchema returns the schema of the fields, in order.
func NewSchema(fields ...Field) *Schema { return &Schema{Fields: fields} }

// Index returns the position of the field with exactly this name, or -1.
func (s *Schema) Index(name string) int {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return i
		}
	}
	return -1
}

// IndexFold is Index with letter case ignored, as Spark resolves names. It
// returns -1 when there is none and -2 when several fields match.
func (s *Schema) IndexFold(name string) int {
	found := -1
	for i := range s.Fields {
		if strings.EqualFold(s.Fields[i].Name, name) {
			if found >= 0 {
				return -2
			}
			found = i
		}
	}
	return found
}

// Equal reports whether both schemas have the same names and types in order.
func (s *Schema) Equal(o *Schema) bool {
	return StructType(s.Fields...).Equal(StructType(o.Fields...))
}

// String returns the schema as DDL-like text: "a int, b string".
func (s *Schema) String() string {
	var b strings.Builder
	for i, f := range s.Fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.Name)
		b.WriteByte(' ')
		f.Type.write(&b)
		if !f.Nullable {
			b.WriteString(" not null")
		}
	}
	return b.String()
}
