package deltaic_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/node"
	"github.com/deltaic/deltaic/node/flowfile"
	"github.com/deltaic/deltaic/node/metrics"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/topology"
)

// The flows below are those of docs/COMING-FROM-SPARK.md, word for word.

func bronzeFlow() *stream.Flow {
	flow := stream.New("bronze")
	flow.From("events", kafka.Source("clicks,orders", kafka.Brokers("localhost:9092"), kafka.StartAt(kafka.Earliest), kafka.MaxOffsetsPerTrigger(100000))).
		As("raw").
		Select("topic", "cast(key AS string) AS key", "cast(value AS string) AS value", "partition", "offset",
			"timestamp AS sent_at", "current_timestamp() AS ingested_at", "date_format(timestamp, 'yyyy-MM') AS year_month").
		To("bronze", delta.SinkAt("lake/bronze", delta.SinkOptions{
			PartitionBy: []string{"topic", "year_month"}, Properties: map[string]string{"quality": "bronze"}}), stream.Append)
	return flow
}

func silverFlow() *stream.Flow {
	flow := stream.New("silver")
	flow.Quarantine(delta.SinkAt("lake/quarantine", delta.SinkOptions{}))
	flow.From("orders", kafka.Source("orders", kafka.Brokers("localhost:9092"), kafka.StartAt(kafka.Earliest))).
		As("parsed").
		Select("from_json(cast(value AS string), 'order_id STRING, region STRING, amount DECIMAL(12,2), at TIMESTAMP') AS data").
		Where("data IS NOT NULL").
		Select("data.*").
		Where("amount BETWEEN 1 AND 10000 AND region IN ('north', 'south')").
		WithColumn("dt", "to_date(at)").
		WithColumnRenamed("at", "ordered_at").
		DropDuplicates("order_id").
		To("silver", delta.SinkAt("lake/silver", delta.SinkOptions{PartitionBy: []string{"dt"}}), stream.Append)
	return flow
}

func rulesFlow() *stream.Flow {
	flow := stream.New("rules")
	flow.Quarantine(delta.SinkAt("lake/quarantine", delta.SinkOptions{}))
	flow.From("bronze", kafka.Source("orders", kafka.Brokers("localhost:9092"))).
		As("silver").
		Select("from_json(cast(value AS string), 'order_id STRING, region STRING, amount DECIMAL(12,2)') AS o").
		Select("o.*").
		Observe("intake", "count(*) AS n").
		Expectations(
			stream.Expectation{Name: "large", Constraint: "amount < 10000", Sample: 5},
			stream.Expectation{Name: "paid", Constraint: "amount > 0", OnViolation: stream.Drop},
			stream.Expectation{Name: "known", Constraint: "region IS NOT NULL", OnViolation: stream.Quarantine},
			stream.Expectation{Name: "keyed", Constraint: "order_id IS NOT NULL", OnViolation: stream.Fail}).
		To("valid", delta.SinkAt("lake/silver", delta.SinkOptions{}), stream.Append)
	return flow
}

func dumpFlow() *stream.Flow {
	flow := stream.New("dump")
	flow.From("dump", kafka.Source("dump", kafka.Brokers("localhost:9092"), kafka.Set("startingOffsets", `{"dump":{"0":23,"1":-1,"2":-2}}`))).
		As("decoded").
		Select("from_json(cast(value AS string), 'value STRING, partition BIGINT, offset BIGINT, timestamp BIGINT') AS record").
		Select("record.value", "cast(record.partition AS int) AS partition", "record.offset AS offset", "cast(record.timestamp / 1000 AS timestamp) AS sent_at").
		Where("sent_at > current_timestamp() - INTERVAL 1 hour").
		To("decoded_dump", delta.SinkAt("lake/dump", delta.SinkOptions{}), stream.Append)
	return flow
}

