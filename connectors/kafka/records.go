package kafka

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/json"
	"github.com/deltaic/deltaic/supervision"
)

// layout says which columns of the rows make which part of a record. -1: there is none.
type layout struct {
	key, value, topic, partition, headers int
	properties                            int   // headers as a map
	rest                                  []int // the columns that make the value where there is no column value
	restSchema                            *batch.Schema
	fixed                                 string // topic of all rows; "": the column's
	most                                  int64  // bytes of a record
}

// headersType is the type of the column headers.
var headersType = batch.ArrayType(batch.StructType(
	batch.Field{Name: "key", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "value", Type: batch.BinaryType, Nullable: true},
), true)

// newLayout finds the columns that Spark's sink knows. Where no column is named value, what the others
// leave makes one JSON object.
func newLayout(s *batch.Schema, c *outputConfig) (*layout, error) {
	names, fixed := c.columns, c.topic
	l := &layout{fixed: fixed, most: c.maxRequest}
	taken := map[int]bool{}
	find := func(name, wants string, fits func(batch.Type) bool) (int, error) {
		i := -1
		if name != "" {
			i = s.IndexFold(name)
		}
		if i < 0 {
			return -1, nil
		}
		if t := s.Fields[i].Type; !fits(t) {
			f := supervision.New(supervision.Fatal, "KAFKA_INVALID_SINK_COLUMN", "column %s is %s; a Kafka sink takes it as %s", name, t, wants)
			f.Hint = "cast it, or give the column another name if it is something else"
			return -1, f
		}
		taken[i] = true
		return i, nil
	}
	text := func(t batch.Type) bool { return t.Kind == batch.String || t.Kind == batch.Binary }
	var errs [6]error
	l.key, errs[0] = find(names.key, "string or binary", text)
	l.value, errs[1] = find(names.value, "string or binary", text)
	l.topic, errs[2] = find(names.topic, "string", func(t batch.Type) bool { return t.Kind == batch.String })
	l.partition, errs[3] = find(names.partition, "int", func(t batch.Type) bool { return t.Kind == batch.Int })
	l.headers, errs[4] = find(names.headers, "array<struct<key: string, value: binary>>", isHeaders)
	l.properties, errs[5] = find(names.properties, "map<string, string>", isProperties)
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	if l.properties >= 0 && l.headers >= 0 {
		return nil, supervision.New(supervision.Fatal, "KAFKA_INVALID_SINK_COLUMN", "columns %s and %s both make a record's headers: leave one out", names.properties, names.headers)
	}
	if l.topic < 0 && fixed == "" {
		f := supervision.New(supervision.Fatal, "KAFKA_INVALID_SINK_COLUMN", "there is neither an option topic nor a column topic")
		f.Hint = "say where rows go with the option topic, or by row in a column of that name"
		return nil, f
	}
	if l.value >= 0 {
		return l, nil
	}
	l.restSchema = &batch.Schema{}
	for i, field := range s.Fields {
		if !taken[i] {
			l.rest = append(l.rest, i)
			l.restSchema.Fields = append(l.restSchema.Fields, field)
		}
	}
	if len(l.rest) == 0 {
		f := supervision.New(supervision.Fatal, "KAFKA_INVALID_SINK_COLUMN", "the rows have no column %s", names.value)
		f.Hint = "name a column so, or leave other columns, which make a JSON object then"
		return nil, f
	}
	l.restSchema = batch.NewSchema(l.restSchema.Fields...)
	return l, nil
}

func isProperties(t batch.Type) bool {
	return t.Kind == batch.Map && t.Fields[0].Type.Kind == batch.String && t.Fields[1].Type.Kind == batch.String
}

func isHeaders(t batch.Type) bool {
	if t.Kind != batch.Array || len(t.Fields) != 1 {
		return false
	}
	e := t.Fields[0].Type
	return e.Kind == batch.Struct && len(e.Fields) == 2 && e.Fields[0].Name == "key" && e.Fields[0].Type.Kind == batch.String &&
		e.Fields[1].Name == "value" && e.Fields[1].Type.Kind == batch.Binary
}

// records are the records of one batch with all that they hold, out of pooled memory: it goes back when
// the last of them is acknowledged or given up.
type records struct {
	all     []kgo.Record
	headers []kgo.RecordHeader
	bytes   []byte
	lines   []byte // JSON values, a line each
	left    atomic.Int64
	account *batch.Account
	charged int64
	told    func(topic string, err error)
	promise func(*kgo.Record, error)
}

