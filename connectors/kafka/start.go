package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// Start returns the partitions to read and where, as the contract says.
// Without a known position the start follows startingOffsets; beside known
// ones a new partition starts at its earliest offset, as in Spark.
func (in *Input) Start(ctx context.Context, known connectors.Positions) (connectors.Positions, error) {
	before, err := parseParts(known, in.c.stripe)
	if err != nil {
		return nil, err
	}
	before = in.withGone(before)
	there, err := in.look(ctx, before)
	if err != nil {
		return nil, err
	}
	earliest, latest := there.earliest, there.latest
	at, err := in.resume(before, there)
	if err != nil {
		return nil, err
	}
	first := in.c.starting
	if len(before) > 0 { // also of what is gone
		first = Earliest
	}
	committed := latest
	if first.kind != startEarliest {
		if committed, err = in.ends(ctx, sortedKeys(earliest)); err != nil {
			return nil, err
		}
	}
	var fresh offsets
	if first.kind == startTimes {
		fresh, err = in.startTimes(ctx, first, earliest, committed)
	} else {
		fresh, err = first.resolve(earliest, committed)
	}
	if err != nil {
		return nil, err
	}
	for topic, partitions := range fresh {
		for id, offset := range partitions {
			p := partition{topic, id}
			if _, ok := at[p]; !ok {
				at[p] = whole(p, offset, in.c.stripe)
			}
		}
	}
	at.divide(in.c.minPartitions, latest)
	in.begins(there.ids)
	return at.positions(), nil
}

// resume checks known offsets against what the brokers hold. latest is the
// high watermark, whatever the isolation: a position may lie beyond the last
// stable offset if the isolation level was changed.
func (in *Input) resume(before divided, there found) (divided, error) {
	at := divided{}
	for _, p := range before.partitions() {
		d := before[p]
		low, exists := there.earliest.get(p)
		high, _ := there.latest.get(p)
		if from, again := in.goesOn(p, d); again && exists { // the loss has been told
			at[p] = whole(p, max(low, min(from, high)), in.c.stripe)
			continue
		}
		if !exists {
			if err := in.leave(p, d); err != nil {
				return nil, err
			}
			continue
		}
		other, err := in.returns(p, d, there)
		if err != nil {
			return nil, err
		}
		if other {
			at[p] = whole(p, low, in.c.stripe)
			continue
		}
		offset, beyond := d.least(), d.most() > high
		if beyond {
			offset = d.most()
		}
		if offset < low || beyond {
			if err := in.lost(Loss{Topic: p.topic, Partition: p.id, Wanted: offset, Earliest: low, Latest: high}); err != nil {
				return nil, err
			}
			if beyond {
				d = whole(p, low, in.c.stripe)
			}
			d = d.from(low)
		}
		at[p] = d
	}
	return at, nil
}

// bounds returns the first offset and the high watermark of every partition
// that is to be read.
func (in *Input) bounds(ctx context.Context) (earliest, latest offsets, err error) {
	admin, err := in.admin()
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := in.asking(ctx)
	defer cancel()
	topics, err := in.topics(ctx, admin)
	if err != nil || len(topics) == 0 {
		return offsets{}, offsets{}, err
	}
	low, err := admin.ListStartOffsets(ctx, topics...)
	if earliest, err = in.listed(topics, low, err); err != nil {
		return nil, nil, err
	}
	high, err := admin.ListEndOffsets(ctx, topics...)
	if latest, err = in.listed(topics, high, err); err != nil {
		return nil, nil, err
	}
	return earliest, latest, nil
}

// ends returns the offset behind the last readable record of every partition
// to be read of the topics.
func (in *Input) ends(ctx context.Context, topics []string) (offsets, error) {
	admin, err := in.admin()
	if err != nil {
		return nil, err
	}
	ctx, cancel := in.asking(ctx)
	defer cancel()
	list := admin.ListCommittedOffsets
	if in.c.uncommitted {
		list = admin.ListEndOffsets
	}
	l, err := list(ctx, topics...)
	return in.listed(topics, l, err)
}

