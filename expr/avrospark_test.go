package expr

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

//go:embed testdata/avro.txt
var avroStatements string

//go:embed testdata/avro.jsonl
var avroGolden string

// avroCases are the statements of testdata/avro.txt, one a line; a comment begins with #.
func avroCases() []sparkCase {
	var l []sparkCase
	for _, line := range strings.Split(avroStatements, "\n") {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			l = append(l, sparkCase{Function: "avro", Text: line})
		}
	}
	return l
}

// TestMakeAvro asks Spark for what testdata/avro.jsonl lacks. It needs the interop kit and Spark's module for Avro:
// DELTAIC_INTEROP=kit an oracle/server of its own, started with SPARK_CONF="spark.jars=spark-avro_2.13.jar" DELTAIC_SPARK_WRITE=avro.
func TestMakeAvro(t *testing.T) {
	kit := os.Getenv("DELTAIC_INTEROP")
	if kit == "" || os.Getenv("DELTAIC_SPARK_WRITE") != "avro" {
		t.Skip("set DELTAIC_INTEROP and DELTAIC_SPARK_WRITE=avro")
	}
	cases := avroCases()
	var ask []string
	for _, c := range cases {
		ask = append(ask, statementOf(c))
	}
	answers := askSpark(t, kit, "", ask)
	if len(answers) != len(cases) {
		t.Fatalf("%d answers to %d statements", len(answers), len(cases))
	}
	var out bytes.Buffer
	for i, c := range cases {
		line, err := json.Marshal(answered(c, answers[i]))
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(line, '\n'))
	}
	if err := os.WriteFile("testdata/avro.jsonl", out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// avroDifferent has the statements that differ from Spark on purpose, each with its reason behind a tab.
//
//go:embed testdata/avrodifferences.txt
var avroDifferent string

// TestSparkAvro holds from_avro and to_avro to what Spark made of the statements. Spark's module throws Java's exceptions
// without a class for most of what fails, so that of errors only that they are errors counts.
func TestSparkAvro(t *testing.T) {
	asked := map[string]sparkCase{}
	for lines := bufio.NewScanner(strings.NewReader(avroGolden)); lines.Scan(); {
		var c sparkCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		asked[c.Text] = c
	}
	reasons := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(avroDifferent), "\n") {
		text, reason, _ := strings.Cut(line, "\t")
		reasons[text] = reason
	}
	for _, c := range avroCases() {
		spark, ok := asked[c.Text]
		if !ok {
			t.Errorf("Spark was not asked: %s", c.Text)
			continue
		}
		we := ours(c)
		if different := !agree(spark, we) && (spark.Class == "" || we.Class == ""); different != (reasons[c.Text] != "") {
			t.Errorf("%s\n\tspark %s\n\tours  %s", c.Text, shown(spark), shown(we))
		}
	}
}
