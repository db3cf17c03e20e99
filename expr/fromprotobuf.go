package expr

import (
	"errors"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/formats/protobuf"
	"github.com/deltaic/deltaic/formats/registry"
)

func fromProtobuf(b *binder, c *parse.Call, args []*node) (*node, error) {
	if err := b.to(batch.BinaryType, c, args, 0); err != nil {
		return nil, err
	}
	p, err := b.protobufCall(c, args)
	if err != nil {
		return nil, err
	}
	t := topNullable(p.message.Type())
	n := &node{name: "from_protobuf", t: t, nullable: true, args: []*node{args[0]}, fails: !p.permissive}
	n.kernel = func(r *run, sel []int32, a []val) (*batch.Column, error) { return p.eval(r, n, sel, a) }
	return b.intern(n, p.detail), nil
}

// protobufReader is what a context keeps of a call.
type protobufReader struct {
	d     *protobuf.Decoder
	known map[int]error // schemas that wrote records; an error where none of those can be read
}

func (p *protobufCall) eval(r *run, n *node, sel []int32, a []val) (*batch.Column, error) {
	reader, _ := r.ctx.records[n].(*protobufReader)
	if reader == nil {
		reader = &protobufReader{d: p.message.NewDecoder(), known: map[int]error{}}
		if r.ctx.records == nil {
			r.ctx.records = map[*node]any{}
		}
		r.ctx.records[n] = reader
	}
	var failed error
	c, err := strict(n.t, func(x *rows, i int) {
		record := x.str(0, i)
		class, err := "MALFORMED_PROTOBUF_MESSAGE", error(nil)
		if p.registry != nil && failed == nil {
			record, class, err, failed = p.unframe(reader, record)
		}
		if failed != nil { // the whole batch fails
			x.b.Null()
			return
		}
		if err == nil {
			class, err = "MALFORMED_PROTOBUF_MESSAGE", reader.d.Decode(record, x.b)
		}
		switch {
		case err == nil:
		case p.permissive:
			x.b.Null()
		default:
			x.fail(i, class, "from_protobuf: "+err.Error(), x.str(0, i))
		}
	})(r, sel, a)
	if failed != nil {
		c.Release()
		return nil, failed
	}
	return c, err
}

// unframe takes the number of the schema and the place of the message off a record. Fields are told apart by their numbers, so that what
// another version wrote is read by the newest; what matters is that the registry knows it and that it is the same message. failed is
// an error of the registry.
func (p *protobufCall) unframe(reader *protobufReader, framed []byte) (record []byte, class string, err, failed error) {
	id, rest, ok := registry.Unframe(framed)
	var index []int
	if ok {
		index, rest, ok = registry.Index(rest)
	}
	if !ok {
		return nil, "MALFORMED_PROTOBUF_MESSAGE", errors.New("the record does not begin with a zero byte, the four of a schema's number and the place of its message"), nil
	}
	unknown, asked := reader.known[id]
	if !asked {
		s, err := p.registry.ByID(id)
		switch {
		case errors.Is(err, registry.ErrUnknown):
			unknown = err
		case err != nil:
			return nil, "", nil, err
		case s.Kind != registry.Protobuf:
			unknown = fmt.Errorf("the schema of number %d is of kind %s", id, s.Kind)
		}
		if len(reader.known) >= maxWriters {
			clear(reader.known)
		}
		reader.known[id] = unknown
	}
	switch {
	case errors.Is(unknown, registry.ErrUnknown):
		delete(reader.known, id) // the registry remembers for how long
		return nil, "SCHEMA_NOT_FOUND", unknown, nil
	case unknown != nil:
		return nil, "INCOMPATIBLE_SCHEMA", unknown, nil
	case !slices.Equal(index, p.message.Index()):
		return nil, "INCOMPATIBLE_SCHEMA", fmt.Errorf("the record is of the message at place %v of its schema, not of that at %v", index, p.message.Index()), nil
	}
	return rest, "", nil, nil
}