// listed turns an answer into offsets of the partitions to be read.
func (in *Input) listed(topics []string, l kadm.ListedOffsets, err error) (offsets, error) {
	if err != nil {
		f := in.c.failure(err, "could not list offsets of "+some(topics))
		if len(topics) == 1 {
			f.Topic = topics[0]
		}
		return nil, f
	}
	o := offsets{}
	for _, topic := range topics {
		for _, id := range sortedKeys(l[topic]) {
			e := l[topic][id]
			if e.Err != nil {
				if in.lenient.Load() && isAbsent(e.Err) {
					continue
				}
				return nil, in.offsetFailure(partition{topic, id}, e.Err)
			}
			if in.c.reads(topic, id) {
				o.set(partition{topic, id}, e.Offset)
			}
		}
		for _, id := range in.c.assign[topic] {
			if _, ok := o.get(partition{topic, id}); !ok && !in.lenient.Load() {
				return nil, in.offsetFailure(partition{topic, id}, kerr.UnknownTopicOrPartition)
			}
		}
	}
	return o, nil
}

// some names the first of them.
func some(topics []string) string {
	const most = 5
	if len(topics) > most {
		return strings.Join(topics[:most], ", ") + fmt.Sprintf(" and %d more", len(topics)-most)
	}
	return strings.Join(topics, ", ")
}

// isAbsent reports whether an answer says that a topic is not there, or is another one by now.
func isAbsent(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
}

func (in *Input) offsetFailure(p partition, err error) error {
	if isAbsent(err) {
		return missing(p)
	}
	f := in.c.failure(err, "could not list offsets")
	f.Topic = p.topic
	return f
}

// missing is the failure for a topic or partition that is not there.
func missing(p partition) *supervision.Failure {
	f := &supervision.Failure{
		Kind: supervision.Fatal, Class: "UNKNOWN_TOPIC_OR_PARTITION", Topic: p.topic,
		Message: fmt.Sprintf("topic %q does not exist", p.topic),
		Hint:    "Create it, or correct subscribe or assign; topics are not made by reading them.",
	}
	if p.id >= 0 {
		f.Partition = &p.id
		f.Message = fmt.Sprintf("partition %d of topic %q does not exist", p.id, p.topic)
	}
	return f
}

// End returns the offset behind the last readable record of each split: the
// last stable offset, or the high watermark if uncommitted records are read.
func (in *Input) End(ctx context.Context, splits []connectors.SplitID) (connectors.Positions, error) {
	topics, asked := map[string]bool{}, divided{}
	for _, s := range splits {
		p, err := parsePart(s, in.c.stripe)
		if err != nil {
			return nil, err
		}
		topics[p.topic] = true
		asked[p.partition] = append(asked[p.partition], placed{part: p})
	}
	asked.sort()
	o, err := in.ends(ctx, sortedKeys(topics))
	if err != nil {
		return nil, err
	}
	ending, err := in.endings(ctx, o)
	if err != nil {
		return nil, err
	}
	in.mu.Lock()
	begun := in.begun
	in.mu.Unlock()
	at := connectors.Positions{}
	for _, s := range splits {
		p, _ := parsePart(s, in.c.stripe)
		offset, ok := o.get(p.partition)
		if !ok {
			return nil, in.gone(p.partition)
		}
		if last, bound := ending.get(p.partition); bound {
			offset = min(offset, last)
		}
		at[s] = p.position(min(offset, asked.end(p), begun.end(p)))
	}
	return at, nil
}

// After returns, for each partition to be read, the position of its first record whose timestamp is not before a time; its end if there is none.
func (in *Input) After(ctx context.Context, at time.Time) (connectors.Positions, error) {
	admin, err := in.admin()
	if err != nil {
		return nil, err
	}
	ctx, cancel := in.asking(ctx)
	defer cancel()
	topics, err := in.topics(ctx, admin)
	if err != nil || len(topics) == 0 {
		return nil, err
	}
	ms := at.UnixMilli()
	if at.UnixMicro()%1000 != 0 {
		ms++ // records have milliseconds
	}
	l, err := admin.ListOffsetsAfterMilli(ctx, ms, topics...)
	o, err := in.listed(topics, l, err)
	if err != nil {
		return nil, err
	}
	found := connectors.Positions{}
	for topic, partitions := range o {
		for id, offset := range partitions {
			found[partition{topic, id}.split()] = position(offset)
		}
	}
	return found, nil
}
