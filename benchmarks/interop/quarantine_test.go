package interop

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/node/quarantine"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/stream"
)

// TestOthersReadAQuarantine: rows that cannot be read, computed or taken, of records with headers, and some of them replayed: Spark, delta-rs and
// DuckDB read the quarantine as we do, and count what waits.
func TestOthersReadAQuarantine(t *testing.T) {
	kit(t)
	b := kafkatest.Start(t, 2, []string{"orders"})
	b.Values("orders", 0, `{"id":1,"amount":"5"}`, `{"id":2,"amount":"much"}`, `no json`, `{"id":3,"amount":"-1"}`)
	b.Values("orders", 1, `{"id":4,"amount":"-7.25"}`, `{"id":5}`, "\xff\xfe")
	dir := t.TempDir()
	run := func(change func(*stream.Flow)) {
		t.Helper()
		flow := stream.New("orders").Quarantine(delta.SinkAt(dir+"/quarantine", delta.SinkOptions{}))
		flow.From("in", kafka.Source("orders", kafka.Brokers(b.Addresses()...), kafka.StartAt(kafka.Earliest))).
			Select("from_json(CAST(value AS STRING), 'id BIGINT, amount STRING') AS o").Select("o.id", "CAST(o.amount AS DECIMAL(8,2)) AS amount").
			ExpectOrQuarantine("positive", "amount > 0").To("out", delta.SinkAt(dir+"/out", delta.SinkOptions{}), stream.Append)
		if change != nil {
			change(flow)
		}
		q, err := deltaic.Start(t.Context(), flow, stream.CheckpointLocation(dir+"/checkpoint"), stream.AvailableNow())
		must(t, err)
		must(t, q.AwaitTermination(t.Context()))
	}
	run(nil)
	store, err := local.New(filepath.Join(dir, "quarantine"), local.Options{})
	must(t, err)
	table := delta.Open(store, delta.Options{})
	rows, err := quarantine.Open(t.Context(), table, "rule = 'positive' AND partition = 0")
	must(t, err)
	run(func(flow *stream.Flow) {
		replay := stream.Replay{Rows: rows, From: rows.From(), Repair: "abs(amount) AS amount"}
		sifted, err := flow.Sift(t.Context(), replay, time.Now())
		must(t, err)
		rows.Leave(sifted.Rows)
		flow.Replay(replay)
	})
	want := digestOf(t, dir+"/quarantine")
	if want.Rows() != 6 {
		t.Errorf("the quarantine has %d rows, not 6", want.Rows())
	}
	equal(t, dir+"/quarantine", want)
	classes := map[string]int{}
	scan(t, dir+"/quarantine", []string{"error_class"}, func(b *batch.Batch, i int) { classes[string(b.Columns[0].Bytes(i))]++ })
	for _, engine := range []string{"spark", "duckdb"} {
		got := sql(t, engine, map[string]string{"q": dir + "/quarantine"}, "SELECT error_class, count(*) AS n FROM q GROUP BY error_class ORDER BY error_class")
		for class, n := range classes {
			if !strings.Contains(string(got[0].Rows), class) {
				t.Errorf("%s has no %d rows of %s: %s", engine, n, class, got[0].Rows)
			}
		}
	}
}
