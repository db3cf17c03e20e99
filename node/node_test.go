package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/connectors/noop"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/formats/registry/client"
	"github.com/deltaic/deltaic/node/flowfile"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/topology"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// runner is a flow that runs until it is stopped, and may refuse to.
type runner struct {
	done     chan struct{}
	once     sync.Once
	stopping chan struct{} // closed when Stop is called
	stubborn bool
	err      error
}

func newRunner() *runner {
	return &runner{done: make(chan struct{}), stopping: make(chan struct{})}
}

func (r *runner) ID() string                                          { return "id" }
func (r *runner) RunID() string                                       { return "run" }
func (r *runner) Waiting() string                                     { return "" }
func (r *runner) Setback() string                                     { return "" }
func (r *runner) Stuck() string                                       { return "" }
func (r *runner) Phase() string                                       { return "RUNNING" }
func (r *runner) Done() <-chan struct{}                               { return r.done }
func (r *runner) Err() error                                          { return r.err }
func (r *runner) Watermarks(context.Context) []topology.StepWatermark { return nil }
func (r *runner) RecentProgress() []stream.Progress                   { return nil }
func (r *runner) Offsets() map[string]any                             { return nil }
func (r *runner) ProcessAllAvailable(context.Context) error           { return nil }
func (r *runner) Stop(ctx context.Context) error {
	r.once.Do(func() { close(r.stopping) })
	if r.stubborn {
		<-ctx.Done()
		return ctx.Err()
	}
	close(r.done)
	return r.err
}

// flow is a flow that is compiled in.
func flow() *stream.Flow {
	f := stream.New("orders")
	schema := batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true})
	f.From("in", memory.NewSource(schema, 1)).To("out", &noop.Sink{}, stream.Append)
	return f
}

// process runs a command line with a flow that is compiled in.
type command struct {
	signals  chan os.Signal
	out, err bytes.Buffer
	exited   chan int // codes of immediate exits
	code     chan int
}

func run(t *testing.T, r *runner, args ...string) *command {
	t.Helper()
	c := &command{signals: make(chan os.Signal, 4), exited: make(chan int, 4), code: make(chan int, 1)}
	f := flow()
	env := Env{Flows: []*stream.Flow{f}, Stdout: &c.out, Stderr: &c.err, Signals: c.signals, Exit: func(code int) { c.exited <- code },
		Start: func(context.Context, Start) (*stream.Query, error) {
			g, err := f.Build()
			return stream.NewQuery(g, r), err
		}}
	go func() { c.code <- Main(t.Context(), args, env) }()
	return c
}

func TestTheFirstSignalStopsCleanly(t *testing.T) {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		c := run(t, newRunner(), "run", "--json")
		c.signals <- s
		if code := <-c.code; code != ExitOK || !strings.Contains(c.out.String(), `"name":"orders"`) {
			t.Errorf("%v: code %d, %s %s", s, code, &c.out, &c.err)
		}
	}
}

func TestTheSecondSignalEndsAtOnce(t *testing.T) {
	for s, want := range map[os.Signal]int{os.Interrupt: 130, syscall.SIGTERM: 143} {
		r := newRunner()
		r.stubborn = true
		c := run(t, r, "run", "--listen", "off", "--drain-timeout", "300ms")
		c.signals <- s
		<-r.stopping
		c.signals <- s
		if code := <-c.exited; code != want {
			t.Errorf("%v: %d", s, code)
		}
		<-c.code
	}
}

func TestADrainThatTakesTooLongHasItsOwnCode(t *testing.T) {
	r := newRunner()
	r.stubborn = true
	c := run(t, r, "run", "--json", "--drain-timeout", "20ms")
	c.signals <- syscall.SIGTERM
	if code := <-c.code; code != ExitDrain || !strings.Contains(c.err.String(), `"class":"DRAIN_TIMEOUT"`) {
		t.Errorf("code %d, %s", code, &c.err)
	}
}

