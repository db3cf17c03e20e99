package interop

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
)

// registryArtifact is Apicurio Registry, which speaks Confluent's protocol below /apis/ccompat: the newest of its releases that runs on Java 17.
const registryArtifact = "io.apicurio:apicurio-registry-app:2.6.13.Final:tar.gz:all"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// registryServer is a schema registry of its own process, with an empty memory.
type registryServer struct {
	process *os.Process
	address string
	api     *sr.Client
}

func startRegistry(t *testing.T) *registryServer {
	t.Helper()
	kit(t)
	for _, program := range []string{"mvn", "java", "tar"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the registry needs %s: %v", program, err)
		}
	}
	dir := t.TempDir()
	quiet := func(name string, args ...string) {
		t.Helper()
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", name, err, tail(out))
		}
	}
	quiet("mvn", "-q", "-B", "dependency:copy", "-Dartifact="+registryArtifact, "-DoutputDirectory="+dir)
	packed, _ := filepath.Glob(filepath.Join(dir, "*.tar.gz"))
	if len(packed) != 1 {
		t.Fatalf("Maven copied %v", packed)
	}
	quiet("tar", "xzf", packed[0])
	runner, _ := filepath.Glob(filepath.Join(dir, "*-runner.jar"))
	if len(runner) != 1 {
		t.Fatalf("the archive has %v to run", runner)
	}
	c := exec.Command("java", "-Xmx400m", "-XX:TieredStopAtLevel=1", "-Dquarkus.http.host=127.0.0.1", "-Dquarkus.http.port=0", "-jar", runner[0])
	c.Dir = dir
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	listens := regexp.MustCompile(`Listening on: (http://127\.0\.0\.1:\d+)`)
	lines := bufio.NewScanner(out)
	r := &registryServer{process: c.Process}
	for r.address == "" && lines.Scan() {
		if m := listens.FindStringSubmatch(lines.Text()); m != nil {
			r.address = m[1] + "/apis/ccompat/v7"
		}
	}
	if r.address == "" {
		t.Fatal("the registry ended at its start")
	}
	go func() { // who does not read its log stops it
		for lines.Scan() {
			_ = lines.Text()
		}
	}()
	r.api, err = sr.NewClient(sr.URLs(r.address))
	must(t, err)
	return r
}

// register adds a schema and returns its number.
func (r *registryServer) register(t *testing.T, subject string, s sr.Schema) int {
	t.Helper()
	made, err := r.api.CreateSchema(t.Context(), subject, s)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	return made.ID
}

// registered is a flow of a topic through a list of select lists into a table.
func registered(dir string, b *kafkatest.Broker, topic string, items ...[]string) *stream.Flow {
	flow := stream.New(topic).Quarantine(delta.SinkAt(dir+"/quarantine", delta.SinkOptions{}))
	frame := flow.From("in", kafka.Source(topic, kafka.Brokers(b.Addresses()...), kafka.StartAt(kafka.Earliest)))
	for _, list := range items {
		frame = frame.Select(list...)
	}
	frame.To("out", delta.SinkAt(dir+"/out", delta.SinkOptions{}), stream.Append)
	return flow
}

// orders reads and writes by the registry, which has half a second for an answer.
func orders(dir string, b *kafkatest.Broker, r *registryServer) *stream.Flow {
	call := fmt.Sprintf("'orders-value', '%s', map('confluent.schema.registry.request.timeout.ms', '500')", r.address)
	return registered(dir, b, "orders", []string{"from_avro(value, " + call + ") AS o"}, []string{"o.n", "o.at.city", "o.note", "to_avro(o, " + call + ") AS again"})
}

// lines are the rows of a table as JSON.
func lines(t *testing.T, path string, columns ...string) []string {
	t.Helper()
	var all []string
	scan(t, path, columns, func(b *batch.Batch, i int) { all = append(all, string(batch.AppendRowJSON(nil, b, i))) })
	slices.Sort(all)
	return all
}

func encoded(t *testing.T, id int, schema string, value any) []byte {
	t.Helper()
	record, err := avro.MustParse(schema).Encode(value)
	must(t, err)
	head, err := new(sr.ConfluentHeader).AppendEncode(nil, id, nil)
	must(t, err)
	return append(head, record...)
}

