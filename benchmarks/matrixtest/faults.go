package matrixtest

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
)

func sortCells(cells []Cell) {
	slices.SortFunc(cells, func(a, b Cell) int { return cmp.Compare(a.Name, b.Name) })
}

// quick makes a source notice sooner what it would notice anyway.
func quick(o options) options {
	all := options{"kafka.default.api.timeout.ms": "2000", "kafka.retry.backoff.ms": "50", "kafka.metadata.max.age.ms": "1000"}
	for k, v := range o {
		all[k] = v
	}
	return all
}

func faults() []Cell {
	return append(append(append(away(), said()), losses()...),
		Cell{Name: "partitions are added", run: func(e *env) {
			e.create(1, nil, e.topic)
			e.produce(values(e.topic, 0, 0, 10))
			q := e.start(quick(nil))
			e.reach(q, 10)
			_, err := kadm.NewClient(e.Client(e.T, Plain)).CreatePartitions(e.ctx, 2, e.topic)
			e.must(err)
			e.produce(values(e.topic, 2, 0, 10))
			e.reach(q, 20)
			e.stop(q)
			e.same(nil)
		}},
		Cell{Name: "partitions are added, startingOffsets latest", run: func(e *env) {
			e.create(1, nil, e.topic)
			e.produce(values(e.topic, 0, 0, 10))
			q := e.start(quick(options{"startingOffsets": "latest"}))
			e.until("that it runs", func() bool { return q.Status().State == "RUNNING" })
			e.produce(values(e.topic, 0, 10, 10))
			e.reach(q, 10)
			_, err := kadm.NewClient(e.Client(e.T, Plain)).CreatePartitions(e.ctx, 1, e.topic)
			e.must(err)
			e.produce(values(e.topic, 1, 0, 10))
			e.reach(q, 20)
			e.stop(q)
			e.same(func(r row) bool { return r.partition == 1 || r.offset >= 10 })
		}},
		Cell{Name: "a topic that the pattern matches is made", run: func(e *env) {
			e.create(1, nil, e.topic+"-a")
			e.produce(values(e.topic+"-a", 0, 0, 10))
			q := e.start(quick(options{"subscribePattern": e.topic + "-.*"}))
			e.reach(q, 10)
			e.create(1, nil, e.topic+"-b")
			e.produce(values(e.topic+"-b", 0, 0, 10))
			e.reach(q, 20)
			e.stop(q)
			e.same(nil, e.topic+"-a", e.topic+"-b")
		}},
		Cell{Name: "a stored batch is damaged", run: func(e *env) {
			e.create(1, nil, e.topic)
			e.produce(values(e.topic, 0, 0, 10))
			e.produce(values(e.topic, 0, 10, 10))
			e.Damage(e.T, e.topic)
			_, err := e.run(nil)
			e.fails(err, "KAFKA_BATCH_BROKEN", e.topic)
			if n := len(e.rows()); n != 10 && n != 0 {
				e.Errorf("%d rows of the good batch are in the table", n)
			}
		}},
		Cell{Name: "a batch is half written when the broker is killed", run: func(e *env) {
			e.create(1, nil, e.topic)
			e.produce(values(e.topic, 0, 0, 10))
			e.produce(values(e.topic, 0, 10, 10))
			e.Tear(e.T, e.topic)
			e.produce(values(e.topic, 0, 30, 5))
			e.end(e.read(nil, nil))
		}},
	)
}

// away are brokers that are not there for a while.
func away() []Cell {
	through := func(name string, cleanly bool, waiting bool) Cell {
		return Cell{Name: name, run: func(e *env) {
			e.create(2, nil, e.topic)
			e.produce(values(e.topic, 0, 0, 50))
			q := e.start(quick(nil))
			e.reach(q, 50)
			e.Stop(e.T, cleanly)
			if waiting {
				e.until("status says that brokers are waited for", func() bool {
					return strings.HasPrefix(q.Status().Message, "Waiting for ") && q.Status().State == "RUNNING"
				})
			}
			e.Start(e.T)
			e.produce(values(e.topic, 1, 0, 50))
			e.reach(q, 100)
			if waiting {
				e.until("status says that nothing is waited for", func() bool { return q.Status().Waiting == "" })
			}
			e.stop(q)
			e.same(nil)
			e.end(q)
		}}
	}
	return []Cell{
		through("the broker is restarted", true, false),
		through("the broker is killed", false, false),
		through("the broker is away until status says so", true, true),
		{Name: "the flow begins while the broker is away", run: func(e *env) {
			e.create(1, nil, e.topic)
			e.produce(values(e.topic, 0, 0, 10))
			e.read(nil, nil)
			e.Stop(e.T, true)
			q := e.start(quick(nil))
			e.until("status says that brokers are waited for", func() bool { return strings.HasPrefix(q.Status().Message, "Waiting for ") })
			e.Start(e.T)
			e.produce(values(e.topic, 0, 10, 10))
			e.reach(q, 10)
			e.stop(q)
			e.same(nil)
		}},
	}
}

func truncate(e *env) {
	to := kadm.Offsets{}
	to.Add(kadm.Offset{Topic: e.topic, At: 30})
	r, err := kadm.NewClient(e.Client(e.T, Plain)).DeleteRecords(e.ctx, to)
	e.must(errors.Join(err, r.Error()))
}

func makeAnew(e *env) {
	e.remove(e.topic)
	e.create(1, nil, e.topic)
	e.produce(values(e.topic, 0, 0, 5))
}

// losses are records that are gone before they were read.
func losses() []Cell {
	// between: the flow has read ten records, is stopped, and begins again behind the loss.
	between := func(name string, lose func(*env)) []Cell {
		begin := func(e *env) {
			e.create(1, nil, e.topic)
			e.produce(values(e.topic, 0, 0, 20))
			e.read(nil, nil)
			e.produce(values(e.topic, 0, 20, 30))
			lose(e)
		}
		return []Cell{
			{Name: name, run: func(e *env) {
				begin(e)
				_, err := e.run(nil)
				e.fails(err, "KAFKA_DATA_LOSS", e.topic, "failOnDataLoss")
				if n := len(e.rows()); n != 20 {
					e.Errorf("%d rows are in the table", n)
				}
			}},
			{Name: name + ", failOnDataLoss false", run: func(e *env) {
				begin(e)
				_, err := e.run(options{"failOnDataLoss": "false"})
				e.must(err)
				now := len(e.truth(e.topic))
				if n := len(e.rows()); n != 20+now {
					e.Errorf("%d rows are in the table, want 20 and the %d that are there now", n, now)
				}
				e.noted("20 rows and the %d that are there", now)
			}},
		}
	}
	return append(append(between("records are deleted", truncate), between("the topic is made anew", makeAnew)...), whileRead()...)
}
