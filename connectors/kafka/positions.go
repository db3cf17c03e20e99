package kafka

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"path"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// The topic of positions, format 1: one partition, compacted. A record's key is the JSON of a
// positionKey, its value that of a positionValue: the newest epoch that the share has written.

// positionTopic is a topic and what Kafka calls it; "" where it says nothing.
type positionTopic struct{ name, id string }

// positionKey names a share of a sink of an incarnation.
type positionKey struct {
	Flow        string `json:"flow"`
	Incarnation string `json:"incarnation"`
	Sink        string `json:"sink"`
	Share       int    `json:"share"`
}

type positionValue struct {
	Format  int   `json:"format"`
	Epoch   int64 `json:"epoch"`
	Attempt int64 `json:"attempt"`
	Rows    int64 `json:"rows"`
	// File is the last part of the name of the staged rows: no other epoch has it. "" of records of versions that did not note it.
	File string `json:"file,omitempty"`
}

// is reports whether the share's epoch is the one that v tells of, and not another of its number.
func (v positionValue) is(w positionValue) bool {
	return v.Epoch == w.Epoch && (v.File == w.File || v.File == "" && v.Attempt == w.Attempt)
}

const positionFormat = 1

func (o *Output) positionKey(c connectors.Commit, s stagedShare) positionKey {
	return positionKey{c.Flow, c.Incarnation, o.sinkName(), s.File.Share}
}

func (o *Output) sinkName() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.step()
}

// producerID is the transactional id of a share: the same in every attempt, so that a new one fences the one before.
func (o *Output) producerID(s connectors.Share) string {
	return fmt.Sprintf("%s-%s-%s-%s-%d", o.c.idPrefix, s.Flow, s.Incarnation, o.sinkName(), s.Index)
}

func (o *Output) positionValue(c connectors.Commit, s stagedShare) positionValue {
	return positionValue{positionFormat, c.Epoch, c.Attempt, s.File.Rows, path.Base(s.File.Name)}
}

func (o *Output) positionRecord(c connectors.Commit, s stagedShare) *kgo.Record {
	key, _ := json.Marshal(o.positionKey(c, s))
	value, _ := json.Marshal(o.positionValue(c, s))
	return &kgo.Record{Topic: s.Topic, Partition: 0, Key: key, Value: value}
}

// positionTopic returns the topic of positions, which is made if it is not there. o.mu is held.
func (o *Output) positionTopic(ctx context.Context, flow string) (positionTopic, error) {
	if o.topic.name != "" {
		return o.topic, nil
	}
	name := o.c.positions
	if name == "" {
		name = positionTopicName(flow)
	}
	ctx, cancel := context.WithTimeout(ctx, o.c.askTimeout)
	defer cancel()
	admin := kadm.NewClient(o.client)
	for try := 1; ; try++ {
		details, err := admin.ListTopics(ctx, name)
		if err != nil {
			return positionTopic{}, o.c.failure(err, "could not ask for topic "+name)
		}
		d, ok := details[name]
		switch {
		case ok && d.Err == nil:
			if err := o.compacted(ctx, admin, name, len(d.Partitions)); err != nil {
				return positionTopic{}, err
			}
			o.topic = positionTopic{name: name}
			if d.ID != (kadm.TopicID{}) {
				o.topic.id = base64.RawURLEncoding.EncodeToString(d.ID[:])
			}
			return o.topic, nil
		case ok && !errors.Is(d.Err, kerr.UnknownTopicOrPartition) && !kerr.IsRetriable(d.Err):
			return positionTopic{}, o.c.failure(d.Err, "could not ask for topic "+name)
		}
		compact := "compact"
		r, err := admin.CreateTopic(ctx, 1, -1, map[string]*string{"cleanup.policy": &compact}, name)
		if err == nil {
			err = r.Err
		}
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			f := o.c.failure(err, "could not make the topic "+name+", which holds the positions of the sink")
			f.Topic = name
			if f.Kind == supervision.Fatal {
				f.Hint = "Make it with one partition and cleanup.policy=compact, or name one that is there with positionTopic. " + f.Hint
			}
			return positionTopic{}, f
		}
		if err := sleep(ctx, o.c.wait(try)); err != nil { // until every broker knows it
			return positionTopic{}, o.c.failure(err, "could not make the topic "+name)
		}
	}
}

// positionTopicName is the name of the topic of positions of a flow that names none.
func positionTopicName(flow string) string {
	name := "deltaic-positions-" + flow
	if checkTopic("", name) == nil {
		return name
	}
	return fmt.Sprintf("deltaic-positions-%08x", crc32.Checksum([]byte(flow), crc32.MakeTable(crc32.Castagnoli)))
}

