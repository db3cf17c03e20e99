package avro

import (
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
)

// op says what a step reads and how it writes it.
type op uint8

const (
	opNull op = iota
	opBoolean
	opInt
	opLong       // also of an int
	opMillis     // as microseconds
	opNanos      // as microseconds, the rest cut off
	opLongFloat  // a whole number as float
	opLongDouble // a whole number as double
	opFloat
	opFloatDouble
	opDouble
	opBytes // also of text
	opText
	opFixed
	opDecimal
	opFixedDecimal
	opEnum
	opRecord
	opArray
	opMap
	opUnion
	opMember // one branch of a union that is a struct
	opUnfit  // a branch that the reader has not: an error if it comes
)

// step reads one value and appends one row to its builder.
type step struct {
	op    op
	to    *batch.Builder
	from  *node // what is read
	kids  []move
	at    int // of a member: which
	size  int
	limit int      // of a decimal: digits
	texts [][]byte // of an enum: symbols; nil: unknown to the reader
	why   string   // of what does not fit
}

// move is a field of a record that is read: into a field of the struct, or past.
type move struct {
	step *step // nil: skipped
	skip *node
	kid  int
	fill *batch.Column // one row: not read, the default
	cost int
}

// mismatch is an error of schemas that do not go together.
type mismatch struct{ text string }

func (m *mismatch) Error() string { return m.text }

func unlike(w, r *node, path string) error {
	at := ""
	if path != "" {
		at = "field " + path + ": "
	}
	return &mismatch{fmt.Sprintf("%swhat was written as %s cannot be read as %s", at, w.describe(), r.describe())}
}

func (n *node) describe() string {
	s := n.kind.String()
	if n.name != "" {
		s += " " + n.name
	}
	if n.logical != "" {
		s += " (" + n.logical + ")"
	}
	return s
}

// resolve makes the step that reads what w wrote as r wants it.
func resolve(w, r *node, path string) (*step, error) {
	if w.kind == kindUnion {
		return resolveWritten(w, r, path)
	}
	if r.kind == kindUnion {
		return resolveInto(w, r, path)
	}
	switch {
	case w.kind == kindRecord && r.kind == kindRecord: // names of records count in unions alone
		return resolveRecord(w, r, path)
	case w.kind == kindEnum && r.kind == kindEnum && w.called(r):
		return resolveEnum(w, r), nil
	case w.kind == r.kind && (w.kind == kindArray || w.kind == kindMap):
		kid, err := resolve(w.branches[0], r.branches[0], path+"[]")
		if err != nil {
			return nil, err
		}
		o := opArray
		if w.kind == kindMap {
			o = opMap
		}
		return &step{op: o, from: w, kids: []move{{step: kid}}}, nil
	}
	if s := resolvePlain(w, r); s != nil {
		s.from = w
		return s, nil
	}
	return nil, unlike(w, r, path)
}

// called reports whether the reader's type has the name of the writer's, or knows it as another; as in the reference implementation only the last part counts.
func (n *node) called(r *node) bool {
	short := func(s string) string {
		for i := len(s) - 1; i >= 0; i-- {
			if s[i] == '.' {
				return s[i+1:]
			}
		}
		return s
	}
	if short(n.name) == short(r.name) {
		return true
	}
	return slices.ContainsFunc(r.aliases, func(a string) bool { return a == n.name || short(a) == short(n.name) })
}

func resolvePlain(w, r *node) *step {
	switch {
	case w.kind == kindNull && r.kind == kindNull:
		return &step{op: opNull}
	case w.kind == kindBoolean && r.kind == kindBoolean:
		return &step{op: opBoolean}
	case w.kind == kindInt && r.kind == kindInt:
		return &step{op: opInt}
	case (w.kind == kindInt || w.kind == kindLong) && r.kind == kindLong:
		return &step{op: scaleOf(w, r)}
	case (w.kind == kindInt || w.kind == kindLong) && r.kind == kindFloat:
		return &step{op: opLongFloat}
	case (w.kind == kindInt || w.kind == kindLong) && r.kind == kindDouble:
		return &step{op: opLongDouble}
	case w.kind == kindFloat && r.kind == kindFloat:
		return &step{op: opFloat}
	case w.kind == kindFloat && r.kind == kindDouble:
		return &step{op: opFloatDouble}
	case w.kind == kindDouble && r.kind == kindDouble:
		return &step{op: opDouble}
	case (w.kind == kindBytes || w.kind == kindString) && (r.kind == kindBytes || r.kind == kindString):
		return resolveBytes(w, r)
	case w.kind == kindFixed && r.kind == kindFixed && w.size == r.size && w.called(r):
		if w.logical == "decimal" || r.logical == "decimal" {
			return decimalStep(opFixedDecimal, w, r)
		}
		return &step{op: opFixed, size: w.size}
	}
	return nil
}

// scaleOf returns how a number becomes the reader's: times are brought from the
// writer's unit, which is the reader's where the writer says nothing.
func scaleOf(w, r *node) op {
	if r.typ.Kind == batch.BigInt {
		return opLong
	}
	unit := w.logical
	if longType(unit).Kind == batch.BigInt && unit != "timestamp-nanos" && unit != "local-timestamp-nanos" {
		unit = r.logical
	}
	switch unit {
	case "timestamp-millis", "local-timestamp-millis":
		return opMillis
	case "timestamp-nanos", "local-timestamp-nanos":
		return opNanos
	}
	return opLong
}

