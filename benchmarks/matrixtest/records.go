package matrixtest

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/delta"
)

func records() []Cell {
	var cells []Cell
	for name, codec := range map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()} {
		cells = append(cells, Cell{Name: "codec " + name, run: func(e *env) {
			e.create(2, nil, e.topic)
			for p := range int32(2) {
				e.produce(values(e.topic, p, 0, 2000), kgo.ProducerBatchCompression(codec))
			}
			e.end(e.read(nil, nil))
		}})
	}
	sortCells(cells)
	return append(append(append(cells, transactions()...), parts()...),
		Cell{Name: "a record of 64 MB", NotFake: "TestLargeRecordAndBomb of connectors/kafka has it", run: func(e *env) {
			e.create(1, map[string]string{"max.message.bytes": fmt.Sprint(80 << 20)}, e.topic)
			large := make([]byte, 64_000_000)
			_, _ = rand.Read(large)
			e.produce(append(values(e.topic, 0, 0, 3), &kgo.Record{Topic: e.topic, Value: large}), kgo.ProducerBatchMaxBytes(80<<20), kgo.BrokerMaxWriteBytes(90<<20), kgo.MaxBufferedBytes(90<<20))
			e.produce(values(e.topic, 0, 3, 3))
			e.end(e.read(nil, nil))
		}},
		Cell{Name: "a batch larger than maxBatchBytes", run: func(e *env) {
			e.create(1, map[string]string{"max.message.bytes": fmt.Sprint(8 << 20)}, e.topic)
			e.produce([]*kgo.Record{{Topic: e.topic, Value: make([]byte, 6<<20)}}, kgo.ProducerBatchMaxBytes(8<<20), kgo.ProducerBatchCompression(kgo.GzipCompression()))
			_, err := e.run(options{"maxBatchBytes": fmt.Sprint(1 << 20)})
			e.fails(err, "KAFKA_BATCH_TOO_LARGE", "maxBatchBytes")
		}},
		Cell{Name: "a batch of 50 000 records", run: func(e *env) {
			e.create(1, map[string]string{"max.message.bytes": fmt.Sprint(8 << 20)}, e.topic)
			e.produce(values(e.topic, 0, 0, 50_000), kgo.ProducerBatchMaxBytes(8<<20), kgo.ProducerLinger(200_000_000), kgo.MaxBufferedRecords(60_000))
			e.end(e.read(nil, nil))
		}},
		Cell{Name: "gaps that compaction left", NotFake: "the embedded broker does not compact; TestGapAtTheEnd of connectors/kafka has emptied batches", run: func(e *env) {
			e.create(1, map[string]string{"cleanup.policy": "compact", "segment.bytes": fmt.Sprint(1 << 20), "min.cleanable.dirty.ratio": "0.01", "segment.ms": "100", "min.compaction.lag.ms": "0", "max.compaction.lag.ms": "100"}, e.topic)
			for i := range 20 {
				e.produce([]*kgo.Record{{Topic: e.topic, Key: []byte("same"), Value: fmt.Appendf(nil, "%d", i)}, {Topic: e.topic, Key: fmt.Appendf(nil, "%d", i), Value: []byte("own")}})
			}
			e.Compact(e.T, e.topic)
			e.produce([]*kgo.Record{{Topic: e.topic, Key: []byte("last"), Value: []byte("v")}})
			e.end(e.read(nil, nil))
			if n := len(e.rows()); n >= 41 {
				e.Errorf("%d rows: nothing was compacted", n)
			}
			e.noted("what compaction left, fewer rows than offsets")
		}},
		Cell{Name: "timestamps of the broker", NotFake: "the embedded broker stamps nothing; TestColumnsAreSparks of connectors/kafka has the type", run: func(e *env) {
			e.create(1, map[string]string{"message.timestamp.type": "LogAppendTime"}, e.topic)
			e.produce(values(e.topic, 0, 0, 5))
			e.end(e.read(nil, nil))
			for _, r := range e.rows() {
				if r.stamped != 1 {
					e.Errorf("%+v is not stamped by the broker", r)
				}
			}
		}},
	)
}

