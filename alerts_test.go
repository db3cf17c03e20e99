package deltaic_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/node"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestAlertsAreTold: a flow whose rows violate a rule, and which fails in the end, tells a webhook and a topic, and its progress names what
// fires. What the webhook is told holds no secret of the file.
func TestAlertsAreTold(t *testing.T) {
	var mu sync.Mutex
	var told []map[string]any
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e map[string]any
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &e); err != nil || r.Header.Get("Authorization") != "canary" {
			t.Errorf("%s, %v", body, err)
		}
		mu.Lock()
		told = append(told, e)
		mu.Unlock()
	}))
	defer hook.Close()
	broker := kafkatest.Start(t, 1, []string{"alerts"})
	dir := t.TempDir()
	file := filepath.Join(dir, "flow.yaml")
	text := fmt.Sprintf(`name: watched
checkpointLocation: %[1]s/state
sources:
  n: {format: rate-micro-batch, options: {rowsPerBatch: "10"}}
steps:
  ruled:
    from: n
    do:
      - expect: {even: {constraint: "value %% 2 = 0", onViolation: warn}, few: {constraint: "value < 25", onViolation: fail}}
sinks:
  out: {from: ruled, format: delta, path: %[1]s/out}
alerts:
  expectation: {above: 0.4}
  failed: true
  to:
    ops: {webhook: "%[2]s", headers: {Authorization: "${HOOK_KEY}"}}
    topic: {kafka: {kafka.bootstrap.servers: "%[3]s", topic: alerts}}
`, dir, hook.URL, broker.Addresses()[0])
	must(t, os.WriteFile(file, []byte(text), 0o644))
	t.Setenv("HOOK_KEY", "canary")
	var stdout, stderr bytes.Buffer
	env := deltaic.Env()
	env.Stdout, env.Stderr = &stdout, &stderr
	if code := node.Main(t.Context(), []string{"run", file, "--quiet", "--listen", "off", "--progress", dir + "/progress.jsonl"}, env); code != node.ExitExpect {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	var got []string
	for _, e := range told {
		got = append(got, fmt.Sprint(e["flow"], " ", e["alert"], " ", e["subject"], " ", e["state"], " ", e["value"]))
	}
	if want := "[watched expectation ruled.even firing 0.5 watched failed <nil> firing 1]"; fmt.Sprint(got) != want {
		t.Errorf("told %v\nwant %s", got, want)
	}
	progress, err := os.ReadFile(dir + "/progress.jsonl")
	must(t, err)
	if line, _, _ := bytes.Cut(progress, []byte{'\n'}); !bytes.Contains(line, []byte(`"alerts":["expectation:ruled.even"]`)) {
		t.Errorf("progress: %s", line)
	}
	client := broker.Client(kgo.ConsumeTopics("alerts"))
	var records []string
	for len(records) < 2 {
		client.PollFetches(t.Context()).EachRecord(func(r *kgo.Record) { records = append(records, string(r.Key)+" "+string(r.Value)) })
	}
	if !strings.HasPrefix(records[0], `watched {"flow":"watched"`) || !strings.Contains(records[1], `"alert":"failed"`) || !strings.Contains(records[1], "few") {
		t.Errorf("records: %q", records)
	}
	if strings.Contains(stdout.String()+stderr.String()+string(progress), "canary") {
		t.Error("a secret is shown")
	}
	for bad, says := range map[string]string{
		"above: 0.4}":         "from 0 to 1",
		`webhook: "` + "http": "a webhook is an address",
		"failed: true":        "want true or false",
		"topic: alerts}":      "cannot be a topic",
	} {
		broken := map[string]string{"above: 0.4}": "above: 4}", `webhook: "` + "http": `webhook: "x`, "failed: true": "failed: maybe", "topic: alerts}": `topic: "a b"}`}[bad]
		must(t, os.WriteFile(file, []byte(strings.Replace(text, bad, broken, 1)), 0o644))
		stderr.Reset()
		stdout.Reset()
		if code := node.Main(t.Context(), []string{"check", file}, env); code != node.ExitInvalid || !strings.Contains(stdout.String()+stderr.String(), says) {
			t.Errorf("%s: exit code %d: %s%s", broken, code, stdout.String(), stderr.String())
		}
	}
}
