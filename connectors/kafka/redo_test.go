package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/objstore"
	memorystore "github.com/deltaic/deltaic/objstore/memory"
)

var numbered = batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType})

// prepare stages one epoch: rows rows in each share, counted from zero.
func prepare(t testing.TB, out *kafka.Output, attempt, epoch int64, shares, rows int) connectors.Commit {
	t.Helper()
	if err := out.Bind(within(t), numbered, connectors.Append); err != nil {
		t.Fatal(err)
	}
	c := connectors.Commit{Flow: "f", Incarnation: "i", Attempt: attempt, Epoch: epoch}
	n := int(epoch) * shares * rows
	for share := range shares {
		w, err := out.Writer(within(t), connectors.Share{Flow: "f", Incarnation: "i", Attempt: attempt, Index: share, Count: shares})
		if err != nil {
			t.Fatal(err)
		}
		var values [][]any
		for range rows {
			values = append(values, []any{n})
			n++
		}
		b, err := memory.Build(numbered, values...)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(within(t), b); err != nil {
			t.Fatal(err)
		}
		sealed, err := w.Seal(epoch)
		if err != nil {
			t.Fatal(err)
		}
		p, err := sealed.Finish(within(t))
		if err != nil {
			t.Fatal(err)
		}
		c.Prepared = append(c.Prepared, p)
		w.Abort()
	}
	return c
}

func once(t testing.TB, b *kafkatest.Broker, topic string, rows int) {
	t.Helper()
	got := numbersOf(t, committed(t, b, topic))
	slices.Sort(got)
	for i, n := range got {
		if n != int64(i) {
			t.Fatalf("the %d. number is %d", i, n)
		}
	}
	if len(got) != rows {
		t.Fatalf("%d rows, want %d", len(got), rows)
	}
}

func redoing(t testing.TB, b *kafkatest.Broker, store objstore.Store, topic string, more ...kafka.Option) *kafka.Output {
	out := sink(t, b, topic, append([]kafka.Option{kafka.ExactlyOnce(), kafka.Set("positionTopic", "positions-of-"+topic)}, more...)...)
	out.UseState(store, "sinks/out/")
	return out
}

// A process that ends after k of n shares: the next one repeats the others and no more, whatever the message at which it
// ended, and whether its reply was lost or never sent for.
func TestRedoAfterSomeShares(t *testing.T) {
	const shares, rows = 4, 25
	b := kafkatest.Start(t, 3, nil)
	number := 0
	for _, key := range []int16{int16(kmsg.EndTxn), int16(kmsg.Produce), int16(kmsg.InitProducerID)} {
		for k := range shares + 1 {
			if k%2 == 1 && key != int16(kmsg.EndTxn) {
				continue
			}
			number++
			topic := fmt.Sprint("out", number)
			if _, err := admin(t, b).CreateTopic(within(t), 3, 1, nil, topic); err != nil {
				t.Fatal(err)
			}
			store := memorystore.New(memorystore.Options{})
			first := redoing(t, b, store, topic)
			if _, err := first.Commit(within(t), prepare(t, first, 1, 0, shares, rows)); err != nil {
				t.Fatal(err)
			}
			ctx, kill := context.WithCancel(within(t))
			var seen atomic.Int64
			var over atomic.Bool
			b.ControlKey(key, func(kmsg.Request) (kmsg.Response, error, bool) {
				b.KeepControl()
				if over.Load() || seen.Add(1) <= int64(k) {
					return nil, nil, false
				}
				kill()
				return nil, errors.New("the process is gone"), true
			})
			second := redoing(t, b, store, topic)
			c := prepare(t, second, 2, 1, shares, rows)
			_, err := second.Commit(ctx, c)
			kill()
			_ = second.Close()
			over.Store(true)
			third := redoing(t, b, store, topic)
			if err := third.Bind(within(t), numbered, connectors.Append); err != nil {
				t.Fatal(err)
			}
			done, again := third.Commit(within(t), c)
			if again != nil {
				t.Fatalf("ended at %d of %d (%v): %v: waits: %s", k, key, err, again, third.Waiting())
			}
			if done.Repeat != (err == nil) && seen.Load() > 0 && err == nil {
				t.Errorf("ended at %d of %d: %+v after %v", k, key, done, err)
			}
			once(t, b, topic, 2*shares*rows)
			// Another parallelism goes on where the shares are others.
			if _, err := third.Commit(within(t), prepareAt(t, third, 3, 2, 2, 2*shares*rows)); err != nil {
				t.Fatal(err)
			}
			once(t, b, topic, 2*shares*rows+2*10)
			_ = third.Close()
		}
	}
}

// prepareAt stages an epoch of ten rows a share, counted from first.
func prepareAt(t testing.TB, out *kafka.Output, attempt, epoch int64, shares, first int) connectors.Commit {
	t.Helper()
	c := connectors.Commit{Flow: "f", Incarnation: "i", Attempt: attempt, Epoch: epoch}
	for share := range shares {
		w, err := out.Writer(within(t), connectors.Share{Flow: "f", Incarnation: "i", Attempt: attempt, Index: share, Count: shares})
		if err != nil {
			t.Fatal(err)
		}
		var values [][]any
		for range 10 {
			values = append(values, []any{first})
			first++
		}
		b, err := memory.Build(numbered, values...)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(within(t), b); err != nil {
			t.Fatal(err)
		}
		sealed, _ := w.Seal(epoch)
		p, err := sealed.Finish(within(t))
		if err != nil {
			t.Fatal(err)
		}
		c.Prepared = append(c.Prepared, p)
	}
	return c
}