var recordsPool sync.Pool // *records

func newRecords() *records {
	if r, ok := recordsPool.Get().(*records); ok {
		return r
	}
	r := &records{}
	r.promise = r.done
	return r
}

// mostKept is what the memory of one batch may be to be kept.
const mostKept = 4 << 20

// done takes the answer to one record.
func (r *records) done(record *kgo.Record, err error) {
	told, topic := r.told, record.Topic
	if r.left.Add(-1) == 0 {
		r.release()
	}
	told(topic, err)
}

func (r *records) release() {
	r.account.Charge(-r.charged)
	r.charged, r.account, r.told = 0, nil, nil
	if cap(r.bytes)+cap(r.lines) > mostKept {
		return
	}
	clear(r.all)
	clear(r.headers)
	recordsPool.Put(r)
}

// rowMaker makes records of batches. It is used by one goroutine.
type rowMaker struct {
	*layout
	encoder *json.Encoder
	topics  map[string]string // each name once
}

func (l *layout) maker() *rowMaker {
	m := &rowMaker{layout: l, topics: map[string]string{}}
	if l.value < 0 {
		m.encoder = json.NewEncoder(l.restSchema, json.EncodeOptions{})
	}
	return m
}

// make returns the records of the rows of b that count; what they hold is copied. Rows before an update are left out, deletes are
// records without a value.
func (m *rowMaker) make(b *batch.Batch, a *batch.Account, told func(topic string, err error)) (*records, error) {
	r := newRecords()
	r.all, r.headers, r.bytes, r.lines, r.told, r.account = r.all[:0], r.headers[:0], r.bytes[:0], r.lines[:0], told, a
	n := b.Rows()
	if cap(r.all) < n {
		r.all = make([]kgo.Record, 0, n)
	}
	m.reserve(r, b)
	rest := r.lines
	for i := range n {
		row := b.Row(i)
		var line []byte
		if m.encoder != nil {
			end := bytes.IndexByte(rest, '\n')
			line, rest = rest[:end:end], rest[end+1:]
		}
		if b.Kinds != nil && b.Kinds[row] == batch.UpdateBefore {
			continue
		}
		if err := m.row(r, b, row, line); err != nil {
			r.release()
			return nil, err
		}
	}
	r.charged = int64(cap(r.bytes) + cap(r.lines) + cap(r.all)*recordBytes)
	a.Charge(r.charged)
	r.left.Store(int64(len(r.all)))
	if len(r.all) == 0 {
		r.release()
		return nil, nil
	}
	return r, nil
}

// recordBytes is what a record takes beside its bytes.
const recordBytes = 192

// reserve makes room for all bytes, so that nothing that records point into moves, and writes JSON values.
func (m *rowMaker) reserve(r *records, b *batch.Batch) {
	total, headers := 0, 0
	for i := range b.Rows() {
		row := b.Row(i)
		for _, c := range [2]int{m.key, m.value} {
			if c >= 0 && !b.Columns[c].IsNull(row) {
				total += len(b.Columns[c].Bytes(row))
			}
		}
		if c, _, _, values := m.pairs(b, row); c != nil {
			headers += int(c.Off[row+1] - c.Off[row])
			for e := c.Off[row]; e < c.Off[row+1]; e++ {
				if !values.IsNull(int(e)) {
					total += len(values.Bytes(int(e)))
				}
			}
		}
	}
	if r.bytes == nil || cap(r.bytes) < total { // never nil: an empty value is no null
		r.bytes = make([]byte, 0, max(total, 1))
	}
	if cap(r.headers) < headers {
		r.headers = make([]kgo.RecordHeader, 0, headers)
	}
	if m.encoder == nil {
		return
	}
	plain := batch.Batch{Schema: m.restSchema, N: b.N, Sel: b.Sel, Columns: make([]*batch.Column, len(m.rest))}
	for k, i := range m.rest {
		plain.Columns[k] = b.Columns[i]
	}
	r.lines = m.encoder.AppendLines(r.lines, &plain)
}

