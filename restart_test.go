package deltaic_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
)

// counted is a flow that counts by region in windows; its fields are what a restart may bring another value of.
type counted struct {
	topic, source, step, window, where string
	start                              kafka.StartingOffsets
	aggregates                         []string
	delay                              time.Duration
	parallelism, groups                int
	keys                               []string
	options                            []kafka.Option
}

// before is the flow as it was first started.
func before() counted {
	return counted{topic: "events", start: kafka.Earliest, source: "events", step: "per-minute", window: "window(at, '1 minute')", where: "region IS NOT NULL",
		aggregates: []string{"max(at) AS last", "count(*) AS n"}, delay: time.Minute, parallelism: 2, groups: 64, keys: []string{"start", "region"}}
}

func (c counted) flow(dir string, broker *kafkatest.Broker) *stream.Flow {
	flow := stream.New("counted").Parallelism(c.parallelism).KeyGroups(c.groups)
	options := append([]kafka.Option{kafka.Brokers(broker.Addresses()...), kafka.StartAt(c.start)}, c.options...)
	flow.From(c.source, kafka.Source(c.topic, options...)).As("parsed").
		Select("from_json(cast(value AS string), 'region STRING, at TIMESTAMP') AS e").Select("e.*").Where(c.where).
		WithWatermark("at", c.delay).
		GroupBy(c.window, "region").Agg(c.step, c.aggregates...).
		Select("window.start AS start", "region", "n").
		To("counts", delta.SinkAt(dir+"/counts", delta.SinkOptions{Keys: c.keys}), stream.Update)
	return flow
}

func eventAt(region, minute string) string {
	return fmt.Sprintf(`{"region":%q,"at":"2026-03-01T10:%s:00Z"}`, region, minute)
}

// TestWhatMayChangeAtARestart is the table of docs/OPERATING.md: each change is made to a flow that has run once,
// and the flow goes on with what it had, or is refused with a class that says why.
func TestWhatMayChangeAtARestart(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*counted)
		class  string // "": it goes on
		says   string
	}{
		"nothing":              {func(*counted) {}, "", ""},
		"startingOffsets":      {func(c *counted) { c.start = kafka.Latest }, "", ""},
		"parallelism":          {func(c *counted) { c.parallelism = 5 }, "", ""},
		"a filter":             {func(c *counted) { c.where = "region <> 'west'" }, "", ""},
		"the watermark":        {func(c *counted) { c.delay = 5 * time.Minute }, "", ""},
		"maxOffsetsPerTrigger": {func(c *counted) { c.options = append(c.options, kafka.MaxOffsetsPerTrigger(1)) }, "", ""},
		"one more topic":       {func(c *counted) { c.topic = "events,more" }, "", ""},
		"another topic":        {func(c *counted) { c.topic = "more" }, "KAFKA_DATA_LOSS", "events"},
		"the number of groups": {func(c *counted) { c.groups = 32 }, "KEY_GROUPS_CHANGED", "64"},
		"the window":           {func(c *counted) { c.window = "window(at, '2 minutes')" }, "STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE", "per-minute"},
		"an aggregate less":    {func(c *counted) { c.aggregates = c.aggregates[1:] }, "", ""},
		"aggregates' order":    {func(c *counted) { slices.Reverse(c.aggregates) }, "", ""},
		"an aggregate more":    {func(c *counted) { c.aggregates = append(c.aggregates, "min(at) AS first") }, "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE", "per-minute"},
		"the keys of a sink":   {func(c *counted) { c.keys = []string{"region"} }, "DELTAIC_SINK_KEYS_CHANGED", "region"},
		"the name of a source": {func(c *counted) { c.source = "happenings" }, "SOURCE_RENAMED", "events"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			broker := kafkatest.Start(t, 1, []string{"events", "more"})
			broker.Values("events", 0, eventAt("north", "00"), eventAt("south", "00"), eventAt("north", "01"))
			dir := t.TempDir()
			at := stream.CheckpointLocation(dir + "/checkpoint")
			if err := runAll(t, before().flow(dir, broker), at); err != nil {
				t.Fatal(err)
			}
			broker.Values("events", 0, eventAt("north", "01"))
			now := before()
			c.change(&now)
			err := runAll(t, now.flow(dir, broker), at)
			if c.class != "" {
				wantFailure(t, err, c.class, c.says)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]int{`{"start":"2026-03-01T10:00:00.000000Z","region":"north","n":1}`: 1,
				`{"start":"2026-03-01T10:00:00.000000Z","region":"south","n":1}`: 1, `{"start":"2026-03-01T10:01:00.000000Z","region":"north","n":2}`: 1}
			if got := rowsOf(t, dir+"/counts"); !maps.Equal(got, want) {
				t.Errorf("the table holds %v", got)
			}
		})
	}
}

// A step with another name has other state: it begins empty, which is the way to begin anew on purpose.
func TestAStepWithAnotherNameBeginsEmpty(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"events"})
	broker.Values("events", 0, eventAt("north", "01"))
	dir := t.TempDir()
	at := stream.CheckpointLocation(dir + "/checkpoint")
	if err := runAll(t, before().flow(dir, broker), at); err != nil {
		t.Fatal(err)
	}
	broker.Values("events", 0, eventAt("north", "01"))
	now := before()
	now.step = "each-minute"
	if err := runAll(t, now.flow(dir, broker), at); err != nil {
		t.Fatal(err)
	}
	if got := rowsOf(t, dir+"/counts"); got[`{"start":"2026-03-01T10:01:00.000000Z","region":"north","n":1}`] != 1 {
		t.Errorf("the table holds %v", got)
	}
}
