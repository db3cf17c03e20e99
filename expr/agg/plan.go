package agg

import (
	"slices"

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

	inner   *batch.Schema  // group columns and results
	inputs  []*expr.Bound  // arguments and filters that are looked at
	masks   []mask         // which rows count, by number
	sets    []*Set         // of distinct values
	slots   []slot         // the state, shared among calls
	mask    []int          // of each slot
	values  []state.Column // of the slots, in order
	folded  int            // column of the input with accumulators of rows, -1 for none
	rows    int            // value that counts all rows of a group, -1 for none
	whole   bool           // some slot cannot be computed in parts
	ordered bool           // some result depends on the order of rows
	// positions says that some result depends on the order in which rows come and go.
	positions bool
	exact     bool   // every slot can take back exactly what it was given
	growing   string // the call whose state grows with the rows of its group, "" if none does
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
// and no argument null; of a distinct mask only the first of each value, and of
// the rows that take back the last.
type mask struct {
	filter int   // of Plan.inputs; -1: none
	nulls  []int // of Plan.inputs
	set    int   // of Plan.sets; -1: not distinct
	bit    int   // of the set
}

// Set is a table of the distinct values of groups. Aggregates over the same
// values share it: each has a bit in the word of a value that says that it has counted it, or a word that counts how often.
type Set struct {
	Name    string         // of the table, unique in the step
	Columns []state.Column // the keys behind those of the group
	Values  []state.Column

	args      []int // of Plan.inputs, a column each
	masks     []int // of Plan.masks, by bit; each without the set
	positions []positionWord
}

// Sets returns the tables that the step must have beside that of its groups, keyed by
// the group's keys and then by the set's columns, with the group's keys as prefix.
func (p *Plan) Sets() []*Set { return p.sets }

// Values returns the values that a group's row must have in its state table.
func (p *Plan) Values() []state.Column { return p.values }

// Schema returns the columns of the output.
func (p *Plan) Schema() *batch.Schema { return expr.Schema(p.Items) }

// Columns returns the columns of the input that arguments and filters read, ascending.
func (p *Plan) Columns() []int {
	reads := map[int]bool{}
	if p.folded >= 0 {
		reads[p.folded] = true
	}
	for _, x := range p.inputs {
		for _, c := range x.Columns() {
			reads[c] = true
		}
	}
	return sortedKeys(reads)
}

// CanReject reports whether rows can fail by their values.
func (p *Plan) CanReject() bool {
	return slices.ContainsFunc(p.inputs, func(x *expr.Bound) bool { return x.CanReject() })
}

// Inverts reports whether [Accumulators.Subtract] takes back exactly what Merge added.
func (p *Plan) Inverts() bool { return p.exact }

// Mergeable reports whether accumulators can be merged: not those with distinct values, nor
// users' aggregates without Merge.
func (p *Plan) Mergeable() bool { return len(p.sets) == 0 && !p.whole }

// Divisible reports whether accumulators can be merged once distinct values are seen to apart, by
// [Accumulators.Values]: not those of users' aggregates without Merge.
func (p *Plan) Divisible() bool { return !p.whole }

// Foldable reports whether rows may be folded before an exchange: the accumulators
// merge, no row is taken back, and no result depends on the order in which rows come.
func (p *Plan) Foldable() bool { return p.Mergeable() && !p.Counts() && !p.ordered }

// Counts reports whether each row of state knows how many rows its group has: the
// groups of an input that updates, which may vanish.
func (p *Plan) Counts() bool { return p.rows >= 0 }
