package flowfile

import (
	"errors"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
)

// action returns what onViolation says.
func action(v *value) (stream.Action, error) {
	text, err := v.str("onViolation")
	if err != nil {
		return 0, err
	}
	a, known := stream.ParseAction(text)
	if !known {
		return 0, v.fail("INVALID_FLOW_FILE", "onViolation is %q; want warn, drop, quarantine or fail", text)
	}
	return a, nil
}

// expect reads a set of rules: {name: {constraint, onViolation, sample}}, or {name: constraint} for those that only warn.
func (b *builder) expect(d *stream.Frame, k, arg *value) (*stream.Frame, error) {
	return b.expectations(d, k, arg, stream.Warn)
}

// expecting is a verb named after one of Delta Live Tables': a set of rules with one action.
func expecting(a stream.Action) verb {
	return func(b *builder, d *stream.Frame, k, arg *value) (*stream.Frame, error) {
		return b.expectations(d, k, arg, a)
	}
}

func (b *builder) expectations(d *stream.Frame, k, arg *value, a stream.Action) (*stream.Frame, error) {
	if arg.kind == mapping && len(arg.keys) == 0 {
		return nil, arg.fail("INVALID_FLOW_FILE", "%s has no rules; name one, such as {paid: {constraint: \"amount > 0\"}}", k.text)
	}
	if arg.kind != mapping {
		return nil, arg.fail("INVALID_FLOW_FILE", "%s is %s; a mapping of rules by name is wanted, such as {paid: {constraint: \"amount > 0\", onViolation: drop}}", k.text, arg.kind)
	}
	set := make([]stream.Expectation, 0, len(arg.keys))
	for i, name := range arg.keys {
		e, err := expectation(name, arg.values[i], a)
		if err != nil {
			return nil, err
		}
		if e.OnViolation != a && strings.Contains(k.text, "_or_") {
			return nil, arg.values[i].get("onViolation").fail("INVALID_FLOW_FILE", "%s and onViolation of %s contradict each other: leave onViolation out, or write expect", k.text, name.text)
		}
		set = append(set, e)
	}
	return d.Expectations(set...), nil
}

func expectation(name, v *value, a stream.Action) (stream.Expectation, error) {
	e := stream.Expectation{Name: name.text, OnViolation: a}
	if v.kind == scalar {
		e.Constraint = v.text
		return e, nil
	}
	if err := v.only("expectation "+name.text, "constraint", "onViolation", "sample"); err != nil {
		return e, err
	}
	var err error
	if e.Constraint, err = v.need(name, "constraint"); err != nil {
		return e, err
	}
	if at := v.get("onViolation"); at != nil {
		if e.OnViolation, err = action(at); err != nil {
			return e, err
		}
	}
	if at := v.get("sample"); at != nil {
		e.Sample, err = at.integer("sample")
	}
	return e, err
}

// RulesOptions name a table of rules.
type RulesOptions struct {
	Path string
	Tags []string // of which a rule must have one; nil: all rules
}

// expectFrom reads {path, tags, onViolation, sample}: a set of rules that lies in a table, for many flows.
func (b *builder) expectFrom(d *stream.Frame, k, arg *value) (*stream.Frame, error) {
	if err := arg.only(k.text, "path", "tags", "onViolation", "sample"); err != nil {
		return nil, err
	}
	path, err := arg.need(k, "path")
	if err != nil {
		return nil, err
	}
	tags, err := arg.texts("tags")
	if err != nil {
		return nil, err
	}
	set, err := b.options.Connectors.Rules(RulesOptions{Path: path, Tags: tags})
	if err != nil {
		var f *supervision.Failure
		if errors.As(err, &f) { // its own path is that of the table
			here := *f
			here.Path, here.Message = "", "the table of rules "+path+": "+f.Message
			err = &here
		}
		return nil, placed(arg.get("path"), err)
	}
	if len(set) == 0 {
		return nil, arg.fail("INVALID_FLOW", "the table of rules %s has none for %s", path, k.text)
	}
	given := arg.get("onViolation")
	sample := arg.get("sample")
	for i := range set {
		if given != nil {
			if set[i].OnViolation, err = action(given); err != nil {
				return nil, err
			}
		}
		if sample != nil {
			if set[i].Sample, err = sample.integer("sample"); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(set, func(a, b stream.Expectation) int { return strings.Compare(a.Name, b.Name) })
	return d.Expectations(set...), nil
}

// observe reads {name, agg}.
func (b *builder) observe(d *stream.Frame, k, arg *value) (*stream.Frame, error) {
	if err := arg.only(k.text, "name", "agg"); err != nil {
		return nil, err
	}
	name, err := arg.need(k, "name")
	if err != nil {
		return nil, err
	}
	items, err := arg.texts("agg")
	if err != nil {
		return nil, err
	}
	return d.Observe(name, items...), nil
}
