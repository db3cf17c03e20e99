package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/deltaic/deltaic/supervision"
)

// A check asks the brokers about splits that have been quiet for a while. It
// finds what fetching alone never tells: that a split is caught up, that
// nothing readable lies between its position and the end (what compaction
// left behind), and that its topic is gone.
//
// One check runs at a time, beside Next, which starts it and takes its answer;
// Close waits for it.
type checker struct {
	timer  *time.Timer
	every  time.Duration // grows while nothing is learned
	due    bool          // guarded by reader.mu
	since  time.Duration // the last look for new partitions, about
	answer chan answer
	ctx    context.Context
	stop   context.CancelFunc
	done   chan struct{} // closed when no check runs
}

// answer is what a check learned; err is set if the brokers refused, which
// waiting does not change.
type answer struct {
	found []finding
	err   error
}

// finding is what a check learned about a partition.
type finding struct {
	f    *feed
	from int64 // its position when the check began
	next int64 // nothing readable lies before this
	end  int64
	gone bool
}

const (
	patience    = 10 * time.Second // after which brokers that do not answer are waited for, and said to be
	lookEvery   = 10               // intervals between looks for new partitions
	slowest     = 10               // times the interval of checks while nothing happens
	probesAtOne = 16               // fetches of one check into one gap
	probeBytes  = 64 << 10
)

// startChecks arms the timer.
func (r *reader) startChecks() {
	c := &r.check
	c.every = r.in.c.checkEvery
	c.answer = make(chan answer, 1)
	c.done = make(chan struct{})
	close(c.done)
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.timer = time.AfterFunc(c.every, r.checkDue)
}

// checkDue runs on the timer's goroutine and lets Next start a check.
func (r *reader) checkDue() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.check.due = true
	if r.wake != nil {
		r.wake()
	}
}

// checks takes the answer of a check that has ended and starts the next if it
// is due.
func (r *reader) checks() {
	select {
	case a := <-r.check.answer:
		if a.err != nil && r.failed == nil {
			r.failed = a.err
		}
		r.learn(a.found)
		r.check.timer.Reset(r.check.every)
	default:
	}
	r.mu.Lock()
	due := r.check.due && !r.closed
	r.check.due = false
	r.mu.Unlock()
	if !due {
		return
	}
	var quiet []finding
	for _, f := range r.all {
		if !f.moved && !f.holds() {
			quiet = append(quiet, finding{f: f, from: f.at, next: f.at, end: -1})
		}
		f.moved = false
	}
	r.check.since += r.check.every
	look := r.check.since >= lookEvery*r.in.c.checkEvery
	if look {
		r.check.since = 0
	}
	if len(quiet) == 0 && !look {
		r.check.every = r.in.c.checkEvery
		r.check.timer.Reset(r.check.every)
		return
	}
	done := make(chan struct{})
	r.check.done = done
	go func() {
		defer close(done)
		err := r.ask(quiet)
		if err == nil && look {
			err = r.lookForMore()
		}
		r.check.answer <- answer{quiet, err}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.wake != nil {
			r.wake()
		}
	}()
}

// learn applies findings to partitions that have not moved since.
func (r *reader) learn(found []finding) {
	news := false
	for _, of := range found {
		f := of.f
		if of.gone {
			f.absent++
			news = true
			if f.absent >= r.in.c.missingAfter && r.failed == nil {
				r.failed = r.in.gone(f.partition)
			}
			continue
		}
		if of.end < 0 { // the brokers did not answer
			continue
		}
		f.absent = 0
		if f.at != of.from || f.holds() {
			news = true
			continue
		}
		f.at, f.end = max(f.at, of.next), of.end
		news = r.news(f) || news
	}
	if news {
		r.check.every = r.in.c.checkEvery
	} else {
		r.check.every = min(2*r.check.every, slowest*r.in.c.checkEvery)
	}
}

