package protobuf

import (
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/deltaic/deltaic/batch"
)

// Encoder writes rows of a struct column as records of a message. It is immutable.
type Encoder struct{ root *plan }

// plan is how the fields of a struct are written: in the order of their numbers.
type plan struct {
	fields []*written
}

type written struct {
	*field
	column int // of the struct
	within *plan
	values map[string]int32 // of an enum
}

// NewEncoder returns an encoder of values of a type. It refuses, naming the field, what the message does not fit.
func (m *Message) NewEncoder(t batch.Type) (*Encoder, error) {
	p, err := planOf(t, m.root, "")
	return &Encoder{p}, err
}

// Append appends the row to dst.
func (e *Encoder) Append(dst []byte, c *batch.Column, row int) ([]byte, error) {
	return e.root.append(dst, c, row)
}

func planOf(t batch.Type, n *node, path string) (*plan, error) {
	if t.Kind != batch.Struct {
		return nil, fmt.Errorf("a message is a struct, not %.100s", t.String())
	}
	p := &plan{}
	taken := map[int]bool{}
	names := batch.NewSchema(t.Fields...)
	for _, f := range n.fields {
		at := names.Index(string(f.descriptor.Name()))
		if at < 0 {
			at = names.IndexFold(string(f.descriptor.Name()))
		}
		if at < 0 {
			if f.descriptor.Cardinality() == protoreflect.Required {
				return nil, fmt.Errorf("the message asks for a field %s%s and the value has none", path, f.descriptor.Name())
			}
			continue
		}
		taken[at] = true
		w := &written{field: f, column: at}
		if err := w.fit(t.Fields[at].Type, path); err != nil {
			return nil, err
		}
		p.fields = append(p.fields, w)
	}
	for i, f := range t.Fields {
		if !taken[i] && !(n.hollow && f.Name == hollowColumn) {
			return nil, fmt.Errorf("the value has a field %s%s and the message %s none", path, f.Name, n.descriptor.FullName())
		}
	}
	return p, nil
}

// fit checks the type of a column, and plans what is below it.
func (w *written) fit(t batch.Type, path string) (err error) {
	name := path + string(w.descriptor.Name())
	no := fmt.Errorf("field %s: a value of type %.100s is no %s", name, t.String(), w.typ)
	of := t
	switch {
	case w.mapped:
		if t.Kind != batch.Map {
			return no
		}
		of = batch.StructType(batch.Field{Name: "key", Type: t.Fields[0].Type}, batch.Field{Name: "value", Type: t.Fields[1].Type, Nullable: true})
	case w.repeated:
		if t.Kind != batch.Array {
			return no
		}
		of = t.Fields[0].Type
	}
	if w.kind == protoreflect.EnumKind {
		w.values = map[string]int32{}
		for i := range w.descriptor.Enum().Values().Len() {
			v := w.descriptor.Enum().Values().Get(i)
			w.values[string(v.Name())] = int32(v.Number())
		}
		if of.Kind != batch.String && of.Kind != batch.Int {
			return no
		}
		return nil
	}
	switch w.role {
	case roleMessage:
		w.within, err = planOf(of, w.of, name+".")
		return err
	case roleAny:
		return fmt.Errorf("field %s: JSON is not written as google.protobuf.Any", name)
	}
	if w.value.Kind != of.Kind {
		return no
	}
	return nil
}

