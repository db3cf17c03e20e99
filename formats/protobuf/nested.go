package protobuf

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/deltaic/deltaic/batch"
)

// nested appends a message that is there, as its role has it.
func (d *Decoder) nested(f *field, parts [][]byte, to *batch.Builder) bool {
	switch f.role {
	case roleTimestamp, roleDuration:
		return d.time(f, parts, to)
	case roleAny:
		return d.any(f, parts, to)
	case roleWrapper:
		return d.wrapped(f, parts, to)
	}
	return d.message(f.of, parts, to)
}

// time reads seconds and nanoseconds.
func (d *Decoder) time(f *field, parts [][]byte, to *batch.Builder) bool {
	var seconds, nanos int64
	for _, s := range parts {
		for len(s) > 0 {
			number, kind, size := protowire.ConsumeField(s)
			if size < 0 {
				return d.fail(f, "it ends within a value")
			}
			if _, _, tag := protowire.ConsumeTag(s); kind == protowire.VarintType {
				v, _ := protowire.ConsumeVarint(s[tag:])
				switch number {
				case 1:
					seconds = int64(v)
				case 2:
					nanos = int64(int32(v))
				}
			}
			s = s[size:]
		}
	}
	if seconds > math.MaxInt64/1_000_000-1 || seconds < math.MinInt64/1_000_000+1 || nanos <= -1_000_000_000 || nanos >= 1_000_000_000 {
		return d.fail(f, "%d seconds and %d nanoseconds are out of range", seconds, nanos)
	}
	micros := nanos / 1000
	if nanos%1000 < 0 && f.role == roleTimestamp {
		micros--
	}
	to.Int64(seconds*1_000_000 + micros)
	return true
}

// wrapped appends the value of a wrapper; one without is zero.
func (d *Decoder) wrapped(f *field, parts [][]byte, to *batch.Builder) bool {
	value := f.of.fields[0]
	last := occurrence{kind: protowire.BytesType}
	found := false
	for _, s := range parts {
		for len(s) > 0 {
			number, kind, size := protowire.ConsumeField(s)
			if size < 0 {
				return d.fail(f, "it ends within a value")
			}
			if _, _, tag := protowire.ConsumeTag(s); number == value.number && value.fits(kind) {
				last, found = occurrence{kind: kind, value: s[tag:size]}, true
				if kind == protowire.BytesType {
					last.value, _ = protowire.ConsumeBytes(last.value)
				}
			}
			s = s[size:]
		}
	}
	if !found {
		d.fallback(value, to)
		return true
	}
	return d.scalar(value, last, to, false)
}

// any appends an Any as JSON, by the descriptors that the message came with.
func (d *Decoder) any(f *field, parts [][]byte, to *batch.Builder) bool {
	var v anypb.Any
	err := proto.Unmarshal(bytes.Join(parts, nil), &v)
	var text []byte
	if err == nil {
		text, err = protojson.MarshalOptions{UseProtoNames: true, Resolver: resolver{d.m.types}}.Marshal(&v)
	}
	var compact bytes.Buffer
	if err == nil {
		err = json.Compact(&compact, text) // the library puts blanks where it likes
	}
	if err != nil {
		return d.fail(f, "%s cannot be written as JSON: %v", v.GetTypeUrl(), strings.TrimPrefix(err.Error(), "proto:"))
	}
	return d.text(f, compact.Bytes(), to)
}

// resolver finds the types of an Any among descriptors.
type resolver struct{ files *protoregistry.Files }

func (r resolver) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	d, err := r.files.FindDescriptorByName(name)
	if err != nil {
		return protoregistry.GlobalTypes.FindMessageByName(name)
	}
	m, ok := d.(protoreflect.MessageDescriptor)
	if !ok {
		return nil, errors.New("no message")
	}
	return dynamicpb.NewMessageType(m), nil
}

func (r resolver) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	return r.FindMessageByName(protoreflect.FullName(url[strings.LastIndexByte(url, '/')+1:]))
}

func (r resolver) FindExtensionByName(protoreflect.FullName) (protoreflect.ExtensionType, error) {
	return nil, protoregistry.NotFound
}

func (r resolver) FindExtensionByNumber(protoreflect.FullName, protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	return nil, protoregistry.NotFound
}

// entries appends a map: of equal keys the last counts.
func (d *Decoder) entries(f *field, first int32, to *batch.Builder) bool {
	keys := to.Kids[0]
	from := keys.Len()
	read := func(value []byte) bool { return d.entry(f.of, value, to.Kids) }
	var seen map[string]int32
	for at := first; at >= 0; at = d.found[at].next {
		if !read(d.found[at].value) {
			return false
		}
	}
	if n := keys.Len() - from; n > 1 {
		seen = make(map[string]int32, n)
		row := from
		for at := first; at >= 0; at = d.found[at].next {
			seen[keyOf(keys.Column(), row)] = at
			row++
		}
		if len(seen) < n { // again, the last ones only
			keys.Truncate(from)
			to.Kids[1].Truncate(from)
			for at := first; at >= 0; at = d.found[at].next {
				row := keys.Len()
				if !read(d.found[at].value) {
					return false
				}
				if seen[keyOf(keys.Column(), row)] != at {
					keys.Truncate(row)
					to.Kids[1].Truncate(row)
				}
			}
		}
	}
	to.List()
	return true
}

// keyOf is a key as text that is equal for equal keys.
func keyOf(c *batch.Column, row int) string {
	if c.Type.Kind == batch.String {
		return string(c.Bytes(row))
	}
	return string(batch.AppendJSON(nil, c, row))
}

// entry appends a key and a value; what is not there is zero.
func (d *Decoder) entry(n *node, value []byte, to []*batch.Builder) bool {
	found, heads := len(d.found), len(d.heads)
	d.heads = append(d.heads, -1, -1, -1, -1)
	if !d.scan(n, value, heads, len(d.set)) {
		return false
	}
	for i, f := range n.fields {
		first, last := d.heads[heads+2*i], d.heads[heads+2*i+1]
		ok := true
		switch {
		case f.role == roleScalar && first < 0:
			d.fallback(f, to[i])
		case f.role == roleScalar:
			ok = d.scalar(f, d.found[last], to[i], false)
		case first < 0:
			ok = d.nested(f, nil, to[i])
		default:
			ok = d.field(f, first, last, to[i])
		}
		if !ok {
			return false
		}
	}
	d.found, d.heads = d.found[:found], d.heads[:heads]
	return true
}
