package typed

import (
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/supervision"
)

// Pipe is functions over rows that are values of T when they leave it. It is immutable: each function makes
// another pipe, and all of one pipe run as one step, which decodes once and encodes once.
type Pipe[T any] struct {
	schema *batch.Schema // of the rows that come in
	reads  []int
	open   func() (run[T], error) // for one task
}

// run calls emit with each value that the rows become. at is the place of the row at work among those that
// count: run begins there and moves it. Who begins at 0 brings another batch.
type run[T any] func(in *batch.Batch, at *int, emit func(T)) error

// Rows begins a pipe over rows of this schema, as values of T.
func Rows[T any](s *batch.Schema) (Pipe[T], error) {
	d, err := NewDecoder[T](s)
	if err != nil {
		return Pipe[T]{}, err
	}
	return Pipe[T]{schema: s, reads: d.Columns(), open: func() (run[T], error) {
		decoder, err := NewDecoder[T](s)
		var values []T
		return func(in *batch.Batch, at *int, emit func(T)) error {
			if *at == 0 {
				values = decoder.Decode(in, values)
			}
			for ; *at < len(values); *at++ {
				emit(values[*at])
			}
			return nil
		}, err
	}}, nil
}

// Needs returns the columns of the rows that come in that the pipe reads.
func (p Pipe[T]) Needs() []int { return p.reads }

// Schema returns the columns of the rows that leave the pipe.
func (p Pipe[T]) Schema() (*batch.Schema, error) { return SchemaOf[T]() }

// FlatMap goes on with what f emits for each value: any number.
func FlatMap[T, U any](p Pipe[T], f func(v T, emit func(U))) Pipe[U] {
	return Pipe[U]{schema: p.schema, reads: p.reads, open: func() (run[U], error) {
		before, err := p.open()
		return func(in *batch.Batch, at *int, emit func(U)) error {
			return before(in, at, func(v T) { f(v, emit) })
		}, err
	}}
}

// Map goes on with f of each value.
func Map[T, U any](p Pipe[T], f func(T) U) Pipe[U] {
	return FlatMap(p, func(v T, emit func(U)) { emit(f(v)) })
}

// Filter goes on with the values for which f is true.
func Filter[T any](p Pipe[T], f func(T) bool) Pipe[T] {
	return FlatMap(p, func(v T, emit func(T)) {
		if f(v) {
			emit(v)
		}
	})
}

// Operator returns the pipe as the operator of one task. A row on which a function panics is rejected, with
// nothing of what became of it; the others are not touched by that. Kinds and origins stay with what rows become.
func (p Pipe[T]) Operator() (operators.Operator, error) {
	if _, err := NewEncoder[T](nil); err != nil {
		return nil, err
	}
	return &pipe[T]{pipe: p}, nil
}

type pipe[T any] struct {
	operators.Base
	pipe    Pipe[T]
	run     run[T]
	encoder *Encoder[T]
	rows    []int32 // the physical row of each value
	at      int     // the row at work, by its place among those that count
	one     [1]T
}

// Open makes the functions ready for the task.
func (o *pipe[T]) Open(c *operators.Context) (err error) {
	if o.run, err = o.pipe.open(); err != nil {
		return err
	}
	o.encoder, err = NewEncoder[T](c.Pool)
	o.Context = c
	return err
}

// Process emits what the rows become, in order.
func (o *pipe[T]) Process(in *batch.Batch, _ int, out operators.Output) error {
	var failed []operators.Rejected
	n := in.Rows()
	for o.at = 0; o.at < n; o.at++ {
		err := o.guarded(in)
		if err == nil {
			break
		}
		row, keep := int32(in.Row(o.at)), len(o.rows)
		failed = append(failed, operators.Rejected{Row: row, Rule: "function", Class: "USER_FUNCTION_FAILED", Message: err.Error()})
		for keep > 0 && o.rows[keep-1] == row {
			keep--
		}
		o.rows = o.rows[:keep]
		o.encoder.Truncate(keep)
	}
	if failed != nil {
		if err := out.Reject(in, failed); err != nil {
			o.encoder.Truncate(0)
			o.rows = o.rows[:0]
			return err
		}
	}
	if o.encoder.Len() == 0 {
		return nil
	}
	made := o.encoder.Finish()
	label(made, in, o.rows)
	o.rows = o.rows[:0]
	return out.Emit(made)
}

// guarded runs the functions from the row at work on; a panic is an error of that row.
func (o *pipe[T]) guarded(in *batch.Batch) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a function failed on the row: %v", p)
		}
	}()
	return o.run(in, &o.at, func(v T) {
		o.rows = append(o.rows, int32(in.Row(o.at)))
		o.one[0] = v
		o.encoder.Add(o.one[:]...)
	})
}

// Close gives back what was not emitted.
func (o *pipe[T]) Close() error {
	o.encoder.Release()
	return nil
}

// label gives rows the kinds, origins and watermarks of the rows that they came from.
func label(made, in *batch.Batch, rows []int32) {
	bare := batch.Batch{Schema: &batch.Schema{}, N: in.N, Kinds: in.Kinds, Origin: in.Origin, Behind: in.Behind}
	from := bare.Gather(nil, rows)
	made.Kinds, made.Origin, made.Behind = from.Kinds, from.Origin, from.Behind
}

// Batches is a function over batches as an operator: the batch is lent to it, and what it returns is the operator's.
type Batches struct {
	operators.Base
	schema *batch.Schema
	f      BatchFunction
}

// BatchFunction makes a batch of a batch, with memory of the pool. It returns nil for no rows. What it returns may
// share columns of in, retained.
type BatchFunction func(in *batch.Batch, pool *batch.Pool) (*batch.Batch, error)

// NewBatches returns the operator for a function whose batches have this schema.
func NewBatches(out *batch.Schema, f BatchFunction) *Batches { return &Batches{schema: out, f: f} }

// Process emits what the function makes.
func (b *Batches) Process(in *batch.Batch, _ int, out operators.Output) error {
	if in.Rows() == 0 {
		return nil
	}
	made, err := b.f(in, b.Context.Pool)
	if err != nil || made == nil {
		return err
	}
	if err := b.check(made); err != nil {
		made.Release()
		return err
	}
	made.Schema = b.schema
	if made.Rows() == 0 {
		made.Release()
		return nil
	}
	return out.Emit(made)
}

func (b *Batches) check(made *batch.Batch) error {
	wrong := func(format string, args ...any) error {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "USER_FUNCTION_FAILED", Step: b.Context.Step,
			Message: "a function over batches returned " + fmt.Sprintf(format, args...), Hint: "return the columns that were declared: " + b.schema.String()}
	}
	if len(made.Columns) != len(b.schema.Fields) {
		return wrong("%d columns, not %d", len(made.Columns), len(b.schema.Fields))
	}
	for i, c := range made.Columns {
		f := b.schema.Fields[i]
		switch {
		case c == nil || c.N != made.N:
			return wrong("column %s without %d rows", f.Name, made.N)
		case !c.Type.Equal(f.Type):
			return wrong("column %s as %s, not %s", f.Name, c.Type, f.Type)
		case !f.Nullable && c.Nulls() > 0:
			return wrong("nulls in column %s, which has none", f.Name)
		}
	}
	if !slices.IsSorted(made.Sel) || len(made.Sel) > 0 && int(made.Sel[len(made.Sel)-1]) >= made.N {
		return wrong("a selection beyond its rows")
	}
	return nil
}