func TestAFlowThatFailsIsReported(t *testing.T) {
	r := newRunner()
	r.err = &supervision.Failure{Kind: supervision.Fatal, Class: "SOMETHING", Step: "s", Message: "broke", Hint: "mend it"}
	close(r.done)
	c := run(t, r, "run", "--quiet")
	if code := <-c.code; code != ExitFailed || c.err.String() != "SOMETHING: step s: broke\n  mend it\n" {
		t.Errorf("code %d, %q", code, c.err.String())
	}
}

func TestErrorsAreDescribed(t *testing.T) {
	version, partition, offset := int64(3), int32(1), int64(42)
	f := &supervision.Failure{Class: "A", Message: "m", Hint: "h", Path: "f.yaml", Line: 2, Column: 3, Version: &version}
	g := &supervision.Failure{Class: "B", Message: "n", Topic: "t", Partition: &partition, Offset: &offset, Cause: errors.New("why")}
	r := describe(invalid(errors.Join(f, g)))
	if got, want := r.text(), "f.yaml:2:3: A: m\n  h\nt[1]@42: B: n: why\n"; got != want {
		t.Errorf("%q", got)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"class":"A","message":"m","hint":"h","file":"f.yaml","line":2,"column":3,"version":3,"others":[{"class":"B","message":"n: why","topic":"t","partition":1,"offset":42}]}`
	if string(text) != want {
		t.Errorf("%s", text)
	}
	// A failure around a list keeps its own words.
	if r := describe(&supervision.Failure{Class: "C", Message: "outer", Cause: errors.Join(f, g)}); r.Class != "C" {
		t.Errorf("%+v", r)
	}
	if r := describe(fs.ErrNotExist); r.Class != "PATH_NOT_FOUND" {
		t.Errorf("%+v", r)
	}
}

func TestSecretsAreMasked(t *testing.T) {
	files, err := flowfile.Parse("f.yaml", []byte("name: a\nsources:\n  s: {format: kafka, options: {kafka.bootstrap.servers: \"x:1\", subscribe: t, kafka.client.id: \"${file:x}\"}}\nsinks:\n  o: {from: s, format: noop}\n"),
		flowfile.Options{ReadFile: func(string) (string, error) { return "canary\n", nil }, Connectors: connectorsFor(nil)})
	if err != nil {
		t.Fatal(err)
	}
	var out, errors bytes.Buffer
	p := &process{env: Env{Stdout: &out, Stderr: &errors}}
	p.log = logFlags{"debug", "json"}
	p.hide(files)
	l, err := p.logger()
	if err != nil {
		t.Fatal(err)
	}
	l.Info("the canary sings")
	p.say("canary %s", "canary")
	p.report(&supervision.Failure{Class: "X", Message: "canary", Path: "canary"})
	if err := p.print(map[string]string{"canary": "canary"}); err != nil {
		t.Fatal(err)
	}
	if all := out.String() + errors.String(); strings.Contains(all, "canary") || strings.Count(all, "***") < 6 {
		t.Error(all)
	}
}

// Every key of a configuration is listed, and no other.
func TestSettingsAreListed(t *testing.T) {
	var listed []string
	for _, o := range optionDocs {
		if o.Of == "configuration" {
			listed = append(listed, o.Name)
		}
	}
	slices.Sort(listed)
	if known := flowfile.Settings(); !slices.Equal(listed, known) {
		t.Errorf("listed\n%q\nknown\n%q", listed, known)
	}
}

// Every option that is listed is one that the connector takes: an unknown one is refused by name.
func TestOptionsAreThoseThatAreTaken(t *testing.T) {
	sourceOptions := 0
	for _, o := range optionDocs {
		var err error
		switch o.Of {
		case "kafka":
			_, err = kafka.New(map[string]string{o.Name: "1"})
		case "eventhubs":
			_, err = kafka.EventHubs(map[string]string{"eventhubs.connectionString": "Endpoint=sb://n/;SharedAccessKeyName=a;SharedAccessKey=b;EntityPath=h", o.Name: "1"})
		case "kafka sink":
			_, err = kafka.NewSink(map[string]string{o.Name: "1"})
		case "delta":
			_, err = deltaSink(flowfile.SinkOptions{Name: "s", Path: "p", Options: map[string]string{o.Name: "p"}})
		case "delta source":
			if o.Name != "path" {
				_, unknown, _ := delta.ParseSourceOptions(map[string]string{o.Name: "1"}, flowfile.Bytes)
				if unknown != "" {
					t.Errorf("%s %s is unknown", o.Of, o.Name)
				}
				sourceOptions++
			}
		case "json", "csv", "parquet":
			_, err = fileSink(flowfile.SinkOptions{Name: "s", Path: "p", Format: o.Of, Options: map[string]string{o.Name: "p"}})
		case "from_avro":
			_, err = expr.Bind(`from_avro(X'02', '"int"', map('`+o.Name+`', '1'))`, batch.NewSchema(), expr.NewOptions())
		case "from_json":
			_, err = expr.Bind(`from_json('{}', 'a INT', map('`+o.Name+`', '1'))`, batch.NewSchema(), expr.NewOptions())
		case "from_protobuf":
			_, err = expr.Bind(`from_protobuf(X'', 'm', X'', map('`+o.Name+`', '1'))`, batch.NewSchema(), expr.NewOptions())
		case "schema registry":
			if strings.HasPrefix(o.Name, "confluent.") {
				_, err = client.Open("http://r", map[string]string{o.Name: "1"})
			} else {
				_, err = expr.Bind(`from_avro(X'02', map('schema.registry.subject', 's', 'schema.registry.address', 'http://r', '`+o.Name+`', 'x'))`, batch.NewSchema(), expr.NewOptions())
			}
		case "console":
			_, err = connectorsFor(nil).Sink(flowfile.SinkOptions{Name: "s", Format: "console", Options: map[string]string{o.Name: "1"}})
		}
		if err != nil && strings.Contains(err.Error(), "unknown") || err != nil && strings.Contains(err.Error(), "has no option") || err != nil && strings.Contains(err.Error(), "there is no option") {
			t.Errorf("%s %s: %v", o.Of, o.Name, err)
		}
		if o.Doc == "" || o.Since == "" {
			t.Errorf("%s is not described", o.Name)
		}
	}
	if known := len(delta.SourceOptionNames()); sourceOptions != known {
		t.Errorf("the Delta source has %d options, %d are listed", known, sourceOptions)
	}
	if _, err := kafka.New(map[string]string{"nonsense": "1"}); err == nil || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("the check above cannot fail: %v", err)
	}
}

func TestTriggers(t *testing.T) {
	for text, want := range map[string]stream.Trigger{
		"availableNow": {Kind: stream.AvailableNowTrigger}, "once": {Kind: stream.OnceTrigger},
		"processingTime=10 seconds": {Kind: stream.ProcessingTimeTrigger, Interval: 10 * time.Second}, "processingTime=0": {Kind: stream.ProcessingTimeTrigger},
	} {
		o, err := parseTrigger(text)
		if err != nil {
			t.Fatal(err)
		}
		var all stream.Options
		if o(&all); all.Trigger != want {
			t.Errorf("%s: %+v", text, all.Trigger)
		}
	}
	for _, text := range []string{"", "sometimes", "processingTime", "processingTime=soon"} {
		if _, err := parseTrigger(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestMemoryLimitIsWithinBounds(t *testing.T) {
	if n := memoryLimit(); n < leastMemory || n > mostMemory {
		t.Errorf("%d", n)
	}
}

var class = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+(\.[A-Z0-9_]+)?$`)

