package stream

import (
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"

	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/typed"
	"github.com/deltaic/deltaic/topology"
)

// Stream is a frame whose rows are values of a Go type; package operators/typed says which column a field is.
// Functions in a row run as one step, which decodes each row once and encodes it once.
type Stream[T any] struct {
	frame *Frame
	pipe  typed.Pipe[T]
	said  []string // what the functions are
}

// Typed begins with the rows of a frame as values of T.
func Typed[T any](d *Frame) Stream[T] {
	if d.broken {
		return Stream[T]{frame: d}
	}
	p, err := typed.Rows[T](d.schema)
	if err != nil {
		d.flow.fault(d.stepName("typed"), err)
		return Stream[T]{frame: d.fail()}
	}
	return Stream[T]{frame: d, pipe: p}
}

// Map goes on with f of each value.
func Map[T, U any](s Stream[T], f func(T) U) Stream[U] {
	if s.frame.broken {
		return Stream[U]{frame: s.frame}
	}
	return Stream[U]{s.frame, typed.Map(s.pipe, f), append(slices.Clip(s.said), "map")}
}

// Filter goes on with the values for which f is true.
func Filter[T any](s Stream[T], f func(T) bool) Stream[T] {
	if s.frame.broken {
		return s
	}
	return Stream[T]{s.frame, typed.Filter(s.pipe, f), append(slices.Clip(s.said), "filter")}
}

// FlatMap goes on with what f emits for each value: any number.
func FlatMap[T, U any](s Stream[T], f func(v T, emit func(U))) Stream[U] {
	if s.frame.broken {
		return Stream[U]{frame: s.frame}
	}
	return Stream[U]{s.frame, typed.FlatMap(s.pipe, f), append(slices.Clip(s.said), "flatMap")}
}

// Frame returns the values as rows. A column that has the name of the event time's column, and is a
// time, is the event time still: a function that moves it by more than the watermark's delay makes rows late.
func (s Stream[T]) Frame() *Frame {
	d := s.frame
	if d.broken || len(s.said) == 0 {
		return d
	}
	name := d.stepName("typed")
	schema, err := s.pipe.Schema()
	if err == nil {
		_, err = s.pipe.Operator()
	}
	if err != nil {
		d.flow.fault(name, err)
		return d.fail()
	}
	reads := s.pipe.Needs()
	c := d.then(d.flow.add(&topology.Step{Name: name, Verb: topology.VerbOperate, What: strings.Join(s.said, ", "), Inputs: []int{d.step}, Schema: schema, Fallible: true,
		Operator: made(s.pipe.Operator), Needs: func([]bool) []bool { return also(len(d.schema.Fields), reads)(nil) }}))
	return d.renewed(c, schema)
}

// renewed gives the frame behind an author's code its columns; a column with the name of the event time's, and a time, is
// the event time still.
func (d *Frame) renewed(c *Frame, schema *batch.Schema) *Frame {
	c.schema, c.qualifiers, c.events = schema, all(d.name, schema), make([]*event, len(schema.Fields))
	for i, f := range d.schema.Fields {
		e := d.eventOf(i)
		if at := schema.IndexFold(f.Name); e != nil && !e.window && at >= 0 && isTime(schema.Fields[at].Type) {
			c.events[at] = e
		}
	}
	return c
}

func isTime(t batch.Type) bool {
	return t.Kind == batch.Timestamp || t.Kind == batch.TimestampNTZ || t.Kind == batch.Date
}

// Transform is f of the frame, for verbs that are kept in functions.
func (d *Frame) Transform(f func(*Frame) *Frame) *Frame { return f(d) }

// MapBatches computes batches of batches: f is lent each and returns one with these columns, with memory of the
// pool, or nil for no rows.
func (d *Frame) MapBatches(columns *batch.Schema, f typed.BatchFunction) *Frame {
	if d.broken {
		return d
	}
	c := d.then(d.flow.add(&topology.Step{Name: d.stepName("mapBatches"), Verb: topology.VerbOperate, What: "mapBatches", Inputs: []int{d.step}, Schema: columns,
		Operator: func() operators.Operator { return typed.NewBatches(columns, f) },
		Ruling:   topology.InsertsRuling("maps batches by an author's function, which does not know of rows that are taken back", "map before the aggregate, or write in output mode append or complete")}))
	c.schema, c.qualifiers, c.events = columns, all(d.name, columns), make([]*event, len(columns.Fields))
	return c
}