// TestSparkGuideIsTrue holds the guide to what runs: each Go flow in it is
// compiled above, and the flow file beside it means the same plan.
func TestSparkGuideIsTrue(t *testing.T) {
	guide := read(t, "docs/COMING-FROM-SPARK.md")
	here := squeeze(read(t, "docs_test.go") + read(t, "guide_test.go"))
	for _, block := range blocks(guide, "go") {
		if !strings.Contains(here, squeeze(block)) {
			t.Errorf("this Go snippet of the guide is not in docs_test.go:\n%s", block)
		}
	}
	said := map[string]func() *stream.Flow{"bronze": bronzeFlow, "silver": silverFlow, "rules": rulesFlow, "dump": dumpFlow}
	maps.Copy(said, stateful)
	for _, block := range blocks(guide, "yaml") {
		for _, file := range parse(t, block) {
			if said[file.Name] == nil {
				t.Errorf("no Go form of the flow %s", file.Name)
				continue
			}
			if inGo, inYAML := plan(t, said[file.Name]()), plan(t, file.Flow()); inGo != inYAML {
				t.Errorf("flow %s means in Go\n%s\nand in YAML\n%s", file.Name, inGo, inYAML)
			}
			delete(said, file.Name)
		}
	}
	for name := range said {
		t.Errorf("the guide does not show the flow %s", name)
	}
}

// TestFlowFilesInDocsAreValid runs every flow file that a document shows
// through `deltaic check`.
func TestFlowFilesInDocsAreValid(t *testing.T) {
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, name := range append(documents, "README.md") {
		for _, block := range blocks(read(t, name), "yaml") {
			if !strings.HasPrefix(block, "name:") {
				continue
			}
			file := filepath.Join(t.TempDir(), "flow.yaml")
			if err := os.WriteFile(file, []byte(block), 0o600); err != nil {
				t.Fatal(err)
			}
			env := deltaic.Env()
			var out, problems bytes.Buffer
			env.Stdout, env.Stderr = &out, &problems
			if code := node.Main(t.Context(), []string{"check", file}, env); code != node.ExitOK {
				t.Errorf("%s: deltaic check gives %d for\n%s\n%s%s", name, code, block, out.String(), problems.String())
			}
			checked++
		}
	}
	if checked < 4 {
		t.Errorf("only %d flow files found in the documents", checked)
	}
}

// TestReadmeGoSnippetIsItsFlowFile holds README's two forms of one flow together.
func TestReadmeGoSnippetIsItsFlowFile(t *testing.T) {
	readme := read(t, "README.md")
	flow := stream.New("orders")
	flow.From("orders", kafka.Source("orders", kafka.Brokers("localhost:9092"), kafka.StartAt(kafka.Earliest))).
		Select("from_json(cast(value AS string), 'order_id STRING, region STRING, amount DECIMAL(12,2), at TIMESTAMP') AS o", "partition", "offset").
		Select("o.*", "partition", "offset").
		Where("amount > 0").
		WithColumn("day", "to_date(at)").
		To("by_day", delta.SinkAt("lake/orders", delta.SinkOptions{PartitionBy: []string{"day"}}), stream.Append)
	if _, err := flow.Build(); err != nil {
		t.Fatal(err)
	}
	here := squeeze(read(t, "docs_test.go"))
	for _, block := range blocks(readme, "go") {
		said, _, _ := strings.Cut(block, "query, err :=")
		if !strings.Contains(here, squeeze(said)) {
			t.Errorf("README's Go snippet is not the one compiled here:\n%s", block)
		}
	}
}

// TestOperatingNamesEveryMetric holds docs/OPERATING.md to what is counted.
func TestOperatingNamesEveryMetric(t *testing.T) {
	guide := read(t, "docs/OPERATING.md")
	counted := map[string]bool{}
	for _, d := range metrics.Docs() {
		counted[d.Name] = true
		if !strings.Contains(guide, "`"+d.Name+"`") {
			t.Errorf("docs/OPERATING.md does not name %s", d.Name)
		}
	}
	for _, name := range regexp.MustCompile("`(deltaic_[a-z_]+)`").FindAllStringSubmatch(guide, -1) {
		if !counted[name[1]] {
			t.Errorf("docs/OPERATING.md names %s, which is not counted", name[1])
		}
	}
}

