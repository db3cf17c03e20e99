package protobuf

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/deltaic/deltaic/batch"
)

// Beyond returns the part of what writer wrote that reader does not read, as a message to read it by: fields whose number reader has not, or has
// for values of another form, nested as they were; nil if there is none. Fields that hold several messages are not looked into.
func Beyond(writer, reader *Message) *Message {
	n := beyond(writer.root, reader.root)
	if n == nil {
		return nil
	}
	m := *writer
	m.root = n
	m.options.EmitDefaults = false // what a record does not have is nothing that it has beyond
	return &m
}

func beyond(w, r *node) *node {
	n := &node{descriptor: w.descriptor, typ: batch.Type{Kind: batch.Struct}, many: map[protowire.Number]*field{}}
	for i, f := range w.fields {
		kept := *f
		if known := r.field(f.number); known != nil && known.fits(onWire(f)) {
			if f.role != roleMessage || known.role != roleMessage || f.repeated || known.repeated {
				continue
			}
			if kept.of = beyond(f.of, known.of); kept.of == nil {
				continue
			}
			kept.typ, kept.value = kept.of.typ, kept.of.typ
		}
		kept.at = len(n.fields)
		n.fields = append(n.fields, &kept)
		column := w.typ.Fields[i]
		column.Type = kept.typ
		n.typ.Fields = append(n.typ.Fields, column)
		if f.number < protowire.Number(len(n.few)) {
			n.few[f.number] = &kept
		} else {
			n.many[f.number] = &kept
		}
	}
	if len(n.fields) == 0 {
		return nil
	}
	return n
}

// onWire is the form that a writer gives the values of a field: numbers of a list are packed into bytes, unless its schema says otherwise.
func onWire(f *field) protowire.Type {
	if f.descriptor.IsPacked() {
		return protowire.BytesType
	}
	return wire(f.kind)
}

// Unlike says which field of the writer means something else to the reader although it looks the same on the wire; nil if there is none. Values of
// 64 bits for a field of 32 are none: those that do not fit are errors of their records.
func Unlike(writer, reader *Message) error { return unlike(writer.root, reader.root) }

func unlike(w, r *node) error {
	for _, f := range w.fields {
		known := r.field(f.number)
		if known == nil || !known.fits(onWire(f)) {
			continue
		}
		if meaning(f.kind) != meaning(known.kind) {
			return fmt.Errorf("field %s, number %d, was written as %s and is read as %s", f.descriptor.FullName(), f.number, f.kind, known.kind)
		}
		if f.of != nil && known.of != nil {
			if err := unlike(f.of, known.of); err != nil {
				return err
			}
		}
	}
	return nil
}

// meaning is one kind of those whose values have the same bytes.
func meaning(k protoreflect.Kind) protoreflect.Kind {
	switch k {
	case protoreflect.Int32Kind, protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.BoolKind, protoreflect.EnumKind:
		return protoreflect.Int64Kind
	case protoreflect.Sint32Kind:
		return protoreflect.Sint64Kind
	case protoreflect.Sfixed32Kind:
		return protoreflect.Fixed32Kind
	case protoreflect.Sfixed64Kind:
		return protoreflect.Fixed64Kind
	case protoreflect.StringKind:
		return protoreflect.BytesKind
	}
	return k
}
