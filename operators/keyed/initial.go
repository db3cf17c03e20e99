package keyed

import (
	"context"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/typed"
	"github.com/deltaic/deltaic/supervision"
)

// Static is the table with the initial state.
type Static = operators.Static

func timeOf(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// NewWithInitial is New of a processor that is given the rows of Options.Initial, as values of S, before the flow's first
// row. The table has the columns of the keys, under the same names and with the same types. A flow that has begun does not read it again.
func NewWithInitial[K, I, O, S any](s *batch.Schema, o Options, p interface {
	Processor[K, I, O]
	Initial[K, S, O]
}) (operators.Operator, error) {
	op, err := newOperator[K, I, O](s, o, p)
	if err != nil || o.Initial == nil {
		return op, err
	}
	table := o.Initial.Schema()
	var columns []int
	for _, k := range op.h.keys {
		at := table.IndexFold(k.Name)
		if at < 0 || !table.Fields[at].Type.Equal(k.Type) {
			return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "STATEFUL_PROCESSOR_INITIAL_STATE",
				Message: "the initial state needs a column " + k.Name + " of type " + k.Type.String() + "; it has " + table.String(),
				Hint:    "give it the columns of the keys, with their types"}
		}
		columns = append(columns, at)
	}
	rows, err := typed.NewDecoder[S](table)
	if err != nil {
		return nil, err
	}
	op.prepare = func(ctx context.Context) error {
		version, err := o.Initial.Newest(ctx)
		if err != nil {
			return err
		}
		op.call.initial = true
		defer func() { op.call.initial = false }()
		return o.Initial.Read(ctx, version, op.Context.Pool, func(b *batch.Batch) error { return initial(op, p, rows, columns, b) })
	}
	return &opWithInitial[K, I, O]{op}, nil
}

// opWithInitial is an operator that has something to prepare.
type opWithInitial[K, I, O any] struct{ *operator[K, I, O] }

// Prepare reads the initial state before the first epoch.
func (o *opWithInitial[K, I, O]) Prepare(epoch int64) func(context.Context) error {
	if epoch > firstEpoch {
		return nil
	}
	return o.prepare
}

// firstEpoch is the number of a flow's first epoch.
const firstEpoch = 1

// initial gives the processor the rows whose keys belong to the task.
func initial[K, I, O, S any](o *operator[K, I, O], p Initial[K, S, O], rows *typed.Decoder[S], columns []int, b *batch.Batch) error {
	keys := make([]*batch.Column, len(columns))
	for i, c := range columns {
		keys[i] = b.Columns[c]
	}
	o.h.key.begin(keys, b.N)
	defer o.h.key.end()
	mine := *b
	mine.Sel = []int32{}
	for i := range b.Rows() {
		r := b.Row(i)
		if g := batch.KeyGroup(o.h.key.hashes[r], o.Context.KeyGroups); g >= o.Context.Lo && g < o.Context.Hi {
			mine.Sel = append(mine.Sel, int32(r))
		}
	}
	values := rows.Decode(&mine, nil)
	decoded := o.keys.Decode(&batch.Batch{Columns: keys, N: b.N, Sel: mine.Sel}, nil)
	for i, v := range values {
		o.h.key.at(int(mine.Sel[i]))
		if err := o.guard("on the initial state of", o.shown, func() error { return p.Initial(decoded[i], v, &o.call) }); err != nil {
			return err
		}
	}
	return nil
}