// TestAvroByARegistry: schemas that evolve and schemas that name others are read by their number; what is written by the registry's
// schema carries its number; a number that the registry does not know is its row's fault; and a registry that does not answer is waited for.
func TestAvroByARegistry(t *testing.T) {
	r := startRegistry(t)
	const (
		place  = `{"type":"record","name":"Place","namespace":"shop","fields":[{"name":"city","type":"string"}]}`
		first  = `{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"n","type":"int"},{"name":"at","type":"shop.Place"}]}`
		second = `{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"at","type":"shop.Place"},{"name":"n","type":"long"},{"name":"note","type":["null","string"],"default":null}]}`
	)
	r.register(t, "place", sr.Schema{Schema: place})
	named := []sr.SchemaReference{{Name: "shop.Place", Subject: "place", Version: 1}}
	one := r.register(t, "orders-value", sr.Schema{Schema: first, References: named})
	two := r.register(t, "orders-value", sr.Schema{Schema: second, References: named})
	whole := func(s string) string { return strings.Replace(s, `"shop.Place"`, place, 1) }

	b := kafkatest.Start(t, 1, []string{"orders"})
	at := map[string]any{"city": "Oslo"}
	b.Produce(
		&kgo.Record{Topic: "orders", Value: encoded(t, one, whole(first), map[string]any{"n": int32(1), "at": at})},
		&kgo.Record{Topic: "orders", Value: encoded(t, two, whole(second), map[string]any{"n": int64(2), "at": at, "note": "hi"})},
		&kgo.Record{Topic: "orders", Value: encoded(t, 999, whole(first), map[string]any{"n": int32(3), "at": at})},
		&kgo.Record{Topic: "orders", Value: encoded(t, one, whole(first), map[string]any{"n": int32(4), "at": at})},
	)
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	must(t, r.process.Signal(syscall.SIGSTOP)) // the flow is planned while the registry does not answer: three tries
	if _, err := orders(dir, b, r).Build(); err == nil || !strings.Contains(err.Error(), "SCHEMA_REGISTRY_UNAVAILABLE") {
		t.Errorf("a flow was planned by a registry that does not answer: %v", err)
	}
	must(t, r.process.Signal(syscall.SIGCONT))
	q, err := deltaic.Start(ctx, orders(dir, b, r), stream.CheckpointLocation(dir+"/checkpoint"))
	must(t, err)
	must(t, q.ProcessAllAvailable(ctx))
	want := []string{`{"n":1,"city":"Oslo","note":null}`, `{"n":2,"city":"Oslo","note":"hi"}`, `{"n":4,"city":"Oslo","note":null}`}
	if got := lines(t, dir+"/out", "n", "city", "note"); !slices.Equal(got, want) {
		t.Errorf("out: %v, want %v", got, want)
	}
	if got := lines(t, dir+"/quarantine", "error_class", "offset"); !slices.Equal(got, []string{`{"error_class":"SCHEMA_NOT_FOUND","offset":2}`}) {
		t.Errorf("quarantine: %v", got)
	}
	scan(t, dir+"/out", []string{"n", "again"}, func(b *batch.Batch, i int) {
		id, record, err := new(sr.ConfluentHeader).DecodeID(b.Columns[1].Bytes(i))
		must(t, err)
		var v map[string]any
		if _, err := avro.MustParse(whole(second)).Decode(record, &v); err != nil || id != two || v["n"] != b.Columns[0].I64[i] {
			t.Errorf("written again: number %d, %v, %v", id, v, err)
		}
	})

	// A schema that comes while the flow runs, from a registry that does not answer then.
	three := r.register(t, "orders-value", sr.Schema{Schema: strings.Replace(second, `"note"`, `"remark"`, 1), References: named})
	must(t, r.process.Signal(syscall.SIGSTOP))
	b.Produce(&kgo.Record{Topic: "orders", Value: encoded(t, three, strings.Replace(whole(second), `"note"`, `"remark"`, 1), map[string]any{"n": int64(5), "at": at, "remark": "new"})})
	for tick := time.NewTicker(20 * time.Millisecond); q.Status().State == "RUNNING"; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the flow got on without the registry: %+v", q.Status())
		}
	}
	must(t, r.process.Signal(syscall.SIGCONT))
	must(t, q.ProcessAllAvailable(ctx))
	must(t, q.Stop(ctx))
	if got := lines(t, dir+"/out", "n", "city", "note"); !slices.Equal(got, append(want, `{"n":5,"city":"Oslo","note":null}`)) {
		t.Errorf("after the registry was away: %v", got)
	}
}

