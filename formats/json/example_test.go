package json_test

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/json"
)

// orders is what the examples read.
var orders = batch.StructType(
	batch.Field{Name: "id", Type: batch.BigIntType, Nullable: true},
	batch.Field{Name: "amount", Type: batch.DecimalType(12, 2), Nullable: true},
	batch.Field{Name: "_corrupt_record", Type: batch.StringType, Nullable: true})

// from_json over a column: what does not fit becomes null, and the corrupt
// record column keeps the text.
func ExampleDecoder_DecodeColumn() {
	decoder, err := json.NewDecoder(orders, json.Options{})
	if err != nil {
		panic(err)
	}
	texts := batch.NewBuilder(batch.StringType, nil)
	texts.String(`{"id": 1, "amount": 9.99}`)
	texts.String(`{"id": "two", "amount": 5}`)
	to := batch.NewBuilder(orders, nil)
	decoder.DecodeColumn(texts.Finish(), nil, to, func(row int, err *json.Error) { fmt.Println("row", row, err) })
	rows := to.Finish()
	for i := range rows.N {
		fmt.Println(string(batch.AppendJSON(nil, rows, i)))
	}
	// Output:
	// row 1 MALFORMED_RECORD_IN_PARSING: byte 7: field id: the value does not fit the type: cannot read it as bigint, at "\"two\", \"amount\": 5}"
	// {"id":1,"amount":9.99,"_corrupt_record":null}
	// {"id":null,"amount":5.00,"_corrupt_record":"{\"id\": \"two\", \"amount\": 5}"}
}

// A record alone is taken whole or not at all.
func ExampleDecoder_Decode() {
	decoder, err := json.NewDecoder(orders, json.Options{})
	if err != nil {
		panic(err)
	}
	to := batch.NewBuilder(orders, nil)
	fmt.Println(decoder.Decode([]byte(`{"id": 1`), to), to.Len())
	fmt.Println(decoder.Decode([]byte(`{"id": 1}`), to), to.Len())
	// Output:
	// MALFORMED_RECORD_IN_PARSING: byte 8: the text ends inside a value 0
	// <nil> 1
}

func ExampleInfer() {
	t, err := json.Infer(json.Lines([]byte("{\"id\":1,\"tags\":[\"a\"]}\n{\"id\":2.5,\"at\":\"2026-01-31\"}\n")))
	fmt.Println(t, err)
	// Output:
	// struct<id:double,tags:array<string>,at:string> <nil>
}
