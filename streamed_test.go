package deltaic_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/delta"
)

// The variable that makes this binary run a command line, its words apart by bars.
const commandVariable = "DELTAIC_TEST_COMMAND"

// killedCommand runs command lines that are killed.
type killedCommand struct {
	t      *testing.T
	random *rand.Rand
	kills  int
}

func newKilled(t *testing.T, kills int, seed uint64) *killedCommand {
	if n, err := strconv.Atoi(os.Getenv("DELTAIC_TEST_KILLS")); err == nil {
		kills = n
	}
	return &killedCommand{t, rand.New(rand.NewPCG(seed, 1)), kills}
}

func (k *killedCommand) command(args ...string) *exec.Cmd {
	c := exec.CommandContext(k.t.Context(), os.Args[0])
	c.Env = append(os.Environ(), commandVariable+"="+strings.Join(args, "|"))
	return c
}

// kill starts a flow and kills it at some time after it has committed to the table.
func (k *killedCommand) kill(table string, args ...string) {
	k.t.Helper()
	commits := func() int {
		log, _ := filepath.Glob(table + "/_delta_log/*.json")
		return len(log)
	}
	before := commits()
	killOnceMoved(k.t, 0, k.command(args...), func() bool { return commits() != before }, k.random, 0)
}

// finish runs a flow to the end of what there is.
func (k *killedCommand) finish(file string) {
	k.t.Helper()
	if out, err := k.command("run", file, "--listen", "off", "--trigger", "availableNow").CombinedOutput(); err != nil {
		k.t.Fatalf("%v: %s", err, out)
	}
}

// flowFile writes a flow.
func flowFile(t *testing.T, dir, text string) string {
	t.Helper()
	name := filepath.Join(dir, "flow.yaml")
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// upserted writes epochs of upserts and deletes to a table.
type upserted struct {
	t      *testing.T
	random *rand.Rand
	sink   *delta.Sink
	writer connectors.Writer
	epoch  int64
	rows   map[int64]int64
}

var upsertedSchema = batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType, Nullable: true}, batch.Field{Name: "v", Type: batch.BigIntType, Nullable: true})

func newUpserted(t *testing.T, path string, properties map[string]string) *upserted {
	t.Helper()
	u := &upserted{t: t, random: rand.New(rand.NewPCG(11, 12)), sink: delta.SinkAt(path, delta.SinkOptions{Keys: []string{"id"}, Properties: properties}), rows: map[int64]int64{}}
	if err := u.sink.Bind(t.Context(), upsertedSchema, connectors.Update); err != nil {
		t.Fatal(err)
	}
	var err error
	if u.writer, err = u.sink.Writer(t.Context(), connectors.Share{Flow: "writer", Incarnation: "1", Attempt: 1, Count: 1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.writer.Abort)
	return u
}

// more writes an epoch.
func (u *upserted) more() {
	u.t.Helper()
	u.epoch++
	var rows [][]any
	var kinds []batch.RowKind
	for range 1 + u.random.IntN(20) {
		id := u.random.Int64N(40)
		if _, there := u.rows[id]; there && u.random.IntN(3) == 0 {
			rows, kinds = append(rows, []any{id, u.rows[id]}), append(kinds, batch.Delete)
			delete(u.rows, id)
			continue
		}
		u.rows[id] = u.random.Int64N(1000)
		rows, kinds = append(rows, []any{id, u.rows[id]}), append(kinds, batch.UpdateAfter)
	}
	b, err := memory.Build(upsertedSchema, rows...)
	if err == nil {
		b.Kinds = kinds
		err = u.writer.Write(u.t.Context(), b)
		b.Release()
	}
	var sealed connectors.Sealed
	if err == nil {
		sealed, err = u.writer.Seal(u.epoch)
	}
	var p connectors.Prepared
	if err == nil {
		p, err = sealed.Finish(u.t.Context())
	}
	if err == nil {
		_, err = u.sink.Commit(u.t.Context(), connectors.Commit{Flow: "writer", Incarnation: "1", Epoch: u.epoch, Attempt: 1, Prepared: []connectors.Prepared{p}})
	}
	if err != nil {
		u.t.Fatal(err)
	}
}

// TestStreamedTableOutlivesKills streams a table of which rows are updated and deleted meanwhile, through files that are rewritten,
// through deletion vectors and through change files, in a process that is killed again and again: what it copies by key, and what it
// sums up, are at the end what the table is.
func TestStreamedTableOutlivesKills(t *testing.T) {
	for name, properties := range map[string]map[string]string{
		"rewritten": nil,
		"vectors":   {"delta.enableDeletionVectors": "true"},
		"feed":      {"delta.enableDeletionVectors": "true", "delta.enableChangeDataFeed": "true"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, k := t.TempDir(), newKilled(t, 2, 5)
			u := newUpserted(t, dir+"/src", properties)
			for range 5 {
				u.more()
			}
			file := flowFile(t, dir, `
name: streamed
checkpointLocation: DIR/checkpoint
trigger: {processingTime: 1 millisecond}
sources:
  src: {format: delta, path: DIR/src, options: {maxFilesPerTrigger: "1"}}
steps:
  sums: {from: src, do: [{aggregate: {groupBy: ["id % 3 AS k"], agg: ["count(*) AS n", "sum(v) AS s", "max(v) AS m"]}}]}
sinks:
  copy: {from: src, format: delta, path: DIR/copy, outputMode: update, keys: [id]}
  sums: {from: sums, format: delta, path: DIR/sums, outputMode: update, keys: [k]}
`)
			for range k.kills {
				for range 3 {
					u.more()
				}
				k.kill(dir+"/copy", "run", file, "--listen", "off")
			}
			u.more()
			k.finish(file)
			want, sums := map[string]int{}, map[int64][3]int64{}
			for id, v := range u.rows {
				want[fmt.Sprintf(`{"id":%d,"v":%d}`, id, v)]++
				s := sums[id%3]
				sums[id%3] = [3]int64{s[0] + 1, s[1] + v, max(s[2], v)}
			}
			if got := rowsOf(t, dir+"/copy"); !maps.Equal(got, want) {
				t.Fatalf("the copy holds\n%v\nwant\n%v", got, want)
			}
			want = map[string]int{}
			for key, s := range sums {
				want[fmt.Sprintf(`{"k":%d,"n":%d,"s":%d,"m":%d}`, key, s[0], s[1], s[2])]++
			}
			if got := rowsOf(t, dir+"/sums"); !maps.Equal(got, want) {
				t.Fatalf("the sums are\n%v\nwant\n%v", got, want)
			}
			sound(t, dir+"/src", dir+"/copy", dir+"/sums")
		})
	}
}