// noClass is what is written like the class of an error and is none: variables of the environment, words of SQL and values of options.
var noClass = regexp.MustCompile(`^((AWS|AZURE|AZURITE|GOOGLE|SASL)_.*|STORAGE_EMULATOR_HOST|NO_COLOR|CURRENT_(DATE|TIMESTAMP|DEFAULT)|TIMESTAMP_(LTZ|NTZ)|TRY_CAST|USER_INFO|STATIC_TOKEN|DELTA_CONCURRENT)$`)

// Every class that the code gives to a failure is described by `list errors`, by itself or by what stands before its dot. The code gives
// them in many ways, so any text that could be one counts.
func TestEveryErrorClassIsListed(t *testing.T) {
	missing := map[string]string{}
	note := func(l *ast.BasicLit, at string) {
		if l.Kind != token.STRING {
			return
		}
		text := strings.Trim(l.Value, "\"`")
		main, _, _ := strings.Cut(text, ".")
		if class.MatchString(text) && !noClass.MatchString(text) && errorClasses[text] == "" && errorClasses[main] == "" {
			missing[text] = at
		}
	}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); n == "testdata" || n == "benchmarks" || n == "internal" || strings.HasPrefix(n, "_") || strings.HasSuffix(n, "test") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok {
				note(l, path)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for c, path := range missing {
		t.Errorf("%s uses the class %s: describe it in node/list_errors.go", path, c)
	}
}

