package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/deltaic/deltaic/supervision"
)

// A topic may be deleted while it is read, and made again. Where failOnDataLoss is false, the flow goes on with what remains: a new attempt
// begins without the topic, and when it is there again, one begins with it, at its first record. That it is another one is told by the
// identity that brokers give a topic, since the new one may be longer than the old one was read; a topic that brokers did not know for a
// moment is still the same, and goes on where it stood.

// gone is the failure for a partition that was there when the attempt began.
func (in *Input) gone(p partition) error {
	f := missing(p)
	if !in.c.failOnDataLoss {
		f.Kind, f.Class, f.Hint = supervision.Restart, "KAFKA_TOPIC_GONE", ""
		f.Message += " any more: the flow begins a new attempt without it"
	}
	return f
}

// topicIDs are what brokers call topics, beside their names.
type topicIDs map[string]kadm.TopicID

// another reports whether a topic of the name was deleted and made again since an attempt last began with it. in.mu is held.
func (in *Input) another(topic string, now kadm.TopicID) bool {
	before := in.ids[topic]
	return before != (kadm.TopicID{}) && now != (kadm.TopicID{}) && before != now
}

// identify asks for the identities of topics that are there.
func (in *Input) identify(ctx context.Context, topics []string) (topicIDs, error) {
	admin, err := in.admin()
	if err != nil || len(topics) == 0 {
		return nil, err
	}
	ctx, cancel := in.asking(ctx)
	defer cancel()
	details, err := admin.ListTopics(ctx, topics...)
	if err != nil {
		return nil, in.c.failure(err, "could not ask for topics "+some(topics))
	}
	ids := topicIDs{}
	for _, topic := range topics {
		ids[topic] = details[topic].ID
	}
	return ids, nil
}

// found is what brokers say of the partitions to be read.
type found struct {
	earliest, latest offsets
	ids              topicIDs
}

func (in *Input) find(ctx context.Context) (f found, err error) {
	if f.earliest, f.latest, err = in.bounds(ctx); err == nil {
		f.ids, err = in.identify(ctx, sortedKeys(f.earliest))
	}
	return f, err
}

// look finds the partitions to be read. A flow that has read before knows that the brokers are right, and waits for them; where
// failOnDataLoss is false it asks again for a while about what is not there, and waits for a topic when nothing else is left.
func (in *Input) look(ctx context.Context, before divided) (found, error) {
	resumes := len(before) > 0
	lenient := resumes && !in.c.failOnDataLoss
	if lenient {
		in.lenient.Store(true)
	}
	absent := 0
	for try := 1; ; try++ {
		f, err := in.find(ctx)
		wait := in.c.wait(try)
		switch {
		case ctx.Err() != nil || err != nil && !(resumes && supervision.KindOf(err) == supervision.Transient):
			return f, err
		case err != nil:
			in.waits(err)
		case lenient && absent < in.c.missingAfter && in.misses(before, f.earliest):
			absent++
			wait = in.c.checkEvery
		case lenient && len(f.earliest) == 0 && in.c.pattern == nil && !in.goingOn():
			return f, missing(partition{in.named()[0], -1})
		case lenient && len(f.earliest) == 0 && in.goingOn():
			in.waits(fmt.Errorf("a topic of %s: none is there any more", in.c.strategy()))
		default:
			in.waits(nil)
			return f, nil
		}
		if err := sleep(ctx, wait); err != nil {
			return f, in.c.failure(err, "could not ask for what is to be read")
		}
	}
}

// goingOn reports whether the run has no end and has been reading.
func (in *Input) goingOn() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.begun != nil && !in.bounded.Load()
}

// named are the topics that the options name.
func (in *Input) named() []string {
	if in.c.assign != nil {
		return sortedKeys(in.c.assign)
	}
	return in.c.topics
}

// misses reports whether a partition is not there that was, and whose loss has not been told.
func (in *Input) misses(before divided, there offsets) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	for p := range before {
		if _, exists := there.get(p); !exists && in.c.wants(p) && (in.anew[p] == nil || !in.anew[p].gone) {
			return true
		}
	}
	return false
}

// withGone adds to the known positions those of partitions that were not there and are in no position any more.
func (in *Input) withGone(before divided) divided {
	in.mu.Lock()
	defer in.mu.Unlock()
	all := maps.Clone(before)
	for p, a := range in.anew {
		if _, known := all[p]; a.gone && !known {
			all[p] = slices.Clone(a.known)
		}
	}
	return all
}

// leave notes that a partition is not there, and tells its loss once.
func (in *Input) leave(p partition, at division) error {
	in.mu.Lock()
	told := in.anew[p] != nil && in.anew[p].gone
	in.mu.Unlock()
	if told {
		return nil
	}
	if err := in.lost(Loss{Topic: p.topic, Partition: p.id, Wanted: at.least(), Earliest: -1, Latest: -1}); err != nil {
		return err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.remember(p, &anew{known: slices.Clone(at), gone: true, id: in.ids[p.topic]})
	return nil
}

// returns decides about a partition that is there: whether it is one of another topic than the positions are of, which is then read from its
// first record.
func (in *Input) returns(p partition, at division, f found) (bool, error) {
	low, _ := f.earliest.get(p)
	high, _ := f.latest.get(p)
	now := f.ids[p.topic]
	in.mu.Lock()
	a := in.anew[p]
	left := a != nil && a.gone
	other := in.another(p.topic, now)
	if left {
		other = a.id != now || now == (kadm.TopicID{})
		delete(in.anew, p)
	}
	in.mu.Unlock()
	if !other {
		return false, nil
	}
	if !left {
		if err := in.lost(Loss{Topic: p.topic, Partition: p.id, Wanted: at.least(), Earliest: low, Latest: high, Anew: true}); err != nil {
			return false, err
		}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.remember(p, &anew{from: low, known: slices.Clone(at)})
	return true, nil
}

// begins notes what the attempt begins with.
func (in *Input) begins(ids topicIDs) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.ids = ids
	if !in.c.failOnDataLoss {
		in.lenient.Store(true)
	}
}
