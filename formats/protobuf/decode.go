package protobuf

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/deltaic/deltaic/batch"
)

// The limits of records.
const (
	maxValues = 1 << 20
	maxData   = 1 << 30 // bytes of the texts of one column
)

// Decoder reads records into columns. It is used by one goroutine at a time.
type Decoder struct {
	m     *Message
	found []occurrence // of the messages that are open, the innermost last
	heads []int32      // per field of those: its first occurrence and its last, -1 for none
	set   []int32      // per oneof of those: the field that was set last, -1 for none
	parts [][]byte     // of the messages that are open
	count int          // values of the record
	err   error
}

// occurrence is a value as it stands in the record.
type occurrence struct {
	kind  protowire.Type
	value []byte // of a fixed or varint its bytes, else without its length
	next  int32  // of the same field, -1 for none
}

// NewDecoder returns a decoder of records of the message.
func (m *Message) NewDecoder() *Decoder { return &Decoder{m: m} }

// Decode appends the record as one row to a builder of the message's type. If it cannot be read the builder is as before.
func (d *Decoder) Decode(record []byte, to *batch.Builder) error {
	rows := to.Len()
	d.found, d.heads, d.set, d.count, d.err = d.found[:0], d.heads[:0], d.set[:0], 0, nil
	d.parts = append(d.parts[:0], record)
	if d.message(d.m.root, d.parts, to) {
		return nil
	}
	to.Truncate(rows)
	return d.err
}

func (d *Decoder) fail(f *field, format string, args ...any) bool {
	if d.err == nil {
		at := ""
		if f != nil {
			at = "field " + string(f.descriptor.FullName()) + ": "
		}
		d.err = fmt.Errorf("%s%s", at, fmt.Sprintf(format, args...))
	}
	return false
}

// message reads a message, whose parts are merged, into one row.
func (d *Decoder) message(n *node, parts [][]byte, to *batch.Builder) bool {
	found, heads, set := len(d.found), len(d.heads), len(d.set)
	for range 2 * len(n.fields) {
		d.heads = append(d.heads, -1)
	}
	for range n.descriptor.Oneofs().Len() {
		d.set = append(d.set, -1)
	}
	for _, part := range parts {
		if !d.scan(n, part, heads, set) {
			return false
		}
	}
	for i, f := range n.fields {
		first, last := d.heads[heads+2*i], d.heads[heads+2*i+1]
		if f.oneof >= 0 && d.set[set+f.oneof] != int32(i) {
			first, last = -1, -1
		}
		if !d.field(f, first, last, to.Kids[i]) {
			return false
		}
	}
	d.found, d.heads, d.set = d.found[:found], d.heads[:heads], d.set[:set]
	if n.hollow {
		to.Kids[0].Null()
	}
	to.Struct()
	return true
}

// scan notes where the values of the known fields stand.
func (d *Decoder) scan(n *node, s []byte, heads, set int) bool {
	for len(s) > 0 {
		number, kind, k := protowire.ConsumeTag(s)
		if k < 0 {
			return d.fail(nil, "the record ends within a tag, or has one that is none")
		}
		s = s[k:]
		f := n.field(number)
		size := protowire.ConsumeFieldValue(number, kind, s)
		if size < 0 {
			return d.fail(f, "field number %d of %s ends within its value, or is none", number, n.descriptor.FullName())
		}
		value := s[:size]
		s = s[size:]
		if f == nil || !f.fits(kind) {
			continue
		}
		switch kind {
		case protowire.BytesType:
			value, _ = protowire.ConsumeBytes(value)
		case protowire.StartGroupType:
			value, _ = protowire.ConsumeGroup(number, value)
		}
		if d.count++; d.count > maxValues {
			return d.fail(f, "the record has more than %d values", maxValues)
		}
		at := int32(len(d.found))
		d.found = append(d.found, occurrence{kind, value, -1})
		first, last := &d.heads[heads+2*f.at], &d.heads[heads+2*f.at+1]
		if *first < 0 {
			*first = at
		} else {
			d.found[*last].next = at
		}
		*last = at
		if f.oneof >= 0 {
			d.set[set+f.oneof] = int32(f.at)
		}
	}
	return true
}

// fits reports whether a value of the wire is one of the field; others are unknown fields.
func (f *field) fits(k protowire.Type) bool {
	return k == wire(f.kind) || f.packable && k == protowire.BytesType
}

func wire(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	case protoreflect.GroupKind:
		return protowire.StartGroupType
	case protoreflect.DoubleKind, protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return protowire.Fixed64Type
	case protoreflect.FloatKind, protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return protowire.Fixed32Type
	}
	return protowire.VarintType
}

func (d *Decoder) field(f *field, first, last int32, to *batch.Builder) bool {
	switch {
	case f.mapped:
		return d.entries(f, first, to)
	case f.repeated:
		for at := first; at >= 0; at = d.found[at].next {
			if !d.element(f, d.found[at], to.Kids[0]) {
				return false
			}
		}
		to.List()
		return true
	case first < 0:
		return d.absent(f, to)
	case f.role == roleScalar:
		return d.scalar(f, d.found[last], to, !f.descriptor.HasPresence() && !d.m.options.EmitDefaults)
	}
	from := len(d.parts)
	for at := first; at >= 0; at = d.found[at].next {
		d.parts = append(d.parts, d.found[at].value)
	}
	ok := d.nested(f, d.parts[from:], to)
	d.parts = d.parts[:from]
	return ok
}