func resolveBytes(w, r *node) *step {
	switch {
	case w.logical == "decimal" && w.kind == kindBytes || r.logical == "decimal" && r.kind == kindBytes:
		if r.kind != kindBytes {
			return nil
		}
		return decimalStep(opDecimal, w, r)
	case r.kind == kindString:
		return &step{op: opText}
	}
	return &step{op: opBytes}
}

// decimalStep refuses decimals of another scale, which would be other numbers.
func decimalStep(o op, w, r *node) *step {
	if r.logical != "decimal" || w.logical == "decimal" && (w.scale != r.scale || w.precision > r.precision) {
		return nil
	}
	return &step{op: o, size: w.size, limit: r.precision}
}

func resolveEnum(w, r *node) *step {
	s := &step{op: opEnum, from: w}
	for _, symbol := range w.symbols {
		switch {
		case slices.Contains(r.symbols, symbol):
			s.texts = append(s.texts, []byte(symbol))
		case r.fallsBack:
			s.texts = append(s.texts, []byte(r.fallback))
		default:
			s.texts = append(s.texts, nil)
		}
	}
	return s
}

// resolveWritten reads a union: each branch as far as the reader takes it.
func resolveWritten(w, r *node, path string) (*step, error) {
	s := &step{op: opUnion, from: w}
	fits := false
	for i, b := range w.branches {
		var kid *step
		var err error
		switch {
		case r.kind == kindUnion && len(r.branches) == len(w.branches) && r.branches[i].kind == b.kind && (b.name == "" || b.called(r.branches[i])):
			kid, err = intoBranch(b, r, i, path)
		default:
			kid, err = resolve(b, r, path)
		}
		if err != nil {
			kid = &step{op: opUnfit, why: err.Error()}
		}
		fits = fits || err == nil
		s.kids = append(s.kids, move{step: kid})
	}
	if !fits && len(w.branches) > 0 {
		return nil, unlike(w, r, path)
	}
	return s, nil
}

// resolveInto reads a plain value as a union: as its first branch of the same type, else of one that it can become.
func resolveInto(w, r *node, path string) (*step, error) {
	for _, exact := range []bool{true, false} {
		for i, b := range r.branches {
			if (b.kind == w.kind) != exact || exact && w.name != "" && !w.called(b) {
				continue
			}
			if s, err := intoBranch(w, r, i, path); err == nil {
				return s, nil
			}
		}
	}
	return nil, unlike(w, r, path)
}

// intoBranch reads what w wrote as branch i of a union, which w is not.
func intoBranch(w, r *node, i int, path string) (*step, error) {
	target := r.branches[i]
	if !r.structured() && target.kind != kindNull && r.typ.Kind != target.typ.Kind {
		wide := *target // int of int and long, float of float and double
		wide.kind = map[batch.Kind]kind{batch.BigInt: kindLong, batch.Double: kindDouble}[r.typ.Kind]
		wide.typ, wide.logical = r.typ, ""
		target = &wide
	} else if !r.structured() && r.typ.Kind == batch.BigInt && target.kind == kindLong {
		plain := *target
		plain.typ, plain.logical = r.typ, ""
		target = &plain
	}
	s, err := resolve(w, target, path)
	if err != nil || !r.structured() || target.kind == kindNull {
		return s, err
	}
	at := 0
	for _, b := range r.branches[:i] {
		if b.kind != kindNull {
			at++
		}
	}
	return &step{op: opMember, at: at, kids: []move{{step: s}}}, nil
}

// resolveRecord reads the writer's fields in their order, and adds what the writer has not.
func resolveRecord(w, r *node, path string) (*step, error) {
	s := &step{op: opRecord, from: w}
	taken := make([]bool, len(r.fields))
	for _, f := range w.fields {
		at := r.fieldOf(f.name)
		if at < 0 || taken[at] {
			s.kids = append(s.kids, move{skip: f.node})
			continue
		}
		taken[at] = true
		kid, err := resolve(f.node, r.fields[at].node, within(path, f.name))
		if err != nil {
			return nil, err
		}
		s.kids = append(s.kids, move{step: kid, kid: at})
	}
	for i, f := range r.fields {
		if taken[i] {
			continue
		}
		if !f.hasDefault {
			return nil, &mismatch{fmt.Sprintf("field %s: the writer has no such field, and the reader no default for it", within(path, f.name))}
		}
		column, err := constant(f.node, f.value)
		if err != nil {
			return nil, fmt.Errorf("the default of field %s: %w", within(path, f.name), err)
		}
		s.kids = append(s.kids, move{fill: column, kid: i, cost: 16 + int(column.Size())})
	}
	return s, nil
}

// fieldOf finds the reader's field for one of the writer's: by name, else by alias.
func (n *node) fieldOf(name string) int {
	at := slices.IndexFunc(n.fields, func(f field) bool { return f.name == name })
	if at < 0 {
		at = slices.IndexFunc(n.fields, func(f field) bool { return slices.Contains(f.aliases, name) })
	}
	return at
}

func within(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
