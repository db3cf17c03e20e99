package kafka_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
)

// timedTopics has orders with a record each second from 1000 s on, ten in partition 0 and five in partition 1, and an empty topic.
func timedTopics(t *testing.T) *kafkatest.Broker {
	b := kafkatest.Start(t, 2, []string{"orders", "orders-eu", "payments"})
	client := b.Client()
	for n := range 10 {
		kafkatest.Produce(t, client, &kgo.Record{Topic: "orders", Partition: 0, Timestamp: time.Unix(int64(1000+n), 0), Value: fmt.Append(nil, n)})
		if n < 5 {
			kafkatest.Produce(t, client, &kgo.Record{Topic: "orders", Partition: 1, Timestamp: time.Unix(int64(1000+n), 0), Value: fmt.Append(nil, n)})
		}
	}
	return b
}

func TestStartsAndEnds(t *testing.T) {
	b := timedTopics(t)
	for _, c := range []struct {
		options string // name=value, with semicolons between
		start   string // as JSON, or what the error says
		end     string // "" as start
	}{
		{"startingTimestamp=1003000", `{"orders":{"0":3,"1":3}}`, `{"orders":{"0":10,"1":5}}`},
		{"startingTimestamp=1003001;startingOffsets=earliest", `{"orders":{"0":4,"1":4}}`, `{"orders":{"0":10,"1":5}}`},
		{"startingTimestamp=1007000", "orders[1] has a timestamp of 1007000", ""},
		{"startingTimestamp=1007000;startingOffsetsByTimestampStrategy=latest", `{"orders":{"0":7,"1":5}}`, `{"orders":{"0":10,"1":5}}`},
		{`startingOffsetsByTimestamp={"orders":{"0":1002000,"1":1001000}}`, `{"orders":{"0":2,"1":1}}`, `{"orders":{"0":10,"1":5}}`},
		{`startingOffsetsByTimestamp={"orders":{"0":1002000}}`, "missing: orders[1]", ""},
		{`startingOffsetsByTimestamp={"orders":{"0":-1}}`, "negative", ""},
		{`startingOffsets=earliest;endingOffsets={"orders":{"0":4,"1":-1}}`, `{"orders":{"0":0,"1":0}}`, `{"orders":{"0":4,"1":5}}`},
		{`startingOffsets=earliest;endingOffsets={"orders":{"0":4,"1":500}}`, `{"orders":{"0":0,"1":0}}`, `{"orders":{"0":4,"1":5}}`},
		{`endingOffsets={"orders":{"0":-2}}`, "earliest cannot be an end", ""},
		{`endingOffsets=earliest`, "expected latest or JSON", ""},
		{"startingOffsets=earliest;endingTimestamp=1003000", `{"orders":{"0":0,"1":0}}`, `{"orders":{"0":3,"1":3}}`},
		{"startingOffsets=earliest;endingTimestamp=1007000", `{"orders":{"0":0,"1":0}}`, `{"orders":{"0":7,"1":5}}`},
		{`startingOffsets=earliest;endingOffsetsByTimestamp={"orders":{"0":1001000,"1":1002000}}`, `{"orders":{"0":0,"1":0}}`, `{"orders":{"0":1,"1":2}}`},
		{"startingTimestamp=soon", "whole number", ""},
		{"startingOffsetsByTimestampStrategy=earliest", "error or latest", ""},
	} {
		start, end, err := extent(t, b, "subscribe=orders;"+c.options)
		if c.end == "" {
			if err == nil || !strings.Contains(err.Error(), c.start) {
				t.Errorf("%s: %v", c.options, err)
			}
			continue
		}
		if err != nil || start != c.start || end != c.end {
			t.Errorf("%s: %s to %s, %v", c.options, start, end, err)
		}
	}
}

// extent is where a source with the options begins and ends.
func extent(t *testing.T, b *kafkatest.Broker, options string) (start, end string, err error) {
	t.Helper()
	all := map[string]string{"kafka.bootstrap.servers": b.Addresses()[0]}
	for option := range strings.SplitSeq(options, ";") {
		name, value, _ := strings.Cut(option, "=")
		all[name] = value
	}
	in, err := kafka.New(all)
	if err != nil {
		return "", "", err
	}
	defer in.Close()
	at, err := in.Start(within(t), nil)
	if err != nil {
		return "", "", err
	}
	var splits []connectors.SplitID
	for s := range at {
		splits = append(splits, s)
	}
	until, err := in.End(within(t), splits)
	if err != nil {
		return "", "", err
	}
	if limit := in.Limit(at, until); limit != nil && string(in.Offsets(limit)) != string(in.Offsets(until)) {
		t.Errorf("%s: epochs are bound by %s, the source by %s", options, in.Offsets(limit), in.Offsets(until))
	}
	return string(in.Offsets(at)), string(in.Offsets(until)), nil
}

func TestSubscribePattern(t *testing.T) {
	b := timedTopics(t)
	for pattern, want := range map[string]string{
		"orders.*":         `{"orders":{"0":0,"1":0},"orders-eu":{"0":0,"1":0}}`,
		"order|payments":   `{"payments":{"0":0,"1":0}}`, // whole names, as in Java
		"nothing":          `{}`,
		"orders(?!-eu)":    "RE2",
		"orders;assign={}": "assign",
	} {
		start, _, err := extent(t, b, "startingOffsets=earliest;subscribePattern="+pattern)
		if strings.HasPrefix(want, "{") && (err != nil || start != want) || !strings.HasPrefix(want, "{") && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %s, %v", pattern, start, err)
		}
	}
	in := source(t, b, "", kafka.Set("subscribePattern", "ord.*"))
	if got := in.Description(); got != "KafkaV2[SubscribePattern[ord.*]]" {
		t.Error(got)
	}
	before, err := in.Start(within(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin(t, b).CreateTopic(within(t), 1, 1, nil, "ordered"); err != nil {
		t.Fatal(err)
	}
	b.Values("ordered", 0, "first")
	var after connectors.Positions
	for wait := within(t); err == nil && len(after) <= len(before) && wait.Err() == nil; { // topics are known for a moment
		after, err = in.Start(within(t), before)
	}
	// A topic that has come since begins at its first record.
	if err != nil || len(after) != len(before)+1 || after["ordered/0"] != "0" {
		t.Errorf("%v, %v", after, err)
	}
}