// TestHandOffOutlivesKills reads half of a topic out of a table that a flow has filled, and goes on with the topic, in a process that is killed
// again and again: every record is there once, by offsets and by time.
func TestHandOffOutlivesKills(t *testing.T) {
	for _, by := range []string{"offsets", "timestamp"} {
		t.Run(by, func(t *testing.T) {
			dir, k := t.TempDir(), newKilled(t, 2, 6)
			broker := kafkatest.Start(t, 3, []string{"bids"})
			n := 0
			produce := func() {
				var values [3][]string
				for range 300 {
					values[n%3] = append(values[n%3], fmt.Sprintf(`{"n":%d}`, n))
					n++
				}
				for partition, v := range values {
					broker.Values("bids", int32(partition), v...)
				}
			}
			produce()
			brokers := broker.Addresses()[0]
			history := filepath.Join(dir, "history")
			if err := os.Mkdir(history, 0o755); err != nil {
				t.Fatal(err)
			}
			k.finish(flowFile(t, history, `
name: bronze
sources:
  bids: {format: kafka, options: {kafka.bootstrap.servers: "`+brokers+`", subscribe: bids, startingOffsets: earliest}}
steps:
  kept: {from: bids, do: [{select: ["CAST(value AS STRING) AS value", topic, partition, offset, timestamp]}]}
sinks:
  bronze: {from: kept, format: delta, path: DIR/bronze}
`))
			produce()
			file := flowFile(t, dir, `
name: both
checkpointLocation: DIR/checkpoint
trigger: {processingTime: 1 millisecond}
sources:
  bids:
    history: {format: delta, path: DIR/history/bronze, options: {maxFilesPerTrigger: "1"}}
    live: {format: kafka, options: {kafka.bootstrap.servers: "`+brokers+`", subscribe: bids, maxOffsetsPerTrigger: "100"}}
    handOff: `+by+`
steps:
  parsed: {from: bids, do: [{select: ["from_json(CAST(value AS STRING), 'n BIGINT') AS b"]}, {select: ["b.*"]}]}
sinks:
  out: {from: parsed, format: delta, path: DIR/out}
`)
			for range k.kills {
				produce()
				k.kill(dir+"/out", "run", file, "--listen", "off")
			}
			k.finish(file)
			got := rowsOf(t, dir+"/out")
			for i := range n {
				if c := got[fmt.Sprintf(`{"n":%d}`, i)]; c != 1 {
					t.Fatalf("record %d of %d is there %d times", i, n, c)
				}
			}
			if len(got) != n {
				t.Fatalf("%d rows, want %d", len(got), n)
			}
		})
	}
}

