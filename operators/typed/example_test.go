package typed_test

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/typed"
)

// parcel is a row; a field is the column of its name, in snake case unless a tag says otherwise.
type parcel struct {
	ParcelID int64
	Weight   *float64 `deltaic:"kg"`
	Tags     []string
}

func parcels() *batch.Batch {
	kilos := 2.5
	e, err := typed.NewEncoder[parcel](nil)
	if err != nil {
		panic(err)
	}
	e.Add(parcel{1, &kilos, []string{"fragile"}}, parcel{2, nil, nil}, parcel{ParcelID: 3})
	e.Truncate(2) // the third after all not
	return e.Finish()
}

func ExampleEncoder() {
	b := parcels()
	fmt.Println(b.Schema)
	for i := range b.N {
		fmt.Println(string(batch.AppendRowJSON(nil, b, i)))
	}
	// Output:
	// parcel_id bigint not null, kg double, tags array<string>
	// {"parcel_id":1,"kg":2.5,"tags":["fragile"]}
	// {"parcel_id":2,"kg":null,"tags":null}
}

// The decoder reads the columns that the type has, wherever they are.
func ExampleDecoder() {
	type id struct{ ParcelID int }
	b := parcels()
	d, err := typed.NewDecoder[id](b.Schema)
	if err == nil {
		fmt.Println(d.Columns(), d.Decode(b, nil))
	}
	_, err = typed.NewDecoder[struct{ Color string }](b.Schema)
	fmt.Println(err != nil)
	// Output:
	// [0] [{1} {2}]
	// true
}

// The form in which state keeps values: fields go by name, so one that is added reads as its zero.
func ExampleBinary() {
	type before struct{ Count int64 }
	type after struct {
		Count int64
		Last  string
	}
	old, err := typed.NewBinary[before]()
	if err != nil {
		fmt.Println(err)
		return
	}
	now, _ := typed.NewBinary[after]()
	v, err := now.Read(old.Append(nil, &before{7}))
	fmt.Printf("%+v %v\n", v, err)
	// Output: {Count:7 Last:} <nil>
}

// A function over whole batches: it is lent one and returns one with the columns that were declared.
func ExampleBatches() {
	ids := batch.NewSchema(batch.Field{Name: "parcel_id", Type: batch.BigIntType})
	b := typed.NewBatches(ids, func(in *batch.Batch, pool *batch.Pool) (*batch.Batch, error) {
		return batch.NewBatch(ids, in.N, in.Columns[0].Retain()), nil
	})
	err := b.Open(&operators.Context{})
	if err == nil {
		err = b.Process(parcels(), 0, show{})
	}
	fmt.Println(err)
	// Output:
	// {"parcel_id":1}
	// {"parcel_id":2}
	// <nil>
}

// What of a row a chain of functions reads is all that is decoded.
func ExamplePipe_Needs() {
	p, err := typed.Rows[struct{ Kg *float64 }](parcels().Schema)
	fmt.Println(p.Needs(), err)
	// Output: [1] <nil>
}
