package stream

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// ParseAction returns the action of a name: warn, drop, quarantine or fail, or as SQL says it, DROP ROW and FAIL UPDATE.
func ParseAction(name string) (Action, bool) {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "warn":
		return Warn, true
	case "drop", "drop row":
		return Drop, true
	case "quarantine":
		return Quarantine, true
	case "fail", "fail update":
		return Fail, true
	}
	return 0, false
}

// ExpectationsOf reads rules out of the rows of a table, which are released: those with one of the tags, or all without tags. The table
// has the columns name and constraint; tag, a string, or tags, an array of strings, if tags are asked for; and may have
// on_violation, which is warn where it is null. So rules can be kept once for many flows:
//
//	rules, err := stream.ExpectationsOf(snapshot.Scan(ctx, delta.ScanOptions{}), "validity")
func ExpectationsOf(rows iter.Seq2[*batch.Batch, error], tags ...string) ([]Expectation, error) {
	var set []Expectation
	for b, err := range rows {
		if err == nil {
			set, err = appendRules(set, b, tags)
			b.Release()
		}
		if err != nil {
			return nil, err
		}
	}
	return set, nil
}

// mostRules bounds the rules of a step that a table has: each is looked at for every row.
const mostRules = 1000

func appendRules(set []Expectation, b *batch.Batch, tags []string) ([]Expectation, error) {
	r := ruleRows{b: b}
	name, constraint, on := r.text("name", true), r.text("constraint", true), r.text("on_violation", false)
	tag := r.text("tag", false)
	list := r.column("tags", batch.Array)
	if len(tags) > 0 && tag == nil && list == nil {
		r.fail("the table of rules has no column tag or tags")
	}
	for i := range b.Rows() {
		if r.err != nil {
			break
		}
		row := b.Row(i)
		if len(tags) > 0 && !tagged(tag, list, row, tags) {
			continue
		}
		if name.IsNull(row) || constraint.IsNull(row) {
			r.fail("a rule has no name or no constraint")
			break
		}
		e := Expectation{Name: string(name.Bytes(row)), Constraint: string(constraint.Bytes(row))}
		if on != nil && !on.IsNull(row) {
			known := false
			if e.OnViolation, known = ParseAction(string(on.Bytes(row))); !known {
				r.fail("rule " + e.Name + ": on_violation is " + string(on.Bytes(row)) + "; want warn, drop, quarantine or fail")
			}
		}
		if set = append(set, e); len(set) > mostRules {
			r.fail(fmt.Sprintf("the table of rules has more than %d for this step", mostRules))
		}
	}
	return set, r.err
}

// tagged reports whether a row has one of the tags.
func tagged(tag, list *batch.Column, row int, tags []string) bool {
	if tag != nil && !tag.IsNull(row) && slices.Contains(tags, string(tag.Bytes(row))) {
		return true
	}
	if list == nil || list.IsNull(row) {
		return false
	}
	for i := list.Off[row]; i < list.Off[row+1]; i++ {
		if !list.Kids[0].IsNull(int(i)) && slices.Contains(tags, string(list.Kids[0].Bytes(int(i)))) {
			return true
		}
	}
	return false
}

// ruleRows finds the columns of a table of rules. The first mistake stays.
type ruleRows struct {
	b   *batch.Batch
	err error
}

func (r *ruleRows) text(name string, needed bool) *batch.Column {
	c := r.column(name, batch.String)
	if c == nil && needed {
		r.fail("the table of rules has no column " + name)
	}
	return c
}

func (r *ruleRows) column(name string, kind batch.Kind) *batch.Column {
	at := r.b.Schema.IndexFold(name)
	if at < 0 {
		return nil
	}
	c := r.b.Columns[at]
	if c.Type.Kind != kind || kind == batch.Array && c.Kids[0].Type.Kind != batch.String {
		r.fail("the column " + name + " of the table of rules is of type " + c.Type.String())
		return nil
	}
	return c
}

func (r *ruleRows) fail(message string) {
	if r.err == nil {
		r.err = &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_FLOW", Message: message,
			Hint: "it has name and constraint, strings, and may have tag or tags, and on_violation"}
	}
}
