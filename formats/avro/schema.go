package avro

import (
	"fmt"

	"github.com/twmb/avro"

	"github.com/deltaic/deltaic/batch"
)

// The limits of a schema.
const (
	maxSchemaText  = 1 << 20
	maxSchemaDepth = 64
	maxSchemaNodes = 10_000
)

// kind is what bytes stand for.
type kind uint8

const (
	kindNull kind = iota
	kindBoolean
	kindInt
	kindLong
	kindFloat
	kindDouble
	kindBytes
	kindString
	kindFixed
	kindEnum
	kindRecord
	kindArray
	kindMap
	kindUnion
)

var kinds = map[string]kind{"null": kindNull, "boolean": kindBoolean, "int": kindInt, "long": kindLong, "float": kindFloat, "double": kindDouble,
	"bytes": kindBytes, "string": kindString, "fixed": kindFixed, "enum": kindEnum, "record": kindRecord, "error": kindRecord,
	"array": kindArray, "map": kindMap, "union": kindUnion}

func (k kind) String() string {
	for name, is := range kinds {
		if is == k && name != "error" {
			return name
		}
	}
	return "?"
}

// node is a part of a schema, references written out.
type node struct {
	kind      kind
	logical   string // as far as it has a meaning here
	precision int
	scale     int
	size      int // of a fixed
	name      string
	aliases   []string
	fields    []field
	branches  []*node // of a union; of an array or a map its only one
	symbols   []string
	fallback  string // of an enum, for symbols that it does not know
	fallsBack bool

	typ      batch.Type
	nullable bool // a union with null
	least    int  // bytes that a value has at least
	parts    int  // of the schema, this one and those within
}

type field struct {
	name       string
	aliases    []string
	node       *node
	value      any // default
	hasDefault bool
}

// Schema is a parsed schema. It is immutable.
type Schema struct {
	root *node
	text string
}

// Names say how the fields of a union are named; the zero value is Spark's default.
type Names struct {
	Stable bool   // by type (member_int), not by place
	Prefix string // before the type: "": member_
}

// Parse parses the JSON of a schema. Others whose types it names come with it, each before those that name it.
func Parse(text string, names Names, others ...string) (*Schema, error) {
	b := &reader{names: names, known: map[string]*avro.SchemaNode{}, open: map[string]bool{}}
	var root *avro.SchemaNode
	var known avro.SchemaCache
	for _, one := range append(others, text) {
		if err := bounded(one); err != nil {
			return nil, err
		}
		parsed, err := known.Parse(one)
		if err != nil {
			return nil, fmt.Errorf("the Avro schema cannot be read: %w", err)
		}
		root = parsed.Root()
		b.learn(root)
	}
	n, err := b.node(root, 0)
	if err != nil {
		return nil, err
	}
	return &Schema{root: n, text: text}, nil
}

// bounded refuses texts whose size or depth nobody needs, before anything is parsed.
func bounded(text string) error {
	if len(text) > maxSchemaText {
		return fmt.Errorf("the Avro schema has %d bytes, more than %d", len(text), maxSchemaText)
	}
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > 4*maxSchemaDepth {
				return fmt.Errorf("the Avro schema nests deeper than %d levels", maxSchemaDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// Type returns the type that values have in Spark.
func (s *Schema) Type() batch.Type { return s.root.typ }

// Nullable reports whether a value may be null.
func (s *Schema) Nullable() bool { return s.root.nullable || s.root.kind == kindNull }

// String returns the text that was parsed.
func (s *Schema) String() string { return s.text }

// reader writes out the references of a parsed schema.
type reader struct {
	names Names
	known map[string]*avro.SchemaNode // named types
	open  map[string]bool             // those around the part at hand
	nodes int
}

func fullName(n *avro.SchemaNode) string {
	if n.Namespace == "" {
		return n.Name
	}
	return n.Namespace + "." + n.Name
}

// learn notes the types that are named below n; a tree of definitions is finite.
func (r *reader) learn(n *avro.SchemaNode) {
	if n == nil {
		return
	}
	if _, defined := kinds[n.Type]; n.Name != "" && defined {
		r.known[fullName(n)] = n
	}
	for i := range n.Fields {
		r.learn(&n.Fields[i].Type)
	}
	for i := range n.Branches {
		r.learn(&n.Branches[i])
	}
	r.learn(n.Items)
	r.learn(n.Values)
}

func (r *reader) node(n *avro.SchemaNode, depth int) (*node, error) {
	if r.nodes++; r.nodes > maxSchemaNodes || depth > maxSchemaDepth {
		return nil, fmt.Errorf("the Avro schema has more than %d parts or nests deeper than %d levels, references written out", maxSchemaNodes, maxSchemaDepth)
	}
	before := r.nodes - 1
	k, ok := kinds[n.Type]
	if !ok {
		named := r.known[n.Type]
		if named == nil {
			return nil, fmt.Errorf("the Avro schema names no type %q", n.Type)
		}
		return r.node(named, depth)
	}
	name := ""
	if n.Name != "" {
		name = fullName(n)
		if r.open[name] {
			return nil, fmt.Errorf("the Avro schema refers to itself: %s holds itself; columns cannot", name)
		}
		r.open[name] = true
		defer delete(r.open, name)
	}
	out := &node{kind: k, logical: n.LogicalType, precision: n.Precision, scale: n.Scale, size: n.Size, name: name, aliases: n.Aliases,
		symbols: n.Symbols, fallback: n.EnumDefault, fallsBack: n.HasEnumDefault}
	for i := range n.Fields {
		f := &n.Fields[i]
		of, err := r.node(&f.Type, depth+1)
		if err != nil {
			return nil, err
		}
		out.fields = append(out.fields, field{name: f.Name, aliases: f.Aliases, node: of, value: f.Default, hasDefault: f.HasDefault})
	}
	var below []*avro.SchemaNode
	for i := range n.Branches {
		below = append(below, &n.Branches[i])
	}
	switch {
	case k == kindArray && n.Items != nil:
		below = append(below, n.Items)
	case k == kindMap && n.Values != nil:
		below = append(below, n.Values)
	}
	for _, b := range below {
		of, err := r.node(b, depth+1)
		if err != nil {
			return nil, err
		}
		out.branches = append(out.branches, of)
	}
	out.parts = r.nodes - before
	return out, out.settle(r.names)
}
