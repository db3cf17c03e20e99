package expr

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/formats/avro"
	"github.com/deltaic/deltaic/formats/registry"
)

func toAvro(b *binder, c *parse.Call, args []*node) (*node, error) {
	r, err := b.registered(c, args, args[len(args)-1])
	if err != nil {
		return nil, err
	}
	s, head, err := b.writtenAs(c, args, r)
	if err != nil {
		return nil, err
	}
	e, err := avro.NewEncoder(args[0].t, s)
	if err != nil {
		return nil, b.fail(c, "INCOMPATIBLE_SCHEMA", "to_avro: %v", err)
	}
	n := b.callStrict("to_avro", batch.BinaryType, strict(batch.BinaryType, func(x *rows, i int) {
		v, err := e.Append(append(x.buf[:0], head...), x.a[0].c, i&x.a[0].mask())
		if err != nil {
			x.fail(i, "AVRO_CANNOT_WRITE", "to_avro: "+err.Error(), nil)
			return
		}
		x.bytes(v)
	}), args[0])
	n.fails = true
	return b.intern(n, string(head)+s.String()), nil
}

// writtenAs finds the schema that a call writes by, and what goes before each record.
func (b *binder) writtenAs(c *parse.Call, args []*node, r *registered) (s *avro.Schema, head []byte, err error) {
	switch {
	case r != nil:
		for name := range r.rest {
			return nil, nil, b.fail(c, "INVALID_OPTIONS", "to_avro has no option %q beside those of the schema registry", clip(name))
		}
		newest, err := b.latest(c, r, registry.Avro)
		if err != nil {
			return nil, nil, err
		}
		if s, err = avro.Parse(newest.Text, avro.Names{}, texts(newest.References)...); err != nil {
			return nil, nil, b.fail(c, "INVALID_SCHEMA", "to_avro: subject %q: %v", r.subject, err)
		}
		return s, registry.Frame(nil, newest.ID), nil
	case len(args) == 1:
		if s, err = avro.SchemaOf(args[0].t, args[0].nullable); err != nil {
			return nil, nil, b.mismatch(c.Args[0], "%v", err)
		}
		return s, nil, nil
	}
	text, ok := stringConstant(args[1])
	if !ok || len(args) > 2 {
		return nil, nil, b.mismatch(c.Args[1], "the schema of to_avro is a string constant, the JSON of an Avro schema; with a schema registry it is a subject, and the registry's address follows")
	}
	if s, err = avro.Parse(text, avro.Names{}); err != nil {
		return nil, nil, b.fail(c.Args[1], "INVALID_SCHEMA", "to_avro: %v", err)
	}
	return s, nil, nil
}
