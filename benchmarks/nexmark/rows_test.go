package nexmark

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

func mustNew(t testing.TB, o Options) *Generator {
	t.Helper()
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// The spot values of the specification.
func TestSpotValues(t *testing.T) {
	g := mustNew(t, Options{Seed: 1})
	for k, parts := range map[uint64][]string{
		0:  {`"id":1000,"name":"Julie Bartels"`, `"creditCard":"4429 0752 1464 3215","city":"Los Angeles","state":"WY"`},
		1:  {`"id":1000,`, `"initialBid":36869,"reserve":175802`, `"expires":"2015-07-15 00:00:00.031","seller":1000,"category":12`},
		4:  {`"auction":1010,"bidder":1001,"price":24094846,"channel":"Google"`, `/knu/cv_/dq_/`},
		50: {`"id":1001,"name":"Peter Walton"`, `"dateTime":"2015-07-15 00:00:00.005"`},
	} {
		event := g.AppendEvent(nil, k)
		for _, part := range parts {
			if !bytes.Contains(event, []byte(part)) {
				t.Errorf("event %d lacks %s: %s", k, part, event)
			}
		}
	}
}

// An event does not depend on which others were made before it.
func TestAnyEventAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Options{Seed: rapid.Uint64().Draw(t, "seed"), OutOfOrder: rapid.Uint64Range(1, 500).Draw(t, "group"), Number: rapid.Bool().Draw(t, "number")}
		walked, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		alone := walked.Clone()
		k := rapid.Uint64Range(0, 3000).Draw(t, "k")
		var event []byte
		for i := range k + 1 {
			event = walked.AppendEvent(event[:0], i)
		}
		if got := alone.AppendEvent(nil, k); !bytes.Equal(got, event) || !json.Valid(got) {
			t.Fatalf("event %d alone is %s, in turn %s", k, got, event)
		}
	})
}

type decoded struct {
	N         *int64 `json:"n"`
	EventType *int32 `json:"event_type"`
}

