package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/benchmarks/interop/recount"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/delta"
)

const handOffPartitions = 4

// sendEvents sends some of the events, each to a partition by its number. What Kafka has as their time rises within each.
func sendEvents(t *testing.T, address string, from, to int64) {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(5*time.Millisecond), kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	failed := make(chan error, 1)
	send := func(e recount.Event, partition int64) {
		c.Produce(t.Context(), &kgo.Record{Topic: "events", Partition: int32(partition), Timestamp: time.UnixMilli(e.Sent), Value: e.AppendJSON(nil)}, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
	for n := from; n < to; n++ {
		send(recount.Make(n), n%handOffPartitions)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
}

func runFlow(t *testing.T, dir, text string) {
	t.Helper()
	name := filepath.Join(dir, "flow.yaml")
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := again(t, "deltaic", "run", name, "--listen", "off", "--trigger", "availableNow").Run(); err != nil {
		t.Fatal(err)
	}
}

// TestHandOffCountsExactly counts events in windows of event time: half of them lie in a table that a flow has filled, in files of several partitions whose
// times overlap, the others come from Kafka. Each window holds what recount says of it: none is short, none doubled, nothing is late.
//
// DELTAIC_HANDOFF_EVENTS says how many; with DELTAIC_HANDOFF_BROKER=real they go through Apache Kafka.
func TestHandOffCountsExactly(t *testing.T) {
	events := int64(number(t, "DELTAIC_HANDOFF_EVENTS", 40_000))
	half := events / 2
	for _, by := range []string{"offsets", "timestamp"} {
		t.Run(by, func(t *testing.T) {
			address := ""
			if os.Getenv("DELTAIC_HANDOFF_BROKER") == "real" {
				b := startBroker(t)
				b.create("events", handOffPartitions)
				address = b.address()
			} else {
				address = kafkatest.Start(t, handOffPartitions, []string{"events"}).Addresses()[0]
			}
			dir := t.TempDir()
			sendEvents(t, address, 0, half)
			began := time.Now()
			runFlow(t, dir, `
name: filled
sources:
  events: {format: kafka, options: {kafka.bootstrap.servers: "`+address+`", subscribe: events, startingOffsets: earliest, maxOffsetsPerTrigger: "`+fmt.Sprint(max(events/10, 1000))+`"}}
steps:
  kept: {from: events, do: [{select: ["CAST(value AS STRING) AS value", topic, partition, offset, timestamp]}]}
sinks:
  table: {from: kept, format: delta, path: DIR/table}
`)
			filled := time.Since(began)
			sendEvents(t, address, half, events)
			last := recount.Make(events + recount.Size.Milliseconds() + 10*recount.Disorder.Milliseconds()) // closes all windows before
			closing := events - events%handOffPartitions + last.N - last.N%handOffPartitions
			sendEvents(t, address, closing, closing+handOffPartitions)
			began = time.Now()
			runFlow(t, dir, `
name: counted
checkpointLocation: DIR/checkpoint
sources:
  events:
    history: {format: delta, path: DIR/table, options: {withEventTimeOrder: "true", eventTimeColumn: timestamp}}
    live: {format: kafka, options: {kafka.bootstrap.servers: "`+address+`", subscribe: events, maxOffsetsPerTrigger: "`+fmt.Sprint(max(events/10, 1000))+`"}}
    handOff: `+by+`
steps:
  counted:
    from: events
    do:
      - select: ["from_json(CAST(value AS STRING), 'n BIGINT, at TIMESTAMP, k BIGINT, v BIGINT') AS e"]
      - select: ["e.*"]
      - watermark: {column: at, delay: 10 seconds}
      - aggregate: {groupBy: ["window(at, '`+fmt.Sprint(recount.Size.Milliseconds())+` milliseconds')", k], agg: ["count(*) AS events", "sum(v) AS total", "min(n) AS least", "max(n) AS most"]}
      - select: ["unix_millis(window.start) AS start", k, events, total, least, most]
sinks:
  out: {from: counted, format: delta, path: DIR/out}
late: {path: DIR/late}
`)
			counted := time.Since(began)
			want := recount.Windows(events)
			each(t, tableAt(t, dir+"/out"), func(b *batch.Batch, row int) {
				v := func(i int) int64 { return b.Columns[i].I64[row] }
				w, c := recount.Window{Start: v(0), Key: v(1)}, recount.Count{Events: v(2), Sum: v(3), Least: v(4), Most: v(5)}
				if want[w] != c {
					t.Fatalf("window %+v holds %+v, want %+v (none: it was there before)", w, c, want[w])
				}
				delete(want, w)
			})
			if len(want) > 0 {
				t.Fatalf("%d windows are missing", len(want))
			}
			each(t, tableAt(t, dir+"/late"), func(b *batch.Batch, row int) {
				t.Fatalf("late: %s", batch.AppendRowJSON(nil, b, row))
			})
			t.Logf("%d events: the table filled with %.0f rows/s, both counted with %.0f events/s", events, float64(half)/filled.Seconds(), float64(events)/counted.Seconds())
		})
	}
}

// each calls take for the rows of the newest version.
func each(t *testing.T, table *delta.Table, take func(b *batch.Batch, row int)) {
	t.Helper()
	s, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range s.Scan(t.Context(), delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows() {
			take(b, b.Row(i))
		}
		b.Release()
	}
}
