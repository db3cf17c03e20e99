package agg

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/persistence/state"
)

// Plan is the aggregates of a step, bound. It is immutable and may be shared.
type Plan struct {
	// Calls are the distinct aggregates, in the order of the texts.
	Calls []*Call
	// Items are the output: the group columns, then what the texts say, bound to
	// group columns followed by the results of Calls.
	Items []expr.Item

	inner  *batch.Schema  // group columns and results
	inputs []*expr.Bound  // arguments and filters that are looked at
	labels []string       // SQL of each slot's first call
	masks  []mask         // which rows count, by number
	slots  []slot         // the state, shared among calls
	mask   []int          // of each slot
	values []state.Column // of the slots, in order
	groups int            // columns
	rows   int            // value that counts all rows of a group, -1 for none
	exact  bool           // every slot can take back exactly what it was given
}

// Call is one aggregate.
type Call struct {
	SQL      string // as written, normalised: equal calls are one
	Name     string // lower case
	Distinct bool
	Type     batch.Type // of the result
	Nullable bool

	arguments []*expr.Bound
	filter    *expr.Bound
	finish    finish
}

// finish makes the results of the rows of a partial.
type finish func(p *batch.Pool, from *Partial) (*batch.Column, error)

// mask is a set of rows that several slots have in common: those of which the filter is true
// and no argument null.
type mask struct {
	filter int   // of Plan.inputs; -1: none
	nulls  []int // of Plan.inputs
}

// Values returns the values that a group's row must have in its state table.
func (p *Plan) Values() []state.Column { return p.values }

// Schema returns the columns of the output.
func (p *Plan) Schema() *batch.Schema { return expr.Schema(p.Items) }

// Columns returns the columns of the input that arguments and filters read, ascending.
func (p *Plan) Columns() []int {
	reads := map[int]bool{}
	for _, x := range p.inputs {
		for _, c := range x.Columns() {
			reads[c] = true
		}
	}
	return sortedKeys(reads)
}

// Inverts reports whether [Accumulators.Subtract] takes back exactly what Merge added.
func (p *Plan) Inverts() bool { return p.exact }

// Counts reports whether each row of state knows how many rows its group has: the
// groups of an input that updates, which may vanish.
func (p *Plan) Counts() bool { return p.rows >= 0 }
