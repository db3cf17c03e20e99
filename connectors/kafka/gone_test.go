package kafka_test

import (
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/supervision"
)

func deleteTopic(t testing.TB, b *kafkatest.Broker, topic string) {
	t.Helper()
	if _, err := admin(t, b).DeleteTopic(within(t), topic); err != nil {
		t.Fatal(err)
	}
}

func createTopic(t testing.TB, b *kafkatest.Broker, topic string, values ...string) {
	t.Helper()
	if _, err := admin(t, b).CreateTopic(within(t), 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	b.Values(topic, 0, values...)
}

// starts begins an attempt, which must be where it is to be, with so many losses to tell.
func starts(t testing.TB, in *kafka.Input, known, want connectors.Positions, losses ...string) {
	t.Helper()
	at, err := in.Start(within(t), known)
	if err != nil || !maps.Equal(at, want) {
		t.Fatalf("begins at %v, want %v: %v", at, want, err)
	}
	told := in.Lost()
	if len(told) != len(losses) {
		t.Fatalf("told %v, want %v", told, losses)
	}
	for i, l := range losses {
		if !strings.Contains(told[i], l) {
			t.Errorf("told %q, want %q", told[i], l)
		}
	}
}

// A topic that is deleted is left, its loss told once, and taken up at its first record when it is made again, by every attempt until an epoch
// has it: whether it is named or matched by a pattern, and although the new one is longer than the old one was read.
func TestTopicThatIsDeletedIsLeft(t *testing.T) {
	for _, way := range []string{"subscribe", "subscribePattern"} {
		t.Run(way, func(t *testing.T) {
			b := kafkatest.Start(t, 1, []string{"orders", "payments"})
			b.Values("orders", 0, "a", "b")
			b.Values("payments", 0, "c", "d")
			names := map[string]string{"subscribe": "orders,payments", "subscribePattern": "orders|pay.*"}
			in := source(t, b, "", kafka.Set(way, names[way]), kafka.FailOnDataLoss(false))
			starts(t, in, nil, connectors.Positions{"orders/0": "0", "payments/0": "0"})
			known := connectors.Positions{"orders/0": "2", "payments/0": "2"}
			r := reader(t, in, known)
			deleteTopic(t, b, "payments")
			if err := until(t, r); supervision.KindOf(err) != supervision.Restart || !strings.Contains(fmt.Sprint(err), "KAFKA_TOPIC_GONE") || !strings.Contains(fmt.Sprint(err), "payments") {
				t.Fatalf("got %v, want a new attempt", err)
			}
			starts(t, in, known, connectors.Positions{"orders/0": "2"}, "payments[0]: wanted offset 2, the partition is gone")
			starts(t, in, known, connectors.Positions{"orders/0": "2"}) // no epoch was decided
			createTopic(t, b, "payments", "e", "f", "g", "h")
			if err := until(t, reader(t, in, connectors.Positions{"orders/0": "2"})); !strings.Contains(fmt.Sprint(err), "KAFKA_PARTITIONS_ADDED") {
				t.Fatalf("got %v, want an attempt with the new topic", err)
			}
			for range 2 {
				starts(t, in, known, connectors.Positions{"orders/0": "2", "payments/0": "0"})
			}
			in.Decided(known) // the new one has come to where the old one was
			starts(t, in, known, known)
		})
	}
}

// The same when an epoch has forgotten the topic meanwhile.
func TestTopicThatIsForgottenComesBack(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders", "payments"})
	b.Values("payments", 0, "c", "d")
	in := source(t, b, "orders,payments", kafka.FailOnDataLoss(false), kafka.StartAt(kafka.Latest))
	starts(t, in, nil, connectors.Positions{"orders/0": "0", "payments/0": "2"})
	deleteTopic(t, b, "payments")
	starts(t, in, connectors.Positions{"orders/0": "0", "payments/0": "2"}, connectors.Positions{"orders/0": "0"}, "payments[0]")
	without := connectors.Positions{"orders/0": "0"}
	in.Decided(without)
	createTopic(t, b, "payments", "e", "f", "g")
	r := reader(t, in, without)
	if err := until(t, r); !strings.Contains(fmt.Sprint(err), "KAFKA_PARTITIONS_ADDED") {
		t.Fatalf("got %v, want an attempt with the new topic", err)
	}
	for range 2 {
		starts(t, in, without, connectors.Positions{"orders/0": "0", "payments/0": "0"})
	}
}

// A topic that is made again while it is read is another one, however long it is.
func TestTopicThatIsMadeAnew(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders"})
	b.Values("orders", 0, "a", "b")
	known := connectors.Positions{"orders/0": "2"}
	strict, lax := source(t, b, "orders"), source(t, b, "orders", kafka.FailOnDataLoss(false))
	for _, in := range []*kafka.Input{strict, lax} {
		starts(t, in, known, known)
	}
	r := reader(t, lax, known)
	deleteTopic(t, b, "orders")
	createTopic(t, b, "orders", "c", "d", "e")
	if err := until(t, r); !strings.Contains(fmt.Sprint(err), "KAFKA_TOPIC_GONE") {
		t.Fatalf("got %v, want a new attempt", err)
	}
	starts(t, lax, known, connectors.Positions{"orders/0": "0"}, "orders[0]: wanted offset 2, the topic was deleted and made again, with offsets 0 to 3")
	starts(t, lax, known, connectors.Positions{"orders/0": "0"})
	_, err := strict.Start(within(t), known)
	wantFailure(t, err, "KAFKA_DATA_LOSS", "orders[0]", "deleted and made again")
}

// When no topic is left, a run that has no end waits, and says so; one that has fails.
func TestNoTopicIsLeft(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders"})
	b.Values("orders", 0, "a", "b")
	known := connectors.Positions{"orders/0": "2"}
	in, fresh := source(t, b, "orders", kafka.FailOnDataLoss(false)), source(t, b, "orders", kafka.FailOnDataLoss(false))
	starts(t, in, known, known)
	r := reader(t, in, known)
	deleteTopic(t, b, "orders")
	_ = until(t, r)
	_, err := fresh.Start(within(t), known)
	wantFailure(t, err, "UNKNOWN_TOPIC_OR_PARTITION", "orders")
	began := make(chan error, 1)
	ctx := within(t)
	go func() {
		at, err := in.Start(ctx, known)
		if err == nil && !maps.Equal(at, connectors.Positions{"orders/0": "0"}) {
			err = fmt.Errorf("begins at %v", at)
		}
		began <- err
	}()
	for !strings.Contains(in.Waiting(), "a topic of Subscribe[orders]") {
		select {
		case err := <-began:
			t.Fatalf("it does not wait: %v", err)
		default:
		}
	}
	createTopic(t, b, "orders", "c", "d", "e")
	if err := <-began; err != nil {
		t.Fatal(err)
	}
	if in.Waiting() != "" {
		t.Errorf("it still waits for %s", in.Waiting())
	}
}

// A topic that brokers do not know for a moment is no other one: it goes on where it stood.
func TestTopicThatWasThereAllTheTime(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders", "payments"})
	b.Values("payments", 0, "c", "d", "e")
	in := source(t, b, "orders,payments", kafka.FailOnDataLoss(false))
	known := connectors.Positions{"orders/0": "0", "payments/0": "2"}
	starts(t, in, known, known)
	var hidden atomic.Bool
	hidden.Store(true)
	b.ControlKey(int16(kmsg.ListOffsets), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		req := kreq.(*kmsg.ListOffsetsRequest)
		if !hidden.Load() {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, topic := range req.Topics {
			p := kmsg.NewListOffsetsResponseTopicPartition()
			p.LeaderEpoch, p.Offset = 0, 0 // orders is empty
			if topic.Topic == "payments" {
				p.ErrorCode = kerr.UnknownTopicOrPartition.Code
			}
			resp.Topics = append(resp.Topics, kmsg.ListOffsetsResponseTopic{Topic: topic.Topic, Partitions: []kmsg.ListOffsetsResponseTopicPartition{p}})
		}
		return resp, nil, true
	})
	without := connectors.Positions{"orders/0": "0"}
	starts(t, in, known, without, "payments[0]: wanted offset 2")
	in.Decided(without)
	hidden.Store(false)
	starts(t, in, without, known)
}
