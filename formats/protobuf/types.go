package protobuf

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/deltaic/deltaic/batch"
)

// role says how the value of a field is read.
type role uint8

const (
	roleScalar role = iota
	roleMessage
	roleTimestamp
	roleDuration
	roleAny
	roleWrapper // a message of which only the field value counts
)

// node is a message with its fields as columns.
type node struct {
	descriptor protoreflect.MessageDescriptor
	fields     []*field
	few        [64]*field // by number
	many       map[protowire.Number]*field
	typ        batch.Type
	hollow     bool // without fields, kept with a column that is always null
}

type field struct {
	descriptor protoreflect.FieldDescriptor
	number     protowire.Number
	kind       protoreflect.Kind
	role       role
	at         int // in the struct
	repeated   bool
	packable   bool
	mapped     bool // a map field: of is the entry
	of         *node
	oneof      int              // which of the message; -1: none
	typ        batch.Type       // of the column
	value      batch.Type       // of one value
	names      map[int32]string // of an enum
	closed     bool             // an enum whose unknown numbers do not count
	strict     bool             // a string that has to be UTF-8
}

// Type returns the struct that records become.
func (m *Message) Type() batch.Type { return m.root.typ }

type builder struct {
	o      Options
	around map[protoreflect.FullName]int // messages around the one at hand
	nodes  int
}

func (b *builder) message(m protoreflect.MessageDescriptor, depth int) (*node, error) {
	if b.nodes++; b.nodes > maxNodes || depth > maxDepth {
		return nil, fmt.Errorf("the message has more than %d parts or nests deeper than %d levels", maxNodes, maxDepth)
	}
	b.around[m.FullName()]++
	defer func() { b.around[m.FullName()]-- }()
	n := &node{descriptor: m, typ: batch.Type{Kind: batch.Struct}, many: map[protowire.Number]*field{}}
	for i := range m.Fields().Len() {
		f, err := b.field(m.Fields().Get(i), depth)
		if err != nil {
			return nil, err
		}
		if f == nil {
			continue
		}
		f.at = len(n.fields)
		n.fields = append(n.fields, f)
		n.typ.Fields = append(n.typ.Fields, batch.Field{Name: string(f.descriptor.Name()), Type: f.typ, Nullable: f.descriptor.Cardinality() == protoreflect.Optional})
		if f.number < protowire.Number(len(n.few)) {
			n.few[f.number] = f
		} else {
			n.many[f.number] = f
		}
	}
	if len(n.fields) == 0 && b.o.RetainEmpty {
		n.hollow, n.typ.Fields = true, []batch.Field{{Name: hollowColumn, Type: batch.StringType, Nullable: true}}
	}
	return n, nil
}

// hollowColumn is Spark's name of the column of a message without fields, since a struct has at least one.
const hollowColumn = "__dummy_field_in_empty_struct"

func (n *node) field(number protowire.Number) *field {
	if number < protowire.Number(len(n.few)) {
		return n.few[number]
	}
	return n.many[number]
}

// field makes the column of a field; none for a message that is nested too often, or has no fields.
func (b *builder) field(d protoreflect.FieldDescriptor, depth int) (*field, error) {
	f := &field{descriptor: d, number: d.Number(), kind: d.Kind(), repeated: d.IsList() || d.IsMap(), mapped: d.IsMap(), oneof: -1}
	if o := d.ContainingOneof(); o != nil && !o.IsSynthetic() {
		f.oneof = o.Index()
	}
	if b.nodes++; b.nodes > maxNodes {
		return nil, fmt.Errorf("the message has more than %d parts", maxNodes)
	}
	switch f.kind {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		if kept, err := b.nested(f, depth); err != nil || !kept {
			return nil, err
		}
	case protoreflect.EnumKind:
		f.enum(b.o)
	default:
		f.typ = b.scalar(f.kind)
		f.strict = f.kind == protoreflect.StringKind && d.ParentFile().Syntax() != protoreflect.Proto2
	}
	f.value = f.typ
	f.packable = f.repeated && f.role == roleScalar && f.kind != protoreflect.StringKind && f.kind != protoreflect.BytesKind
	switch {
	case f.mapped:
		f.typ = batch.MapType(f.of.typ.Fields[0].Type, f.of.typ.Fields[1].Type, false)
	case f.repeated:
		f.typ = batch.ArrayType(f.typ, false)
	}
	return f, nil
}

