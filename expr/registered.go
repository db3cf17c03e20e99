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
// Of a call that takes no subject and address args are cut short.
func (b *binder) registered(c *parse.Call, args []*node, last *node) (*registered, error) {
	r := &registered{rest: map[string]string{}}
	if len(args) >= 2 {
		r.subject, _ = stringConstant(args[1])
	}
	if len(args) >= 3 {
		r.address, _ = stringConstant(args[2])
	}
	named, _ := mapConstant(last)
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