// absent is a field that the record has not.
func (d *Decoder) absent(f *field, to *batch.Builder) bool {
	switch {
	case f.descriptor.Cardinality() == protoreflect.Required:
		return d.fail(f, "the record has no value for it, and it is required")
	case f.role == roleScalar && (f.descriptor.HasDefault() || !f.descriptor.HasPresence() && d.m.options.EmitDefaults):
		d.fallback(f, to)
	default:
		to.Null()
	}
	return true
}

// fallback appends what the schema says of a field that is not there.
func (d *Decoder) fallback(f *field, to *batch.Builder) {
	v := f.descriptor.Default()
	switch f.kind {
	case protoreflect.EnumKind:
		if f.value.Kind == batch.Int {
			to.Int32(int32(v.Enum()))
		} else {
			to.String(f.names[int32(v.Enum())])
		}
	case protoreflect.BoolKind:
		to.Bool(v.Bool())
	case protoreflect.FloatKind:
		to.Float32(float32(v.Float()))
	case protoreflect.DoubleKind:
		to.Float64(v.Float())
	case protoreflect.StringKind:
		to.String(v.String())
	case protoreflect.BytesKind:
		to.Bytes(v.Bytes())
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind:
		number(to, f.value, v.Uint())
	default:
		number(to, f.value, uint64(v.Int()))
	}
}

// element appends the values of one occurrence of a repeated field: several, if they are packed.
func (d *Decoder) element(f *field, o occurrence, to *batch.Builder) bool {
	if !f.packable || o.kind != protowire.BytesType {
		if f.role == roleScalar {
			return d.scalar(f, o, to, false)
		}
		from := len(d.parts)
		d.parts = append(d.parts, o.value)
		ok := d.nested(f, d.parts[from:], to)
		d.parts = d.parts[:from]
		return ok
	}
	kind := wire(f.kind)
	for rest := o.value; len(rest) > 0; {
		size := protowire.ConsumeFieldValue(f.number, kind, rest)
		if size < 0 {
			return d.fail(f, "packed values end within one")
		}
		if d.count++; d.count > maxValues {
			return d.fail(f, "the record has more than %d values", maxValues)
		}
		if !d.scalar(f, occurrence{kind: kind, value: rest[:size]}, to, false) {
			return false
		}
		rest = rest[size:]
	}
	return true
}

// scalar appends a value, null in place of zero if asked for.
func (d *Decoder) scalar(f *field, o occurrence, to *batch.Builder, zeroIsNull bool) bool {
	if o.kind == protowire.BytesType {
		if zeroIsNull && len(o.value) == 0 {
			to.Null()
			return true
		}
		return d.text(f, o.value, to)
	}
	var v uint64
	switch o.kind {
	case protowire.VarintType:
		v, _ = protowire.ConsumeVarint(o.value)
	case protowire.Fixed32Type:
		v32, _ := protowire.ConsumeFixed32(o.value)
		v = uint64(v32)
	case protowire.Fixed64Type:
		v, _ = protowire.ConsumeFixed64(o.value)
	}
	if zeroIsNull && v == 0 {
		to.Null()
		return true
	}
	if !narrow(f.kind, v) {
		return d.fail(f, "the value is of a wider type than %s", f.kind)
	}
	switch f.kind {
	case protoreflect.BoolKind:
		to.Bool(v != 0)
	case protoreflect.FloatKind:
		to.Float32(math.Float32frombits(uint32(v)))
	case protoreflect.DoubleKind:
		to.Float64(math.Float64frombits(v))
	case protoreflect.EnumKind:
		d.enum(f, int32(v), to)
	case protoreflect.Sint32Kind:
		number(to, f.value, uint64(int64(int32(protowire.DecodeZigZag(v&math.MaxUint32)))))
	case protoreflect.Sint64Kind:
		number(to, f.value, uint64(protowire.DecodeZigZag(v)))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		number(to, f.value, v&math.MaxUint32)
	default:
		number(to, f.value, v)
	}
	return true
}

// narrow reports whether the bits of a varint are a value of a kind of 32 bits: others were written by a field of 64, and would become other numbers.
func narrow(k protoreflect.Kind, v uint64) bool {
	switch k {
	case protoreflect.Int32Kind, protoreflect.EnumKind:
		return int64(v) == int64(int32(v))
	case protoreflect.Sint32Kind, protoreflect.Uint32Kind:
		return v <= math.MaxUint32
	}
	return true
}

// number appends the bits of a whole number as the type has them.
func number(to *batch.Builder, t batch.Type, v uint64) {
	switch t.Kind {
	case batch.Int:
		to.Int32(int32(v))
	case batch.Decimal:
		to.Decimal(batch.Int128{Lo: v})
	default:
		to.Int64(int64(v))
	}
}

func (d *Decoder) enum(f *field, v int32, to *batch.Builder) {
	name, known := f.names[v]
	switch {
	case f.value.Kind == batch.Int:
		to.Int32(v)
	case known:
		to.String(name)
	case f.closed && !f.repeated:
		to.Null()
	default:
		to.String(fmt.Sprintf("UNKNOWN_ENUM_VALUE_%s_%d", f.descriptor.Enum().Name(), v))
	}
}

func (d *Decoder) text(f *field, v []byte, to *batch.Builder) bool {
	if len(to.Column().Data)+3*len(v) > maxData {
		return d.fail(f, "the texts of one column of rows exceed 1 GiB")
	}
	if f.kind == protoreflect.StringKind && !utf8.Valid(v) {
		if f.strict {
			return d.fail(f, "the text is no UTF-8")
		}
		v = []byte(strings.ToValidUTF8(string(v), "\uFFFD"))
	}
	to.Bytes(v)
	return true
}
