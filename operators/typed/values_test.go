package typed_test

import (
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators/typed"
)

type person struct {
	ID   int64
	Name string
}

// people are batches, and then the error.
func people(end error) (*batch.Schema, iter.Seq2[*batch.Batch, error]) {
	e, _ := typed.NewEncoder[person](nil)
	return e.Schema(), func(yield func(*batch.Batch, error) bool) {
		for i, name := range []string{"Ada", "Grace"} {
			e.Add(person{int64(i), name}, person{int64(i) + 10, name + " again"})
			if !yield(e.Finish(), nil) {
				return
			}
		}
		if end != nil {
			yield(nil, end)
		}
	}
}

func TestValuesEnd(t *testing.T) {
	schema, batches := people(errors.New("the file is broken"))
	n := 0
	var last error
	for _, err := range typed.Values[person](schema, batches) {
		if last = err; err == nil {
			n++
		}
	}
	if n != 4 || last == nil {
		t.Errorf("%d values, then %v", n, last)
	}
	for range typed.Values[person](schema, batches) {
		break
	}
	for _, err := range typed.Values[struct{ Age int }](schema, batches) {
		if err == nil {
			t.Error("a field without a column was filled")
		}
	}
}

func ExampleValues() {
	schema, batches := people(nil) // in foreachBatch: rows.Schema(), rows.Batches(ctx)
	for p, err := range typed.Values[person](schema, batches) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(p.ID, p.Name)
	}
	// Output:
	// 0 Ada
	// 10 Ada again
	// 1 Grace
	// 11 Grace again
}
