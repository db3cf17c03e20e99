package stream_test

import (
	"encoding/binary"
	"fmt"
	"log"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/stream"
)

// widest keeps the number of bytes of the longest text of a group.
func widest() agg.UserAggregate {
	get := func(state []byte) int64 {
		v, _ := binary.Varint(append(state, 0))
		return v
	}
	return agg.UserAggregate{Name: "widest", Doc: "Bytes of the longest text.",
		Type: func([]batch.Type) (batch.Type, error) { return batch.BigIntType, nil },
		Update: func(state []byte, args []*batch.Column, rows []int32) ([]byte, error) {
			most := get(state)
			for _, r := range rows {
				most = max(most, int64(len(args[0].Bytes(int(r)))))
			}
			return binary.AppendVarint(state[:0], most), nil
		},
		Merge: func(state, more []byte) ([]byte, error) {
			return binary.AppendVarint(state[:0], max(get(state), get(more))), nil
		},
		Result: func(state []byte, to *batch.Builder) error { to.Int64(get(state)); return nil }}
}

// An aggregate of the author's own beside those that are there.
func ExampleFlow_Aggregate() {
	source := memory.NewSource(batch.NewSchema(batch.Field{Name: "page", Type: batch.StringType}, batch.Field{Name: "title", Type: batch.StringType}), 1)
	err := source.AddRows(0, []any{"a", "short"}, []any{"b", "a longer one"}, []any{"a", "middling"})
	source.Finish()
	flow, sink := stream.New("titles").Aggregate(widest()), memory.NewSink("out")
	flow.From("pages", source).GroupBy("page").Agg("widths", "widest(title) AS bytes", "count(*) AS n").Sort("page").To("out", sink, stream.Complete)
	if err != nil {
		log.Fatal(err)
	}
	showState(flow, sink)
	// Output:
	// {"page":"a","bytes":8,"n":2}
	// {"page":"b","bytes":12,"n":1}
}

// A function of the author's own in any expression.
func ExampleFlow_Function() {
	twice := expr.UserFunction{Name: "twice",
		Type: func(args []batch.Type) (batch.Type, error) { return args[0], nil },
		Eval: func(p *batch.Pool, n int, _ []int32, args []*batch.Column) (*batch.Column, error) {
			c := p.NewColumn(args[0].Type, n)
			for i, v := range args[0].I64 {
				c.I64[i] = 2 * v
			}
			return c, nil
		}}
	source := memory.NewSource(batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}), 1)
	err := source.AddRows(0, []any{int64(4)})
	source.Finish()
	flow, sink := stream.New("doubles").Function(twice), memory.NewSink("out")
	flow.From("numbers", source).Select("twice(n) + 1 AS n").To("out", sink, stream.Append)
	if err != nil {
		log.Fatal(err)
	}
	show(flow, sink)
	// Output: {"n":9}
}

// A function of rows: an error fails its row, which a quarantine takes with the reason.
func ExampleFlow_Function_rows() {
	parse := expr.Function1("plate_number", func(plate string) (int64, error) {
		_, number, found := strings.Cut(plate, "-")
		if !found {
			return 0, fmt.Errorf("the plate %q has no number", plate)
		}
		return strconv.ParseInt(number, 10, 64)
	})
	source := memory.NewSource(batch.NewSchema(batch.Field{Name: "plate", Type: batch.StringType, Nullable: true}), 1)
	err := source.AddRows(0, []any{"B-42"}, []any{"unreadable"}, []any{nil})
	source.Finish()
	broken := memory.NewSink("broken")
	flow, sink := stream.New("plates").Function(parse).Quarantine(broken), memory.NewSink("out")
	flow.From("cars", source).Select("plate", "plate_number(plate) AS number").To("out", sink, stream.Append)
	if err != nil {
		log.Fatal(err)
	}
	show(flow, sink)
	// Output:
	// {"plate":"B-42","number":42}
	// {"plate":null,"number":null}
}
