package flowfile

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
)

var kafkaLike = batch.NewSchema(
	batch.Field{Name: "key", Type: batch.BinaryType, Nullable: true}, batch.Field{Name: "value", Type: batch.BinaryType, Nullable: true},
	batch.Field{Name: "topic", Type: batch.StringType}, batch.Field{Name: "partition", Type: batch.IntType}, batch.Field{Name: "offset", Type: batch.BigIntType})

// noted is what the connectors of a test were asked for.
type noted struct {
	sources []map[string]string
	sinks   []SinkOptions
	statics []SourceOptions
}

// customers is a static table that nobody reads.
type customers struct{}

func (customers) Schema() *batch.Schema {
	return batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType}, batch.Field{Name: "name", Type: batch.StringType, Nullable: true})
}
func (customers) Newest(context.Context) (int64, error) { return 0, nil }
func (customers) Read(context.Context, int64, *batch.Pool, func(*batch.Batch) error) error {
	return nil
}

func options(n *noted) Options {
	return Options{
		Env: func(name string) (string, bool) {
			v, ok := map[string]string{"BROKERS": "broker:9092", "EMPTY": ""}[name]
			return v, ok
		},
		ReadFile: func(path string) (string, error) {
			if path == "secrets/password" {
				return "hunter2\n", nil
			}
			return "", os.ErrNotExist
		},
		Connectors: Connectors{
			Source: func(o SourceOptions) (connectors.Source, error) {
				n.sources = append(n.sources, o.Options)
				return memory.NewSource(kafkaLike, 1), nil
			},
			Static: func(o SourceOptions) (stream.Static, error) {
				n.statics = append(n.statics, o)
				return customers{}, nil
			},
			Sink: func(s SinkOptions) (connectors.Sink, error) {
				n.sinks = append(n.sinks, s)
				return memory.NewSink(s.Name), nil
			},
			SourceFormats: []string{"kafka"}, StaticFormats: []string{"delta"}, SinkFormats: []string{"delta", "console"},
		},
	}
}

const orders = `
name: orders-by-region
checkpointLocation: ./state/orders
trigger: {processingTime: 30 seconds}
ledger: beside
parallelism: 2
configuration: {memory_limit: 1GB, session.timeZone: Europe/Zurich, spark.sql.shuffle.partitions: 200}
sources:
  orders:
    format: kafka
    options: {kafka.bootstrap.servers: "${BROKERS:localhost:9092}", subscribe: orders, kafka.sasl.jaas.config: "user ${file:secrets/password}"}
steps:
  parsed:
    from: orders
    do:
      - select: ["from_json(cast(value AS string), 'id STRING, amount DECIMAL(12,2), at TIMESTAMP') AS o", topic, offset]
      - where: "o IS NOT NULL"
      - select: ["o.*", offset]
      - withColumn: {day: "to_date(at)", large: "amount > 100"}
      - withColumnRenamed: {at: ordered_at}
      - drop: [offset]
      - dropDuplicates: [id]
  both:
    from: [parsed, parsed]
sinks:
  silver: {from: both, format: delta, path: lake/silver, outputMode: append, partitionBy: [day], properties: {quality: silver}, options: {targetFileSize: 64MB}}
  shown: {from: parsed, format: console}
quarantine: {path: lake/quarantine}
`

