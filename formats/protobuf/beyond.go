package protobuf

import (
	"google.golang.org/protobuf/encoding/protowire"

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
		if known := r.field(f.number); known != nil && known.fits(wire(f.kind)) {
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
