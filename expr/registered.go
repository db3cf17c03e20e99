package expr

import (
	"errors"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/formats/registry"
	"github.com/deltaic/deltaic/supervision"
)

// maxWriters is of how many schemas a context keeps decoders.
const maxWriters = 1000

// registered is what a call says of a schema registry.
type registered struct {
	subject, address string
	of               registry.Registry
	rest             map[string]string // options of the format itself
}

// registered reads where the schemas of a call are: behind the value a subject and an address, or both as options. It returns
// nil for a call that names its schema itself.
func (b *binder) registered(c *parse.Call, args []*node) (*registered, error) {
	r := &registered{rest: map[string]string{}}
	at := len(args) - 1
	if at >= 1 {
		r.subject, _ = stringConstant(args[1])
	}
	if at >= 2 {
		if address, ok := stringConstant(args[2]); ok {
			r.address = address
		}
	}
	var named map[string]string
	if _, last := mapConstant(args[at]); last {
		var err error
		if named, err = b.options(c, args, at); err != nil {
			return nil, err
		}
	}
	reach := map[string]string{}
	for name, value := range named {
		switch key := strings.ToLower(name); {
		case key == "schema.registry.subject":
			r.subject = value
		case key == "schema.registry.address", key == "schema.registry.url":
			r.address = value
		case strings.HasPrefix(key, "confluent.schema.registry."):
			reach[name] = value
		default:
			r.rest[name] = value
		}
	}
	if r.address == "" {
		if len(reach) > 0 {
			return nil, b.fail(c, "INVALID_OPTIONS", "%s has options of a schema registry and no address: give it a subject and an address, or the options schema.registry.subject and schema.registry.address", strings.ToLower(c.Name))
		}
		return nil, nil
	}
	if r.subject == "" {
		return nil, b.fail(c, "INVALID_OPTIONS", "%s names a schema registry and no subject of it, such as 'orders-value'", strings.ToLower(c.Name))
	}
	if b.o.Registry == nil {
		return nil, b.fail(c, "INVALID_OPTIONS", "%s: no schema registry can be asked here", strings.ToLower(c.Name))
	}
	var err error
	if r.of, err = b.o.Registry(r.address, reach); err != nil {
		return nil, b.fail(c, "INVALID_OPTIONS", "%s: %v", strings.ToLower(c.Name), err)
	}
	return r, nil
}

// latest is the newest schema of the subject, which has to be of the kind.
func (b *binder) latest(c *parse.Call, r *registered, kind string) (registry.Schema, error) {
	s, err := r.of.Latest(r.subject)
	var known *supervision.Failure
	switch {
	case errors.As(err, &known):
		return s, parse.At(b.text, c.Pos(), known.Class, strings.ToLower(c.Name)+": "+known.Message, known.Hint)
	case err != nil:
		return s, parse.At(b.text, c.Pos(), "SCHEMA_NOT_FOUND", fmt.Sprintf("%s: %v", strings.ToLower(c.Name), err), "register a schema under the subject first")
	}
	if s.Kind != kind {
		return s, b.fail(c, "INVALID_SCHEMA", "%s: the subject %q has schemas of kind %s, not %s", strings.ToLower(c.Name), r.subject, s.Kind, kind)
	}
	return s, nil
}

// texts are the texts of the references.
func texts(l []registry.Reference) []string {
	var out []string
	for _, r := range l {
		out = append(out, r.Text)
	}
	return out
}