func TestAFlowIsReadAndSaid(t *testing.T) {
	var n noted
	files, err := Parse("flow.yaml", []byte(orders), options(&n))
	if err != nil {
		t.Fatal(err)
	}
	f := files[0]
	g, err := f.Flow().Build()
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, s := range g.Steps {
		steps = append(steps, s.Name)
	}
	want := "orders parsed-select parsed-where parsed-select-2 parsed-withColumn parsed-withColumn-2 parsed-withColumnRenamed parsed-drop parsed-dropDuplicates parsed-union silver shown quarantine"
	if got := strings.Join(steps, " "); got != want {
		t.Errorf("steps\n%s\nwant\n%s", got, want)
	}
	if n.sources[0]["kafka.bootstrap.servers"] != "broker:9092" || n.sources[0]["kafka.sasl.jaas.config"] != "user hunter2" {
		t.Errorf("%v", n.sources)
	}
	if s := n.sinks[1]; s.Path != "lake/silver" || s.PartitionBy[0] != "day" || s.Properties["quality"] != "silver" || s.Options["targetFileSize"] != "64MB" {
		t.Errorf("%+v", s)
	}
	if len(f.Warnings) != 1 || !strings.Contains(f.Warnings[0], "spark.sql.shuffle.partitions") {
		t.Errorf("%v", f.Warnings)
	}
	var o stream.Options
	for _, set := range f.Options {
		set(&o)
	}
	if o.CheckpointLocation != "./state/orders" || o.Trigger.Interval != 30*time.Second || o.Ledger != stream.LedgerBeside || o.MemoryLimit != 1<<30 || g.Parallelism != 2 {
		t.Errorf("%+v", o)
	}
	if masked := f.Mask("the password is hunter2, all of it user hunter2"); strings.Contains(masked, "hunter2") {
		t.Errorf("a secret is shown: %s", masked)
	}
}

func TestSettingsOverrideTheFile(t *testing.T) {
	var n noted
	o := options(&n)
	o.Set = []string{"name=other", "sources.orders.options.kafka.bootstrap.servers=x:1", "sources.orders.options.maxOffsetsPerTrigger=7", "sinks.silver.path=elsewhere"}
	files, err := Parse("flow.yaml", []byte(orders), o)
	if err != nil {
		t.Fatal(err)
	}
	if files[0].Name != "other" || n.sources[0]["kafka.bootstrap.servers"] != "x:1" || n.sources[0]["maxOffsetsPerTrigger"] != "7" || n.sinks[1].Path != "elsewhere" {
		t.Fatalf("%s %v %+v", files[0].Name, n.sources[0], n.sinks[1])
	}
}

func TestDocumentsAreFlows(t *testing.T) {
	small := "name: %\nsources: {a: {format: kafka}}\nsinks: {o: {from: a, format: console}}\n"
	files, err := Parse("f", []byte(strings.ReplaceAll(small, "%", "one")+"---\n"+strings.ReplaceAll(small, "%", "two")), options(&noted{}))
	if err != nil || len(files) != 2 || files[1].Name != "two" {
		t.Fatalf("%v %v", files, err)
	}
}

