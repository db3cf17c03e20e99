package flowfile

import (
	"errors"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
)

const configured = `
name: orders
configuration:
  spark.sql.streaming.checkpointLocation: /checkpoints/
  pipelines.trigger.interval: 10 seconds
  spark.databricks.delta.schema.autoMerge.enabled: true
  spark.databricks.delta.properties.defaults.enableChangeDataFeed: true
  spark.databricks.delta.properties.defaults.appendOnly: true
  spark.sql.shuffle.partitions: 200
  pipelines.reset.allowed: false
sources: {orders: {format: kafka}}
sinks:
  one: {from: orders, format: delta, path: one}
  two: {from: orders, format: delta, path: two, options: {mergeschema: "false"}, properties: {delta.appendOnly: "false"}}
  shown: {from: orders, format: console}
`

// TestSettingsOfSpark: those that mean something here are as if the flow said so itself, unless it does; the others are named once, with what there
// is instead.
func TestSettingsOfSpark(t *testing.T) {
	var n noted
	files, err := Parse("flow.yaml", []byte(configured), options(&n))
	if err != nil {
		t.Fatal(err)
	}
	f, o := files[0], stream.Options{}
	for _, set := range f.Options {
		set(&o)
	}
	if f.CheckpointLocation != "/checkpoints/orders" || o.CheckpointLocation != "/checkpoints/orders" || f.Trigger != "processingTime" {
		t.Errorf("%q, %q, %q", f.CheckpointLocation, o.CheckpointLocation, f.Trigger)
	}
	one, two, shown := n.sinks[0], n.sinks[1], n.sinks[2]
	if one.Options["mergeSchema"] != "true" || one.Properties["delta.enableChangeDataFeed"] != "true" || one.Properties["delta.appendOnly"] != "true" {
		t.Errorf("%+v", one)
	}
	if len(two.Options) != 1 || two.Properties["delta.enableChangeDataFeed"] != "true" || two.Properties["delta.appendOnly"] != "false" {
		t.Errorf("%+v", two)
	}
	if len(shown.Options)+len(shown.Properties) != 0 {
		t.Errorf("%+v", shown)
	}
	if len(f.Warnings) != 2 || !strings.Contains(f.Warnings[0], "parallelism") || !strings.Contains(f.Warnings[1], "pipelines.reset.allowed has no effect here") {
		t.Errorf("%q", f.Warnings)
	}
	own := strings.Replace(configured, "name: orders", "name: orders\ncheckpointLocation: here\ntrigger: {once: true}", 1)
	if files, err = Parse("flow.yaml", []byte(own), options(&n)); err != nil || files[0].CheckpointLocation != "here" || files[0].Trigger != "once" {
		t.Errorf("what the flow says itself: %v, %+v", err, files)
	}
	for text, want := range map[string]string{
		"pipelines.trigger.interval: often":                      "pipelines.trigger.interval:",
		"spark.databricks.delta.schema.autoMerge.enabled: maybe": `is "maybe"; want true or false`,
		"memory_limits: 1GB":                                     `did you mean "memory_limit"`,
		"spark.sql.streaming.minBatchesToRetain: 1":              "2 at least",
	} {
		_, err := Parse("flow.yaml", []byte("name: x\nconfiguration: {"+text+"}\nsources: {orders: {format: kafka}}\nsinks: {out: {from: orders, format: console}}\n"), options(&n))
		var failed *supervision.Failure
		if !errors.As(err, &failed) || !strings.Contains(failed.Error()+" "+failed.Hint, want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
