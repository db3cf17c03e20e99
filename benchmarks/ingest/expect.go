package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/benchmarks/nexmark"
)

// expectation is what a table must hold, found without any code of the engine.
type expectation struct {
	anchors.Sums
	ends map[int32]int64 // by partition, the offset behind the last record
}

// fromGenerator recomputes the bids of a run of undamaged events.
func fromGenerator(o nexmark.Options) (expectation, error) {
	e := expectation{ends: map[int32]int64{}}
	_, err := nexmark.Generate(o, func(partition int, record []byte) error {
		e.ends[int32(partition)]++
		return e.add(record)
	})
	return e, err
}

// fromTopic reads the topic itself, up to its ends.
func fromTopic(ctx context.Context, brokers []string, topic string) (expectation, error) {
	e := expectation{}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return e, err
	}
	defer client.Close()
	if e.ends, err = topicEnds(ctx, client, topic); err != nil {
		return e, err
	}
	starts, err := kadm.NewClient(client).ListStartOffsets(ctx, topic)
	if err != nil {
		return e, err
	}
	from, left := map[int32]kgo.Offset{}, 0
	starts.Each(func(o kadm.ListedOffset) {
		from[o.Partition] = kgo.NewOffset().At(o.Offset)
		if o.Offset < e.ends[o.Partition] {
			left++
		}
	})
	reader, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		return e, err
	}
	defer reader.Close()
	for left > 0 {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return e, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset < e.ends[r.Partition] && !r.Attrs.IsControl() {
				_ = e.add(r.Value) // a broken record is no bid: the flow makes it null
			}
			if r.Offset == e.ends[r.Partition]-1 {
				left--
			}
		})
	}
	return e, nil
}

func topicEnds(ctx context.Context, client *kgo.Client, topic string) (map[int32]int64, error) {
	listed, err := kadm.NewClient(client).ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("bench: topic %s: %w", topic, err)
	}
	ends := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
	return ends, nil
}

var bidKey = []byte(`"bid":{`)

// add counts a record if it is a bid.
func (e *expectation) add(record []byte) error {
	if !bytes.Contains(record, bidKey) {
		return nil
	}
	if ok := e.quick(record); ok {
		return nil
	}
	var event struct{ Bid *anchors.Bid }
	if err := json.Unmarshal(record, &event); err != nil || event.Bid == nil {
		return err
	}
	at, err := time.Parse("2006-01-02 15:04:05.999999", event.Bid.DateTime)
	if err != nil {
		return err
	}
	e.count(event.Bid.Auction, event.Bid.Bidder, event.Bid.Price, at.UnixMilli(), len(event.Bid.Extra))
	return nil
}

func (e *expectation) count(auction, bidder, price, at int64, extra int) {
	e.Rows++
	e.Auction += auction
	e.Bidder += bidder
	e.Price += price
	e.Times += at - nexmark.BaseTime
	e.Extra += int64(extra)
}

// quick counts an undamaged bid as the generator writes it: nothing in it is
// escaped, and it begins and ends as all do. Others are left to encoding/json.
func (e *expectation) quick(record []byte) bool {
	if !bytes.HasPrefix(record, []byte(`{"event_type":2,"person":null,"auction":null,"bid":{"auction":`)) || !bytes.HasSuffix(record, []byte(`"}}`)) || bytes.IndexByte(record, '\\') >= 0 {
		return false
	}
	var n [3]int64
	for i, key := range []string{`"bid":{"auction":`, `,"bidder":`, `,"price":`} {
		_, after, _ := bytes.Cut(record, []byte(key))
		end := bytes.IndexByte(after, ',')
		if end < 0 {
			return false
		}
		var err error
		if n[i], err = strconv.ParseInt(string(after[:end]), 10, 64); err != nil {
			return false
		}
	}
	_, extra, ok := bytes.Cut(record, []byte(`,"extra":"`))
	_, at, found := bytes.Cut(record, []byte(`,"dateTime":"`))
	end := bytes.IndexByte(at, '"')
	if !ok || !found || end < 0 {
		return false
	}
	when, err := time.Parse("2006-01-02 15:04:05.999999", string(at[:end]))
	if err != nil {
		return false
	}
	e.count(n[0], n[1], n[2], when.UnixMilli(), len(extra)-len(`"}}`))
	return true
}
