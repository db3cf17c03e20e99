package deltaic_test

import (
	"testing"
	"time"

	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/delta"
)

// TestFieldsThatComeFlowOn: fields that records have and the schema has not come out as columns of the table, in the process that has run
// before, and each row once; a field of another type corrupts none.
func TestFieldsThatComeFlowOn(t *testing.T) {
	broker, seen := growing(t, "id BIGINT", "addNewColumns")
	broker.Values("events", 0, `{"id":1}`)
	seen(`{"id":1,"_rescued_data":null}`)
	broker.Values("events", 0, `{"id":2,"word":"new"}`, `{"id":"three","word":5}`)
	seen(`{"id":1,"_rescued_data":null,"word":null}`, `{"id":2,"_rescued_data":null,"word":"new"}`, `{"id":null,"_rescued_data":"{\"id\":\"three\"}","word":"5"}`)
	broker.Values("events", 0, `{"id":4,"at":{"x":1.5}}`)
	seen(`{"id":1,"_rescued_data":null,"word":null,"at":null}`, `{"id":2,"_rescued_data":null,"word":"new","at":null}`,
		`{"id":null,"_rescued_data":"{\"id\":\"three\"}","word":"5","at":null}`, `{"id":4,"_rescued_data":null,"word":null,"at":{"x":1.5}}`)
}

// TestNumbersThatGrowFlowOn: a number that its column does not hold makes the column of the table wider, and what was no number stays rescued.
func TestNumbersThatGrowFlowOn(t *testing.T) {
	broker, seen := growing(t, "id INT", "addNewColumnsWithTypeWidening")
	broker.Values("events", 0, `{"id":1}`, `{"id":"two"}`)
	seen(`{"id":1,"_rescued_data":null}`, `{"id":null,"_rescued_data":"{\"id\":\"two\"}"}`)
	broker.Values("events", 0, `{"id":3000000000,"word":"new"}`)
	seen(`{"id":1,"_rescued_data":null,"word":null}`, `{"id":null,"_rescued_data":"{\"id\":\"two\"}","word":null}`, `{"id":3000000000,"_rescued_data":null,"word":"new"}`)
}

// growing runs a flow from a topic, events, into a table whose columns grow, in a process of its own; what it returns beside the broker waits for rows of the table.
func growing(t *testing.T, schema, mode string) (*kafkatest.Broker, func(rows ...string)) {
	dir, k := t.TempDir(), newKilled(t, 0, 9)
	broker := kafkatest.Start(t, 1, []string{"events"})
	file := flowFile(t, dir, `
name: grows
checkpointLocation: DIR/checkpoint
sources: {events: {format: kafka, options: {kafka.bootstrap.servers: "`+broker.Addresses()[0]+`", subscribe: events, startingOffsets: earliest}}}
steps:
  read:
    from: events
    do:
      - select: ["from_json(CAST(value AS STRING), '`+schema+`', map('schemaEvolutionMode', '`+mode+`', 'schemaLocation', 'DIR/schema', 'rescuedDataColumn', '_rescued_data')) AS e"]
      - select: ["e.*"]
sinks: {out: {from: read, format: delta, path: DIR/out, options: {mergeSchema: "true"}, properties: {delta.enableTypeWidening: "true"}}}
`)
	c := k.command("run", file, "--listen", "off")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	return broker, func(rows ...string) {
		t.Helper()
		for wait := time.Now().Add(15 * time.Second); ; {
			_, exists, err := delta.SinkAt(dir+"/out", delta.SinkOptions{}).Open(t.Context())
			if err == nil && exists {
				got := rowsOf(t, dir+"/out")
				missing := len(got) != len(rows)
				for _, r := range rows {
					missing = missing || got[r] != 1
				}
				if !missing {
					return
				}
				if time.Now().After(wait) {
					t.Fatalf("the table has %v, not %v", got, rows)
				}
			}
			if time.Now().After(wait) {
				t.Fatalf("there is no table: %v", err)
			}
			<-time.After(5 * time.Millisecond)
		}
	}
}
