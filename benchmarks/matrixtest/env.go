package matrixtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
)

// env is a cell while it runs.
type env struct {
	*testing.T
	Broker
	ctx      context.Context
	topic    string
	dir      string
	ask      time.Duration
	listener Listener
	saw      string
}

// options are of a source.
type options map[string]string

// row is a record, as the table and as the consumer has it.
type row struct {
	topic      string
	partition  int32
	offset     int64
	key, value string // "null", or quoted
	millis     int64
	stamped    int32
	headers    string
}

// place names a record.
type place struct {
	topic     string
	partition int32
	offset    int64
}

func (r row) place() place { return place{r.topic, r.partition, r.offset} }

func shown(b []byte) string {
	if b == nil {
		return "null"
	}
	if len(b) > 1<<16 { // a digest is enough
		return fmt.Sprintf("%d bytes, %x...%x", len(b), b[:16], b[len(b)-16:])
	}
	return fmt.Sprintf("%q", b)
}

// noted sets what the table of the matrix shows.
func (e *env) noted(format string, args ...any) { e.saw = fmt.Sprintf(format, args...) }

func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// create makes topics.
func (e *env) create(partitions int, configs map[string]string, topics ...string) {
	e.Helper()
	set := map[string]*string{}
	for k, v := range configs {
		set[k] = &v
	}
	admin := kadm.NewClient(e.Client(e.T, e.listener))
	for _, topic := range topics {
		for {
			_, err := admin.CreateTopic(e.ctx, int32(partitions), 1, set, topic)
			if errors.Is(err, kerr.TopicAlreadyExists) { // one that was deleted is on its way out
				continue
			}
			e.must(err)
			break
		}
	}
}

// values are n records of a partition that differ.
func values(topic string, partition int32, from, n int) (all []*kgo.Record) {
	for i := from; i < from+n; i++ {
		all = append(all, &kgo.Record{Topic: topic, Partition: partition, Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "%d of %d", i, partition),
			Timestamp: beginning.Add(time.Duration(i) * time.Second)})
	}
	return all
}

// beginning is when the first record of a partition is.
var beginning = time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)

// produce writes records and waits for all of them.
func (e *env) produce(records []*kgo.Record, more ...kgo.Opt) {
	e.Helper()
	c := e.Client(e.T, e.listener, more...)
	e.must(c.ProduceSync(e.ctx, records...).FirstErr())
}

// three fills a topic of three partitions with fifty records each.
func (e *env) three() {
	e.Helper()
	e.create(3, nil, e.topic)
	for p := range int32(3) {
		e.produce(values(e.topic, p, 0, 50))
	}
}

// source is the flow's: what a cell says, and how to come in.
func (e *env) source(o options) *kafka.Input {
	all := options{"subscribe": e.topic, "startingOffsets": "earliest", "includeHeaders": "true", "kafka.bootstrap.servers": e.Address(e.T, e.listener)}
	for _, way := range []string{"assign", "subscribePattern"} {
		if o[way] != "" {
			delete(all, "subscribe")
		}
	}
	maps.Copy(all, o)
	set := []kafka.Option{kafka.CheckEvery(e.ask)}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		set = append(set, kafka.Set(name, all[name]))
	}
	in := kafka.Source("", set...)
	e.must(in.Err())
	return in
}

func (e *env) table() string { return filepath.Join(e.dir, "table") }

// start runs the flow.
func (e *env) start(o options, how ...stream.Option) *stream.Query {
	e.Helper()
	q, err := deltaic.Start(e.ctx, e.flow(o), how...)
	e.must(err)
	return q
}

func (e *env) flow(o options) *stream.Flow {
	flow := stream.New("cell")
	flow.From("records", e.source(o)).To("out", delta.SinkAt(e.table(), delta.SinkOptions{}), stream.Append)
	return flow
}

