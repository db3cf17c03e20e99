package avro

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
)

// settle finds the type of a part whose own parts are settled.
func (n *node) settle(names Names) error {
	switch n.kind {
	case kindNull:
		n.typ, n.nullable = batch.VoidType, true
	case kindBoolean:
		n.typ, n.least = batch.BooleanType, 1
	case kindInt:
		n.typ, n.least = batch.IntType, 1
		if n.logical == "date" {
			n.typ = batch.DateType
		}
	case kindLong:
		n.typ, n.least = longType(n.logical), 1
	case kindFloat:
		n.typ, n.least = batch.FloatType, 4
	case kindDouble:
		n.typ, n.least = batch.DoubleType, 8
	case kindBytes, kindFixed:
		n.typ, n.least = batch.BinaryType, 1
		if n.kind == kindFixed {
			n.least = n.size
		}
		if n.logical == "decimal" {
			if n.precision < 1 || n.precision > 38 || n.scale < 0 || n.scale > n.precision {
				return fmt.Errorf("the Avro schema has a decimal(%d,%d); columns have at most 38 digits", n.precision, n.scale)
			}
			n.typ = batch.DecimalType(uint8(n.precision), uint8(n.scale))
		}
	case kindString, kindEnum:
		n.typ, n.least = batch.StringType, 1
	case kindRecord:
		n.typ = batch.Type{Kind: batch.Struct}
		seen := map[string]bool{}
		for _, f := range n.fields {
			if seen[f.name] {
				return fmt.Errorf("the Avro schema has two fields %q in one record", f.name)
			}
			seen[f.name] = true
			n.typ.Fields = append(n.typ.Fields, batch.Field{Name: f.name, Type: f.node.typ, Nullable: f.node.nullable})
			n.least += f.node.least
		}
	case kindArray:
		n.typ, n.least = batch.ArrayType(n.branches[0].typ, n.branches[0].nullable), 1
	case kindMap:
		n.typ, n.least = batch.MapType(batch.StringType, n.branches[0].typ, n.branches[0].nullable), 1
	case kindUnion:
		n.least = 1
		return n.union(names)
	}
	return nil
}

func longType(logical string) batch.Type {
	switch logical {
	case "timestamp-millis", "timestamp-micros":
		return batch.TimestampType
	case "local-timestamp-millis", "local-timestamp-micros":
		return batch.TimestampNTZType
	}
	return batch.BigIntType
}

// union finds the type of a union.
func (n *node) union(names Names) error {
	rest := n.members()
	n.nullable = len(rest) < len(n.branches)
	switch {
	case len(rest) == 0:
		n.typ, n.nullable = batch.VoidType, true
	case len(rest) == 1:
		n.typ = rest[0].typ
	case n.both(rest, kindInt, kindLong):
		n.typ = batch.BigIntType
	case n.both(rest, kindFloat, kindDouble):
		n.typ = batch.DoubleType
	default:
		n.typ = batch.Type{Kind: batch.Struct}
		seen := map[string]bool{}
		for i, m := range rest {
			name := fmt.Sprintf("member%d", i)
			if names.Stable {
				name = names.member(m)
			}
			if seen[strings.ToLower(name)] {
				return fmt.Errorf("the Avro schema has a union with two branches of the name %s; without enableStableIdentifiersForUnionType they are told apart by their place", name)
			}
			seen[strings.ToLower(name)] = true
			n.typ.Fields = append(n.typ.Fields, batch.Field{Name: name, Type: m.typ, Nullable: true})
		}
	}
	return nil
}

// members are the branches other than null.
func (n *node) members() []*node {
	var l []*node
	for _, b := range n.branches {
		if b.kind != kindNull {
			l = append(l, b)
		}
	}
	return l
}

func (n *node) both(l []*node, a, b kind) bool {
	return len(l) == 2 && (l[0].kind == a && l[1].kind == b || l[0].kind == b && l[1].kind == a)
}

// structured reports whether a union is a struct of members.
func (n *node) structured() bool {
	rest := n.members()
	return len(rest) > 1 && !n.both(rest, kindInt, kindLong) && !n.both(rest, kindFloat, kindDouble)
}

func (s Names) member(n *node) string {
	name := n.kind.String()
	if n.name != "" {
		name = n.name[strings.LastIndexByte(n.name, '.')+1:]
	}
	prefix := s.Prefix
	if prefix == "" {
		prefix = "member_"
	}
	return prefix + strings.ToLower(name)
}
