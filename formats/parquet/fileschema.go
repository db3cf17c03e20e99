package parquet

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"github.com/deltaic/deltaic/batch"
)

// field is a field of a file as a batch type, with its place in the file.
type field struct {
	name     string
	typ      batch.Type
	nullable bool
	def, rep uint8 // levels at which a row of the field is not null
	kids     []*field
	leaf     int // index of the column chunk; -1 for groups
	element  *format.SchemaElement
	id       int32
}

// element is a node of the file's own schema tree.
type element struct {
	*format.SchemaElement
	kids []*element
	leaf int
}

func (e *element) repetition() format.FieldRepetitionType {
	if !e.RepetitionType.Valid {
		return format.Required
	}
	return e.RepetitionType.V
}

// treeParser turns the flat list of a footer into a tree.
type treeParser struct {
	list   []format.SchemaElement
	at     int
	leaves []*element
}

func (p *treeParser) next(depth int) (*element, error) {
	if p.at >= len(p.list) {
		return nil, errors.New("the schema ends before its last child")
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("the schema is nested deeper than %d levels", maxDepth)
	}
	e := &element{SchemaElement: &p.list[p.at], leaf: -1}
	p.at++
	n := int(e.NumChildren.V)
	switch {
	case e.Type.Valid && n == 0:
		if depth == 0 {
			return nil, errors.New("the schema's root is not a group")
		}
		e.leaf = len(p.leaves)
		p.leaves = append(p.leaves, e)
		return e, nil
	case n < 0 || n > len(p.list)-p.at:
		return nil, fmt.Errorf("the group %q says that it has %d children", e.Name, n)
	}
	for range n {
		k, err := p.next(depth + 1)
		if err != nil {
			return nil, err
		}
		e.kids = append(e.kids, k)
	}
	return e, nil
}