// run reads what is there and ends.
func (e *env) run(o options) (*stream.Query, error) {
	e.Helper()
	q, err := deltaic.Start(e.ctx, e.flow(o), stream.AvailableNow())
	if err != nil {
		return nil, err
	}
	return q, q.AwaitTermination(e.ctx)
}

// read is a run that must succeed, after which the table has the rows that the consumer finds and the cell wants.
func (e *env) read(o options, wanted func(row) bool) *stream.Query {
	e.Helper()
	q, err := e.run(o)
	e.must(err)
	e.same(wanted)
	return q
}

// same holds the table against the topic: the wanted rows, each once and equal.
func (e *env) same(wanted func(row) bool, topics ...string) {
	e.Helper()
	if len(topics) == 0 {
		topics = []string{e.topic}
	}
	want, got := map[place]row{}, e.rows()
	for _, topic := range topics {
		for _, r := range e.truth(topic) {
			if wanted == nil || wanted(r) {
				want[r.place()] = r
			}
		}
	}
	if len(want) == 0 && wanted == nil {
		e.Fatal("the consumer finds nothing")
	}
	seen := map[place]bool{}
	for _, r := range got {
		if seen[r.place()] {
			e.Errorf("%+v stands there again", r)
		}
		seen[r.place()] = true
		if w, known := want[r.place()]; !known || w != r {
			e.Errorf("the table has %.300s, the consumer %.300s", fmt.Sprintf("%+v", r), fmt.Sprintf("%+v (%v)", w, known))
		}
	}
	for p := range want {
		if !seen[p] {
			e.Errorf("%+v is not in the table", p)
		}
	}
	if e.Failed() {
		e.FailNow()
	}
	e.noted("%d rows", len(got))
}

// truth is what a consumer of committed records finds in a topic now.
func (e *env) truth(topic string) (all []row) {
	e.Helper()
	admin := kadm.NewClient(e.Client(e.T, e.listener))
	ends, err := admin.ListCommittedOffsets(e.ctx, topic)
	e.must(errors.Join(err, ends.Error()))
	begins, err := admin.ListStartOffsets(e.ctx, topic)
	e.must(errors.Join(err, begins.Error()))
	left := map[int32]int64{}
	at := map[int32]kgo.Offset{}
	ends.Each(func(o kadm.ListedOffset) {
		if b, _ := begins.Lookup(o.Topic, o.Partition); b.Offset < o.Offset {
			left[o.Partition], at[o.Partition] = o.Offset, kgo.NewOffset().At(b.Offset)
		}
	})
	if len(left) == 0 {
		return nil
	}
	c := e.Client(e.T, e.listener, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: at}), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.FetchMaxPartitionBytes(128<<20), kgo.FetchMaxBytes(128<<20), kgo.MaxDecompressBatchBytes(256<<20), kgo.BrokerMaxReadBytes(300<<20))
	quiet := time.Second
	for len(left) > 0 {
		ctx, cancel := context.WithTimeout(e.ctx, quiet) // what compaction has emptied at the end is never delivered
		fetches := c.PollFetches(ctx)
		cancel()
		if fetches.Empty() {
			e.must(e.ctx.Err())
			break
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
			if !r.Attrs.IsControl() {
				all = append(all, row{topic, r.Partition, r.Offset, shown(r.Key), shown(r.Value), r.Timestamp.UnixMilli(), int32(r.Attrs.TimestampType()), headersOf(r)})
			}
		})
	}
	return all
}

func headersOf(r *kgo.Record) string {
	var b bytes.Buffer
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "%s=%s ", h.Key, shown(h.Value))
	}
	return b.String()
}

