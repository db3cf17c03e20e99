package stream

import (
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
)

// Function gives the flow's expressions a function written in Go. It is to be called before the expressions that use it.
func (f *Flow) Function(u expr.UserFunction) *Flow {
	if f.options.Functions == nil {
		f.options.Functions = &expr.Registry{}
	}
	if err := f.options.Functions.Add(u); err != nil {
		f.fault("", err)
	}
	return f
}

// Aggregate gives the flow's aggregations an aggregate written in Go. It is to be called before those that use it.
func (f *Flow) Aggregate(u agg.UserAggregate) *Flow {
	if f.aggregates == nil {
		f.aggregates = &agg.Registry{}
	}
	if err := f.aggregates.Add(u); err != nil {
		f.fault("", err)
	}
	return f
}

// aggregating returns how the frame's aggregates are bound.
func (d *Frame) aggregating(updating bool) agg.Options {
	return agg.Options{Options: d.options(), Updating: updating, Aggregates: d.flow.aggregates}
}
