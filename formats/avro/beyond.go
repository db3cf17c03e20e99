package avro

// Beyond returns the part of what writer wrote that reader does not read, as a schema to read it by: fields of records that reader has not, by
// name or alias, nested as they were; nil if there is none. Records within arrays and maps are not looked into.
func Beyond(writer, reader *Schema) *Schema {
	n := beyond(writer.root, reader.root)
	if n == nil {
		return nil
	}
	return &Schema{root: n, text: writer.text}
}

func beyond(w, r *node) *node {
	if w.kind == kindUnion || r.kind == kindUnion {
		inner, wanted := w.only(), r.only()
		if inner == nil || wanted == nil {
			return nil
		}
		kid := beyond(inner, wanted)
		if kid == nil || w.kind != kindUnion {
			return kid
		}
		n := &node{kind: kindUnion, typ: kid.typ, nullable: w.nullable, least: 1, parts: 1 + kid.parts}
		for _, b := range w.branches {
			if b == inner {
				b = kid
			}
			n.branches = append(n.branches, b)
		}
		return n
	}
	if w.kind != kindRecord || r.kind != kindRecord {
		return nil
	}
	n := &node{kind: kindRecord, name: w.name, parts: 1}
	for _, f := range w.fields {
		if at := r.fieldOf(f.name); at >= 0 {
			if f.node = beyond(f.node, r.fields[at].node); f.node == nil {
				continue
			}
		}
		n.fields = append(n.fields, f)
		n.parts += f.node.parts
	}
	if len(n.fields) == 0 || n.settle(Names{}) != nil {
		return nil
	}
	return n
}

// only is the one part that a value has which is not null; nil if it may be of several.
func (n *node) only() *node {
	if n.kind != kindUnion {
		return n
	}
	if l := n.members(); len(l) == 1 {
		return l[0]
	}
	return nil
}