// rows are those of the table.
func (e *env) rows() (all []row) {
	e.Helper()
	table, exists, err := delta.SinkAt(e.table(), delta.SinkOptions{}).Open(e.ctx)
	e.must(err)
	if !exists {
		return nil
	}
	s, err := table.Snapshot(e.ctx)
	e.must(err)
	for b, err := range s.Scan(e.ctx, delta.ScanOptions{}) {
		e.must(err)
		for n := range b.Rows() {
			i, c := b.Row(n), b.Columns
			r := row{topic: string(c[2].Bytes(i)), partition: c[3].I32[i], offset: c[4].I64[i], key: "null", value: "null", millis: c[5].I64[i] / 1000, stamped: c[6].I32[i]}
			if !c[0].IsNull(i) {
				r.key = shown(append([]byte{}, c[0].Bytes(i)...))
			}
			if !c[1].IsNull(i) {
				r.value = shown(append([]byte{}, c[1].Bytes(i)...))
			}
			if len(c) > 7 && !c[7].IsNull(i) {
				r.headers = headersAt(c[7], i)
			}
			all = append(all, r)
		}
		b.Release()
	}
	return all
}

// headersAt shows the headers of a row as headersOf does.
func headersAt(h *batch.Column, row int) string {
	var text bytes.Buffer
	element := h.Kids[0]
	for k := int(h.Off[row]); k < int(h.Off[row+1]); k++ {
		value := []byte(nil)
		if !element.Kids[1].IsNull(k) {
			value = append([]byte{}, element.Kids[1].Bytes(k)...)
		}
		fmt.Fprintf(&text, "%s=%s ", element.Kids[0].Bytes(k), shown(value))
	}
	return text.String()
}

// until waits for a condition, looked at now and then.
func (e *env) until(what string, is func() bool) {
	e.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-e.ctx.Done():
			e.Fatalf("it does not come: %s", what)
		case <-tick.C:
		}
	}
}

// reach waits until the running flow has so many rows in its table.
func (e *env) reach(q *stream.Query, rows int) {
	e.Helper()
	e.until(fmt.Sprintf("%d rows", rows), func() bool {
		if !q.IsActive() {
			e.Fatalf("the flow has ended: %+v", q.Exception())
		}
		var n int64
		for _, p := range q.RecentProgress() {
			n += p.NumInputRows
		}
		return n >= int64(rows)
	})
}

func (e *env) stop(q *stream.Query) {
	e.Helper()
	e.must(q.Stop(e.ctx))
}

// fails checks that an error is of a class, says what it must, and repeats no secret.
func (e *env) fails(err error, class string, says ...string) {
	e.Helper()
	var f *supervision.Failure
	if !errors.As(err, &f) || class != "" && f.Class != class {
		e.Fatalf("it is %v, want the class %s", err, class)
	}
	text := f.Error() + " " + f.Hint
	for _, s := range says {
		if !strings.Contains(text, s) {
			e.Errorf("%q does not say %q", text, s)
		}
	}
	if secret := e.Secrets(e.T).Password; strings.Contains(text, secret) {
		e.Error("the password is in the error")
	}
	e.noted("fails: %s", f.Class)
}

// ended waits for the end of a flow that must fail.
func (e *env) ended(q *stream.Query) error {
	e.Helper()
	err := q.AwaitTermination(e.ctx)
	if err == nil || e.ctx.Err() != nil {
		e.Fatalf("the flow does not fail: %v, %+v", err, q.Status())
	}
	return err
}

// end checks the positions that progress says the flow has come to against the broker's own.
func (e *env) end(q *stream.Query) {
	e.Helper()
	ends, err := kadm.NewClient(e.Client(e.T, e.listener)).ListCommittedOffsets(e.ctx, e.topic)
	e.must(err)
	var parts []string
	for _, o := range ends.Offsets().Sorted() {
		parts = append(parts, fmt.Sprintf(`"%d":%d`, o.Partition, o.At))
	}
	want := fmt.Sprintf(`{"%s":{%s}}`, e.topic, strings.Join(parts, ","))
	if got := string(q.LastProgress().Sources[0].EndOffset); got != want {
		e.Errorf("progress says that the flow is at %s, the broker that it ends at %s", got, want)
	}
}
