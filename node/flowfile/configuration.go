package flowfile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/expr/datetime"
	"github.com/deltaic/deltaic/stream"
)

// setting applies the value of a key of the configuration.
type setting func(b *builder, key string, v *value) error

// settings are the keys of a configuration; of Spark's those that mean something here.
var settings = map[string]setting{
	"memory_limit":       memoryLimit,
	"session.timeZone":   sessionZone,
	"ansi":               ansi,
	"minBatchesToRetain": minBatchesToRetain,
	"minTimeToRetain":    minTimeToRetain,
	"keyGroups":          keyGroups,
	"actorPerKeyGroup":   actorPerKeyGroup,

	"spark.sql.session.timeZone":                      sessionZone,
	"spark.sql.ansi.enabled":                          ansi,
	"spark.sql.streaming.minBatchesToRetain":          minBatchesToRetain,
	"spark.sql.streaming.multipleWatermarkPolicy":     watermarkPolicy,
	"spark.sql.streaming.checkpointLocation":          checkpointRoot,
	"spark.databricks.delta.schema.autoMerge.enabled": autoMerge,
	"pipelines.trigger.interval":                      triggerInterval,
}

// defaultProperties begins the names of properties that tables have which the flow makes.
const defaultProperties = "spark.databricks.delta.properties.defaults."

// Settings are the names of all keys of a configuration.
func Settings() []string {
	names := slices.Collect(maps.Keys(settings))
	names = append(names, defaultProperties+"*")
	slices.Sort(names)
	return names
}

// idle says of settings that people bring from Spark and pipelines what there is instead.
var idle = []struct{ prefix, instead string }{
	{"spark.sql.shuffle.partitions", "the flow's parallelism says how many tasks there are, and may change between runs"},
	{"spark.default.parallelism", "parallelism is a key of the flow"},
	{"spark.sql.adaptive.", "plans do not depend on sizes"},
	{"spark.sql.streaming.stateStore.", "state is in memory and below it on disk as it needs; memory_limit bounds it"},
	{"spark.sql.streaming.noDataMicroBatches.enabled", "time goes on without rows, and windows close"},
	{"spark.sql.streaming.forceDeleteTempCheckpointLocation", "there are no temporary checkpoints"},
	{"spark.sql.streaming.metricsEnabled", "metrics are always there"},
	{"spark.sql.streaming.schemaInference", "schemas are written down"},
	{"spark.executor.", "there are no executors: memory_limit and parallelism bound a flow"},
	{"spark.driver.", "there is no driver: memory_limit and parallelism bound a flow"},
	{"spark.databricks.delta.optimizeWrite.", "option targetFileSize of a Delta sink"},
	{"spark.databricks.delta.autoCompact.", "option targetFileSize of a Delta sink"},
	{"pipelines.maxFlowRetryAttempts", "attempts are made again with backoff until none gets on within a window"},
	{"pipelines.numUpdateRetryAttempts", "attempts are made again with backoff until none gets on within a window"},
}

