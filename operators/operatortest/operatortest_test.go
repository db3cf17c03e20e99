package operatortest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/internal/invariant"
	"github.com/deltaic/deltaic/operators"
)

var schema = batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType})

func rows(pool *batch.Pool) *batch.Batch {
	b := batch.NewBuilder(batch.BigIntType, pool)
	for i := range 30 {
		b.Int64(int64(i % 10))
	}
	return batch.NewBatch(schema, 30, b.Finish())
}

// function is an operator made of one function.
type function struct {
	operators.Base
	process func(f *function, in *batch.Batch, out operators.Output) error
	memory  map[int64]bool // what a checkpoint does not hold
}

func (f *function) Process(in *batch.Batch, _ int, out operators.Output) error {
	return f.process(f, in, out)
}

// The kit finds operators that are wrong, each in a way of its own.
func TestKitFindsBrokenOperators(t *testing.T) {
	for name, c := range map[string]struct {
		process func(f *function, in *batch.Batch, out operators.Output) error
		says    string
	}{
		"passes all on": {func(f *function, in *batch.Batch, out operators.Output) error {
			return out.Emit(in.Retain())
		}, ""},
		"keeps state to itself": {func(f *function, in *batch.Batch, out operators.Output) error {
			rows := []int32{}
			for i := range in.Rows() {
				if v := in.Columns[0].I64[in.Row(i)]; !f.memory[v] {
					f.memory[v] = true
					rows = append(rows, int32(in.Row(i)))
				}
			}
			return out.Emit(in.Gather(f.Context.Pool, rows))
		}, "restored after each cut"},
		"forgets the selection": {func(f *function, in *batch.Batch, out operators.Output) error {
			all := in.Retain()
			all.Sel = nil
			return out.Emit(all)
		}, "rows, want 30"},
		"drops the last row of a batch": {func(f *function, in *batch.Batch, out operators.Output) error {
			return out.Emit(in.Slice(f.Context.Pool, 0, in.N-1))
		}, "row by row"},
		"keeps a reference": {func(f *function, in *batch.Batch, out operators.Output) error {
			in.Retain()
			return out.Emit(in.Retain())
		}, "leaked"},
		"gives back what it was lent": {func(f *function, in *batch.Batch, out operators.Output) error {
			in.Columns[0].Release()
			return out.Emit(in.Retain())
		}, "row by row"},
	} {
		t.Run(name, func(t *testing.T) {
			pool := batch.NewPool()
			_, err := checked(Kit{Rows: rows(pool), Keys: []int{0}, Pool: pool, Seed: 3,
				New: func() (operators.Operator, error) {
					return &function{process: c.process, memory: map[int64]bool{}}, nil
				}})
			if invariant.Enabled && name == "gives back what it was lent" {
				c.says = "released more often" // the batch itself finds it, before the kit does
			}
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Fatalf("got %v, want %q", err, c.says)
			}
		})
	}
}

// checked is check with a panic as an error: with -tags invariants batches find misuse themselves.
func checked(k Kit) (rows []string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return k.check()
}
