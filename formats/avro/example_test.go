package avro_test

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/avro"
)

func ExampleNewDecoder() {
	written, _ := avro.Parse(`{"type":"record","name":"reading","fields":[{"name":"id","type":"int"},{"name":"unit","type":"string"}]}`, avro.Names{})
	wanted, _ := avro.Parse(`{"type":"record","name":"reading","fields":[{"name":"id","type":"long"},{"name":"at","type":["null","long"],"default":null}]}`, avro.Names{})
	d, err := avro.NewDecoder(written, wanted)
	if err != nil {
		fmt.Println(err)
		return
	}
	rows := batch.NewBuilder(d.Type(), nil)
	d.Bind(rows)
	err = d.Decode([]byte{14, 2, 'C'})
	c := rows.Finish()
	fmt.Println(d.Type(), c.Kids[0].I64[0], c.Kids[1].IsNull(0), err)
	// Output: struct<id:bigint,at:bigint> 7 true <nil>
}

func ExampleNewEncoder() {
	t := batch.StructType(batch.Field{Name: "id", Type: batch.IntType})
	s, _ := avro.SchemaOf(t, false)
	e, err := avro.NewEncoder(t, s)
	if err != nil {
		fmt.Println(err)
		return
	}
	rows := batch.NewBuilder(t, nil)
	rows.Kids[0].Int32(7)
	rows.Struct()
	record, err := e.Append(nil, rows.Finish(), 0)
	fmt.Println(s, record, err)
	// Output: {"fields":[{"name":"id","type":"int"}],"name":"topLevelRecord","type":"record"} [14] <nil>
}
