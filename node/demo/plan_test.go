package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// A record is a function of the plan and its place alone, and says of itself what it is.
func TestRecordsArePure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := NewPlan(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 100000).Draw(t, "rate"), 1_767_225_600_000)
		p, o := rapid.Int32Range(0, 3).Draw(t, "partition"), rapid.Int64Range(0, 1<<28).Draw(t, "offset")
		a, b := plan.Record(p, o), plan.Record(p, o)
		if !bytes.Equal(a.Value, b.Value) || a.Kind != b.Kind || a.Timestamp != b.Timestamp {
			t.Fatalf("%+v and %+v", a, b)
		}
		if kind, origin := plan.Kind(p, o); kind != a.Kind || origin != a.Origin {
			t.Fatalf("Kind says %v of %v, Record %v of %v", kind, origin, a.Kind, a.Origin)
		}
		switch a.Kind {
		case Broken:
			if decodes(a.Value) {
				t.Fatalf("%s decodes: %s", a.Damage, a.Value)
			}
		case Duplicate:
			if first := plan.Record(a.Origin.Partition, a.Origin.Offset); first.Kind != Good || !bytes.Equal(first.Value, a.Value) || a.Origin.Offset >= o {
				t.Fatalf("%d/%d repeats %+v", p, o, first)
			}
		case Good:
			if a.Origin != (Place{p, o}) || !decodes(a.Value) || a.Order.ID != orderID(a.Origin) {
				t.Fatalf("%+v", a)
			}
		}
	})
}

// decodes tells whether a value decodes by Schema.
func decodes(value []byte) bool {
	var o struct {
		ID       string `json:"order_id"`
		Customer int64  `json:"customer"`
		Region   string
		Amount   json.Number
		Currency string
		At       time.Time
		Items    []struct {
			SKU      string
			Quantity int64
			Price    json.Number
		}
	}
	return json.Unmarshal(value, &o) == nil && o.ID != ""
}

func TestSharesAndDamages(t *testing.T) {
	plan := NewPlan(1, 1000, 0)
	kinds, ways := map[Kind]int{}, map[string]int{}
	for p := range plan.Partitions {
		for o := range int64(10000) {
			r := plan.Record(p, o)
			kinds[r.Kind]++
			ways[r.Damage]++
		}
	}
	if kinds[Broken] < 300 || kinds[Broken] > 500 || kinds[Duplicate] < 300 || kinds[Duplicate] > 500 {
		t.Errorf("of 40000: %v", kinds)
	}
	for _, way := range damages {
		if ways[way] == 0 {
			t.Errorf("no record is broken by %s", way)
		}
	}
}

// What the plan says must never change for a seed: demos on disk depend on it.
func TestGoldenRecord(t *testing.T) {
	plan := NewPlan(1, 1000, 1_767_225_600_000)
	r := plan.Record(2, 77)
	const want = `4260 1767225600310 {"order_id":"o-2-77","customer":4260,"region":"north","amount":1989.04,"currency":"EUR","at":"2025-12-31T23:59:59.952Z","items":[{"sku":"rug-176","quantity":5,"price":138.90},{"sku":"mirror-178","quantity":2,"price":132.60},{"sku":"stool-281","quantity":1,"price":81.43},{"sku":"lamp-332","quantity":3,"price":315.97}]}`
	if got := fmt.Sprintf("%s %d %s", r.Key, r.Timestamp, r.Value); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPlanIsKept(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadPlan(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
	plan := NewPlan(1, 1000, 5)
	if err := plan.Save(dir); err != nil {
		t.Fatal(err)
	}
	if got, err := LoadPlan(dir); err != nil || got != plan {
		t.Errorf("%+v, %v", got, err)
	}
	if err := NewPlan(2, 1000, 5).Save(dir); err == nil || !strings.Contains(err.Error(), "--reset") {
		t.Errorf("another plan over the first: %v", err)
	}
	if err := os.WriteFile(dir+"/demo.json", []byte(`{"format":3}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadPlan(dir); err == nil || !strings.Contains(err.Error(), "format is 3") {
		t.Errorf("a newer format: %v", err)
	}
}

// The generator goes on from the broker's end offsets, in order, and stops at its total.
func TestProduceGoesOn(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	plan := testPlan()
	dir := t.TempDir()
	for round := range 3 {
		broker, err := StartBroker(ctx, dir, BrokerOptions{Partitions: plan.Partitions, Topic: plan.Topic, SyncWrites: round == 1})
		if err != nil {
			t.Fatal(err)
		}
		client, err := kgo.NewClient(ClientOptions(broker.Address)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := plan.Produce(ctx, client, 200_000, 1001, SystemClock(), nil); err != nil {
			t.Fatal(err)
		}
		client.Close()
		each := int64(round+1) * 1001 / 4
		checkTopic(t, ctx, plan, broker.Address, []int64{each, each, each, each})
		if err := broker.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// The system clock's wait ends with its context at once.
func TestClockWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := SystemClock().Wait(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func ExamplePlan_Record() {
	plan := NewPlan(1, 1000, 1_767_225_600_000)
	r := plan.Record(0, 1)
	fmt.Println(r.Kind, r.Order.ID)
	// Output: good o-0-1
}

func BenchmarkRecord(b *testing.B) {
	plan := NewPlan(1, 1000, 0)
	var o int64
	for b.Loop() {
		plan.Record(int32(o&3), o>>2)
		o++
	}
}
