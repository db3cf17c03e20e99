package matrixtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/node"
)

// said is the cell of what a node says while its broker is away: the command line's exit code and text, and those of /readyz.
func said() Cell {
	return Cell{Name: "the broker is away until a node's status and /readyz say so", run: func(e *env) {
		e.create(2, nil, e.topic)
		e.produce(values(e.topic, 0, 0, 50))
		n := e.node()
		n.until("it is ready", 0, "RUNNING  Waiting for data to arrive", http.StatusOK, `{"ready":true,"reasons":[]}`)
		e.Stop(e.T, false)
		address := e.Address(e.T, Plain)
		n.until("it says what it waits for", 0, "RUNNING  Waiting for records: ", http.StatusServiceUnavailable, `{"ready":false,"reasons":[{"stream":"cell","reason":"Waiting for records: `, address)
		e.Start(e.T)
		e.produce(values(e.topic, 1, 0, 50))
		n.until("it is ready again", 0, "RUNNING  Waiting for data to arrive", http.StatusOK, `{"ready":true,"reasons":[]}`)
		e.until("the new rows", func() bool { return len(e.rows()) == 100 })
		n.stop()
		e.same(nil)
		e.noted("status RUNNING, exit 0, /readyz 200; away: Waiting for records, exit 0, 503 with the reason; back: 200 and 100 rows")
	}}
}

// running is a node within this process.
type running struct {
	e        *env
	location string
	signals  chan os.Signal
	ended    chan int
	text     bytes.Buffer
}

// node runs the flow of the cell as a file.
func (e *env) node() *running {
	e.Helper()
	n := &running{e: e, location: filepath.Join(e.dir, "checkpoint"), signals: make(chan os.Signal, 1), ended: make(chan int, 1)}
	file := filepath.Join(e.dir, "flow.yaml")
	text := fmt.Sprintf(`name: cell
checkpointLocation: %q
sources:
  records: {format: kafka, options: {kafka.bootstrap.servers: %q, subscribe: %q, startingOffsets: earliest, includeHeaders: "true", kafka.default.api.timeout.ms: "2000", kafka.retry.backoff.ms: "50"}}
sinks:
  out: {from: records, format: delta, path: %q, outputMode: append}
`, n.location, e.Address(e.T, Plain), e.topic, e.table())
	e.must(os.WriteFile(file, []byte(text), 0o600))
	env := deltaic.Env()
	env.Stdout, env.Stderr, env.Signals = io.Discard, &n.text, n.signals
	go func() { n.ended <- node.Main(e.ctx, []string{"run", file, "--quiet"}, env) }()
	return n
}

// until waits until `deltaic status` and /readyz say what they must.
func (n *running) until(what string, exit int, text string, code int, body ...string) {
	n.e.Helper()
	var seen string
	defer func() {
		if n.e.Failed() {
			n.e.Logf("last: %s", seen)
		}
	}()
	n.e.until(what, func() bool {
		select {
		case code := <-n.ended:
			n.e.Fatalf("the node has ended with %d: %s", code, &n.text)
		default:
		}
		var out bytes.Buffer
		env := deltaic.Env()
		env.Stdout, env.Stderr, env.Signals = &out, &out, make(chan os.Signal)
		got := node.Main(n.e.ctx, []string{"status", "--location", n.location}, env)
		status, ready := n.ready()
		seen = fmt.Sprintf("exit %d: %s /readyz %d: %s", got, &out, status, ready)
		ok := got == exit && strings.HasPrefix(out.String(), text) && status == code
		for _, says := range body {
			ok = ok && strings.Contains(ready, says)
		}
		return ok
	})
}

// ready asks /readyz.
func (n *running) ready() (int, string) {
	at, err := os.ReadFile(filepath.Join(n.location, "listen"))
	if err != nil {
		return 0, err.Error()
	}
	resp, err := http.Get("http://" + strings.TrimPrefix(strings.TrimSpace(string(at)), "http://") + "/readyz")
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	n.e.must(err)
	return resp.StatusCode, string(text)
}

// stop ends the node cleanly.
func (n *running) stop() {
	n.e.Helper()
	n.signals <- os.Interrupt
	select {
	case code := <-n.ended:
		if code != 0 {
			n.e.Fatalf("the node ends with %d: %s", code, &n.text)
		}
	case <-n.e.ctx.Done():
		n.e.Fatal("the node does not stop")
	}
}
