package deltaic_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/node"
	"github.com/deltaic/deltaic/stream"
)

// The variable that makes this binary run the flow of TestUpsertsOutliveKills, until it is killed or
// has read all: brokers, folder and parallelism.
const killedVariable = "DELTAIC_TEST_KILLED_FLOW"

func TestMain(m *testing.M) {
	if text := os.Getenv(commandVariable); text != "" {
		os.Exit(node.Main(context.Background(), strings.Split(text, "|"), deltaic.Env()))
	}
	if text := os.Getenv(killedVariable); text != "" {
		if err := killedFlow(strings.Split(text, "|")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func killedFlow(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(args) > 4 {
		return copiedFlow(ctx, args)
	}
	if args[3] == "parts" || args[3] == "parts to the end" {
		return partsFlow(ctx, args)
	}
	parallelism, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	from := []kafka.Option{kafka.Brokers(args[0]), kafka.StartAt(kafka.Earliest)}
	sink, step := delta.SinkAt(args[1]+"/table", delta.SinkOptions{Keys: []string{"user"}}), false
	if text, found := strings.CutPrefix(args[3], "step "); found {
		if sink, err = diesAtStep(args[1]+"/table", text); err != nil {
			return err
		}
		step, from = true, append(from, kafka.MaxOffsetsPerTrigger(70)) // several epochs
	}
	flow := stream.New("killed")
	flow.From("clicks", kafka.Source("clicks", from...)).
		Select("from_json(CAST(value AS STRING), 'user BIGINT, amount BIGINT') AS c").Select("c.*").
		GroupBy("user").Agg("per-user", "count(*) AS clicks", "sum(amount) AS amount").
		To("out", sink, stream.Update)
	options := []stream.Option{stream.CheckpointLocation(args[1] + "/checkpoint"), stream.Parallelism(parallelism), stream.EpochInterval(5 * time.Millisecond)}
	if args[3] == "all" || step {
		options = append(options, stream.AvailableNow())
	}
	q, err := deltaic.Start(ctx, flow, options...)
	if err != nil {
		return err
	}
	return q.AwaitTermination(ctx)
}

// TestUpsertsOutliveKills kills the process of a flow that upserts, again and again, at another parallelism each time: at
// the end the table is the batch result. DELTAIC_TEST_KILLS says how often.
func TestUpsertsOutliveKills(t *testing.T) {
	kills := 4
	if n, err := strconv.Atoi(os.Getenv("DELTAIC_TEST_KILLS")); err == nil {
		kills = n
	}
	broker, dir, random := kafkatest.Start(t, 3, []string{"clicks"}), t.TempDir(), rand.New(rand.NewPCG(3, 4))
	var rows [][2]int64
	run := func(round int, mode string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%s|%d|%s", killedVariable, broker.Addresses()[0], dir, 1+round%3, mode))
		return c
	}
	version := func() int {
		log, _ := filepath.Glob(dir + "/table/_delta_log/*.json")
		return len(log)
	}
	for round := range kills {
		var values [3][]string
		for n := range 300 {
			r := [2]int64{random.Int64N(50) * random.Int64N(4), random.Int64N(100)}
			rows = append(rows, r)
			values[n%3] = append(values[n%3], fmt.Sprintf(`{"user":%d,"amount":%d}`, r[0], r[1]))
		}
		for partition, v := range values {
			broker.Values("clicks", int32(partition), v...)
		}
		before := version()
		killOnceMoved(t, round, run(round, "some"), func() bool { return version() != before }, random, 0)
	}
	if out, err := run(kills, "all").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got, want := rowsOf(t, dir+"/table"), clickModel(rows, false); !maps.Equal(got, want) {
		t.Fatalf("the table holds\n%v\nwant\n%v", got, want)
	}
	tablesOf(t, dir+"/table")
	if staged, _ := filepath.Glob(dir + "/checkpoint/sinks/out/staged/*/*"); len(staged) > 0 {
		t.Errorf("staged rows that nobody needs: %v", staged)
	}
	for _, folder := range []string{"state", "manifests"} {
		if half, _ := filepath.Glob(dir + "/checkpoint/" + folder + "/*/.tmp-*"); len(half) > 0 {
			t.Errorf("files that a kill left half written: %v", half)
		}
	}
}

// killOnceMoved starts a process that runs a flow and kills it at some time after the flow has got on: while it stages, decides, commits or does
// nothing, and up to most later.
func killOnceMoved(t *testing.T, round int, c *exec.Cmd, moved func() bool, random *rand.Rand, most time.Duration) {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for wait := time.Now().Add(time.Minute); !moved() && time.Now().Before(wait); {
		select {
		case err := <-ended:
			t.Fatalf("round %d: the flow has ended: %v", round, err)
		case <-time.After(time.Duration(random.Int64N(10)) * time.Millisecond):
		}
	}
	if most > 0 {
		<-time.After(time.Duration(random.Int64N(int64(most))))
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
}
