package deltaic_test

import (
	"os"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
)

// two is a flow with two tables, the second one optional.
func two(dir string, broker *kafkatest.Broker, key, second string) *stream.Flow {
	flow := stream.New("two")
	d := flow.From("orders", kafka.Source("orders", kafka.Brokers(broker.Addresses()...), kafka.StartAt(kafka.Earliest))).
		Select("CAST(value AS STRING) AS value", "offset", "CAST(partition AS BIGINT) AS twin")
	d.DropDuplicates(key).To("first", delta.SinkAt(dir+"/first", delta.SinkOptions{}), stream.Append)
	if second != "" {
		d.To("second", delta.SinkAt(dir+"/"+second, delta.SinkOptions{}), stream.Append)
	}
	return flow
}

// A sink may be taken out, or pointed at another table, once its table has
// everything; not before.
func TestASinkMayLeaveWhenItsTableHasEverything(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"orders"})
	broker.Values("orders", 0, "a", "b", "c")
	dir := t.TempDir()
	at := stream.CheckpointLocation(dir + "/checkpoint")
	if err := runAll(t, two(dir, broker, "offset", "second"), at); err != nil {
		t.Fatal(err)
	}
	// As after a crash between the decision and the roll-forward: the epoch is decided and not in the table.
	commits, err := os.ReadDir(dir + "/second/_delta_log")
	if err != nil {
		t.Fatal(err)
	}
	last := dir + "/second/_delta_log/" + commits[len(commits)-1].Name()
	text, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(last); err != nil {
		t.Fatal(err)
	}
	broker.Values("orders", 0, "d")
	wantFailure(t, runAll(t, two(dir, broker, "offset", ""), at), "SINK_MISSING", "second", "until it stops cleanly")
	wantFailure(t, runAll(t, two(dir, broker, "offset", "elsewhere"), at), "SINK_MISSING", "second")
	if err := os.WriteFile(last, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := runAll(t, two(dir, broker, "offset", "elsewhere"), at); err != nil {
		t.Fatal(err)
	}
	if err := runAll(t, two(dir, broker, "offset", ""), at); err != nil {
		t.Fatal(err)
	}
	if n, m := len(rowsOf(t, dir+"/second")), len(rowsOf(t, dir+"/elsewhere")); n != 3 || m != 1 {
		t.Fatalf("%d rows in the table before, %d in the one after", n, m)
	}
}

// Other keys of the same type are other state: silently going on would drop
// rows that are no duplicates.
func TestChangedKeysAreRefused(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"orders"})
	broker.Values("orders", 0, "a", "b", "c")
	dir := t.TempDir()
	at := stream.CheckpointLocation(dir + "/checkpoint")
	if err := runAll(t, two(dir, broker, "offset", ""), at); err != nil {
		t.Fatal(err)
	}
	err := runAll(t, two(dir, broker, "twin", ""), at)
	wantFailure(t, err, "STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE", "seen(offset)")
	if !strings.Contains(err.Error(), "orders-dropDuplicates") {
		t.Errorf("%v does not name the step", err)
	}
}
