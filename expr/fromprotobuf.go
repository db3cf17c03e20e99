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
	t, err := p.writers.settle(topNullable(p.message.Type()))
	if err != nil {
		return nil, b.fail(c, "INVALID_OPTIONS", "from_protobuf: %v", err)
	}
	n := &node{name: "from_protobuf", t: t, nullable: true, args: []*node{args[0]}, fails: !p.permissive}
	n.kernel = func(r *run, sel []int32, a []val) (*batch.Column, error) { return p.eval(r, n, sel, a) }
	return b.intern(n, p.detail), nil
}

// protobufReader is what a context keeps of a call.
type protobufReader struct {
	d     *protobuf.Decoder
	known map[int]*protobufWriter
}

// protobufWriter is a schema that wrote records.
type protobufWriter struct {
	more *leftover // nil: the flow has all its fields, or does not rescue
	err  error     // why none of its records can be read
}

func (p *protobufCall) eval(r *run, n *node, sel []int32, a []val) (*batch.Column, error) {
	reader, _ := r.ctx.records[n].(*protobufReader)
	if reader == nil {
		reader = &protobufReader{d: p.message.NewDecoder(), known: map[int]*protobufWriter{}}
		if r.ctx.records == nil {
			r.ctx.records = map[*node]any{}
		}
		r.ctx.records[n] = reader
	}
	var failed error
	c, err := strict(n.t, func(x *rows, i int) {
		record := x.str(0, i)
		class, err := "MALFORMED_PROTOBUF_MESSAGE", error(nil)
		var w *protobufWriter
		if p.registry != nil && failed == nil {
			record, w, class, err, failed = p.unframe(reader, record)
		}
		if failed != nil { // the whole batch fails
			x.b.Null()
			return
		}
		if err == nil {
			class = "MALFORMED_PROTOBUF_MESSAGE"
			if p.writers.rescued != "" { // before the record: its row is closed with it
				err = w.more.appendTo(x.b.Kids[len(x.b.Kids)-1], record)
			}
			if err == nil {
				err = reader.d.Decode(record, x.b)
			}
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
// an error of the registry, or ends the flow.
func (p *protobufCall) unframe(reader *protobufReader, framed []byte) (record []byte, w *protobufWriter, class string, err, failed error) {
	id, rest, ok := registry.Unframe(framed)
	var index []int
	if ok {
		index, rest, ok = registry.Index(rest)
	}
	if !ok {
		return nil, nil, "MALFORMED_PROTOBUF_MESSAGE", errors.New("the record does not begin with a zero byte, the four of a schema's number and the place of its message"), nil
	}
	if w = reader.known[id]; w == nil {
		if w, err = p.writer(id); err != nil {
			return nil, nil, "", nil, err
		}
		if len(reader.known) >= maxWriters {
			clear(reader.known)
		}
		reader.known[id] = w
	}
	switch {
	case errors.Is(w.err, registry.ErrUnknown):
		delete(reader.known, id) // the registry remembers for how long
		return nil, nil, "SCHEMA_NOT_FOUND", w.err, nil
	case w.err != nil:
		return nil, nil, "INCOMPATIBLE_SCHEMA", w.err, nil
	case !slices.Equal(index, p.message.Index()):
		return nil, nil, "INCOMPATIBLE_SCHEMA", fmt.Errorf("the record is of the message at place %v of its schema, not of that at %v", index, p.message.Index()), nil
	}
	return rest, w, "", nil, nil
}

// writer looks at the schema with the number. The error is of the registry, or ends the flow.
func (p *protobufCall) writer(id int) (*protobufWriter, error) {
	s, err := p.registry.ByID(id)
	switch {
	case errors.Is(err, registry.ErrUnknown):
		return &protobufWriter{err: err}, nil
	case err != nil:
		return nil, err
	case s.Kind != registry.Protobuf:
		return &protobufWriter{err: fmt.Errorf("the schema of number %d is of kind %s", id, s.Kind)}, nil
	case s.ID == p.newest.ID:
		return &protobufWriter{}, nil
	}
	looks := p.writers.mode == evolveRescue || p.writers.mode == evolveFail
	written, err := protobuf.FromSource(s.Text, sources(s), p.message.Name(), p.options)
	if err == nil {
		err = protobuf.Unlike(written, p.message)
	} else if !looks { // the place of the message in its schema tells, and fields by their numbers
		err = nil
	}
	if p.writers.mode == evolveRestart { // with the newest it may be read
		if newer := p.newer(); newer != nil {
			return nil, newer
		}
	}
	if err != nil {
		return &protobufWriter{err: fmt.Errorf("the schema of number %d: %w", id, err)}, nil
	}
	if !looks {
		return &protobufWriter{}, nil
	}
	beyond := protobuf.Beyond(written, p.message)
	if beyond == nil {
		return &protobufWriter{}, nil
	}
	if p.writers.mode == evolveFail {
		return nil, p.writers.unknownFields("from_protobuf", "records have fields that the flow was not planned with", beyond.Type())
	}
	w, d := &protobufWriter{more: newLeftover(beyond.Type())}, beyond.NewDecoder()
	w.more.decode = func(record []byte) error { return d.Decode(record, w.more.b) }
	return w, nil
}

// newer is asked when records of another schema come: whether the newest of the subject has other columns than the flow was planned with.
func (p *protobufCall) newer() error {
	s, err := p.registry.Latest(p.subject)
	if err != nil || s.Kind != registry.Protobuf {
		return err
	}
	newest, err := protobuf.FromSource(s.Text, sources(s), p.name, p.options)
	if err != nil || newest.Type().Equal(p.message.Type()) {
		return nil // one that cannot be read is an error of its own records
	}
	return p.writers.unknownFields("from_protobuf", fmt.Sprintf("the newest schema of the subject %q has other columns than the flow was planned with", p.subject), newest.Type())
}