func (f *field) enum(o Options) {
	values := f.descriptor.Enum().Values()
	f.names = map[int32]string{}
	for i := values.Len() - 1; i >= 0; i-- { // of aliases the first
		f.names[int32(values.Get(i).Number())] = string(values.Get(i).Name())
	}
	f.closed = f.descriptor.Enum().IsClosed()
	f.typ = batch.StringType
	if o.EnumsAsInts {
		f.typ = batch.IntType
	}
}

// nested decides what a message within a message is.
func (b *builder) nested(f *field, depth int) (bool, error) {
	m := f.descriptor.Message()
	switch name := m.FullName(); {
	case name == "google.protobuf.Timestamp":
		f.role, f.typ = roleTimestamp, batch.TimestampType
		return true, nil
	case name == "google.protobuf.Duration":
		f.role, f.typ = roleDuration, batch.DayTimeType
		return true, nil
	case name == "google.protobuf.Any" && b.o.AnyAsJSON:
		f.role, f.typ = roleAny, batch.StringType
		return true, nil
	case b.around[name] > 0 && b.o.MaxRecursion <= 0:
		return false, fmt.Errorf("the message %s holds itself by its field %s; recursive.fields.max.depth says how deep it is read, at most %d", name, f.descriptor.FullName(), maxRecursion)
	case b.around[name] > 0 && b.around[name] >= b.o.MaxRecursion:
		return false, nil
	}
	of, err := b.message(m, depth+1)
	if err != nil {
		return false, err
	}
	f.of, f.role, f.typ = of, roleMessage, of.typ
	if f.mapped {
		return len(of.fields) == 2, nil // its values may nest too often
	}
	if b.o.UnwrapWrappers && wrapper(f.descriptor) {
		f.role, f.typ = roleWrapper, of.fields[0].typ
	}
	return len(of.fields) > 0 || of.hollow, nil
}

// wrappers say of what kind the only field, value, of a wrapper is.
var wrappers = map[protoreflect.FullName]protoreflect.Kind{
	"google.protobuf.BoolValue":   protoreflect.BoolKind,
	"google.protobuf.Int32Value":  protoreflect.Int32Kind,
	"google.protobuf.UInt32Value": protoreflect.Uint32Kind,
	"google.protobuf.Int64Value":  protoreflect.Int64Kind,
	"google.protobuf.UInt64Value": protoreflect.Uint64Kind,
	"google.protobuf.StringValue": protoreflect.StringKind,
	"google.protobuf.BytesValue":  protoreflect.BytesKind,
	"google.protobuf.FloatValue":  protoreflect.FloatKind,
	"google.protobuf.DoubleValue": protoreflect.DoubleKind,
}

// wrapper reports whether a field is of a wrapper. Descriptors come with definitions of their own: a message that only has the name of
// one is a message like others.
func wrapper(f protoreflect.FieldDescriptor) bool {
	kind, named := wrappers[f.Message().FullName()]
	if !named || f.Kind() != protoreflect.MessageKind || f.Message().Fields().Len() != 1 {
		return false
	}
	value := f.Message().Fields().Get(0)
	return value.Name() == "value" && value.Number() == 1 && value.Kind() == kind && value.Cardinality() == protoreflect.Optional
}

func (b *builder) scalar(k protoreflect.Kind) batch.Type {
	switch k {
	case protoreflect.BoolKind:
		return batch.BooleanType
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return batch.IntType
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		if b.o.WidenUnsigned {
			return batch.BigIntType
		}
		return batch.IntType
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		if b.o.WidenUnsigned {
			return batch.DecimalType(20, 0)
		}
		return batch.BigIntType
	case protoreflect.FloatKind:
		return batch.FloatType
	case protoreflect.DoubleKind:
		return batch.DoubleType
	case protoreflect.StringKind:
		return batch.StringType
	case protoreflect.BytesKind:
		return batch.BinaryType
	}
	return batch.BigIntType
}