// fieldsOf returns the batch fields of a group's children.
func fieldsOf(kids []*element, def, rep uint8) ([]*field, error) {
	var out []*field
	for _, k := range kids {
		if k.leaf < 0 && len(k.kids) == 0 {
			continue // an empty group has no values to say null or not
		}
		f, err := fieldOf(k, def, rep)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// fieldOf returns the batch field of an element below levels def and rep.
func fieldOf(e *element, def, rep uint8) (*field, error) {
	if e.repetition() == format.Repeated {
		// Repeated without a list around it: a list that is never null.
		f := &field{name: e.Name, def: def, rep: rep, leaf: -1, element: e.SchemaElement, id: e.FieldID}
		k, err := valueOf(e, def+1, rep+1)
		if err != nil {
			return nil, err
		}
		f.list(k)
		return f, nil
	}
	f, err := valueOf(e, def, rep)
	return f, err
}

func (f *field) list(element *field) {
	f.kids = []*field{element}
	f.typ = batch.ArrayType(element.typ, element.nullable)
}

// valueOf is fieldOf for an element whose repetition, if it repeats, is
// counted in def and rep already.
func valueOf(e *element, def, rep uint8) (*field, error) {
	f := &field{name: e.Name, nullable: e.repetition() == format.Optional, def: def, rep: rep, leaf: e.leaf,
		element: e.SchemaElement, id: e.FieldID}
	if f.nullable {
		f.def++
	}
	if e.leaf >= 0 {
		f.typ = leafType(e.SchemaElement)
		if f.typ.Kind == batch.Invalid {
			return nil, fmt.Errorf("column %q has the physical type %s with length %d, which cannot be read",
				e.Name, e.Type.V, e.TypeLength.V)
		}
		return f, nil
	}
	_, isList := e.LogicalType.Value.(*format.ListType)
	_, isMap := e.LogicalType.Value.(*format.MapType)
	_, isVariant := e.LogicalType.Value.(*format.VariantType)
	if e.ConvertedType.Valid {
		isList = isList || e.ConvertedType.V == deprecated.List
		isMap = isMap || e.ConvertedType.V == deprecated.Map || e.ConvertedType.V == deprecated.MapKeyValue
	}
	one := len(e.kids) == 1 && e.kids[0].repetition() == format.Repeated
	switch {
	case isList && one:
		return f, f.listOf(e)
	case isMap && one && len(e.kids[0].kids) == 2:
		return f, f.mapOf(e.kids[0])
	}
	kids, err := fieldsOf(e.kids, f.def, f.rep)
	if err != nil {
		return nil, err
	}
	f.structOf(kids)
	if isVariant && isVariantShape(kids) {
		f.asVariant()
	}
	return f, nil
}

func (f *field) structOf(kids []*field) {
	f.kids = kids
	f.typ = batch.Type{Kind: batch.Struct}
	for _, k := range kids {
		f.typ.Fields = append(f.typ.Fields, batch.Field{Name: k.name, Type: k.typ, Nullable: k.nullable})
	}
}

// isVariantShape reports whether the kids are metadata and value; shredded
// variants have more and are read as the struct they are.
func isVariantShape(kids []*field) bool {
	return len(kids) == 2 && kids[0].leaf >= 0 && kids[1].leaf >= 0 &&
		(kids[0].name == "metadata" && kids[1].name == "value" || kids[0].name == "value" && kids[1].name == "metadata")
}

// asVariant makes a struct of metadata and value a variant.
func (f *field) asVariant() {
	if f.kids[0].name == "value" {
		f.kids = []*field{f.kids[1], f.kids[0]}
	}
	f.typ = batch.VariantType
}

// listOf follows the format's rules for lists of two and of three levels.
func (f *field) listOf(e *element) error {
	middle := e.kids[0]
	three := len(middle.kids) == 1 && middle.Name != "array" && middle.Name != e.Name+"_tuple" &&
		middle.kids[0].repetition() != format.Repeated
	var k *field
	var err error
	if three {
		k, err = valueOf(middle.kids[0], f.def+1, f.rep+1)
	} else {
		k, err = valueOf(middle, f.def+1, f.rep+1)
	}
	if err != nil {
		return err
	}
	f.list(k)
	return nil
}

func (f *field) mapOf(middle *element) error {
	kids, err := fieldsOf(middle.kids, f.def+1, f.rep+1)
	if err != nil {
		return err
	}
	if len(kids) != 2 {
		return fmt.Errorf("the map %q has a key or a value without columns", f.name)
	}
	f.kids = kids
	f.typ = batch.MapType(kids[0].typ, kids[1].typ, kids[1].nullable)
	return nil
}

// leafType returns the batch type of a leaf, or the invalid type.
func leafType(e *format.SchemaElement) batch.Type {
	if d, ok := decimalOf(e); ok {
		return d
	}
	is := func(c deprecated.ConvertedType) bool { return e.ConvertedType.Valid && e.ConvertedType.V == c }
	switch e.Type.V {
	case format.Boolean:
		return batch.BooleanType
	case format.Int32:
		return int32Type(e, is)
	case format.Int64:
		if t, ok := e.LogicalType.Value.(*format.TimestampType); ok && !t.IsAdjustedToUTC {
			return batch.TimestampNTZType
		} else if ok || is(deprecated.TimestampMicros) || is(deprecated.TimestampMillis) {
			return batch.TimestampType
		}
		if unsignedBits(e) == 64 {
			return batch.DecimalType(20, 0)
		}
		return batch.BigIntType
	case format.Int96:
		return batch.TimestampType
	case format.Float:
		return batch.FloatType
	case format.Double:
		return batch.DoubleType
	case format.ByteArray:
		switch e.LogicalType.Value.(type) {
		case *format.StringType, *format.EnumType, *format.JsonType:
			return batch.StringType
		}
		if is(deprecated.UTF8) || is(deprecated.Enum) || is(deprecated.Json) {
			return batch.StringType
		}
		return batch.BinaryType
	case format.FixedLenByteArray:
		if n := e.TypeLength.V; n > 0 && n <= 1<<20 {
			return batch.BinaryType
		}
	}
	return batch.Type{}
}

func int32Type(e *format.SchemaElement, is func(deprecated.ConvertedType) bool) batch.Type {
	if _, ok := e.LogicalType.Value.(*format.DateType); ok || is(deprecated.Date) {
		return batch.DateType
	}
	t, _ := e.LogicalType.Value.(*format.IntType)
	switch {
	case t != nil && t.IsSigned && t.BitWidth == 8 || is(deprecated.Int8):
		return batch.TinyIntType
	case t != nil && t.IsSigned && t.BitWidth == 16 || is(deprecated.Int16), unsignedBits(e) == 8:
		return batch.SmallIntType
	case unsignedBits(e) == 32:
		return batch.BigIntType
	}
	return batch.IntType
}

// unsignedBits returns the width of an unsigned integer, 0 for anything else.
func unsignedBits(e *format.SchemaElement) int {
	if t, ok := e.LogicalType.Value.(*format.IntType); ok {
		if t.IsSigned {
			return 0
		}
		return int(t.BitWidth)
	}
	if e.ConvertedType.Valid {
		switch e.ConvertedType.V {
		case deprecated.Uint8:
			return 8
		case deprecated.Uint16:
			return 16
		case deprecated.Uint32:
			return 32
		case deprecated.Uint64:
			return 64
		}
	}
	return 0
}

// decimalOf returns the decimal type of a leaf if it has one that fits.
func decimalOf(e *format.SchemaElement) (batch.Type, bool) {
	var precision, scale int32
	if t, ok := e.LogicalType.Value.(*format.DecimalType); ok {
		precision, scale = t.Precision, t.Scale
	} else if e.ConvertedType.Valid && e.ConvertedType.V == deprecated.Decimal {
		precision, scale = e.Precision.V, e.Scale.V
	} else {
		return batch.Type{}, false
	}
	if precision < 1 || precision > 38 || scale < 0 || scale > precision {
		return batch.Type{}, false
	}
	switch e.Type.V {
	case format.Int32, format.Int64, format.ByteArray:
	case format.FixedLenByteArray:
		if e.TypeLength.V < 1 || e.TypeLength.V > 1<<20 {
			return batch.Type{}, false
		}
	default:
		return batch.Type{}, false
	}
	return batch.DecimalType(uint8(precision), uint8(scale)), true
}
