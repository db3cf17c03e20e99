package flowfile

import (
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/stream"
)

// joinTypes are the words for a join, as Spark takes them.
var joinTypes = map[string]operators.JoinType{"": stream.Inner, "inner": stream.Inner, "left": stream.Left, "leftouter": stream.Left, "left_outer": stream.Left,
	"leftsemi": stream.LeftSemi, "left_semi": stream.LeftSemi, "semi": stream.LeftSemi, "leftanti": stream.LeftAnti, "left_anti": stream.LeftAnti, "anti": stream.LeftAnti}

// join reads {with, as, on, using, type}: a join with a static source.
func (b *builder) join(d *stream.Frame, k, arg *value) (*stream.Frame, error) {
	if err := arg.only(k.text, "with", "as", "on", "using", "type", "asof", "maxRowsPerBatch"); err != nil {
		return nil, err
	}
	for _, key := range []string{"asof", "maxRowsPerBatch"} {
		if at := arg.get(key); at != nil {
			return nil, at.fail("UNSUPPORTED_FEATURE", "join: %q is not supported by this version", key)
		}
	}
	with, err := arg.need(k, "with")
	if err != nil {
		return nil, err
	}
	table := b.statics[with]
	if table == nil {
		return nil, b.notStatic(arg.get("with"), with)
	}
	o := stream.JoinOptions{}
	if o.On, err = arg.optional("on"); err != nil {
		return nil, err
	}
	if o.Using, err = arg.texts("using"); err != nil {
		return nil, err
	}
	names, err := arg.texts("as")
	if err != nil {
		return nil, err
	}
	if len(names) > 2 {
		return nil, arg.get("as").fail("INVALID_FLOW_FILE", "join: as has %d names; a join has two sides", len(names))
	}
	copy(o.As[:], names)
	word, err := arg.optional("type")
	if err != nil {
		return nil, err
	}
	var known bool
	if o.Type, known = joinTypes[word]; !known {
		f := arg.get("type").fail("UNSUPPORTED_JOIN_TYPE", "join: type %q is not one of a stream with a static table: want inner, left, leftsemi or leftanti", word)
		f.Hint = "a right or full join would have to know which rows of the table no row of the stream will ever match"
		return nil, f
	}
	return d.JoinStatic(with, table, o), nil
}

// notStatic says what is wrong with the other side of a join.
func (b *builder) notStatic(at *value, name string) error {
	if b.frames[name] != nil {
		f := at.fail("UNSUPPORTED_FEATURE", "join with %q: it is a stream, and joins of two streams are not supported by this version", name)
		f.Hint = "a source that is a table can be static: true"
		return f
	}
	f := at.fail("TABLE_OR_VIEW_NOT_FOUND", "join with %q, which is no static source", name)
	var known []string
	for k := range b.statics {
		known = append(known, k)
	}
	if near := nearest(name, known); near != "" {
		f.Hint = "did you mean " + near + "?"
	}
	return f
}
