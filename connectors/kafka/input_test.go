package kafka_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
)

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestReadsFromEarliestToEnd(t *testing.T) {
	b := kafkatest.Start(t, 2, []string{"orders"})
	for i := range 10 {
		b.Values("orders", int32(i%2), fmt.Sprint("v", i))
	}
	in := kafka.Source("orders", kafka.Brokers(b.Addresses()...), kafka.StartAt(kafka.Earliest))
	defer in.Close()
	ctx := within(t)
	at, err := in.Start(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	end, err := in.End(ctx, []connectors.SplitID{"orders/0", "orders/1"})
	if err != nil {
		t.Fatal(err)
	}
	pool := batch.NewPool()
	r, err := in.Open(ctx, at, connectors.OpenOptions{Pool: pool, Rows: 3, Origins: true})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for at["orders/0"] != end["orders/0"] || at["orders/1"] != end["orders/1"] {
		f, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Batch.N {
			got[fmt.Sprintf("%s@%d", f.Split, f.Batch.Origin.Offset[i])] = string(f.Batch.Columns[1].Bytes(i))
		}
		at[f.Split] = f.After
		f.Batch.Release()
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if len(got) != 10 || got["orders/1@2"] != "v5" {
		t.Fatalf("got %v", got)
	}
	if string(in.Offsets(at)) != `{"orders":{"0":5,"1":5}}` {
		t.Fatalf("offsets %s", in.Offsets(at))
	}
	if pool.Lent() != 0 {
		t.Fatalf("%d columns leaked", pool.Lent())
	}
}