// ask fills the findings in. What brokers do not answer stays unknown; what
// they refuse, such as a wrong password, is an error.
func (r *reader) ask(quiet []finding) error {
	ctx, cancel := context.WithTimeout(r.check.ctx, min(r.in.c.askTimeout, patience))
	defer cancel()
	admin := kadm.NewClient(r.asks.Client)
	if len(quiet) == 0 {
		return nil
	}
	topics := map[string]bool{}
	for _, f := range quiet {
		topics[f.f.topic] = true
	}
	list := admin.ListCommittedOffsets
	if r.in.c.uncommitted {
		list = admin.ListEndOffsets
	}
	ends, err := list(ctx, sortedKeys(topics)...)
	if err != nil {
		if f := r.in.c.failure(err, "could not list offsets of "+some(sortedKeys(topics))); f.Kind == supervision.Fatal {
			return f
		}
		if r.check.ctx.Err() == nil {
			r.in.waits(err)
		}
		return nil
	}
	r.in.waits(nil)
	var details kadm.TopicDetails
	for i := range quiet {
		f := &quiet[i]
		end, ok := ends[f.f.topic][f.f.id]
		if whole := ends[f.f.topic][-1]; whole.Err != nil { // of the topic as such
			end, ok = whole, true
		}
		if !ok || end.Err != nil {
			f.gone = !ok || isAbsent(end.Err)
			continue
		}
		f.end = end.Offset
		for n := 0; n < probesAtOne && f.next < f.end; n++ {
			if details == nil {
				if details, err = admin.ListTopics(ctx, sortedKeys(topics)...); err != nil {
					return nil
				}
			}
			next := r.probe(ctx, details[f.f.topic], f.f.partition, f.next)
			if next <= f.next {
				break
			}
			f.next = next
		}
	}
	return nil
}

// lookForMore ends the attempt when there is a partition to read that was not there when it began, or is of another topic by now: the next
// one begins with it, at its first record, as in Spark.
func (r *reader) lookForMore() error {
	in := r.in
	in.mu.Lock()
	begun := in.begun
	in.mu.Unlock()
	if begun == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.check.ctx, min(in.c.askTimeout, patience))
	defer cancel()
	admin := kadm.NewClient(r.asks.Client)
	topics, err := in.topics(ctx, admin)
	if err != nil || len(topics) == 0 {
		return nil // what brokers do not answer stays unknown
	}
	details, err := admin.ListTopics(ctx, topics...)
	if err != nil {
		return nil
	}
	for _, topic := range topics {
		in.mu.Lock()
		other := in.another(topic, details[topic].ID)
		in.mu.Unlock()
		if other {
			f := supervision.New(supervision.Restart, "KAFKA_TOPIC_GONE", "topic %s was deleted and made again: the flow begins a new attempt", topic)
			f.Topic = topic
			return f
		}
		for _, id := range sortedKeys(details[topic].Partitions) {
			p := partition{topic, id}
			if _, known := begun[p]; known || !in.c.reads(topic, id) {
				continue
			}
			f := supervision.New(supervision.Restart, "KAFKA_PARTITIONS_ADDED", "%s[%d] has come: the flow begins a new attempt to read it", topic, id)
			f.Topic, f.Partition = topic, &id
			return f
		}
	}
	return nil
}

// probe fetches at an offset, beside the client's own fetching, and returns the
// offset up to which there is nothing readable, at least the one it was given.
func (r *reader) probe(ctx context.Context, topic kadm.TopicDetail, p partition, offset int64) int64 {
	leader, ok := topic.Partitions[p.id]
	if !ok || leader.Err != nil || leader.Leader < 0 {
		return offset
	}
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 0, 1, probeBytes
	req.SessionEpoch = -1 // no session
	level := kgo.ReadUncommitted()
	if !r.in.c.uncommitted {
		level, req.IsolationLevel = kgo.ReadCommitted(), 1
	}
	asked := kmsg.NewFetchRequestTopicPartition()
	asked.Partition, asked.FetchOffset, asked.PartitionMaxBytes = p.id, offset, probeBytes
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = p.topic, topic.ID
	t.Partitions = append(t.Partitions, asked)
	req.Topics = append(req.Topics, t)
	resp, err := r.asks.Broker(int(leader.Leader)).RetriableRequest(ctx, req)
	if err != nil {
		return offset
	}
	fetched, ok := resp.(*kmsg.FetchResponse)
	if !ok || len(fetched.Topics) != 1 || len(fetched.Topics[0].Partitions) != 1 {
		return offset
	}
	answer := &fetched.Topics[0].Partitions[0]
	if answer.Partition != p.id || answer.ErrorCode != 0 {
		return offset
	}
	records, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		Offset: offset, IsolationLevel: level, Topic: p.topic, Partition: p.id,
	}, answer, untouched{}, nil)
	if len(records.Records) > 0 {
		return records.Records[0].Offset
	}
	return max(next, offset)
}

// untouched decompresses nothing: a batch that holds records ends the gap that
// a probe is looking through, whatever they are.
type untouched struct{}

var errUntouched = errors.New("records are not looked at")

// Decompress lets emptied batches pass.
func (untouched) Decompress(src []byte, _ kgo.CompressionCodecType) ([]byte, error) {
	if len(src) == 0 {
		return src, nil
	}
	return nil, errUntouched
}