// configuration applies settings; those of Spark that mean nothing here are named once.
func (b *builder) configuration(v *value) error {
	if v.kind != mapping {
		return v.fail("INVALID_FLOW_FILE", "configuration is %s; a mapping is wanted", v.kind)
	}
	for i, k := range v.keys {
		text, err := v.values[i].str("configuration." + k.text)
		if err != nil {
			return err
		}
		b.file.Configuration[k.text] = text
		set, name := settings[k.text], strings.TrimPrefix(k.text, defaultProperties)
		switch {
		case set != nil:
			err = set(b, k.text, v.values[i])
		case name != k.text && name != "":
			b.tableDefaults["delta."+name] = text
		default:
			err = b.unknownSetting(k)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unknownSetting refuses a setting, or warns of one of Spark that means nothing here.
func (b *builder) unknownSetting(k *value) error {
	if instead := hadoopInstead(k.text); instead != "" {
		f := k.fail("UNSUPPORTED_FEATURE", "%s is a setting of Hadoop's file systems, which are not used here", k.text)
		f.Hint = instead
		return f
	}
	if strings.HasPrefix(k.text, "spark.") || strings.HasPrefix(k.text, "pipelines.") {
		note := fmt.Sprintf("%s:%d: %s has no effect here", k.file, k.line, k.text)
		for _, s := range idle {
			if strings.HasPrefix(k.text, s.prefix) {
				note += ": " + s.instead
				break
			}
		}
		b.file.Warnings = append(b.file.Warnings, note)
		return nil
	}
	f := k.fail("UNKNOWN_KEY", "configuration has no key %q", k.text)
	if near := nearest(k.text, Settings()); near != "" {
		f.Hint = fmt.Sprintf("did you mean %q?", near)
	}
	return f
}

func memoryLimit(b *builder, key string, v *value) error {
	n, err := Bytes(v.text)
	if err != nil {
		return v.fail("INVALID_FLOW_FILE", "%s: %w", key, err)
	}
	b.option(stream.MemoryLimit(n))
	return nil
}

func sessionZone(b *builder, key string, v *value) error {
	zone, ok := datetime.ZoneNamed(v.text)
	if !ok {
		return v.fail("INVALID_FLOW_FILE", "%s: there is no time zone %q; a region such as Europe/Zurich or an offset such as +01:00 is wanted", key, v.text)
	}
	b.file.flow.SessionZone(zone)
	return nil
}

// truth reads true or false.
func truth(key string, v *value) (bool, error) {
	on, err := strconv.ParseBool(v.text)
	if err != nil {
		return false, v.fail("INVALID_FLOW_FILE", "%s is %q; want true or false", key, v.text)
	}
	return on, nil
}

func ansi(b *builder, key string, v *value) error {
	on, err := truth(key, v)
	b.file.flow.ANSI(on)
	return err
}

func autoMerge(b *builder, key string, v *value) (err error) {
	b.autoMerge, err = truth(key, v)
	return err
}

func watermarkPolicy(b *builder, _ string, v *value) error {
	b.file.flow.MultipleWatermarkPolicy(v.text)
	return nil
}

func minBatchesToRetain(b *builder, key string, v *value) error {
	n, err := v.integer(key)
	if err != nil || n < 2 {
		return v.fail("INVALID_FLOW_FILE", "%s is %q; want a number of epochs, 2 at least", key, v.text)
	}
	b.option(stream.MinBatchesToRetain(n))
	return nil
}

func minTimeToRetain(b *builder, key string, v *value) error {
	d, err := Duration(v.text)
	if err != nil {
		return v.fail("INVALID_FLOW_FILE", "%s is %q: %w", key, v.text, err)
	}
	b.option(stream.MinTimeToRetain(d))
	return nil
}

func keyGroups(b *builder, key string, v *value) error {
	n, err := v.integer(key)
	if err == nil {
		b.file.flow.KeyGroups(n)
	}
	return err
}

func actorPerKeyGroup(b *builder, key string, v *value) error {
	on, err := truth(key, v)
	if on {
		b.file.flow.ActorPerKeyGroup()
	}
	return err
}

// checkpointRoot is the folder in which flows have theirs by name, unless they say where.
func checkpointRoot(b *builder, key string, v *value) error {
	if v.text == "" {
		return v.fail("INVALID_FLOW_FILE", "%s is empty", key)
	}
	if b.file.CheckpointLocation == "" {
		b.checkpointLocation(strings.TrimRight(v.text, "/") + "/" + b.file.Name)
	}
	return nil
}

// triggerInterval is the trigger of a flow that says none.
func triggerInterval(b *builder, key string, v *value) error {
	o, err := Trigger("processingTime", v.text)
	if err != nil {
		return v.fail("INVALID_FLOW_FILE", "%s: %w", key, err)
	}
	if b.file.Trigger == "" {
		b.file.Trigger = "processingTime"
		b.option(o)
	}
	return nil
}

// adopt gives a table what the configuration says of all of them, as far as the sink does not say it.
func (b *builder) adopt(s *SinkOptions) {
	if s.Format != "delta" {
		return
	}
	for name, text := range b.tableDefaults {
		if _, own := s.Properties[name]; !own {
			if s.Properties == nil {
				s.Properties = map[string]string{}
			}
			s.Properties[name] = text
		}
	}
	if !b.autoMerge || slices.ContainsFunc(slices.Collect(maps.Keys(s.Options)), func(name string) bool { return strings.EqualFold(name, "mergeSchema") }) {
		return
	}
	if s.Options == nil {
		s.Options = map[string]string{}
	}
	s.Options["mergeSchema"] = "true"
}
