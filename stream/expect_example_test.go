package stream_test

import (
	"fmt"

	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
)

// The verbs of Delta Live Tables, and one more for the quarantine. Each sees what the one before leaves; rules of one set see the same rows.
func ExampleFrame_ExpectOrDrop() {
	flow, sink, aside := stream.New("rules"), memory.NewSink("out"), memory.NewSink("quarantine")
	flow.Quarantine(aside).From("orders", orders()).
		Expect("large", "amount > 15").
		ExpectAll(map[string]string{"north": "region = 'north'", "known": "region IS NOT NULL"}).
		ExpectOrQuarantine("known", "region IS NOT NULL").
		ExpectAllOrQuarantine(map[string]string{"first": "id < 3"}).
		ExpectOrDrop("paid", "amount > 0").
		ExpectAllOrDrop(map[string]string{"north": "region = 'north'"}).
		ExpectAllOrFail(map[string]string{"positive": "amount > 0"}).
		To("out", sink, stream.Append)
	show(flow, sink)
	fmt.Println(aside.Len(), "in quarantine")
	// Output:
	// {"id":1,"region":"north","amount":10.5}
	// {"id":1,"region":"north","amount":10.5}
	// 1 in quarantine
}

func ExampleParseAction() {
	action, known := stream.ParseAction("DROP ROW")
	fmt.Println(action, known)
	// Output: drop true
}
