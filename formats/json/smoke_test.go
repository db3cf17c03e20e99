package json

import (
	"testing"

	"github.com/deltaic/deltaic/batch"
)

func TestSmoke(t *testing.T) {
	ty := batch.StructType(batch.Field{Name: "id", Type: batch.BigIntType}, batch.Field{Name: "name", Type: batch.StringType}, batch.Field{Name: "x", Type: batch.DoubleType})
	d, err := NewDecoder(ty, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := batch.NewBuilder(ty, nil)
	n, err := d.DecodeLines([]byte("{\"id\":12345678901,\"name\":\"hello world, this is\",\"x\":1.25}\n{\"name\":\"b\\u00e9\",\"id\":2}\n{\"id\":2,\"id\":3,\"y\":[1,{\"a\":2}]}\n{bad\n"), b)
	c := b.Finish()
	t.Log(n, err, c.N, c.Kids[0].I64, string(c.Kids[1].Data), c.Kids[1].Off, c.Kids[2].F64, c.Kids[2].Valid, c.Kids[0].N, c.Kids[0].Valid)
	t.Log(d.Decode([]byte(`{"id":1,"name":"x`), b), d.Decode([]byte(`{"id":"1","name":"x"}`), b))
}
