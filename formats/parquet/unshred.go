package parquet

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go/format"

	"github.com/deltaic/deltaic/batch"
)

// isShredded reports whether the fields of a group are those of a variant of which parts lie in columns of their own.
func isShredded(kids []*field) bool {
	metadata, typed := byName(kids, "metadata"), byName(kids, "typed_value")
	return metadata != nil && metadata.leaf >= 0 && typed != nil && len(kids) <= 3
}

// unshredder puts shredded variants together, row by row: what was shredded is encoded anew, and the rest added.
type unshredder struct {
	dictionary metadataNames
	entries    []variantEntry
	budget     int64
}

// variantEntry is a field of an object: its value lies at an offset from the object's first one.
type variantEntry struct {
	name string
	at   int
}

// variant makes the variants of n rows from a column of metadata, value and typed_value, which it releases.
func (r *Reader) variant(w *wanted, parts *batch.Column, n int) (*batch.Column, error) {
	defer parts.Release()
	pool := r.file.options.Pool
	u := &unshredder{budget: r.file.options.Limits.BatchBytes}
	values := pool.NewColumn(batch.BinaryType, n)
	metadata := parts.Kids[0]
	var dst []byte
	for i := range n {
		dst = dst[:0]
		if !parts.IsNull(i) {
			if err := u.dictionary.read(metadata.Bytes(i)); err != nil {
				values.Release()
				return nil, err
			}
			var present bool
			var err error
			if dst, present, err = u.group(dst, parts, w.source, i); err != nil {
				values.Release()
				return nil, fmt.Errorf("row %d: %w", i, err)
			}
			if !present {
				dst = appendPrimitive(dst, variantNull)
			}
		}
		if int64(len(values.Data))+int64(len(dst)) > min(u.budget, math.MaxInt32) {
			values.Release()
			return nil, errBudget(u.budget)
		}
		values.AppendData(dst)
		values.Off[i+1] = int32(len(values.Data))
	}
	c := group(pool, batch.VariantType, n)
	c.Kids = append(c.Kids, metadata.Retain(), values)
	if parts.Valid != nil {
		c.CopyValid(parts)
	}
	return c, nil
}

// group appends the value of a row of a group with the columns value and typed_value, and reports whether there is one.
func (u *unshredder) group(dst []byte, g *batch.Column, f *field, row int) ([]byte, bool, error) {
	var value, typed *batch.Column
	var source *field
	for i, k := range g.Type.Fields {
		switch k.Name {
		case "value":
			value = g.Kids[i]
		case "typed_value":
			typed, source = g.Kids[i], byName(f.kids, k.Name)
		}
	}
	if value != nil && (value.Type.Kind != batch.Binary || value.IsNull(row)) {
		value = nil
	}
	switch {
	case typed == nil || typed.IsNull(row):
		if value == nil {
			return dst, false, nil
		}
		return append(dst, value.Bytes(row)...), true, nil
	case typed.Type.Kind == batch.Struct:
		var rest []byte
		if value != nil {
			rest = value.Bytes(row)
		}
		dst, err := u.object(dst, typed, source, row, rest)
		return dst, true, err
	case value != nil:
		return dst, false, fmt.Errorf("a variant has both a value and one of type %s", typed.Type)
	case typed.Type.Kind == batch.Array:
		dst, err := u.array(dst, typed, source, row)
		return dst, true, err
	}
	dst, err := appendTyped(dst, typed, source.element, row)
	return dst, true, err
}

// object appends an object of the fields that were shredded, and of those in rest.
func (u *unshredder) object(dst []byte, typed *batch.Column, f *field, row int, rest []byte) ([]byte, error) {
	first, begin := len(u.entries), len(dst)
	defer func() { u.entries = u.entries[:first] }()
	for i, k := range typed.Kids {
		if k.Type.Kind != batch.Struct || k.IsNull(row) {
			continue
		}
		at := len(dst)
		out, present, err := u.group(dst, k, f.kids[i], row)
		if err != nil {
			return dst, err
		}
		if dst = out; present {
			u.entries = append(u.entries, variantEntry{typed.Type.Fields[i].Name, at - begin})
		}
	}
	if rest != nil {
		var err error
		if dst, err = u.rest(dst, rest, first, begin); err != nil {
			return dst, err
		}
	}
	mine := u.entries[first:]
	slices.SortFunc(mine, func(a, b variantEntry) int { return strings.Compare(a.name, b.name) })
	idWidth, offWidth := 1, widthFor(len(dst)-begin)
	ids := make([]int, 0, len(mine))
	for i, e := range mine {
		id, ok := u.dictionary.ids[e.name]
		if !ok || i > 0 && mine[i-1].name == e.name {
			return dst, fmt.Errorf("the field %q of a variant is not in its metadata, or there twice", e.name)
		}
		ids = append(ids, id)
		idWidth = max(idWidth, widthFor(id))
	}
	large, width := 0, 1
	if len(mine) > 255 {
		large, width = 1, 4
	}
	head := append(make([]byte, 0, 64), byte((large<<4|(idWidth-1)<<2|offWidth-1)<<2|variantObject))
	head = appendUnsigned(head, len(mine), width)
	for _, id := range ids {
		head = appendUnsigned(head, id, idWidth)
	}
	for _, e := range mine {
		head = appendUnsigned(head, e.at, offWidth)
	}
	head = appendUnsigned(head, len(dst)-begin, offWidth)
	return slices.Insert(dst, begin, head...), nil
}