// Functions written in Go are there for the expressions of a flow file.
func TestFunctionsOfTheProgram(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f.yaml")
	text := "name: a\nsources:\n  s: {format: rate}\nsteps:\n  b: {from: s, do: [{select: [\"halved(value) AS h\"]}]}\nsinks:\n  o: {from: b, format: noop}\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, said bytes.Buffer
	env := Env{Stdout: &out, Stderr: &said, Start: func(context.Context, Start) (*stream.Query, error) { return nil, errors.New("not started") }}
	if code := Main(t.Context(), []string{"check", file, "--json"}, env); code != ExitInvalid || !strings.Contains(out.String()+said.String(), "UNRESOLVED_ROUTINE") {
		t.Errorf("code %d without the function: %s%s", code, &out, &said)
	}
	out.Reset()
	env.Functions = []expr.UserFunction{expr.Function1("halved", func(v int64) (float64, error) { return float64(v) / 2, nil })}
	if code := Main(t.Context(), []string{"check", file, "--json"}, env); code != ExitOK || !strings.Contains(out.String(), `"h double`) && !strings.Contains(out.String(), `"double"`) {
		t.Errorf("code %d with the function: %s%s", code, &out, &said)
	}
}

// Numbers that mean nothing are wrong usage, not taken for something else.
func TestNumbersBelowZeroAreRefused(t *testing.T) {
	for _, args := range [][]string{{"run", "--duration", "-5s"}, {"run", "--drain-timeout", "-1s"}, {"demo", "--duration", "-1s", "--dir", t.TempDir()},
		{"table", "history", ".", "--limit", "-7"}, {"epochs", ".", "--limit", "-9"}, {"quarantine", "list", ".", "--limit", "-2"}} {
		c := run(t, newRunner(), args...)
		if code := <-c.code; code != ExitUsage || !strings.Contains(c.err.String(), "USAGE") {
			t.Errorf("%q: code %d, %s", args, code, &c.err)
		}
	}
}

// A command that asks a process which says nothing gives up.
func TestAProcessThatSaysNothing(t *testing.T) {
	defer func(before time.Duration) { answerWithin = before }(answerWithin)
	answerWithin = 50 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes connections; nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, args := range [][]string{{"status"}, {"explain", "orders"}} {
		c := run(t, newRunner(), append(args, "--at", l.Addr().String())...)
		if code := <-c.code; code != ExitFailed || !strings.Contains(c.err.String(), "STREAM_NOT_RUNNING") || !strings.Contains(c.err.String(), "no answer in time") {
			t.Errorf("%q: code %d, %s", args, code, &c.err)
		}
	}
}

// What is named as a flow file may have no end.
func TestAnEndlessFlowFile(t *testing.T) {
	c := run(t, newRunner(), "check", "/dev/zero")
	if code := <-c.code; code != ExitInvalid || !strings.Contains(c.err.String(), "INVALID_FLOW_FILE") {
		t.Errorf("code %d, %s", code, &c.err)
	}
}
