package avro

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
)

// shape says how a value of a column is written.
type shape uint8

const (
	shapeNull shape = iota
	shapeBoolean
	shapeInt
	shapeLong
	shapeMillis // microseconds as milliseconds
	shapeFloat
	shapeDouble
	shapeBytes
	shapeFixed
	shapeDecimal
	shapeFixedDecimal
	shapeEnum
	shapeRecord
	shapeArray
	shapeMap
	shapeOptional // null or one other
	shapeMembers  // a struct of which one field is set
)

// form is how the values of one column are written.
type form struct {
	shape   shape
	node    *node
	path    string
	kids    []*form
	fields  []int          // of a record: the struct's field for each of the schema's
	null    int            // of a union: the branch of null, -1 for none
	at      []int          // of a union: the branch of each kid
	symbols map[string]int // of an enum
}

// Encoder writes rows of a column as Avro. It is immutable.
type Encoder struct{ root *form }

// NewEncoder returns an encoder of values of a type. It refuses, naming the field, a schema that the type does not fit.
func NewEncoder(t batch.Type, s *Schema) (*Encoder, error) {
	f, err := formOf(t, s.root, "")
	if err != nil {
		return nil, err
	}
	return &Encoder{f}, nil
}

// Append appends the row to dst.
func (e *Encoder) Append(dst []byte, c *batch.Column, row int) ([]byte, error) {
	return e.root.append(dst, c, row)
}

func formOf(t batch.Type, n *node, path string) (*form, error) {
	f := &form{node: n, path: path, null: -1}
	no := func() error {
		at := ""
		if path != "" {
			at = "field " + path + ": "
		}
		return &mismatch{fmt.Sprintf("%sa value of type %.200s cannot be written as %s", at, t.String(), n.describe())}
	}
	if n.kind == kindUnion {
		return f, f.union(t, no)
	}
	var ok bool
	if f.shape, ok = plainShape(t, n); ok {
		if f.shape == shapeEnum {
			f.symbols = map[string]int{}
			for i, s := range n.symbols {
				f.symbols[s] = i
			}
		}
		return f, nil
	}
	switch {
	case t.Kind == batch.Struct && n.kind == kindRecord:
		return f, f.record(t)
	case t.Kind == batch.Array && n.kind == kindArray:
		f.shape = shapeArray
		return f, f.below(t.Fields[0].Type, n.branches[0], path+"[]")
	case t.Kind == batch.Map && n.kind == kindMap && t.Fields[0].Type.Kind == batch.String:
		f.shape = shapeMap
		return f, f.below(t.Fields[1].Type, n.branches[0], path+"[]")
	}
	return nil, no()
}

func (f *form) below(t batch.Type, n *node, path string) error {
	kid, err := formOf(t, n, path)
	f.kids = append(f.kids, kid)
	return err
}

// plainShape pairs the types that Spark pairs.
func plainShape(t batch.Type, n *node) (shape, bool) {
	switch t.Kind {
	case batch.Void:
		return shapeNull, n.kind == kindNull
	case batch.Boolean:
		return shapeBoolean, n.kind == kindBoolean
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.YearMonth, batch.Date:
		return shapeInt, n.kind == kindInt
	case batch.BigInt, batch.DayTime:
		return shapeLong, n.kind == kindLong
	case batch.Timestamp, batch.TimestampNTZ:
		if n.logical == "timestamp-micros" || n.logical == "local-timestamp-micros" {
			return shapeLong, n.kind == kindLong
		}
		return shapeMillis, n.kind == kindLong // of a plain long too, as in Spark
	case batch.Float:
		return shapeFloat, n.kind == kindFloat
	case batch.Double:
		return shapeDouble, n.kind == kindDouble
	case batch.String:
		if n.kind == kindEnum {
			return shapeEnum, true
		}
		return shapeBytes, n.kind == kindString
	case batch.Binary:
		if n.kind == kindFixed {
			return shapeFixed, true
		}
		return shapeBytes, n.kind == kindBytes
	case batch.Decimal:
		same := n.logical == "decimal" && n.precision == int(t.Precision) && n.scale == int(t.Scale)
		if n.kind == kindFixed {
			return shapeFixedDecimal, same
		}
		return shapeDecimal, same && n.kind == kindBytes
	}
	return 0, false
}

// union writes null or one of the other branches: that which the type fits, or those that a struct of members has.
func (f *form) union(t batch.Type, no func() error) error {
	n := f.node
	f.null = slices.IndexFunc(n.branches, func(b *node) bool { return b.kind == kindNull })
	if n.structured() && t.Kind == batch.Struct && len(t.Fields) == len(n.members()) {
		f.shape = shapeMembers
		for i, b := range n.branches {
			if b.kind == kindNull {
				continue
			}
			m := t.Fields[len(f.kids)]
			if err := f.below(m.Type, b, within(f.path, m.Name)); err != nil {
				return err
			}
			f.at = append(f.at, i)
		}
		return nil
	}
	f.shape = shapeOptional
	for i, b := range n.branches {
		if kid, err := formOf(t, b, f.path); err == nil {
			f.kids, f.at = []*form{kid}, []int{i}
			return nil
		}
	}
	return no()
}