// rest appends the fields of the object rest, those that were shredded left out.
func (u *unshredder) rest(dst, rest []byte, first, begin int) ([]byte, error) {
	if len(rest) == 0 || rest[0]&3 != variantObject {
		return dst, fmt.Errorf("the rest of a shredded object is no object")
	}
	c, err := containerOf(rest)
	if err != nil {
		return dst, err
	}
	shredded := len(u.entries)
	for i := range c.count {
		id := c.id(i)
		if id >= len(u.dictionary.names) {
			return dst, fmt.Errorf("a field of a variant has the name %d of %d", id, len(u.dictionary.names))
		}
		name := u.dictionary.names[id]
		if slices.ContainsFunc(u.entries[first:shredded], func(e variantEntry) bool { return e.name == name }) {
			continue
		}
		v, err := c.value(i)
		if err != nil {
			return dst, err
		}
		if int64(len(dst)+len(v)) > u.budget {
			return dst, errBudget(u.budget)
		}
		u.entries = append(u.entries, variantEntry{name, len(dst) - begin})
		dst = append(dst, v...)
	}
	return dst, nil
}

// array appends an array of the elements of a row.
func (u *unshredder) array(dst []byte, typed *batch.Column, f *field, row int) ([]byte, error) {
	elements, begin := typed.Kids[0], len(dst)
	if elements.Type.Kind != batch.Struct {
		return dst, fmt.Errorf("the elements of a shredded array are of type %s", elements.Type)
	}
	from, to := int(typed.Off[row]), int(typed.Off[row+1])
	offsets := make([]int, 0, to-from+1)
	for i := from; i < to; i++ {
		offsets = append(offsets, len(dst)-begin)
		out, present, err := u.group(dst, elements, f.kids[0], i)
		if err != nil {
			return dst, err
		}
		if dst = out; !present {
			dst = appendPrimitive(dst, variantNull)
		}
	}
	offsets = append(offsets, len(dst)-begin)
	offWidth, large, width := widthFor(len(dst)-begin), 0, 1
	if to-from > 255 {
		large, width = 1, 4
	}
	head := appendUnsigned([]byte{byte((large<<2|offWidth-1)<<2 | variantArray)}, to-from, width)
	for _, o := range offsets {
		head = appendUnsigned(head, o, offWidth)
	}
	return slices.Insert(dst, begin, head...), nil
}

// appendTyped appends a value that was shredded into a column of its own.
func appendTyped(b []byte, c *batch.Column, e *format.SchemaElement, row int) ([]byte, error) {
	le := binary.LittleEndian
	switch c.Type.Kind {
	case batch.Boolean:
		if c.Bool(row) {
			return appendPrimitive(b, variantTrue), nil
		}
		return appendPrimitive(b, variantFalse), nil
	case batch.TinyInt:
		return append(appendPrimitive(b, variantInt8), byte(c.I32[row])), nil
	case batch.SmallInt:
		return le.AppendUint16(appendPrimitive(b, variantInt16), uint16(c.I32[row])), nil
	case batch.Int:
		return le.AppendUint32(appendPrimitive(b, variantInt32), uint32(c.I32[row])), nil
	case batch.Date:
		return le.AppendUint32(appendPrimitive(b, variantDate), uint32(c.I32[row])), nil
	case batch.BigInt:
		kind := variantInt64
		if _, ok := e.LogicalType.Value.(*format.TimeType); ok {
			kind = variantTime
		}
		return le.AppendUint64(appendPrimitive(b, kind), uint64(c.I64[row])), nil
	case batch.Timestamp:
		return le.AppendUint64(appendPrimitive(b, variantTimestamp), uint64(c.I64[row])), nil
	case batch.TimestampNTZ:
		return le.AppendUint64(appendPrimitive(b, variantTimestampNTZ), uint64(c.I64[row])), nil
	case batch.Float:
		return le.AppendUint32(appendPrimitive(b, variantFloat), math.Float32bits(c.F32[row])), nil
	case batch.Double:
		return le.AppendUint64(appendPrimitive(b, variantDouble), math.Float64bits(c.F64[row])), nil
	case batch.Decimal:
		return appendVariantDecimal(b, c.I128[row], c.Type), nil
	case batch.String:
		return appendText(b, c.Bytes(row)), nil
	case batch.Binary:
		v := c.Bytes(row)
		if _, ok := e.LogicalType.Value.(*format.UUIDType); ok && len(v) == 16 {
			return append(appendPrimitive(b, variantUUID), v...), nil
		}
		return append(le.AppendUint32(appendPrimitive(b, variantBinary), uint32(len(v))), v...), nil
	}
	return b, fmt.Errorf("a variant cannot have a value of type %s", c.Type)
}

func appendVariantDecimal(b []byte, v batch.Int128, t batch.Type) []byte {
	le := binary.LittleEndian
	switch {
	case t.Precision <= 9:
		return le.AppendUint32(append(appendPrimitive(b, variantDecimal4), t.Scale), uint32(v.Lo))
	case t.Precision <= 18:
		return le.AppendUint64(append(appendPrimitive(b, variantDecimal8), t.Scale), v.Lo)
	}
	return le.AppendUint64(le.AppendUint64(append(appendPrimitive(b, variantDecimal16), t.Scale), v.Lo), uint64(v.Hi))
}
