package agg

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// slot is a piece of state that one or more aggregates share, such as a sum.
// Its methods work on many rows; none is called for a row.
type slot interface {
	// add takes the rows of sel (nil: the first n) of the evaluated input into the groups rows[i].
	add(c *cells, in *Input, rows []uint32, sel []int32, n int) error
	// clone returns a slot with scratch of its own, for another task.
	clone() slot
	// merge takes rows 0 to n-1 of from into the groups rows[i] of to.
	merge(to *cells, rows []uint32, from *cells, n int) error
}

// remover is a slot that can take rows back.
type remover interface {
	remove(c *cells, in *Input, rows []uint32, sel []int32, n int) error
}

// unmerger is a slot that can take back exactly what was merged.
type unmerger interface {
	unmerge(to *cells, rows []uint32, from *cells, n int) error
}

// starter is a slot whose rows do not begin with zeros.
type starter interface {
	start(c *cells, rows []uint32)
}

// RowError says that an aggregate failed in a row: what the row is depends on the call,
// a physical row of Update or the index among the rows of Merge, Results and Finish.
type RowError struct {
	Row     int
	Call    string // as SQL
	Class   string
	Message string
}

// Error returns the class and what failed.
func (e *RowError) Error() string { return fmt.Sprintf("%s: %s: %s", e.Class, e.Call, e.Message) }

// Failure returns the error as a failure of the step and the group, which is
// given as text.
func (e *RowError) Failure(step, group string) error {
	f := supervision.New(supervision.Fatal, e.Class, "%s of the group %s: %s", e.Call, group, e.Message)
	f.Step = step
	f.Hint = hints[e.Class]
	return f
}

// hints say what to do about a failure of a class.
var hints = map[string]string{
	"ARITHMETIC_OVERFLOW":            "cast the argument to a wider type, such as decimal(38,0) or double",
	"COLLECTION_SIZE_LIMIT_EXCEEDED": "make the groups smaller, by another key or by windows, leave values out with FILTER (WHERE ...), or raise memory_limit, of which a group may take a quarter, 64 MiB at most",
	"FAILED_EXECUTE_UDF":             "the aggregate is written in Go: mend it there, or keep such rows from it with FILTER (WHERE ...)",
}

func overflow(row int, call string, t batch.Type) error {
	return &RowError{Row: row, Call: call, Class: "ARITHMETIC_OVERFLOW", Message: "the accumulator does not fit " + t.String()}
}

// each calls f for the rows of sel, or for the first n if there is none: for
// slots of which a row costs much more than a call.
func each(sel []int32, n int, f func(i int) error) error {
	if sel == nil {
		for i := range n {
			if err := f(i); err != nil {
				return err
			}
		}
		return nil
	}
	for _, i := range sel {
		if err := f(int(i)); err != nil {
			return err
		}
	}
	return nil
}
