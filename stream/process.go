package stream

import (
	"strings"

	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/keyed"
	"github.com/deltaic/deltaic/operators/typed"
	"github.com/deltaic/deltaic/topology"
)

// ProcessOptions say how a processor is run.
type ProcessOptions struct {
	// Updates says that rows that are emitted replace earlier ones: the result is written in output mode update.
	Updates bool
}

// Process runs an author's code with state and timers over the rows of each key, Spark's transformWithState. K is the key: the value of the
// column, or a struct of them if there are several. I is a row and O what is emitted; package operators/typed says which column a
// field is. make is called once for each task. step is the step's name, under which its state is kept. If the frame has
// an event time, rows behind the watermark are late and not processed.
func Process[K, I, O any](d *Frame, step string, keys []string, make func() keyed.Processor[K, I, O], o ProcessOptions) Stream[O] {
	return process[O](d, step, keys, o, nil, func(of keyed.Options) (operators.Operator, error) { return keyed.New(d.schema, of, make()) })
}

// InitialProcessor is a processor that takes rows of an initial state.
type InitialProcessor[K, I, O, S any] interface {
	keyed.Processor[K, I, O]
	keyed.Initial[K, S, O]
}

// ProcessWithInitial is Process of a processor that is given the rows of a table, as values of S, before the flow's
// first row. The table has the columns of the keys. A flow that has begun does not read it again.
func ProcessWithInitial[K, I, O, S any](d *Frame, step string, keys []string, initial Static, make func() InitialProcessor[K, I, O, S], o ProcessOptions) Stream[O] {
	return process[O](d, step, keys, o, initial, func(of keyed.Options) (operators.Operator, error) {
		return keyed.NewWithInitial[K, I, O, S](d.schema, of, make())
	})
}

func process[O any](d *Frame, step string, keys []string, o ProcessOptions, initial Static, construct func(keyed.Options) (operators.Operator, error)) Stream[O] {
	if d.broken {
		return Stream[O]{frame: d}
	}
	name := d.Named(step).stepName("process")
	places, ok := d.indexes(name, keys)
	if ok && len(places) == 0 {
		d.flow.mistake(name, "INVALID_FLOW", "processing by no key", "say by which columns: state belongs to a key")
		ok = false
	}
	if !ok {
		return Stream[O]{frame: d.fail()}
	}
	of := keyed.Options{Keys: places, Time: d.schema.IndexFold(d.eventColumn()), Updates: o.Updates, Initial: initial}
	schema, err := typed.SchemaOf[O]()
	if err == nil {
		_, err = construct(of)
	}
	if err != nil {
		d.flow.fault(name, err)
		return Stream[O]{frame: d.fail()}
	}
	c := d.then(d.stateful(&topology.Step{Name: name, What: "process by " + strings.Join(keys, ", "), Schema: schema, Keys: places, Ruling: topology.ProcessRuling(o.Updates),
		Operator: made(func() (operators.Operator, error) { return construct(of) })},
		topology.TableBound{Table: "states", Bound: "as long as the processor keeps what it wrote, or its time to live"}))
	return Typed[O](d.renewed(c, schema))
}
