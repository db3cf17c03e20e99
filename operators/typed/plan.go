package typed

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// shape is a Go type as far as rows are concerned.
type shape struct {
	t      reflect.Type
	column batch.Type
	fields []field // of a struct
	of     *shape  // of a pointer, slice or map's value
	key    *shape  // of a map
}

type field struct {
	name   string
	offset uintptr
	*shape
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	decimalType  = reflect.TypeFor[batch.Int128]()
)

// maxDepth bounds how deep types are nested, so that one that holds itself is refused.
const maxDepth = 16

func refuse(t reflect.Type, format string, args ...any) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: "UNSUPPORTED_GO_TYPE",
		Message: fmt.Sprintf("the Go type %s cannot stand for rows: %s", t, fmt.Sprintf(format, args...)),
		Hint:    "use exported fields of booleans, numbers, strings, []byte, time.Time, time.Duration, structs, slices, maps and pointers to them"}
}

// shapeOf returns the shape of a type; decimal is what a tag said, if anything.
func shapeOf(t reflect.Type, decimal batch.Type, depth int) (*shape, error) {
	s := &shape{t: t}
	if depth > maxDepth {
		return nil, refuse(t, "it is nested more than %d deep", maxDepth)
	}
	switch {
	case t == timeType:
		s.column = batch.TimestampType
		return s, nil
	case t == durationType:
		s.column = batch.DayTimeType
		return s, nil
	case t == decimalType:
		if decimal.Kind != batch.Decimal {
			return nil, refuse(t, "a decimal needs its precision, as in the tag `deltaic:\"amount,decimal(12,2)\"`")
		}
		s.column = decimal
		return s, nil
	}
	if k, simple := simpleKinds[t.Kind()]; simple {
		s.column = k
		return s, nil
	}
	var err error
	switch t.Kind() {
	case reflect.Struct:
		return s, s.structure(depth)
	case reflect.Pointer:
		if s.of, err = shapeOf(t.Elem(), decimal, depth+1); err != nil {
			return nil, err
		}
		s.column = s.of.column
		return s, nil
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			s.column = batch.BinaryType
			return s, nil
		}
		if s.of, err = shapeOf(t.Elem(), decimal, depth+1); err != nil {
			return nil, err
		}
		s.column = batch.ArrayType(s.of.column, s.of.nullable())
		return s, nil
	case reflect.Map:
		if s.key, err = shapeOf(t.Key(), batch.Type{}, depth+1); err != nil {
			return nil, err
		}
		if s.of, err = shapeOf(t.Elem(), decimal, depth+1); err != nil {
			return nil, err
		}
		s.column = batch.MapType(s.key.column, s.of.column, s.of.nullable())
		return s, nil
	}
	return nil, refuse(t, "there is no column for a %s", t.Kind())
}

var simpleKinds = map[reflect.Kind]batch.Type{
	reflect.Bool: batch.BooleanType, reflect.Int8: batch.TinyIntType, reflect.Int16: batch.SmallIntType, reflect.Int32: batch.IntType,
	reflect.Int64: batch.BigIntType, reflect.Int: batch.BigIntType, reflect.Float32: batch.FloatType, reflect.Float64: batch.DoubleType,
	reflect.String: batch.StringType,
}

// nullable says that a value of the type can be null.
func (s *shape) nullable() bool {
	switch s.t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return true
	}
	return false
}

func (s *shape) structure(depth int) error {
	s.column = batch.StructType()
	for i := range s.t.NumField() {
		f := s.t.Field(i)
		name, decimal, err := tagOf(f)
		if err != nil {
			return err
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		inner, err := shapeOf(f.Type, decimal, depth+1)
		if err != nil {
			return err
		}
		for _, other := range s.fields {
			if same(other.name, name) {
				return refuse(s.t, "two fields are called %s", name)
			}
		}
		s.fields = append(s.fields, field{name: name, offset: f.Offset, shape: inner})
		s.column.Fields = append(s.column.Fields, batch.Field{Name: name, Type: inner.column, Nullable: inner.nullable()})
	}
	if len(s.fields) == 0 {
		return refuse(s.t, "it has no exported fields")
	}
	return nil
}

// tagOf returns the column's name and the type that the tag gives a decimal.
func tagOf(f reflect.StructField) (name string, decimal batch.Type, err error) {
	name, rest, _ := strings.Cut(f.Tag.Get("deltaic"), ",")
	if name == "" {
		name = snake(f.Name)
	}
	if rest == "" {
		return name, batch.Type{}, nil
	}
	digits, is := strings.CutPrefix(rest, "decimal(")
	if p, s, ok := strings.Cut(strings.TrimSuffix(digits, ")"), ","); is && ok {
		precision, e1 := strconv.Atoi(strings.TrimSpace(p))
		scale, e2 := strconv.Atoi(strings.TrimSpace(s))
		if e1 == nil && e2 == nil && precision > 0 && precision <= batch.MaxPrecision && scale >= 0 && scale <= precision {
			return name, batch.DecimalType(uint8(precision), uint8(scale)), nil
		}
	}
	return "", batch.Type{}, refuse(f.Type, "the tag of field %s says %q, only decimal(p,s) can be said", f.Name, rest)
}

// snake is OrderID as order_id.
func snake(name string) string {
	var s strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			s.WriteByte('_')
		}
		s.WriteRune(unicode.ToLower(r))
	}
	return s.String()
}

// same compares names without regard to case and underscores.
func same(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, "_", ""), strings.ReplaceAll(b, "_", ""))
}

// index returns the place of the column for a field: the one of exactly its name, else one of the same name; -1 for none.
func index(fields []batch.Field, name string) int {
	at := -1
	for i, f := range fields {
		if f.Name == name {
			return i
		}
		if at < 0 && same(f.Name, name) {
			at = i
		}
	}
	return at
}

// rootOf returns the shape of T, and its columns: its fields, or itself as "value".
func rootOf(t reflect.Type) (*shape, *batch.Schema, error) {
	s, err := shapeOf(t, batch.Type{}, 0)
	if err != nil {
		return nil, nil, err
	}
	if s.fields != nil {
		return s, &batch.Schema{Fields: s.column.Fields}, nil
	}
	return s, batch.NewSchema(batch.Field{Name: "value", Type: s.column, Nullable: s.nullable()}), nil
}

// SchemaOf returns the columns of a type.
func SchemaOf[T any]() (*batch.Schema, error) {
	_, s, err := rootOf(reflect.TypeFor[T]())
	return s, err
}