// TestHandOffByTheLedger goes on with a topic behind a table that has no offsets, since the flow that filled it notes there how far it has read.
func TestHandOffByTheLedger(t *testing.T) {
	dir, k := t.TempDir(), newKilled(t, 0, 6)
	broker := kafkatest.Start(t, 3, []string{"bids"})
	n := 0
	produce := func() {
		for range 100 {
			broker.Values("bids", int32(n%3), fmt.Sprint(n))
			n++
		}
	}
	brokers := broker.Addresses()[0]
	bronze := func() string {
		return flowFile(t, dir, `
name: bronze
sources: {bids: {format: kafka, options: {kafka.bootstrap.servers: "`+brokers+`", subscribe: bids, startingOffsets: earliest}}}
steps: {kept: {from: bids, do: [{select: ["CAST(value AS STRING) AS value"]}]}}
sinks: {bronze: {from: kept, format: delta, path: DIR/bronze}}
`)
	}
	both := func(name, history string) string {
		return flowFile(t, dir, `
name: `+name+`
checkpointLocation: DIR/checkpoint-`+name+`
sources:
  bids:
    history: {format: delta, path: `+history+`}
    live: {format: kafka, options: {kafka.bootstrap.servers: "`+brokers+`", subscribe: bids}}
sinks: {out: {from: bids, format: delta, path: DIR/`+name+`}}
`)
	}
	produce()
	k.finish(bronze())
	produce()
	k.finish(both("both", dir+"/bronze"))
	seen := map[string]int{}
	for row, times := range rowsOf(t, dir+"/both") {
		_, value, _ := strings.Cut(row, `"value":"`)
		value, _, _ = strings.Cut(value, `"`)
		seen[value] += times
	}
	for i := range n {
		value := base64.StdEncoding.EncodeToString([]byte(fmt.Sprint(i)))
		if seen[value] != 1 {
			t.Fatalf("record %d of %d is there %d times: %v", i, n, seen[value], seen)
		}
	}
	out, err := k.command("run", both("none", dir+"/both"), "--listen", "off", "--trigger", "availableNow").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "DELTAIC_HANDOFF_OFFSETS_MISSING") {
		t.Errorf("a table that a table filled tells offsets: %v %s", err, out)
	}
}

// A column that is added to a table which is streamed comes out of a flow that takes all columns, in the process that has run before.
func TestAddedColumnFlowsOn(t *testing.T) {
	dir, k := t.TempDir(), newKilled(t, 0, 9)
	if out, err := k.command("table", "create", dir+"/src", "--schema", "id BIGINT").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	add := func(row string) {
		input := filepath.Join(dir, "in.json")
		if err := os.WriteFile(input, []byte(row), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := k.command("table", "append", dir+"/src", "--input", input, "--merge-schema").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	add(`{"id":1}`)
	file := flowFile(t, dir, `
name: grows
checkpointLocation: DIR/checkpoint
sources: {src: {format: delta, path: DIR/src}}
sinks: {out: {from: src, format: json, path: DIR/out}}
`)
	c := k.command("run", file, "--listen", "off")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	seen := func(row string) {
		t.Helper()
		for wait := time.Now().Add(time.Minute); ; {
			files, _ := filepath.Glob(dir + "/out/*.json")
			for _, name := range files {
				if text, err := os.ReadFile(name); err == nil && strings.Contains(string(text), row) {
					return
				}
			}
			if time.Now().After(wait) {
				t.Fatalf("%s did not come", row)
			}
			<-time.After(5 * time.Millisecond)
		}
	}
	seen(`{"id":1}`)
	add(`{"id":2,"word":"new"}`)
	seen(`{"id":2,"word":"new"}`)
	add(`{"id":3,"word":"again"}`)
	seen(`{"id":3,"word":"again"}`)
}

// A flow that begins with what comes has begun when it first ran, though no row came and nothing was decided: what comes until it runs again is not passed over.
func TestLatestIsAskedForOnce(t *testing.T) {
	dir, k := t.TempDir(), newKilled(t, 0, 9)
	u := newUpserted(t, dir+"/src", nil)
	u.more()
	broker := kafkatest.Start(t, 1, []string{"words"})
	broker.Values("words", 0, "old")
	file := flowFile(t, dir, `
name: comes
checkpointLocation: DIR/checkpoint
sources:
  src: {format: delta, path: DIR/src, options: {startingVersion: latest, ignoreChanges: "true"}}
  words: {format: kafka, options: {kafka.bootstrap.servers: "`+broker.Addresses()[0]+`", subscribe: words, startingOffsets: latest}}
steps:
  rows: {from: src, do: [{select: ["'row' AS word"]}]}
  said: {from: words, do: [{select: ["CAST(value AS STRING) AS word"]}]}
  both: {from: [rows, said], do: [{select: [word]}]}
sinks: {out: {from: both, format: delta, path: DIR/out}}
`)
	k.finish(file)
	if rows := rowsOf(t, dir+"/out"); len(rows) != 0 {
		t.Fatalf("nothing came, and there is %v", rows)
	}
	u.more()
	broker.Values("words", 0, "new")
	k.finish(file)
	rows := rowsOf(t, dir+"/out")
	if rows[`{"word":"new"}`] != 1 || rows[`{"word":"row"}`] == 0 || len(rows) != 2 {
		t.Errorf("what came between two runs is %v", rows)
	}
}
