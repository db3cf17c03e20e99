package delta

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/supervision"
)

// What columns say of themselves, and constraints in the table's properties.
const (
	metaInvariant    = "delta.invariants"
	metaGenerated    = "delta.generationExpression"
	metaDefault      = "CURRENT_DEFAULT"
	constraintPrefix = "delta.constraints."
)

// ClassViolated is the class of the error of a row that breaks a constraint of the table.
const ClassViolated = "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES"

// rules are what a table makes of rows and demands of them: values for columns that they lack, and conditions that must be true
// of each. Conditions are evaluated over a batch at a time, which has the table's columns.
type rules struct {
	schema  *batch.Schema
	made    []made
	checks  []rule
	context expr.Context
}

// made is a column that rows need not have.
type made struct {
	column    int
	value     *expr.Bound
	generated bool // of other columns, and must be equal to it where rows do have it
}

// rule is a condition that is true of every row. One that is null is not.
type rule struct {
	class, name string
	condition   *expr.Bound
}

// newRules binds what the table says. What the expression language cannot say is refused by name: a row that might break a rule must not
// get in.
func newRules(head *Head) (*rules, error) {
	r := &rules{schema: head.Schema}
	for i, f := range head.Schema.Fields {
		if err := r.column(i, f); err != nil {
			return nil, err
		}
	}
	names := make([]string, 0, len(head.Metadata.Configuration))
	for k := range head.Metadata.Configuration {
		if strings.HasPrefix(k, constraintPrefix) {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	for _, k := range names {
		text := head.Metadata.Configuration[k]
		if err := r.check(ClassViolated, fmt.Sprintf("CHECK constraint %s (%s)", strings.TrimPrefix(k, constraintPrefix), text), text); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *rules) column(i int, f batch.Field) error {
	meta, err := metadataOf(f)
	if err != nil {
		return err
	}
	if err := r.invariants(f, f.Name); err != nil {
		return err
	}
	if raw := meta[metaCharacters]; raw != nil {
		if err := r.characters(f, raw); err != nil {
			return err
		}
	}
	for _, key := range []string{metaGenerated, metaDefault} {
		if meta[key] == nil {
			continue
		}
		var text string
		if err := json.Unmarshal(meta[key], &text); err != nil {
			return refuseRule(key+" of the column "+f.Name, string(meta[key]), err)
		}
		if err := r.make(i, f, text, key == metaGenerated); err != nil {
			return err
		}
	}
	return nil
}

// invariants binds what a column asks of rows, and the fields of structs in it. Those of elements have no name in a condition.
func (r *rules) invariants(f batch.Field, path string) error {
	meta, err := metadataOf(f)
	if err != nil {
		return err
	}
	if raw := meta[metaInvariant]; raw != nil {
		text, err := invariant(raw)
		if err != nil {
			return refuseRule("invariant of the column "+path, string(raw), err)
		}
		if err := r.check(ClassViolated, fmt.Sprintf("invariant of the column %s (%s)", path, text), text); err != nil {
			return err
		}
	}
	if f.Type.Kind != batch.Struct {
		if p := fieldSaying(f.Type, path, metaInvariant); p != "" {
			return refuseRule("invariant of the column "+p, "one of a field within an array or a map", nil)
		}
		return nil
	}
	for _, kid := range f.Type.Fields {
		if err := r.invariants(kid, path+"."+kid.Name); err != nil {
			return err
		}
	}
	return nil
}

// fieldSaying returns the path of a field within a type whose metadata has the key.
func fieldSaying(t batch.Type, path, key string) string {
	for _, f := range t.Fields {
		if strings.Contains(f.Metadata, `"`+key+`"`) {
			return path + "." + f.Name
		}
		if p := fieldSaying(f.Type, path+"."+f.Name, key); p != "" {
			return p
		}
	}
	return ""
}

// invariant reads {"expression":{"expression":"<SQL>"}}, which is text within JSON.
func invariant(raw json.RawMessage) (string, error) {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		text = string(raw)
	}
	var m struct{ Expression struct{ Expression string } }
	err := json.Unmarshal([]byte(text), &m)
	if err == nil && m.Expression.Expression == "" {
		err = fmt.Errorf("it has no expression")
	}
	return m.Expression.Expression, err
}

// make binds the value of a column that rows need not have.
func (r *rules) make(i int, f batch.Field, text string, generated bool) error {
	what, over := "default value of the column "+f.Name, &batch.Schema{}
	if generated {
		what, over = "generation expression of the column "+f.Name, r.schema
	}
	value, err := expr.Bind("CAST(("+text+") AS "+f.Type.String()+")", over, expr.NewOptions())
	if err != nil {
		return refuseRule(what, text, err)
	}
	r.made = append(r.made, made{i, value, generated})
	if !generated {
		return nil
	}
	quoted := "`" + strings.ReplaceAll(f.Name, "`", "``") + "`"
	return r.check(ClassViolated, fmt.Sprintf("generated column %s (%s)", f.Name, text), quoted+" <=> CAST(("+text+") AS "+f.Type.String()+")")
}

// check adds a condition.
func (r *rules) check(class, name, text string) error {
	condition, err := expr.Bind(text, r.schema, expr.NewOptions())
	if err == nil && !condition.Type().Equal(batch.BooleanType) {
		err = fmt.Errorf("it is of type %s, a boolean is wanted", condition.Type())
	}
	if err != nil {
		return refuseRule(name, text, err)
	}
	r.checks = append(r.checks, rule{class, name, condition})
	return nil
}

// unkept is why a rule cannot be bound.
type unkept struct {
	what string
	error
}

func (u *unkept) Unwrap() error { return u.error }

func refuseRule(what, text string, err error) error {
	if err != nil {
		err = &unkept{what, err}
	}
	return &supervision.Failure{Kind: supervision.Fatal, Class: log.ClassWrite, Cause: err,
		Message: fmt.Sprintf("the table's %s cannot be kept by this writer: %s", what, text),
		Hint:    "write with the engine that made the table, or take that from it there"}
}

// fills are the columns that rows need not have.
func (r *rules) fills() []int {
	out := make([]int, len(r.made))
	for i, m := range r.made {
		out[i] = m.column
	}
	return out
}

// fill puts values into the columns that the rows lack: defaults, then what is generated of other columns.
func (r *rules) fill(b *batch.Batch, from []int) error {
	for _, generated := range []bool{false, true} {
		for _, m := range r.made {
			if m.generated != generated || from[m.column] >= 0 {
				continue
			}
			c, err := r.eval(m.value, b)
			if err != nil {
				return fmt.Errorf("column %s: %w", r.schema.Fields[m.column].Name, err)
			}
			b.Columns[m.column].Release()
			b.Columns[m.column] = c
		}
	}
	return nil
}

// demand fills columns that the rows lack, and refuses a row that breaks what the table asks of each.
func (r *rules) demand(rows *batch.Batch, from []int, now time.Time) error {
	r.context.Now = now.UnixMicro()
	if err := r.fill(rows, from); err != nil {
		return err
	}
	for i, f := range r.schema.Fields {
		if err := checkNulls(f, rows.Columns[i], rows.Sel, ""); err != nil {
			return err
		}
	}
	return r.hold(rows)
}

// hold refuses a batch of which a row breaks a rule.
func (r *rules) hold(b *batch.Batch) error {
	for _, k := range r.checks {
		c, err := r.eval(k.condition, b)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		kept := expr.Where(c, b.Sel, make([]int32, 0, b.Rows()))
		c.Release()
		if len(kept) == b.Rows() {
			continue
		}
		at := 0
		for at < len(kept) && int(kept[at]) == b.Row(at) {
			at++
		}
		f := supervision.New(supervision.Poison, k.class, "row %d of the batch breaks the %s: %s", at, k.name, r.values(k.condition, b, b.Row(at)))
		f.Hint = "leave such rows out, or correct them"
		return f
	}
	return nil
}

// values are those of the columns that a condition looks at, for the error.
func (r *rules) values(condition *expr.Bound, b *batch.Batch, row int) string {
	some := &batch.Batch{Schema: &batch.Schema{}, N: b.N}
	for _, i := range condition.Columns() {
		some.Schema.Fields = append(some.Schema.Fields, r.schema.Fields[i])
		some.Columns = append(some.Columns, b.Columns[i])
	}
	return brief(string(batch.AppendRowJSON(nil, some, row)))
}

func (r *rules) eval(e *expr.Bound, b *batch.Batch) (*batch.Column, error) {
	r.context.Reset()
	c, err := e.Eval(&r.context, b)
	if err == nil && len(r.context.Rejected) > 0 {
		bad := r.context.Rejected[0]
		c.Release()
		return nil, &supervision.Failure{Kind: supervision.Poison, Class: bad.Class, Message: bad.Message}
	}
	return c, err
}
