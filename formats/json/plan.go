package json

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
)

// Kinds of node that no column has.
const (
	kindSkip    batch.Kind = 0x80 + iota // a key the schema does not name: check and pass over
	kindCorrupt                          // the corrupt record column: never read
)

// maxLearned bounds the foreign keys that an object remembers, and their length,
// so that hostile records cannot make the decoder grow.
const (
	maxLearned    = 64
	maxLearnedKey = 64
)

// node is one place of the schema: the record, a field, an element, a value.
// Fields of an object form a guess of the writer's key order: next and alt
// are the keys that followed this one last and before that.
type node struct {
	kind  batch.Kind
	typ   batch.Type
	said  string         // typ in words, once a value did not fit
	b     *batch.Builder // set when the decoder is bound to a builder
	name  string
	path  string
	limit int64 // integers of less than 64 bits: the greatest value

	// The key as a writer has it: "name": with quotes and colon.
	text         string
	short        bool   // it has at most 16 bytes
	word0, word1 uint64 // its first 16 bytes
	mask0, mask1 uint64 // which of them count
	next, alt    *node

	// Struct.
	fields  []*node // as in the schema
	index   map[string]*node
	learned int
	head    *node // stands in front of the first key
	corrupt *node // the corrupt record column; root only
	rescued *node // the rescued data column; root only

	data int // String, Binary: bytes that the last batch had

	// Array: the element. Map: key and value.
	key, elem *node
	keys      keyTable
}

// nowhere is the guess that never matches: its word has a bit that its mask
// has not.
var nowhere = &node{word0: 1}

func (d *Decoder) newNode(t batch.Type, path string) (*node, error) {
	n := &node{kind: t.Kind, typ: t, path: path, next: nowhere, alt: nowhere}
	var err error
	switch t.Kind {
	case batch.TinyInt:
		n.limit = 1<<7 - 1
	case batch.SmallInt:
		n.limit = 1<<15 - 1
	case batch.Int:
		n.limit = 1<<31 - 1
	case batch.Struct:
		err = d.structNode(n)
	case batch.Array:
		n.elem, err = d.newNode(t.Fields[0].Type, path+"[]")
	case batch.Map:
		if t.Fields[0].Type.Kind != batch.String {
			return nil, unsupported(path, t, "JSON objects have string keys only")
		}
		if n.key, err = d.newNode(t.Fields[0].Type, path+".key"); err == nil {
			n.elem, err = d.newNode(t.Fields[1].Type, path+".value")
		}
	case batch.Variant, batch.YearMonth, batch.DayTime, batch.Invalid:
		return nil, unsupported(path, t, "read it as STRING, which keeps the JSON text, and convert that")
	}
	return n, err
}

func (d *Decoder) structNode(n *node) error {
	n.index = make(map[string]*node, len(n.typ.Fields))
	n.head = &node{next: nowhere, alt: nowhere}
	last := n.head
	for _, f := range n.typ.Fields {
		path := f.Name
		if n.path != "" {
			path = n.path + "." + f.Name
		}
		k, err := d.newNode(f.Type, path)
		if err != nil {
			return err
		}
		n.fields = append(n.fields, k)
		if n.path == "" && f.Name == d.o.CorruptRecord {
			if f.Type.Kind != batch.String {
				return unsupported(path, f.Type, "the corrupt record column must be STRING")
			}
			k.kind, n.corrupt = kindCorrupt, k
			continue
		}
		if n.path == "" && d.o.Rescued != "" && f.Name == d.o.Rescued {
			if f.Type.Kind != batch.String {
				return unsupported(path, f.Type, "the rescued data column must be STRING")
			}
			k.kind, n.rescued = kindCorrupt, k
			continue
		}
		if _, twice := n.index[f.Name]; twice {
			return unsupported(path, f.Type, "the schema names this field twice")
		}
		k.setKey(f.Name)
		n.index[f.Name] = k
		last.next, last = k, k
	}
	last.next = nowhere
	if n.head.next != nowhere && last != n.head {
		last.next = n.head.next
	}
	return nil
}

// setKey makes the key's comparison words.
func (n *node) setKey(name string) {
	n.name = name
	n.text = `"` + name + `":`
	n.short = len(n.text) <= 16
	if strings.ContainsAny(name, "\"\\") || strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r == 0xFFFD }) >= 0 {
		n.text, n.short, n.word0, n.mask0 = "", false, 1, 0 // written with escapes: the slow path finds it
		return
	}
	var text, mask [16]byte
	for i := range copy(text[:], n.text) {
		mask[i] = 0xFF
	}
	n.word0, n.word1 = binary.LittleEndian.Uint64(text[:]), binary.LittleEndian.Uint64(text[8:])
	n.mask0, n.mask1 = binary.LittleEndian.Uint64(mask[:]), binary.LittleEndian.Uint64(mask[8:])
}

// bind ties the nodes to the builders of a column.
func (n *node) bind(b *batch.Builder) {
	n.b = b
	switch n.kind {
	case batch.Struct:
		for i, f := range n.fields {
			f.bind(b.Kids[i])
		}
	case batch.Array:
		n.elem.bind(b.Kids[0])
	case batch.Map:
		n.key.bind(b.Kids[0])
		n.elem.bind(b.Kids[1])
	}
}

// find returns the field of the key, a node to skip it by, or nil if nothing
// is known of it.
func (d *Decoder) find(n *node, key []byte) *node {
	if f := n.index[string(key)]; f != nil {
		return f
	}
	if d.o.FoldCase {
		for _, f := range n.fields {
			if f.kind != kindCorrupt && strings.EqualFold(f.name, string(key)) {
				return f
			}
		}
	}
	if n.learned >= maxLearned || len(key) > maxLearnedKey {
		return nil
	}
	n.learned++
	f := &node{kind: kindSkip, next: nowhere, alt: nowhere}
	f.setKey(string(key))
	n.index[f.name] = f
	return f
}

func unsupported(path string, t batch.Type, hint string) error {
	if path == "" {
		path = "the record"
	}
	return fmt.Errorf("json: %s has type %s, which is not read from JSON: %s", path, t, hint)
}