// parts are cells of what a record is made of.
func parts() []Cell {
	return []Cell{
		{Name: "tombstones, null keys, empty ones, headers", run: func(e *env) {
			e.create(1, nil, e.topic)
			e.produce([]*kgo.Record{
				{Topic: e.topic, Key: []byte("k")}, {Topic: e.topic, Value: []byte("v")}, {Topic: e.topic}, {Topic: e.topic, Key: []byte{}, Value: []byte{}},
				{Topic: e.topic, Value: []byte("h"), Headers: []kgo.RecordHeader{{Key: "a", Value: []byte{0, 255}}, {Key: "a", Value: nil}, {Key: "", Value: []byte{}}}},
			})
			e.end(e.read(nil, nil))
		}},
		{Name: "headers that are not asked for", run: func(e *env) {
			e.create(1, nil, e.topic)
			e.produce([]*kgo.Record{{Topic: e.topic, Value: []byte("v"), Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("b")}}}, {Topic: e.topic, Value: []byte("w")}})
			_, err := e.run(options{"includeHeaders": "false"})
			e.must(err)
			want := e.truth(e.topic)
			for i := range want {
				want[i].headers = ""
			}
			e.exactly(want)
			table, _, err := delta.SinkAt(e.table(), delta.SinkOptions{}).Open(e.ctx)
			e.must(err)
			s, err := table.Snapshot(e.ctx)
			e.must(err)
			if n := len(s.Schema.Fields); n != 7 {
				e.Errorf("the table has %d columns", n)
			}
			e.noted("2 rows of 7 columns")
		}},
	}
}

// transactions are cells of those that are committed, aborted and open.
func transactions() []Cell {
	return []Cell{
		{Name: "aborted transactions and control batches", run: func(e *env) {
			e.create(1, nil, e.topic)
			for i, commit := range []bool{true, false, true, false} {
				e.transaction(fmt.Sprint(e.topic, i%2), commit, values(e.topic, 0, i*10, 10))
			}
			e.end(e.read(nil, nil))
			if n := len(e.rows()); n != 20 {
				e.Errorf("%d rows are committed", n)
			}
		}},
		{Name: "a transaction that is open", run: func(e *env) {
			e.create(1, nil, e.topic)
			e.produce(values(e.topic, 0, 0, 5))
			c := e.Client(e.T, e.listener, kgo.TransactionalID(e.topic))
			e.must(errors.Join(c.BeginTransaction(), c.ProduceSync(e.ctx, values(e.topic, 0, 5, 5)...).FirstErr()))
			e.produce(values(e.topic, 0, 10, 5))
			e.read(nil, func(r row) bool { return r.offset < 5 })
			e.must(c.EndTransaction(e.ctx, kgo.TryCommit))
			e.read(nil, nil)
		}},
		{Name: "uncommitted records where they are asked for", run: func(e *env) {
			e.create(1, nil, e.topic)
			e.transaction(e.topic, false, values(e.topic, 0, 0, 10))
			e.transaction(e.topic, true, values(e.topic, 0, 10, 10))
			_, err := e.run(options{"kafka.isolation.level": "read_uncommitted"})
			e.must(err)
			if n := len(e.rows()); n != 20 {
				e.Errorf("%d rows, want those of both transactions", n)
			}
			e.noted("20 rows")
		}},
	}
}

// transaction writes records in one.
func (e *env) transaction(id string, commit bool, all []*kgo.Record) {
	e.Helper()
	c := e.Client(e.T, e.listener, kgo.TransactionalID(id))
	e.must(errors.Join(c.BeginTransaction(), c.ProduceSync(e.ctx, all...).FirstErr(), c.EndTransaction(e.ctx, kgo.TransactionEndTry(commit))))
}