// An attempt that wakes up when another has done its work writes nothing, and the other goes on.
func TestZombie(t *testing.T) {
	const shares, rows = 2, 10
	b := kafkatest.Start(t, 3, []string{"out"})
	store := memorystore.New(memorystore.Options{})
	zombie := redoing(t, b, store, "out")
	if _, err := zombie.Commit(within(t), prepare(t, zombie, 1, 0, shares, rows)); err != nil {
		t.Fatal(err)
	}
	c := prepare(t, zombie, 2, 1, shares, rows)
	heir := redoing(t, b, store, "out")
	if err := heir.Bind(within(t), numbered, connectors.Append); err != nil {
		t.Fatal(err)
	}
	if _, err := heir.Commit(within(t), c); err != nil {
		t.Fatal(err)
	}
	done, err := zombie.Commit(within(t), c) // fenced, begins again, and finds its work done
	if err != nil || !done.Repeat {
		t.Errorf("the zombie: %+v, %v", done, err)
	}
	if _, err := heir.Commit(within(t), prepare(t, heir, 3, 2, shares, rows)); err != nil { // fenced by it, begins again
		t.Fatal(err)
	}
	once(t, b, "out", 3*shares*rows)
}

// What a broker says about transactions that time or another broker has ended is no end.
func TestInterruptedTransaction(t *testing.T) {
	for _, code := range []*kerr.Error{kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.InvalidTxnState} {
		b := kafkatest.Start(t, 2, []string{"out"})
		out := redoing(t, b, memorystore.New(memorystore.Options{}), "out")
		c := prepare(t, out, 1, 0, 2, 10)
		b.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
			resp := req.ResponseKind().(*kmsg.EndTxnResponse)
			resp.ErrorCode = code.Code
			return resp, nil, true
		})
		if _, err := out.Commit(within(t), c); err != nil {
			t.Errorf("%s: %v", code.Message, err)
		}
		once(t, b, "out", 20)
		out.Close()
	}
}

// Positions that are gone, or may go, are no positions.
func TestPositionsLost(t *testing.T) {
	b := kafkatest.Start(t, 2, []string{"out", "wide"})
	store := memorystore.New(memorystore.Options{})
	out := redoing(t, b, store, "out")
	c := prepare(t, out, 1, 0, 2, 10)
	if _, err := out.Commit(within(t), c); err != nil {
		t.Fatal(err)
	}
	out.Close()
	if _, err := admin(t, b).DeleteTopic(within(t), "positions-of-out"); err != nil {
		t.Fatal(err)
	}
	again := redoing(t, b, store, "out")
	if err := again.Bind(within(t), numbered, connectors.Append); err != nil {
		t.Fatal(err)
	}
	_, err := again.Commit(within(t), c)
	wantFailure(t, err, "KAFKA_POSITIONS_LOST", "positions-of-out")
	adopting := redoing(t, b, store, "out", kafka.Set("adopt", "true"))
	if err := adopting.Bind(within(t), numbered, connectors.Append); err != nil {
		t.Fatal(err)
	}
	if _, err := adopting.Commit(within(t), c); err != nil {
		t.Fatal(err)
	}
	forgetful, one := "delete", int32(1)
	if _, err := admin(t, b).CreateTopic(within(t), one, 1, map[string]*string{"cleanup.policy": &forgetful}, "forgetful"); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"wide", "forgetful"} {
		o := redoing(t, b, store, "out", kafka.Set("positionTopic", topic))
		if err := o.Bind(within(t), numbered, connectors.Append); err != nil {
			t.Fatal(err)
		}
		_, err := o.Commit(within(t), c)
		wantFailure(t, err, "KAFKA_POSITIONS_UNSAFE", topic)
	}
}

// Rows that cannot be written are found before their epoch is decided, whatever the guarantee.
func TestRowsThatCannotBeWritten(t *testing.T) {
	b := kafkatest.Start(t, 2, []string{"out"}, kfake.BrokerConfigs(map[string]string{"auto.create.topics.enable": "false"}))
	schema := batch.NewSchema(batch.Field{Name: "value", Type: batch.StringType}, batch.Field{Name: "topic", Type: batch.StringType, Nullable: true}, batch.Field{Name: "partition", Type: batch.IntType, Nullable: true})
	for _, c := range []struct {
		row   []any
		class string
		says  string
	}{
		{[]any{"v", nil, nil}, "KAFKA_INVALID_ROW", "null"},
		{[]any{"v", "no topic", nil}, "KAFKA_INVALID_ROW", "no topic"},
		{[]any{"v", "missing", nil}, "UNKNOWN_TOPIC_OR_PARTITION", ""},
		{[]any{"v", "out", 2}, "KAFKA_INVALID_ROW", "partition"},
		{[]any{"v", "out", -3}, "KAFKA_INVALID_ROW", "partition -3"},
		{[]any{strings.Repeat("v", 2<<20), "out", 0}, "MESSAGE_TOO_LARGE", "max.request.size"},
	} {
		rows, err := memory.Build(schema, c.row)
		if err != nil {
			t.Fatal(err)
		}
		for _, guarantee := range []string{"at-least-once", "exactly-once"} {
			out := sink(t, b, "", kafka.Set("deliveryGuarantee", guarantee))
			out.UseState(memorystore.New(memorystore.Options{}), "sinks/out/")
			wantFailure(t, tryOnce(t, out, schema, connectors.Append, rows), c.class, c.says)
			out.Close()
		}
	}
}
