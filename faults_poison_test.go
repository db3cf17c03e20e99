package deltaic_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestPoisonIsCountedExactly: records at the edges of every type, of every shape that is none, and with ten thousand fields. Those that
// are rows arrive as they are, the others are in quarantine, each once; nothing ends the flow.
func TestPoisonIsCountedExactly(t *testing.T) {
	wide := func(value string) string {
		var s strings.Builder
		s.WriteString(`{"n":1`)
		for i := range 10_000 {
			fmt.Fprintf(&s, `,"f%d":%s`, i, value)
		}
		return s.String() + "}"
	}
	records := []struct {
		value string
		row   string // "": quarantine
	}{
		{`{"n":1,"d":"NaN","f":"Infinity"}`, `{"n":1,"d":"NaN","f":"Infinity","at":null,"day":null}`},
		{`{"n":2,"d":"-Infinity"}`, `{"n":2,"d":"-Infinity","f":null,"at":null,"day":null}`},
		{`{"n":3,"d":1e309}`, `{"n":3,"d":"Infinity","f":null,"at":null,"day":null}`}, // as Spark has it
		{`{"n":4,"f":3e39}`, `{"n":4,"d":null,"f":"Infinity","at":null,"day":null}`},
		{`{"n":5,"at":"0001-01-01T00:00:00Z","day":"0001-01-01"}`, `{"n":5,"d":null,"f":null,"at":"0001-01-01T00:00:00.000000Z","day":"0001-01-01"}`},
		{`{"n":6,"at":"+292277-01-01T00:00:00Z"}`, `{"n":6,"d":null,"f":null,"at":"+292277-01-01T00:00:00.000000Z","day":null}`},
		{`{"n":6,"at":"+294248-01-01T00:00:00Z"}`, ""},
		{`{"n":7,"at":"9999-12-31T23:59:59.999999Z"}`, `{"n":7,"d":null,"f":null,"at":"9999-12-31T23:59:59.999999Z","day":null}`},
		{`{"n":8,"day":"2026-02-30"}`, ""},
		{`{"n":9223372036854775807}`, `{"n":9223372036854775807,"d":null,"f":null,"at":null,"day":null}`},
		{`{"n":9223372036854775808}`, ""},
		{`{"n":-9223372036854775808}`, `{"n":-9223372036854775808,"d":null,"f":null,"at":null,"day":null}`},
		{`{"n":true}`, ""},
		{`{"n":{"n":1}}`, ""},
		{`[{"n":1}]`, ""},
		{`"n"`, ""},
		{`17`, ""},
		{"\xff\xfe\x00\x01", ""},
		{strings.Repeat(`{"n":`, 1000) + "1" + strings.Repeat("}", 1000), ""},
		{wide("1"), `{"n":1,"d":null,"f":null,"at":null,"day":null}`},
		{wide(`"x`), ""},
	}
	broker := kafkatest.Start(t, 1, []string{"edges"})
	client := broker.Client()
	want, poison := map[string]int{}, 0
	for i, r := range records {
		record := &kgo.Record{Topic: "edges", Value: []byte(r.value)}
		if i%2 == 0 {
			record.Key = []byte{0xff, byte(i)} // no text, and null for the others
		}
		kafkatest.Produce(t, client, record)
		if r.row == "" {
			poison++
		} else {
			want[r.row]++
		}
	}
	dir := t.TempDir()
	flow := stream.New("edges").Quarantine(delta.SinkAt(dir+"/quarantine", delta.SinkOptions{}))
	flow.From("edges", kafka.Source("edges", kafka.Brokers(broker.Addresses()...), kafka.StartAt(kafka.Earliest))).
		Select("from_json(CAST(value AS STRING), 'n BIGINT, d DOUBLE, f FLOAT, at TIMESTAMP, day DATE') AS o").Select("o.*").
		To("rows", delta.SinkAt(dir+"/rows", delta.SinkOptions{}), stream.Append)
	must(t, runAll(t, flow, stream.CheckpointLocation(dir+"/state")))
	got := rowsOf(t, dir+"/rows")
	for row, n := range want {
		if got[row] != n {
			t.Errorf("%s is there %d times, want %d", row, got[row], n)
		}
		delete(got, row)
	}
	for row := range got {
		t.Errorf("%s should not be there", row)
	}
	at := map[string]bool{}
	for row := range rowsOf(t, dir+"/quarantine") {
		_, rest, _ := strings.Cut(row, `"offset":`)
		offset, _, _ := strings.Cut(rest, ",")
		at[offset] = true
	}
	for i, r := range records {
		if at[fmt.Sprint(i)] != (r.row == "") {
			t.Errorf("%.60s: in quarantine %v", r.value, at[fmt.Sprint(i)])
		}
	}
	if len(at) != poison {
		t.Errorf("%d records are in quarantine, want %d", len(at), poison)
	}
}