func (p *plan) append(dst []byte, c *batch.Column, row int) (_ []byte, err error) {
	for _, w := range p.fields {
		if dst, err = w.append(dst, c.Kids[w.column], row); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (w *written) append(dst []byte, c *batch.Column, row int) (_ []byte, err error) {
	if c.IsNull(row) {
		if w.descriptor.Cardinality() == protoreflect.Required {
			return dst, fmt.Errorf("field %s is null, and it is required", w.descriptor.FullName())
		}
		return dst, nil
	}
	if !w.repeated {
		return w.tagged(dst, c, row, !w.descriptor.HasPresence())
	}
	for i := int(c.Off[row]); i < int(c.Off[row+1]); i++ {
		if w.mapped {
			entry := &batch.Column{Kids: c.Kids}
			body, err := w.within.append(nil, entry, i)
			if err != nil {
				return dst, err
			}
			dst = protowire.AppendBytes(protowire.AppendTag(dst, w.number, protowire.BytesType), body)
			continue
		}
		if c.Kids[0].IsNull(i) {
			return dst, fmt.Errorf("field %s has an element that is null", w.descriptor.FullName())
		}
		if !w.descriptor.IsPacked() {
			if dst, err = w.tagged(dst, c.Kids[0], i, false); err != nil {
				return dst, err
			}
		}
	}
	if w.descriptor.IsPacked() && c.Off[row] < c.Off[row+1] {
		var body []byte
		for i := int(c.Off[row]); i < int(c.Off[row+1]); i++ {
			if body, err = w.bare(body, c.Kids[0], i); err != nil {
				return dst, err
			}
		}
		dst = protowire.AppendBytes(protowire.AppendTag(dst, w.number, protowire.BytesType), body)
	}
	return dst, nil
}

// tagged appends a value with its tag; zero may be left out.
func (w *written) tagged(dst []byte, c *batch.Column, row int, dropZero bool) ([]byte, error) {
	before := len(dst)
	dst = protowire.AppendTag(dst, w.number, wire(w.kind))
	tag := len(dst)
	dst, err := w.bare(dst, c, row)
	if w.kind == protoreflect.GroupKind {
		dst = protowire.AppendTag(dst, w.number, protowire.EndGroupType)
	}
	if dropZero && strings.Trim(string(dst[tag:]), "\x00") == "" {
		dst = dst[:before]
	}
	return dst, err
}

// bare appends a value without its tag.
func (w *written) bare(dst []byte, c *batch.Column, row int) ([]byte, error) {
	switch w.role {
	case roleTimestamp, roleDuration:
		return protowire.AppendBytes(dst, w.time(c.I64[row])), nil
	case roleWrapper:
		inner := &written{field: w.of.fields[0]}
		body, err := inner.tagged(nil, c, row, true)
		return protowire.AppendBytes(dst, body), err
	case roleMessage:
		body, err := w.within.append(nil, c, row)
		if w.kind == protoreflect.GroupKind {
			return append(dst, body...), err
		}
		return protowire.AppendBytes(dst, body), err
	}
	return w.scalar(dst, c, row)
}

func (w *written) time(micros int64) []byte {
	seconds, rest := micros/1_000_000, micros%1_000_000
	if rest < 0 && w.role == roleTimestamp {
		seconds, rest = seconds-1, rest+1_000_000
	}
	var b []byte
	if seconds != 0 {
		b = protowire.AppendVarint(protowire.AppendTag(b, 1, protowire.VarintType), uint64(seconds))
	}
	if rest != 0 {
		b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), uint64(rest*1000))
	}
	return b
}

func (w *written) scalar(dst []byte, c *batch.Column, row int) ([]byte, error) {
	var v int64
	switch c.Type.Kind {
	case batch.Boolean:
		return protowire.AppendVarint(dst, protowire.EncodeBool(c.Bool(row))), nil
	case batch.Float:
		return protowire.AppendFixed32(dst, math.Float32bits(c.F32[row])), nil
	case batch.Double:
		return protowire.AppendFixed64(dst, math.Float64bits(c.F64[row])), nil
	case batch.String, batch.Binary:
		if w.kind != protoreflect.EnumKind {
			return protowire.AppendBytes(dst, c.Bytes(row)), nil
		}
		n, ok := w.values[string(c.Bytes(row))]
		if !ok {
			return dst, fmt.Errorf("field %s: the enum has no value %.100q", w.descriptor.FullName(), c.Bytes(row))
		}
		v = int64(n)
	case batch.Int:
		v = int64(c.I32[row])
	case batch.Decimal:
		d := c.I128[row]
		if d.Hi != 0 {
			return dst, fmt.Errorf("field %s: a number below zero or above 2^64 is no %s", w.descriptor.FullName(), w.kind)
		}
		v = int64(d.Lo)
	default:
		v = c.I64[row]
	}
	return w.whole(dst, v, c.Type.Kind)
}

func (w *written) whole(dst []byte, v int64, from batch.Kind) ([]byte, error) {
	switch w.kind {
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		if from == batch.BigInt && (v < 0 || v > math.MaxUint32) {
			return dst, fmt.Errorf("field %s: %d is no %s", w.descriptor.FullName(), v, w.kind)
		}
		if w.kind == protoreflect.Fixed32Kind {
			return protowire.AppendFixed32(dst, uint32(v)), nil
		}
		return protowire.AppendVarint(dst, uint64(uint32(v))), nil
	case protoreflect.Sfixed32Kind:
		return protowire.AppendFixed32(dst, uint32(v)), nil
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return protowire.AppendFixed64(dst, uint64(v)), nil
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return protowire.AppendVarint(dst, protowire.EncodeZigZag(v)), nil
	}
	return protowire.AppendVarint(dst, uint64(v)), nil
}
