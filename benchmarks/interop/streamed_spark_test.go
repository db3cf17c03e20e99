package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
)

// sparkStreams runs streams of Spark to their end: {path, options, out, checkpoint} a line, and prints the class of the error of each, or nothing.
const sparkStreams = `
import json, sys
import engines
s = engines.spark()
for line in sys.stdin:
    job = json.loads(line)
    try:
        q = s.readStream.format('delta').options(**job['options']).load(job['path']).writeStream.format(job['format']) \
            .option('checkpointLocation', job['checkpoint']).trigger(availableNow=True).start(job['out'])
        q.awaitTermination()
        print(json.dumps({'class': ''}), flush=True)
    except Exception as e:
        print(json.dumps({'class': str(e)[:500]}), flush=True)
`

// sparkStreamer is a Spark of its own that runs streams.
type sparkStreamer struct {
	jobs    io.Writer
	answers *bufio.Scanner
}

// startSparkStreams starts a Spark that ends with the test.
func startSparkStreams(t *testing.T) *sparkStreamer {
	t.Helper()
	c := sparkProgram(t, sparkStreams)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = c.Wait()
	})
	return &sparkStreamer{in, bufio.NewScanner(out)}
}

// run streams a table to its end into files of a format and returns why that failed, "" if it did not.
func (s *sparkStreamer) run(t *testing.T, path, format, out string, options map[string]string) string {
	t.Helper()
	line, err := json.Marshal(map[string]any{"path": path, "options": options, "format": format, "out": out, "checkpoint": out + ".checkpoint"})
	if err == nil {
		_, err = s.jobs.Write(append(line, '\n'))
	}
	var answer struct{ Class string }
	if err == nil && s.answers.Scan() {
		err = json.Unmarshal(s.answers.Bytes(), &answer)
	} else if err == nil {
		err = fmt.Errorf("Spark gives no answer: %w", s.answers.Err())
	}
	if err != nil {
		t.Fatal(err)
	}
	return answer.Class
}

// secondOpinion streams the table by Spark and by us, with the same options. Where Spark's stream fails ours must fail, by the same name.
func secondOpinion(t *testing.T, spark *sparkStreamer, dir, path string, told []string) {
	t.Helper()
	streams := []map[string]string{{"skipChangeCommits": "true"}, {"ignoreChanges": "true"}, {"ignoreDeletes": "true"}, {}}
	if told != nil {
		streams = append(streams, map[string]string{"readChangeFeed": "true"})
	}
	agreed := 0
	for i, options := range streams {
		options["startingVersion"] = "0"
		theirs := spark.run(t, path, "delta", fmt.Sprint(dir, "/spark", i), options)
		o, _, err := delta.ParseSourceOptions(options, func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) })
		if err != nil {
			t.Fatal(err)
		}
		ours := map[string]int{}
		err = drained(t, path, o, false, func(b *batch.Batch, row int) {
			ours[absent.ReplaceAllString(string(batch.AppendRowJSON(nil, b, row)), "")]++
		})
		switch {
		case theirs != "" && err == nil:
			t.Logf("Spark's stream %v fails, ours does not: %.300s", options, theirs)
		case theirs != "":
			class := regexp.MustCompile(`DELTA_\w+`).FindString(err.Error())
			if class == "" || !strings.Contains(theirs, class) {
				t.Errorf("our stream %v fails with %v, Spark's with %.300s", options, err, theirs)
			}
			agreed++
		case err != nil:
			t.Errorf("our stream %v fails and Spark's does not: %v", options, err)
		default:
			want := contents(t, tableAt(t, fmt.Sprint(dir, "/spark", i)), -1)
			if !maps.Equal(ours, want) {
				t.Errorf("our stream %v has\n%v\nSpark's\n%v", options, ours, want)
			}
			agreed++
		}
	}
	t.Logf("Spark's own streams: %d of %d agree", agreed, len(streams))
}

// sparkProgram runs a program under the interpreter of the oracle, which has Spark.
func sparkProgram(t *testing.T, program string) *exec.Cmd {
	t.Helper()
	c := python(t, program)
	venv := filepath.Dir(filepath.Dir(filepath.Dir(c.Path)))
	c.Stderr = nil // a stream that fails prints pages
	c.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(kit(t), "oracle", "py"), "DELTAIC_SPARK_JARS="+filepath.Join(venv, "spark-jars"),
		"DELTAIC_INTEROP_CACHE_DIR="+venv, "PYTHONDONTWRITEBYTECODE=1")
	return c
}
