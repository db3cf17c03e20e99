package parquet_test

import (
	"bytes"
	"fmt"
	"io"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/parquet"
)

func Example() {
	schema := batch.NewSchema(
		batch.Field{Name: "id", Type: batch.BigIntType},
		batch.Field{Name: "region", Type: batch.StringType, Nullable: true})
	id, region := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.StringType, nil)
	id.Int64(1)
	region.String("north")
	id.Int64(2)
	region.Null()
	rows := batch.NewBatch(schema, 2, id.Finish(), region.Finish())
	defer rows.Release()

	var file bytes.Buffer
	w, err := parquet.NewWriter(&file, schema, parquet.WriterOptions{Codec: "zstd"})
	if err != nil {
		panic(err)
	}
	if err := w.Write(rows); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}

	f, err := parquet.Open(bytes.NewReader(file.Bytes()), int64(file.Len()), parquet.ReadOptions{Name: "example.parquet"})
	if err != nil {
		panic(err)
	}
	fmt.Println(f.Schema(), "-", f.Rows(), "rows")
	r, err := f.Read(nil)
	if err != nil {
		panic(err)
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			panic(err)
		}
		for i := range b.N {
			fmt.Println(string(batch.AppendRowJSON(nil, b, i)))
		}
		b.Release()
	}
	// Output:
	// id bigint not null, region string - 2 rows
	// {"id":1,"region":"north"}
	// {"id":2,"region":null}
}
