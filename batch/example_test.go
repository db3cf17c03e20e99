package batch_test

import (
	"fmt"
	"os"

	"github.com/deltaic/deltaic/batch"
)

// orders builds the batch that the examples share.
func orders(p *batch.Pool) *batch.Batch {
	s := batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType},
		batch.Field{Name: "region", Type: batch.StringType, Nullable: true},
		batch.Field{Name: "amount", Type: batch.DecimalType(8, 2), Nullable: true})
	id, region, amount := batch.NewBuilder(s.Fields[0].Type, p), batch.NewBuilder(s.Fields[1].Type, p), batch.NewBuilder(s.Fields[2].Type, p)
	defer id.Release()
	defer region.Release()
	defer amount.Release()
	for i, name := range []string{"north", "south", "north"} {
		id.Int64(int64(i + 1))
		region.String(name)
		amount.Decimal(batch.Int128From(int64(150 * (i + 1))))
	}
	id.Int64(4)
	region.Null()
	amount.Null()
	return batch.NewBatch(s, 4, id.Finish(), region.Finish(), amount.Finish())
}

func ExampleBuilder() {
	p := batch.NewPool()
	b := orders(p)
	for i := range b.Rows() {
		fmt.Println(string(batch.AppendRowJSON(nil, b, b.Row(i))))
	}
	b.Release()
	fmt.Println(p.Lent(), "columns are lent")
	// Output:
	// {"id":1,"region":"north","amount":1.50}
	// {"id":2,"region":"south","amount":3.00}
	// {"id":3,"region":"north","amount":4.50}
	// {"id":4,"region":null,"amount":null}
	// 0 columns are lent
}

func ExampleBatch_Compact() {
	b := orders(nil)
	b.Sel = []int32{0, 2} // what a filter leaves
	c := b.Compact(nil)
	fmt.Println(b.Rows(), "of", b.N, "rows;", c.Rows(), "of", c.N)
	// Output: 2 of 4 rows; 2 of 2
}

func ExampleScatterer() {
	p := batch.NewPool()
	b := orders(p)
	defer b.Release()
	hashes := batch.Hash(b.Columns[1:2], b.N, nil) // by region
	partOf := []int32{0, 0, 1, 1}                  // four key groups on two parts
	for _, part := range batch.NewScatterer(2).ByHash(p, b, hashes, partOf) {
		fmt.Println(part.Columns[0].I64)
		part.Release()
	}
	// Output:
	// [1 3]
	// [2 4]
}

func ExampleEncode() {
	b := orders(nil)
	data := batch.Encode(nil, b)
	got, err := batch.Decode(data, b.Schema, nil)
	fmt.Println(got.Rows(), err)
	data[len(data)-1] ^= 1
	_, err = batch.Decode(data, b.Schema, nil)
	fmt.Println(err != nil)
	// Output:
	// 4 <nil>
	// true
}

func ExampleAppender() {
	b := orders(nil)
	a := batch.NewAppender(b.Schema, nil, 3, 0)
	show := func(out *batch.Batch) error { fmt.Println(out.Rows(), "rows"); return nil }
	for range 2 {
		if err := a.Append(b, show); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(a.Flush().Rows(), "rows left")
	// Output:
	// 3 rows
	// 3 rows
	// 2 rows left
}

func ExampleAppendTable() {
	b := orders(nil)
	os.Stdout.Write(batch.AppendTable(nil, b.Schema, []*batch.Batch{b}, batch.TableOptions{}))
	// Output:
	// +---+------+------+
	// | id|region|amount|
	// +---+------+------+
	// |  1| north|  1.50|
	// |  2| south|  3.00|
	// |  3| north|  4.50|
	// |  4|  NULL|  NULL|
	// +---+------+------+
}

func ExampleRowDigest() {
	b := orders(nil)
	var one, other batch.RowDigest
	b.Sel = []int32{0, 1, 2, 3}
	first := one.Add(b)
	b.Sel = []int32{3, 1, 0, 2}
	second := other.Add(b)
	fmt.Println(first, second, one.String() == other.String())
	// Output: <nil> <nil> true
}
