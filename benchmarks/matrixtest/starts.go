package matrixtest

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// millis is when the record of a number is.
func millis(n int) int64 { return beginning.Add(time.Duration(n) * time.Second).UnixMilli() }

func from(offset int64) func(row) bool   { return func(r row) bool { return r.offset >= offset } }
func before(offset int64) func(row) bool { return func(r row) bool { return r.offset < offset } }

// simple is a cell that reads a topic of three partitions once.
func simple(name string, o func(topic string) options, wanted func(row) bool) Cell {
	return Cell{Name: name, run: func(e *env) {
		e.three()
		q := e.read(o(e.topic), wanted)
		if o(e.topic)["endingOffsets"]+o(e.topic)["endingTimestamp"]+o(e.topic)["endingOffsetsByTimestamp"]+o(e.topic)["assign"] == "" {
			e.end(q)
		}
	}}
}

func starts() []Cell {
	return append([]Cell{
		simple("earliest", func(string) options { return options{"startingOffsets": "earliest"} }, nil),
		{Name: "latest", run: func(e *env) {
			e.three()
			_, err := e.run(options{"startingOffsets": "latest"})
			e.must(err)
			e.produce(values(e.topic, 1, 50, 7))
			e.read(options{"startingOffsets": "latest"}, from(50))
		}},
		simple("offsets", func(t string) options {
			return options{"startingOffsets": fmt.Sprintf(`{"%s":{"0":20,"1":-1,"2":-2}}`, t)}
		}, func(r row) bool { return r.partition == 0 && r.offset >= 20 || r.partition == 2 }),
		{Name: "offsets that name too few partitions", run: func(e *env) {
			e.three()
			_, err := e.run(options{"startingOffsets": fmt.Sprintf(`{"%s":{"0":20}}`, e.topic)})
			e.fails(err, "KAFKA_INVALID_OPTION", "every partition")
		}},
		simple("startingTimestamp", func(string) options { return options{"startingTimestamp": fmt.Sprint(millis(30))} }, from(30)),
		simple("startingOffsetsByTimestamp", func(t string) options {
			return options{"startingOffsetsByTimestamp": fmt.Sprintf(`{"%s":{"0":%d,"1":%d,"2":%d}}`, t, millis(10), millis(10), millis(10))}
		}, from(10)),
		{Name: "startingOffsetsByTimestamp, strategy error", run: func(e *env) {
			e.three()
			_, err := e.run(options{"startingTimestamp": fmt.Sprint(millis(5000))})
			e.fails(err, "KAFKA_NO_OFFSET_MATCHED", "startingOffsetsByTimestampStrategy")
		}},
		{Name: "startingOffsetsByTimestamp, strategy latest", run: func(e *env) {
			e.three()
			o := options{"startingTimestamp": fmt.Sprint(millis(5000)), "startingOffsetsByTimestampStrategy": "latest"}
			_, err := e.run(o)
			e.must(err)
			e.produce(values(e.topic, 2, 50, 5))
			e.read(o, from(50))
		}},
	}, ends()...)
}

// ends are cells of where a flow ends and what it reads.
func ends() []Cell {
	return []Cell{
		simple("endingOffsets", func(t string) options {
			return options{"endingOffsets": fmt.Sprintf(`{"%s":{"0":20,"1":20,"2":-1}}`, t)}
		}, func(r row) bool { return r.offset < 20 || r.partition == 2 }),
		simple("endingTimestamp", func(string) options { return options{"endingTimestamp": fmt.Sprint(millis(15))} }, before(15)),
		simple("endingOffsetsByTimestamp", func(t string) options {
			return options{"endingOffsetsByTimestamp": fmt.Sprintf(`{"%s":{"0":%d,"1":%d,"2":%d}}`, t, millis(5), millis(5), millis(5))}
		}, before(5)),
		{Name: "endingOffsets of a flow that has no end", run: func(e *env) {
			e.create(1, nil, e.topic)
			e.produce(values(e.topic, 0, 0, 30))
			q := e.start(options{"endingOffsets": fmt.Sprintf(`{"%s":{"0":40}}`, e.topic)})
			e.reach(q, 30)
			e.produce(values(e.topic, 0, 30, 30))
			e.reach(q, 40)
			e.produce(values(e.topic, 0, 60, 30))
			e.must(q.ProcessAllAvailable(e.ctx))
			e.stop(q)
			e.same(before(40))
		}},
		{Name: "startingOffsets latest, partitions added while it does not run", run: func(e *env) {
			e.create(1, nil, e.topic)
			e.produce(values(e.topic, 0, 0, 10))
			o := options{"startingOffsets": "latest"}
			_, err := e.run(o)
			e.must(err)
			_, err = kadm.NewClient(e.Client(e.T, Plain)).CreatePartitions(e.ctx, 1, e.topic)
			e.must(err)
			e.until("the new partition", func() bool {
				d, err := kadm.NewClient(e.Client(e.T, Plain)).ListTopics(e.ctx, e.topic)
				return err == nil && len(d[e.topic].Partitions) == 2
			})
			e.produce(values(e.topic, 0, 10, 5))
			e.produce(values(e.topic, 1, 0, 10))
			e.read(o, func(r row) bool { return r.partition == 1 || r.offset >= 10 })
		}},
		{Name: "subscribe to two topics", run: func(e *env) {
			other := e.topic + "-2"
			e.create(1, nil, e.topic, other)
			e.produce(values(e.topic, 0, 0, 20))
			e.produce(values(other, 0, 0, 30))
			_, err := e.run(options{"subscribe": e.topic + "," + other})
			e.must(err)
			e.same(nil, e.topic, other)
		}},
		{Name: "subscribePattern", run: func(e *env) {
			e.create(1, nil, e.topic+"-eu", e.topic+"-us", "not-"+e.topic)
			for _, t := range []string{e.topic + "-eu", e.topic + "-us", "not-" + e.topic} {
				e.produce(values(t, 0, 0, 20))
			}
			_, err := e.run(options{"subscribePattern": e.topic + "-.."})
			e.must(err)
			e.same(nil, e.topic+"-eu", e.topic+"-us")
		}},
		simple("assign", func(t string) options { return options{"assign": fmt.Sprintf(`{"%s":[0,2]}`, t)} }, func(r row) bool { return r.partition != 1 }),
		{Name: "a topic that is not there", run: func(e *env) {
			_, err := e.run(nil)
			e.fails(err, "UNKNOWN_TOPIC_OR_PARTITION", e.topic)
		}},
	}
}