// TestArchitectureMapIsTrue: every folder and file that the map names is there,
// and links between documents lead somewhere.
func TestArchitectureMapIsTrue(t *testing.T) {
	_, table, _ := strings.Cut(read(t, "docs/ARCHITECTURE.md"), "## Where things are")
	table, _, _ = strings.Cut(table, "## What is not obvious")
	quoted := regexp.MustCompile("`([^`]+)`")
	rows := 0
	for _, line := range strings.Split(table, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || !strings.Contains(cells[2], "`") {
			continue
		}
		rows++
		folders := []string{"."}
		for _, m := range quoted.FindAllStringSubmatch(cells[2], -1) {
			if _, err := os.Stat(m[1]); err != nil {
				t.Error(err)
			}
			folders = append(folders, m[1])
		}
		for _, m := range quoted.FindAllStringSubmatch(cells[4], -1) {
			there := false
			for _, folder := range folders {
				_, err := os.Stat(filepath.Join(folder, m[1]))
				there = there || err == nil
			}
			if strings.HasSuffix(m[1], ".go") && !there {
				t.Errorf("%s is in none of %q", m[1], folders)
			}
		}
	}
	if rows < 20 {
		t.Errorf("only %d rows found in the map", rows)
	}
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("docs/decisions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(append(documents, more...), "README.md", "CHANGELOG.md") {
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`).FindAllStringSubmatch(read(t, name), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			}
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks returns the fenced blocks of a language.
func blocks(text, language string) []string {
	var found []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// squeeze drops indentation, which a document may have otherwise.
func squeeze(text string) string { return strings.Join(strings.Fields(text), " ") }

func parse(t *testing.T, text string) []*flowfile.File {
	t.Helper()
	files, err := flowfile.Parse("guide.yaml", []byte(text), flowfile.Options{
		Env:      func(string) (string, bool) { return "", false },
		ReadFile: func(string) (string, error) { return "", errors.New("no secrets here") },
		Connectors: flowfile.Connectors{SourceFormats: []string{"kafka"}, SinkFormats: []string{"delta"},
			Source: func(s flowfile.SourceOptions) (connectors.Source, error) { return kafka.New(s.Options) },
			Sink: func(s flowfile.SinkOptions) (connectors.Sink, error) {
				return delta.SinkAt(s.Path, delta.SinkOptions{PartitionBy: s.PartitionBy, Properties: s.Properties, Keys: s.Keys}), nil
			}}})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return files
}

func plan(t *testing.T, flow *stream.Flow) string {
	t.Helper()
	g, err := flow.Build()
	if err != nil {
		t.Fatal(err)
	}
	p, err := topology.MakePlan(g)
	if err != nil {
		t.Fatal(err)
	}
	return p.String()
}

// The guide says of everything that Spark's users write over one stream in event time what it is here.
func TestSparkGuideNamesWhatItCovers(t *testing.T) {
	named := map[string]bool{}
	for _, m := range regexp.MustCompile(`\b(SRC-|FN-|SINK-|MODE-|TRIG-|WM-|JOIN-|MON-|PAT-|T)(\d+)((?:(?:, | to )\d+)*)`).FindAllStringSubmatch(read(t, "docs/COMING-FROM-SPARK.md"), -1) {
		last, _ := strconv.Atoi(m[2])
		named[m[1]+m[2]] = true
		for _, more := range regexp.MustCompile(`(, | to )(\d+)`).FindAllStringSubmatch(m[3], -1) {
			to, _ := strconv.Atoi(more[2])
			if more[1] == ", " {
				last = to
			}
			for ; last <= to; last++ {
				named[m[1]+strconv.Itoa(last)] = true
			}
			last = to
		}
	}
	for kind, numbers := range map[string][]int{"SRC-": {8, 9, 10}, "FN-": {11, 14, 15, 16, 17, 18, 19, 21, 23, 24, 25, 26}, "SINK-": {1, 5, 6, 7, 8, 9}, "MODE-": {1, 2, 3, 4},
		"TRIG-": {3, 4, 5, 6}, "WM-": {1, 2, 3, 4, 5, 6, 7, 8, 9}, "JOIN-": {1, 2, 3, 8, 9, 10, 11, 12}, "MON-": {4, 12}, "PAT-": {6, 7}, "T": {1, 2, 3, 4, 11, 17, 18, 24}} {
		for _, n := range numbers {
			if name := kind + strconv.Itoa(n); !named[name] {
				t.Errorf("docs/COMING-FROM-SPARK.md does not name %s", name)
			}
		}
	}
}
