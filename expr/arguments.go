package expr

import (
	"slices"
	"strings"

	"github.com/deltaic/deltaic/expr/parse"
)

// parameter is one that may be given by name, with what stands for it where it is not given: "" if it must be.
type parameter struct{ name, otherwise string }

// parameters are those of the functions whose arguments may be given by name: the ones for which Spark has names.
var parameters = map[string][]parameter{
	"mask": {{"str", ""}, {"upperChar", "'X'"}, {"lowerChar", "'x'"}, {"digitChar", "'n'"}, {"otherChar", "NULL"}},
}

// placed puts arguments that are given by name into their places.
func (b *binder) placed(c *parse.Call, name string, f *function) (*parse.Call, error) {
	known := parameters[name]
	if known == nil {
		return nil, b.fail(c, "NAMED_PARAMETERS_NOT_SUPPORTED", "the arguments of %s have no names; give them in order", name)
	}
	args, used := make([]parse.Node, len(known)), 0
	for i, a := range c.Args {
		at := i
		switch {
		case c.Names[i] != "":
			at = slices.IndexFunc(known, func(p parameter) bool { return equalFold(p.name, c.Names[i]) })
			if at < 0 {
				var names []string
				for _, p := range known {
					names = append(names, p.name)
				}
				return nil, b.fail(a, "UNRECOGNIZED_PARAMETER_NAME", "%s has no parameter %s; there are %s", name, clip(c.Names[i]), strings.Join(names, ", "))
			}
		case i > 0 && c.Names[i-1] != "":
			return nil, b.fail(a, "UNEXPECTED_POSITIONAL_ARGUMENT", "an argument without a name stands behind one with a name")
		case i >= len(known):
			return nil, b.fail(c, "WRONG_NUM_ARGS", "%s takes at most %d arguments: %s", name, len(known), f.doc.Signature)
		}
		if args[at] != nil {
			return nil, b.fail(a, "DUPLICATE_ROUTINE_PARAMETER_ASSIGNMENT", "the parameter %s is given twice", known[at].name)
		}
		args[at] = a
		used = max(used, at+1)
	}
	for i, p := range known[:used] {
		if args[i] != nil {
			continue
		}
		if p.otherwise == "" {
			return nil, b.fail(c, "REQUIRED_PARAMETER_NOT_FOUND", "%s needs its parameter %s", name, p.name)
		}
		value, err := parse.Expr(p.otherwise)
		if err != nil {
			return nil, err
		}
		args[i] = value
	}
	out := *c
	out.Args, out.Names = args[:used], nil
	return &out, nil
}