// copied puts a value into the memory of r; nil if it is null.
func (r *records) copied(c *batch.Column, row int) []byte {
	if c.IsNull(row) {
		return nil
	}
	start := len(r.bytes)
	r.bytes = append(r.bytes, c.Bytes(row)...)
	return r.bytes[start:len(r.bytes):len(r.bytes)]
}

// row appends the record of a row.
func (m *rowMaker) row(r *records, b *batch.Batch, row int, line []byte) error {
	record := kgo.Record{Partition: anyPartition, Topic: m.fixed}
	if m.key >= 0 {
		record.Key = r.copied(b.Columns[m.key], row)
	}
	switch {
	case b.Kinds != nil && b.Kinds[row] == batch.Delete:
		if record.Key == nil {
			f := supervision.New(supervision.Fatal, "UNSUPPORTED_ROW_KIND", "a row takes another back, and it has no key by which a Kafka topic could forget it")
			f.Hint = "add a column key, or write in output mode append"
			return f
		}
	case m.value >= 0:
		record.Value = r.copied(b.Columns[m.value], row)
	default:
		record.Value = line
	}
	if m.fixed == "" {
		if err := m.topicOf(&record, b.Columns[m.topic], row); err != nil {
			return err
		}
	}
	if m.partition >= 0 && !b.Columns[m.partition].IsNull(row) {
		if record.Partition = b.Columns[m.partition].I32[row]; record.Partition < 0 {
			return supervision.New(supervision.Fatal, "KAFKA_INVALID_ROW", "a row for topic %s names partition %d", record.Topic, record.Partition)
		}
	}
	size := int64(len(record.Key) + len(record.Value))
	size += m.headersOf(&record, r, b, row)
	if size+recordOverhead > m.most {
		f := supervision.New(supervision.Fatal, "MESSAGE_TOO_LARGE", "a row for topic %s makes a record of %d bytes; kafka.max.request.size is %d", record.Topic, size, m.most)
		f.Topic, f.Hint = record.Topic, "raise kafka.max.request.size, and the topic's max.message.bytes if it is lower"
		return f
	}
	r.all = append(r.all, record)
	return nil
}

// recordOverhead is what a batch of one record takes beside key, value and headers.
const recordOverhead = 128

func (m *rowMaker) topicOf(record *kgo.Record, c *batch.Column, row int) error {
	if c.IsNull(row) {
		f := supervision.New(supervision.Fatal, "KAFKA_INVALID_ROW", "a row has null in its column topic")
		f.Hint = "the option topic sends all rows to one topic"
		return f
	}
	name := c.Bytes(row)
	topic, known := m.topics[string(name)]
	if !known {
		topic = string(name)
		if err := checkTopic("topic", topic); err != nil {
			return supervision.New(supervision.Fatal, "KAFKA_INVALID_ROW", "a row has %s in its column topic, which is no name of a topic", quote(topic))
		}
		m.topics[topic] = topic
	}
	record.Topic = topic
	return nil
}

// pairs is the column that makes a row's headers, nil if it has none: the pairs and their keys and values.
func (m *rowMaker) pairs(b *batch.Batch, row int) (c, pair, keys, values *batch.Column) {
	switch {
	case m.headers >= 0 && !b.Columns[m.headers].IsNull(row):
		c = b.Columns[m.headers]
		return c, c.Kids[0], c.Kids[0].Kids[0], c.Kids[0].Kids[1]
	case m.properties >= 0 && !b.Columns[m.properties].IsNull(row):
		c = b.Columns[m.properties]
		return c, c.Kids[0], c.Kids[0], c.Kids[1]
	}
	return nil, nil, nil, nil
}

// headersOf adds the headers of a row and returns their bytes.
func (m *rowMaker) headersOf(record *kgo.Record, r *records, b *batch.Batch, row int) (size int64) {
	c, pair, keys, values := m.pairs(b, row)
	if c == nil {
		return 0
	}
	start := len(r.headers)
	for e := int(c.Off[row]); e < int(c.Off[row+1]); e++ {
		if pair.IsNull(e) {
			continue
		}
		h := kgo.RecordHeader{Value: r.copied(values, e)}
		if !keys.IsNull(e) {
			h.Key = string(keys.Bytes(e))
		}
		size += int64(len(h.Key)+len(h.Value)) + 10
		r.headers = append(r.headers, h)
	}
	record.Headers = r.headers[start:len(r.headers):len(r.headers)]
	return size
}