// compacted refuses a topic that forgets positions.
func (o *Output) compacted(ctx context.Context, admin *kadm.Client, name string, partitions int) error {
	if partitions != 1 {
		f := supervision.New(supervision.Fatal, "KAFKA_POSITIONS_UNSAFE", "topic %s is to hold the positions of the sink, and has %d partitions; it needs one", name, partitions)
		f.Topic = name
		return f
	}
	all, err := admin.DescribeTopicConfigs(ctx, name)
	if err != nil || len(all) != 1 || all[0].Err != nil {
		return nil // not everybody may ask
	}
	for _, c := range all[0].Configs {
		if c.Key == "cleanup.policy" && c.Value != nil && *c.Value != "compact" {
			f := supervision.New(supervision.Fatal, "KAFKA_POSITIONS_UNSAFE", "topic %s is to hold the positions of the sink, and its cleanup.policy is %s: Kafka would forget them", name, *c.Value)
			f.Topic, f.Hint = name, "set it to compact, or name another topic with positionTopic"
			return f
		}
	}
	return nil
}

// place makes sure that positions are looked for where the epoch has them.
func (o *Output) place(ctx context.Context, c connectors.Commit, shares []stagedShare) error {
	o.mu.Lock()
	topic, err := o.positionTopic(ctx, c.Flow)
	o.mu.Unlock()
	if err != nil {
		return err
	}
	r := &o.redo
	if r.of != topic || r.written == nil {
		r.of, r.next, r.written = topic, -1, map[positionKey]positionValue{}
	}
	for i := range shares {
		s := &shares[i]
		if s.Topic == topic.name && (s.TopicID == topic.id || s.TopicID == "" || topic.id == "") {
			continue
		}
		if o.c.adopt {
			s.Topic, s.TopicID = topic.name, topic.id
			continue
		}
		f := supervision.New(supervision.Fatal, "KAFKA_POSITIONS_LOST", "epoch %d has its positions in topic %s (%s); there is %s (%s) now: whether its rows were written cannot be told", c.Epoch, s.Topic, s.TopicID, topic.name, topic.id)
		f.Topic, f.Hint = topic.name, "the topic was deleted, or the brokers or positionTopic are others; with adopt: true the flow goes on, and rows of this epoch may come twice"
		return f
	}
	return nil
}

// readPositions reads the topic of positions up to the end that it has now, through whatever is still open.
func (o *Output) readPositions(ctx context.Context) error {
	r := &o.redo
	c := o.c.config
	c.assign, c.failOnDataLoss = map[string][]int32{r.of.name: {0}}, true
	in := newInput(c)
	defer in.Close()
	earliest, latest, err := in.bounds(ctx)
	if err != nil {
		return err
	}
	p := partition{r.of.name, 0}
	low, _ := earliest.get(p)
	high, _ := latest.get(p)
	at := max(low, r.next)
	if at < high {
		if at, err = o.readUntil(ctx, in, p, at, high); err != nil {
			return err
		}
	}
	r.next = at
	return nil
}

func (o *Output) readUntil(ctx context.Context, in *Input, p partition, at, end int64) (int64, error) {
	reader, err := in.Open(ctx, connectors.Positions{p.split(): position(at)}, connectors.OpenOptions{})
	if err != nil {
		return at, err
	}
	defer reader.Close()
	for at < end {
		f, err := reader.Next(ctx)
		if err != nil {
			return at, err
		}
		for i := range f.Batch.N {
			if err := o.redo.note(f.Batch, i); err != nil {
				err.Topic = p.topic
				return at, err
			}
		}
		f.Batch.Release()
		if at, err = parsePosition(f.Split, f.After); err != nil {
			return at, err
		}
	}
	return at, nil
}

// note takes a record of the topic of positions.
func (r *redo) note(b *batch.Batch, i int) *supervision.Failure {
	if b.Columns[columnKey].IsNull(i) || b.Columns[columnValue].IsNull(i) {
		return nil
	}
	var key positionKey
	var value positionValue
	err := errors.Join(json.Unmarshal(b.Columns[columnKey].Bytes(i), &key), json.Unmarshal(b.Columns[columnValue].Bytes(i), &value))
	if err != nil || value.Format < 1 {
		return supervision.New(supervision.Fatal, "KAFKA_POSITIONS_UNSAFE", "the topic of positions holds something else, %s", quote(string(b.Columns[columnKey].Bytes(i))))
	}
	if value.Format > positionFormat {
		f := supervision.New(supervision.Fatal, "KAFKA_POSITIONS_UNSUPPORTED_FORMAT_VERSION", "the topic of positions has records of format %d; this program reads %d", value.Format, positionFormat)
		f.Hint = "run the flow with the version that wrote it"
		return f
	}
	r.written[key] = value // a share's records are in order: each of its producers fences those before
	return nil
}

// lookForRenewal finds out whether brokers number the transactions of a producer themselves. Where they do not, a message that
// ends a transaction and is late may end the next one, so each epoch gets a producer of its own.
func (o *Output) lookForRenewal(ctx context.Context) error {
	r := &o.redo
	if r.looked {
		return nil
	}
	o.mu.Lock()
	client := o.client
	o.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, o.c.askTimeout)
	defer cancel()
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "deltaic", "0"
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return o.c.failure(err, "could not ask what the brokers can do")
	}
	r.looked, r.renew = true, true
	for _, f := range resp.FinalizedFeatures {
		if strings.EqualFold(f.Name, "transaction.version") && f.MaxVersionLevel >= 2 {
			r.renew = false
		}
	}
	return nil
}
