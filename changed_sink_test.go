package deltaic_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/files"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/connectors/noop"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
)

// neverWrites is a sink whose process dies between the decision of an epoch and its commit.
type neverWrites struct{ *kafka.Output }

func (neverWrites) Commit(context.Context, connectors.Commit) (connectors.Committed, error) {
	return connectors.Committed{}, supervision.New(supervision.Fatal, "ABORTED", "killed")
}

// goesOut is a flow from the topic in to sinks by name.
func goesOut(broker *kafkatest.Broker, sinks map[string]connectors.Sink) *stream.Flow {
	flow := stream.New("out")
	rows := flow.From("in", kafka.Source("in", kafka.Brokers(broker.Addresses()...), kafka.StartAt(kafka.Earliest))).Select("value")
	for name, s := range sinks {
		rows.To(name, s, stream.Append)
	}
	return flow
}

// Rows that are decided for a sink, and that a kill has kept from it, are not handed to a sink of another kind that has its name, which
// would take them for nothing.
func TestRowsOfASinkAreNotGivenToOneOfAnotherKind(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"in", "out"})
	broker.Values("in", 0, "a", "b", "c")
	dir := t.TempDir()
	at := stream.CheckpointLocation(dir + "/checkpoint")
	topic := func() *kafka.Output {
		return kafka.Sink("out", kafka.Brokers(broker.Addresses()...), kafka.ExactlyOnce())
	}
	run := func(sinks map[string]connectors.Sink) error { return runAll(t, goesOut(broker, sinks), at) }
	wantFailure(t, run(map[string]connectors.Sink{"out": neverWrites{topic()}}), "ABORTED")

	store, err := local.New(filepath.Join(dir, "files"), local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantFailure(t, run(map[string]connectors.Sink{"out": files.New(store, files.Options{Format: "json"})}), "SINK_MISSING", "Kafka", "out")
	wantFailure(t, run(map[string]connectors.Sink{"out": &noop.Sink{}}), "SINK_MISSING", "Kafka", "out")
	wantFailure(t, run(map[string]connectors.Sink{"other": topic()}), "SINK_MISSING", "Kafka", "out")

	if err := run(map[string]connectors.Sink{"out": topic()}); err != nil {
		t.Fatal(err)
	}
	if got := committedValues(t, broker.Addresses(), "out")[0]; len(got) != 3 {
		t.Errorf("the topic has %q, want each of three rows once", got)
	}
}

// A sink that has nothing left to do when an epoch is decided may go at any time.
func TestASinkWithoutCommitsMayLeave(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"in", "out"})
	broker.Values("in", 0, "a")
	at := stream.CheckpointLocation(t.TempDir())
	soon := kafka.Sink("out", kafka.Brokers(broker.Addresses()...))
	if err := runAll(t, goesOut(broker, map[string]connectors.Sink{"soon": soon, "count": &noop.Sink{}}), at); err != nil {
		t.Fatal(err)
	}
	rest := &noop.Sink{}
	again := kafka.Sink("out", kafka.Brokers(broker.Addresses()...))
	if err := runAll(t, goesOut(broker, map[string]connectors.Sink{"other": again, "rest": rest}), at); err != nil {
		t.Errorf("without them: %v", err)
	}
}

// Two sinks are two, whatever their names have in common: each writes its rows, under positions and transactions of its own.
func TestSinksOfNamesWithFolders(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"in", "one", "two"})
	dir := t.TempDir()
	for round := 1; round <= 3; round++ {
		broker.Values("in", 0, "a", "b")
		sinks := map[string]connectors.Sink{}
		for _, topic := range []string{"one", "two"} {
			sinks[topic+"/rows"] = kafka.Sink(topic, kafka.Brokers(broker.Addresses()...), kafka.ExactlyOnce())
		}
		if err := runAll(t, goesOut(broker, sinks), stream.CheckpointLocation(dir)); err != nil {
			t.Fatal(err)
		}
		for _, topic := range []string{"one", "two"} {
			if got := committedValues(t, broker.Addresses(), topic)[0]; len(got) != 2*round {
				t.Errorf("after round %d the topic %s has %q, want %d rows", round, topic, got, 2*round)
			}
		}
	}
}

// A checkpoint location that is put back from a copy has epochs of other rows under numbers that the sink has written already: that is said,
// and no row is passed over for it.
func TestACheckpointFromBefore(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"in", "out"})
	at, copied := filepath.Join(t.TempDir(), "checkpoint"), filepath.Join(t.TempDir(), "copy")
	run := func(location string, o ...kafka.Option) error {
		sink := kafka.Sink("out", append([]kafka.Option{kafka.Brokers(broker.Addresses()...), kafka.ExactlyOnce()}, o...)...)
		return runAll(t, goesOut(broker, map[string]connectors.Sink{"out": sink}), stream.CheckpointLocation(location))
	}
	broker.Values("in", 0, "a")
	if err := run(at); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(copied, os.DirFS(at)); err != nil {
		t.Fatal(err)
	}
	broker.Values("in", 0, "b")
	if err := run(at); err != nil {
		t.Fatal(err)
	}
	broker.Values("in", 0, "c")
	wantFailure(t, run(copied), "KAFKA_POSITIONS_AHEAD", "epoch 2", "copy")
	if err := run(copied, kafka.Set("adopt", "true")); err != nil {
		t.Fatal(err)
	}
	broker.Values("in", 0, "d")
	if err := run(copied); err != nil {
		t.Fatal(err)
	}
	if got := committedValues(t, broker.Addresses(), "out")[0]; !slices.Equal(got, []string{"a", "b", "a", "b", "c", "d"}) {
		t.Errorf("the topic has %q", got)
	}
}

// Tables and folders of files say the same.
func TestACheckpointFromBeforeAndTables(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"in"})
	dir := t.TempDir()
	run := func(location string) error {
		store, err := local.New(filepath.Join(dir, "files"), local.Options{})
		if err != nil {
			t.Fatal(err)
		}
		sinks := map[string]connectors.Sink{"table": delta.SinkAt(filepath.Join(dir, "table"), delta.SinkOptions{})}
		if strings.HasPrefix(filepath.Base(location), "files") {
			sinks = map[string]connectors.Sink{"files": files.New(store, files.Options{Format: files.JSON})}
		} else {
			sinks["rest"] = &noop.Sink{}
		}
		return runAll(t, goesOut(broker, sinks), stream.CheckpointLocation(location))
	}
	broker.Values("in", 0, "a")
	for what, class := range map[string]string{"table": "SINK_AHEAD", "files": "FOLDER_OF_ANOTHER_SINK"} {
		at, copied := filepath.Join(dir, what+"-checkpoint"), filepath.Join(dir, what+"-copy")
		if err := run(at); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(copied, os.DirFS(at)); err != nil {
			t.Fatal(err)
		}
		broker.Values("in", 0, "b")
		if err := run(at); err != nil {
			t.Fatal(err)
		}
		broker.Values("in", 0, "c")
		wantFailure(t, run(copied), class)
	}
}
