package protobuf_test

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/protobuf"
)

func ExampleFromSource() {
	m, err := protobuf.FromSource(`syntax = "proto3"; message Reading { int32 id = 1; repeated string tags = 2; }`, nil, "Reading", protobuf.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	rows := batch.NewBuilder(m.Type(), nil)
	err = m.NewDecoder().Decode([]byte{8, 7, 18, 1, 'a', 18, 1, 'b'}, rows)
	c := rows.Finish()
	fmt.Println(m.Type(), string(batch.AppendJSON(nil, c, 0)), err)
	e, err := m.NewEncoder(m.Type())
	if err != nil {
		fmt.Println(err)
		return
	}
	record, err := e.Append(nil, c, 0)
	fmt.Println(record, err)
	// Output:
	// struct<id:int,tags:array<string>> {"id":7,"tags":["a","b"]} <nil>
	// [8 7 18 1 97 18 1 98] <nil>
}
