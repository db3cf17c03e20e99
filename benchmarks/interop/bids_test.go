package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/benchmarks/nexmark"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
	"go.uber.org/zap"
)

func init() { roles["bids"] = bidsRole }

const eventSchema = "n BIGINT, event_type INT, bid STRUCT<auction: BIGINT, bidder: BIGINT, price: BIGINT, channel: STRING, url: STRING, `dateTime`: TIMESTAMP, extra: STRING>"

// bidsFlow writes every event that decodes to bronze, partitioned by its type, the bids among them once
// each to silver, and what does not decode to quarantine.
func bidsFlow(dir, address, topic string, options map[string]string) *stream.Flow {
	flow := stream.New("bids").Quarantine(delta.SinkAt(filepath.Join(dir, "quarantine"), delta.SinkOptions{}))
	source := []kafka.Option{kafka.Brokers(address), kafka.StartAt(kafka.Earliest)}
	for name, value := range options {
		source = append(source, kafka.Set(name, value))
	}
	parsed := flow.From("events", kafka.Source(topic, source...)).As("parsed").
		Select("from_json(CAST(value AS STRING), '"+eventSchema+"') AS e", "partition", "offset").Where("e IS NOT NULL")
	parsed.Select("e.n AS n", "e.event_type AS event_type", "e.bid AS bid", "partition", "offset").
		To("bronze", delta.SinkAt(filepath.Join(dir, "bronze"), delta.SinkOptions{PartitionBy: []string{"event_type"}}), stream.Append)
	parsed.As("bids").Where("e.event_type = 2").Select("e.n AS n", "e.bid.*").DropDuplicates("n").
		To("silver", delta.SinkAt(filepath.Join(dir, "silver"), delta.SinkOptions{}), stream.Append)
	return flow
}

// told is a line that the role prints: of every epoch, and at its end.
type told struct {
	Epoch   int64   `json:"epoch"`
	Rows    int64   `json:"rows"` // read by this process so far
	Seconds float64 `json:"seconds"`
	Done    bool    `json:"done"`
	measure.Usage
}

// bidsRole runs the flow: args are folder, address, topic, "available" or "default", and the source's options as JSON.
// SIGTERM stops it cleanly.
func bidsRole(args []string) error {
	var options map[string]string
	if err := json.Unmarshal([]byte(args[4]), &options); err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	logger, err := zap.NewProduction(zap.IncreaseLevel(zap.WarnLevel), zap.AddStacktrace(zap.FatalLevel))
	if err != nil {
		return err
	}
	began := time.Now()
	var now told
	print := func() {
		now.Seconds, now.Usage = time.Since(began).Seconds(), measure.Used()
		now.PeakRSS = peakRSS(now.PeakRSS)
		line, _ := json.Marshal(now)
		fmt.Println(string(line))
	}
	run := []stream.Option{stream.CheckpointLocation(filepath.Join(args[0], "checkpoint")), stream.OnProgress(func(p stream.Progress) {
		now.Epoch = p.BatchID
		now.Rows += p.NumInputRows
		print()
	})}
	if limit := os.Getenv("MEMORY_LIMIT"); limit != "" {
		n, err := strconv.ParseInt(limit, 10, 64)
		if err != nil {
			return err
		}
		run = append(run, stream.MemoryLimit(n))
	}
	if args[3] == "available" {
		run = append(run, stream.AvailableNow())
	}
	q, err := deltaic.Start(deltaic.WithLogger(context.Background(), logger), bidsFlow(args[0], args[1], args[2], options), run...)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- q.AwaitTermination(context.Background()) }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = q.Stop(context.Background())
		if e := <-ended; e != nil {
			err = errors.Join(err, e)
		}
	}
	now.Done = err == nil
	print()
	return err
}

// peakRSS is the most that this program had resident. What getrusage says, the fallback, covers the
// parent as well: Linux keeps it over exec.
func peakRSS(fallback int64) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fallback
	}
	for line := range strings.Lines(string(text)) {
		if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			if n, err := strconv.ParseInt(strings.Fields(kib)[0], 10, 64); err == nil {
				return n << 10
			}
		}
	}
	return fallback
}

// truth is what the topic holds, made again from the seed.
type truth struct {
	at       [][]record // by partition and offset
	bids     map[uint64]bool
	broken   int
	records  int
	unbroken int
}

type record struct {
	n      uint64
	bid    bool
	broken bool
}

func bidsOptions(events int) nexmark.Options {
	return nexmark.Options{Events: uint64(events), Seed: 1, Number: true, Duplicates: 0.01, Broken: 0.01, Partitions: 4}
}

func makeTruth(t *testing.T, events int) *truth {
	t.Helper()
	w := &truth{at: make([][]record, 4), bids: make(map[uint64]bool, events)}
	_, err := nexmark.GenerateRows(bidsOptions(events), func(row nexmark.Row, text []byte) error {
		r := record{n: row.Number, broken: row.Kind == nexmark.Broken}
		r.bid = !r.broken && bytes.Contains(text, []byte(`"event_type":2,`))
		w.at[row.Partition] = append(w.at[row.Partition], r)
		w.records++
		if r.broken {
			w.broken++
		} else {
			w.unbroken++
		}
		if r.bid {
			w.bids[r.n] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}