// TestProtobufByARegistry: messages of files that import others, and messages within messages, by the number and the index before a record.
func TestProtobufByARegistry(t *testing.T) {
	r := startRegistry(t)
	const (
		place  = `syntax = "proto3"; package shop; message Place { string city = 1; }`
		first  = `syntax = "proto3"; package shop; import "place.proto"; message Other { int32 x = 1; } message Order { message Line { int32 amount = 1; } int32 n = 1; Place at = 2; repeated Line lines = 3; }`
		second = `syntax = "proto3"; package shop; import "place.proto"; message Other { int32 x = 1; } message Order { message Line { int32 amount = 1; } int32 n = 1; Place at = 2; repeated Line lines = 3; string note = 4; }`
	)
	r.register(t, "place.proto", sr.Schema{Schema: place, Type: sr.TypeProtobuf})
	named := []sr.SchemaReference{{Name: "place.proto", Subject: "place.proto", Version: 1}}
	one := r.register(t, "orders-value", sr.Schema{Schema: first, Type: sr.TypeProtobuf, References: named})
	two := r.register(t, "orders-value", sr.Schema{Schema: second, Type: sr.TypeProtobuf, References: named})
	framed := func(id int, index []int, message ...byte) []byte {
		head, err := new(sr.ConfluentHeader).AppendEncode(nil, id, index)
		must(t, err)
		return append(head, message...)
	}
	b := kafkatest.Start(t, 1, []string{"orders"})
	b.Produce(
		&kgo.Record{Topic: "orders", Value: framed(one, []int{1}, 8, 1, 18, 6, 10, 4, 'O', 's', 'l', 'o', 26, 2, 8, 7)},
		&kgo.Record{Topic: "orders", Value: framed(two, []int{1}, 8, 2, 34, 2, 'h', 'i')},
		&kgo.Record{Topic: "orders", Value: framed(999, []int{1}, 8, 3)},
	)
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	call := fmt.Sprintf("map('schema.registry.subject', 'orders-value', 'schema.registry.address', '%s', 'schema.registry.protobuf.name', 'Order')", r.address)
	q, err := deltaic.Start(ctx, registered(dir, b, "orders", []string{"from_protobuf(value, " + call + ") AS o"},
		[]string{"o.n", "o.at.city", "get(o.lines, 0).amount AS amount", "o.note", "to_protobuf(o, " + call + ") AS again"}), stream.CheckpointLocation(dir+"/checkpoint"), stream.AvailableNow())
	must(t, err)
	must(t, q.AwaitTermination(ctx))
	want := []string{`{"n":1,"city":"Oslo","amount":7,"note":null}`, `{"n":2,"city":null,"amount":null,"note":"hi"}`}
	if got := lines(t, dir+"/out", "n", "city", "amount", "note"); !slices.Equal(got, want) {
		t.Errorf("out: %v, want %v", got, want)
	}
	if got := lines(t, dir+"/quarantine", "error_class", "offset"); !slices.Equal(got, []string{`{"error_class":"SCHEMA_NOT_FOUND","offset":2}`}) {
		t.Errorf("quarantine: %v", got)
	}
	scan(t, dir+"/out", []string{"n", "again"}, func(got *batch.Batch, i int) {
		written := map[int32][]byte{1: framed(two, []int{1}, 8, 1, 18, 6, 10, 4, 'O', 's', 'l', 'o', 26, 2, 8, 7), 2: framed(two, []int{1}, 8, 2, 34, 2, 'h', 'i')}
		if !bytes.Equal(got.Columns[1].Bytes(i), written[got.Columns[0].I32[i]]) {
			t.Errorf("written again: %x", got.Columns[1].Bytes(i))
		}
	})
}