// record pairs fields by name, exactly and else without regard to letter case.
func (f *form) record(t batch.Type) error {
	f.shape = shapeRecord
	names := batch.NewSchema(t.Fields...)
	taken := 0
	for _, want := range f.node.fields {
		at := names.Index(want.name)
		if at < 0 {
			at = names.IndexFold(want.name)
		}
		if at < 0 {
			if want.node.nullable {
				f.fields = append(f.fields, -1)
				kid, err := formOf(batch.VoidType, want.node, within(f.path, want.name))
				if err != nil {
					return err
				}
				f.kids = append(f.kids, kid)
				continue
			}
			return &mismatch{fmt.Sprintf("field %s: the schema asks for it and the value has no such field", within(f.path, want.name))}
		}
		taken++
		f.fields = append(f.fields, at)
		if err := f.below(t.Fields[at].Type, want.node, within(f.path, want.name)); err != nil {
			return err
		}
	}
	if taken < len(t.Fields) {
		for _, have := range t.Fields {
			if !slices.ContainsFunc(f.node.fields, func(w field) bool { return names.IndexFold(w.name) == names.IndexFold(have.Name) }) {
				return &mismatch{fmt.Sprintf("field %s: the value has it and the schema has no such field", within(f.path, have.Name))}
			}
		}
	}
	return nil
}

func varint(dst []byte, v int64) []byte { return binary.AppendVarint(dst, v) }

func (f *form) append(dst []byte, c *batch.Column, row int) ([]byte, error) {
	if f.shape == shapeOptional || f.shape == shapeMembers {
		return f.branch(dst, c, row)
	}
	if f.shape != shapeNull && (c == nil || c.IsNull(row)) {
		at := f.path
		if at == "" {
			at = "the value"
		}
		return dst, fmt.Errorf("%s is null, and the Avro schema has no null there", at)
	}
	switch f.shape {
	case shapeBoolean:
		b := byte(0)
		if c.Bool(row) {
			b = 1
		}
		return append(dst, b), nil
	case shapeInt:
		return varint(dst, int64(c.I32[row])), nil
	case shapeLong:
		return varint(dst, c.I64[row]), nil
	case shapeMillis:
		v := c.I64[row]
		q := v / 1000
		if v%1000 < 0 {
			q--
		}
		return varint(dst, q), nil
	case shapeFloat:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(c.F32[row])), nil
	case shapeDouble:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(c.F64[row])), nil
	case shapeBytes:
		v := c.Bytes(row)
		return append(varint(dst, int64(len(v))), v...), nil
	case shapeDecimal, shapeFixedDecimal:
		return f.decimal(dst, c.I128[row])
	case shapeFixed, shapeEnum:
		return f.named(dst, c.Bytes(row))
	case shapeRecord, shapeArray, shapeMap:
		return f.nested(dst, c, row)
	}
	return dst, nil // null takes no byte
}

func (f *form) branch(dst []byte, c *batch.Column, row int) ([]byte, error) {
	if c == nil || c.IsNull(row) {
		if f.null < 0 {
			return dst, fmt.Errorf("%s is null, and the Avro schema has no null there", f.path)
		}
		return varint(dst, int64(f.null)), nil
	}
	if f.shape == shapeOptional {
		return f.kids[0].append(varint(dst, int64(f.at[0])), c, row)
	}
	for i, kid := range f.kids {
		if !c.Kids[i].IsNull(row) {
			return kid.append(varint(dst, int64(f.at[i])), c.Kids[i], row)
		}
	}
	if f.null < 0 {
		return dst, fmt.Errorf("no member of the union %s is set", f.path)
	}
	return varint(dst, int64(f.null)), nil
}

func (f *form) decimal(dst []byte, v batch.Int128) ([]byte, error) {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(v.Hi))
	binary.BigEndian.PutUint64(b[8:], v.Lo)
	at := 0
	for at < 15 && (b[at] == 0 && b[at+1] < 0x80 || b[at] == 0xff && b[at+1] >= 0x80) {
		at++
	}
	least := b[at:]
	if f.shape == shapeDecimal {
		return append(varint(dst, int64(len(least))), least...), nil
	}
	if len(least) > f.node.size {
		return dst, fmt.Errorf("the decimal %s needs %d bytes, the fixed has %d", f.path, len(least), f.node.size)
	}
	for range f.node.size - len(least) {
		dst = append(dst, byte(v.Hi>>63))
	}
	return append(dst, least...), nil
}

func (f *form) named(dst, v []byte) ([]byte, error) {
	if f.shape == shapeFixed {
		if len(v) != f.node.size {
			return dst, fmt.Errorf("%s has %d bytes, the fixed has %d", f.path, len(v), f.node.size)
		}
		return append(dst, v...), nil
	}
	i, ok := f.symbols[string(v)]
	if !ok {
		return dst, fmt.Errorf("%s: the enum has no symbol %.100q", f.path, v)
	}
	return varint(dst, int64(i)), nil
}

func (f *form) nested(dst []byte, c *batch.Column, row int) (_ []byte, err error) {
	if f.shape == shapeRecord {
		for i, kid := range f.kids {
			var of *batch.Column
			if f.fields[i] >= 0 {
				of = c.Kids[f.fields[i]]
			}
			if dst, err = kid.append(dst, of, row); err != nil {
				return dst, err
			}
		}
		return dst, nil
	}
	from, to := int(c.Off[row]), int(c.Off[row+1])
	if to > from {
		dst = varint(dst, int64(to-from))
	}
	for i := from; i < to; i++ {
		if f.shape == shapeMap {
			k := c.Kids[0].Bytes(i)
			dst = append(varint(dst, int64(len(k))), k...)
		}
		if dst, err = f.kids[0].append(dst, c.Kids[len(c.Kids)-1], i); err != nil {
			return dst, err
		}
	}
	return append(dst, 0), nil
}