func TestTruth(t *testing.T) {
	o := Options{Events: 60000, Seed: 5, TPS: 1000, Number: true, Duplicates: 0.01, Broken: 0.01, Late: 0.02, Disorder: 0.2, Partitions: 4}
	g := mustNew(t, o)
	records := map[uint64]string{}
	partitions := map[uint64]int{}
	ways := map[Damage]int{}
	latest := make([]int64, o.Partitions)
	var total, disordered uint64
	s, err := GenerateRows(o, func(row Row, record []byte) error {
		total++
		var d decoded
		valid := json.Unmarshal(record, &d) == nil && d.N != nil && d.EventType != nil
		switch row.Kind {
		case Broken:
			ways[row.Damage]++
			if valid {
				t.Fatalf("row %d, %v: decodes: %s", row.Number, row.Damage, record)
			}
			return nil
		case Duplicate:
			if records[row.Number] != string(record) || row.Number >= row.After || partitions[row.Number] == row.Partition {
				t.Fatalf("%+v repeats %q with %q", row, records[row.Number], record)
			}
		case Late:
			if at := g.EventTime(row.Number) - row.LateBy; at >= latest[row.Partition]-WatermarkDelay {
				t.Fatalf("row %d at %d is not behind %d", row.Number, at, latest[row.Partition]-WatermarkDelay)
			}
		case Good:
			at := g.EventTime(row.Number) - row.LateBy
			if at <= latest[row.Partition]-WatermarkDelay {
				t.Fatalf("row %d at %d is behind %d", row.Number, at, latest[row.Partition]-WatermarkDelay)
			}
			if row.LateBy > 0 {
				disordered++
			}
			latest[row.Partition] = max(latest[row.Partition], at)
		}
		if !valid || uint64(*d.N) != row.Number {
			t.Fatalf("row %d: %s", row.Number, record)
		}
		if row.Kind != Duplicate {
			records[row.Number], partitions[row.Number] = string(record), int(row.Number%4)
			if partitions[row.Number] != row.Partition {
				t.Fatalf("row %d is in partition %d", row.Number, row.Partition)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if uint64(len(records))+s.Broken != o.Events || total != o.Events+s.Duplicates {
		t.Errorf("%d records, %d distinct, %+v", total, len(records), s)
	}
	for name, count := range map[string]uint64{"duplicates": s.Duplicates, "broken": s.Broken, "late": s.Late / 2, "out of order": disordered / 20} {
		if count < 450 || count > 750 {
			t.Errorf("%s: %d of 60000", name, count)
		}
	}
	if len(ways) != int(damages) {
		t.Errorf("ways of damage: %v", ways)
	}
}

// The hot auction of a hundred gets all bids but one in so many; of a run without one no auction gets more than a few.
func TestHotAuction(t *testing.T) {
	for ratio, least := range map[uint64]float64{1: 0, 2: 0.49, 100: 0.98} {
		g := mustNew(t, Options{Seed: 1, HotAuction: ratio})
		counts, bids, hot := map[int64]int{}, 0, 0
		for k := uint64(170_000); k < 171_600; k++ { // one hundred auctions
			var e struct {
				Bid *struct{ Auction int64 }
			}
			if err := json.Unmarshal(g.AppendEvent(nil, k), &e); err != nil {
				t.Fatal(err)
			}
			if e.Bid != nil {
				bids++
				counts[e.Bid.Auction]++
				hot = max(hot, counts[e.Bid.Auction])
			}
		}
		if share := float64(hot) / float64(bids); share < least || share > least+0.05 {
			t.Errorf("ratio %d: %v of the bids are on one auction", ratio, share)
		}
	}
}

// Without a number the first key is event_type, and every damage still hurts.
func TestEveryDamageHurts(t *testing.T) {
	for _, number := range []bool{false, true} {
		g := mustNew(t, Options{Seed: 1, Number: number})
		for k := range uint64(200) {
			for d := Half; d <= damages; d++ {
				record := g.AppendRow(nil, Row{Number: k, Kind: Broken, Damage: d})
				var v decoded
				if json.Unmarshal(record, &v) == nil {
					t.Errorf("row %d, %v: decodes: %s", k, d, record)
				}
				if d != WrongType && d != Overflow && d != Scalar && json.Valid(record) {
					t.Errorf("row %d, %v: is JSON: %s", k, d, record)
				}
			}
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{{Duplicates: 2}, {Broken: -1}, {Late: 1.5}, {Disorder: 2}, {TPS: -1}, {Partitions: -1}, {Events: 1 << 60}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func TestProduceAndWriteAgree(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	o := Options{Events: 5000, Seed: 1, Number: true, Duplicates: 0.05, Broken: 0.05, Partitions: 3}
	path := filepath.Join(t.TempDir(), "events.json")
	written, err := Run(ctx, o, Destination{Out: path})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != written.Bytes {
		t.Fatalf("file: %v, %d bytes said", err, written.Bytes)
	}
	sent, err := Run(ctx, o, Destination{Brokers: cluster.ListenAddrs(), Topic: "nexmark", Compression: "lz4"})
	if err != nil {
		t.Fatal(err)
	}
	if sent.Summary != written.Summary {
		t.Errorf("sent %+v, wrote %+v", sent, written)
	}
	want := make([][]string, 3)
	if _, err := Generate(o, func(p int, r []byte) error { want[p] = append(want[p], string(r)); return nil }); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("nexmark"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for left := int(o.Events + sent.Duplicates); left > 0; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if string(r.Value) != want[r.Partition][r.Offset] {
				t.Fatalf("partition %d offset %d: %s", r.Partition, r.Offset, r.Value)
			}
			left--
		})
	}
}

func BenchmarkAppendEvent(b *testing.B) {
	g := mustNew(b, Options{Seed: 1})
	var buffer []byte
	k, size := uint64(0), 0
	for b.Loop() {
		buffer = g.AppendEvent(buffer[:0], k)
		size += len(buffer)
		k++
	}
	b.ReportMetric(float64(k)/b.Elapsed().Seconds()/1e6, "Mevents/s")
	b.SetBytes(int64(size) / int64(k))
}

func ExampleGenerate() {
	summary, err := Generate(Options{Events: 1000, Seed: 1}, func(partition int, record []byte) error { return nil })
	if err != nil {
		panic(err)
	}
	json.NewEncoder(os.Stdout).Encode(summary)
	// Output: {"events":1000,"bytes":332936,"crc32c":"28f0634d","duplicates":0,"broken":0,"late":0}
}