// Every mistake has its place, its class and the nearest word.
func TestMistakesAreNamedWithTheirPlace(t *testing.T) {
	replace := func(old, with string) string {
		if !strings.Contains(orders, old) {
			t.Fatalf("%q is not in the file", old)
		}
		return strings.Replace(orders, old, with, 1)
	}
	for _, c := range []struct{ name, text, class, says string }{
		{"unknown key", replace("checkpointLocation:", "checkpointLokation:"), "UNKNOWN_KEY", `flow.yaml:3:1: UNKNOWN_KEY: the flow has no key "checkpointLokation" did you mean "checkpointLocation"?`},
		{"unknown verb", replace("- where:", "- were:"), "UNKNOWN_KEY", `flow.yaml:17:9: UNKNOWN_KEY: do has no key "were" did you mean "where"?`},
		{"rule of an unknown column", replace("- where: \"o IS NOT NULL\"", "- expect: {paid: {constraint: \"amount > 0\"}}"), "UNRESOLVED_COLUMN", "flow.yaml:17:9"},
		{"rule without a constraint", replace("- where: \"o IS NOT NULL\"", "- expect: {paid: {onViolation: drop}}"), "INVALID_FLOW_FILE", "constraint"},
		{"unknown action", replace("- where: \"o IS NOT NULL\"", "- expect: {paid: {constraint: \"o IS NOT NULL\", onViolation: explode}}"), "INVALID_FLOW_FILE", "want warn, drop, quarantine or fail"},
		{"rule of another type", replace("- where: \"o IS NOT NULL\"", "- expect_or_drop: {paid: \"topic\"}"), "DATATYPE_MISMATCH", "not boolean"},
		{"nobody takes what is quarantined", strings.Replace(replace("- where: \"o IS NOT NULL\"", "- expect_all_or_quarantine: {paid: \"o IS NOT NULL\"}"), "quarantine: {path", "late: {path", 1), "INVALID_FLOW", "the flow has no quarantine"},
		{"observed distinct", replace("- where: \"o IS NOT NULL\"", "- observe: {name: n, agg: [\"count(DISTINCT topic)\"]}"), "INVALID_OBSERVED_METRICS", "DISTINCT"},
		{"unknown column", replace("o IS NOT NULL", "oo IS NOT NULL"), "UNRESOLVED_COLUMN", "flow.yaml:17:9"},
		{"unknown frame", replace("from: both", "from: bot"), "TABLE_OR_VIEW_NOT_FOUND", "did you mean both?"},
		{"unknown format", replace("format: delta", "format: detla"), "DATA_SOURCE_NOT_FOUND", "formats: delta, console"},
		{"unset variable", replace("${BROKERS:localhost:9092}", "${NOBODY}"), "INVALID_FLOW_FILE", "the environment variable NOBODY is not set"},
		{"missing file", replace("secrets/password", "secrets/none"), "INVALID_FLOW_FILE", "${file:secrets/none}"},
		{"bad duration", replace("30 seconds", "30 parsecs"), "INVALID_FLOW_FILE", `"30 parsecs" is not a duration`},
		{"bad size", replace("1GB", "one"), "INVALID_FLOW_FILE", "is not a size"},
		{"bad zone", replace("Europe/Zurich", "Europe/Zurch"), "INVALID_FLOW_FILE", "there is no time zone"},
		{"no name", replace("name: orders-by-region", ""), "INVALID_FLOW_FILE", "the flow has no name"},
		{"twice", replace("ledger: beside", "ledger: beside\nledger: table"), "INVALID_FLOW_FILE", "ledger"},
		{"not YAML", "name: [", "INVALID_FLOW_FILE", "flow.yaml:"},
		{"too deep", "name: " + strings.Repeat("[", 100000), "INVALID_FLOW_FILE", "nested too deep"},
		{"empty", "# nothing\n", "INVALID_FLOW_FILE", "no flow"},
		{"anchor", replace("name: orders-by-region", "name: &a orders-by-region"), "INVALID_FLOW_FILE", "anchors"},
		{"outputMode", replace("outputMode: append", "outputMode: compleat"), "INVALID_FLOW_FILE", "want append, update or complete"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("flow.yaml", []byte(c.text), options(&noted{}))
			var f *supervision.Failure
			if !errors.As(err, &f) {
				t.Fatalf("%v", err)
			}
			if !strings.HasPrefix(f.Class, c.class) || !strings.Contains(f.Error()+" "+f.Hint, c.says) {
				t.Errorf("%s %s\nwant %s %s", f.Error(), f.Hint, c.class, c.says)
			}
		})
	}
}

func TestDurationsAndSizes(t *testing.T) {
	for text, want := range map[string]time.Duration{"0": 0, "30 seconds": 30 * time.Second, "1 hour 30 minutes": 90 * time.Minute, "interval 5 minutes": 5 * time.Minute,
		"500ms": 500 * time.Millisecond, "1 day": 24 * time.Hour, "1 second": time.Second} {
		if d, err := Duration(text); err != nil || d != want {
			t.Errorf("%q is %v, %v", text, d, err)
		}
	}
	for text, want := range map[string]int64{"1GB": 1 << 30, "64 MiB": 64 << 20, "512k": 512 << 10, "100": 100, "1.5g": 3 << 29, "7b": 7} {
		if n, err := Bytes(text); err != nil || n != want {
			t.Errorf("%q is %d, %v", text, n, err)
		}
	}
}

// Whatever the text: a flow or an error with a class, no panic, bounded.
func FuzzParse(f *testing.F) {
	f.Add(orders)
	f.Add("a: &x [*x]")
	f.Add("name: ${A:${B}}")
	f.Add("? {a: b}\n: c")
	f.Add(strings.Repeat("a:\n ", 50))
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			return
		}
		files, err := Parse("flow.yaml", []byte(text), options(&noted{}))
		if err == nil {
			for _, file := range files {
				_, _ = file.Flow().Build()
			}
			return
		}
		var failure *supervision.Failure
		if !errors.As(err, &failure) || failure.Class == "" {
			t.Fatalf("an error without a class: %v", err)
		}
	})
}
