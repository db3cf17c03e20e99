package matrixtest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/deltaic/deltaic/stream"
)

// exactly holds the table against rows, of which two may have one place: of a topic and of the one that came after it.
func (e *env) exactly(want []row) {
	e.Helper()
	count := map[row]int{}
	for _, r := range want {
		count[r]++
	}
	for _, r := range e.rows() {
		count[r]--
	}
	for r, n := range count {
		if n != 0 {
			e.Errorf("the table lacks %d of %.200s", n, fmt.Sprintf("%+v", r))
		}
	}
	if e.Failed() {
		e.FailNow()
	}
}

func (e *env) remove(topics ...string) {
	e.Helper()
	r, err := kadm.NewClient(e.Client(e.T, Plain)).DeleteTopics(e.ctx, topics...)
	e.must(errors.Join(err, r.Error()))
}

// ways to name two topics.
func ways(e *env) map[string]options {
	return map[string]options{
		"subscribe":        {"subscribe": e.topic + "-a," + e.topic + "-b"},
		"subscribePattern": {"subscribePattern": e.topic + "-[ab]"},
	}
}

// whileRead are topics that go while a flow reads them.
func whileRead() []Cell {
	var cells []Cell
	for _, way := range []string{"subscribe", "subscribePattern"} {
		cells = append(cells,
			Cell{Name: "a topic is deleted while it is read, failOnDataLoss true, " + way, run: func(e *env) {
				q := e.two(way, "true")
				began := time.Now()
				e.remove(e.topic + "-b")
				e.fails(e.ended(q), "UNKNOWN_TOPIC_OR_PARTITION", e.topic+"-b")
				if took := time.Since(began); took > time.Minute {
					e.Errorf("it took %s", took)
				}
			}},
			Cell{Name: "a topic is deleted while it is read, failOnDataLoss false, " + way, run: func(e *env) {
				q := e.two(way, "false")
				a, b := e.topic+"-a", e.topic+"-b"
				want := e.truth(b)
				e.remove(b)
				e.produce(values(a, 0, 10, 10))
				e.reach(q, 30)
				e.create(2, nil, b) // another one, and longer than the old one was
				e.produce(values(b, 0, 100, 30))
				e.produce(values(b, 1, 100, 30))
				e.reach(q, 90)
				e.stop(q)
				e.exactly(append(append(want, e.truth(a)...), e.truth(b)...))
				e.noted("goes on with the other topic; made again, it is read from its start: 10, 20 and 60 rows")
			}})
	}
	return append(cells, last()...)
}

// two is a flow that has read ten records of each of two topics.
func (e *env) two(way, failOnDataLoss string) *stream.Query {
	e.Helper()
	e.create(1, nil, e.topic+"-a", e.topic+"-b")
	e.produce(values(e.topic+"-a", 0, 0, 10))
	e.produce(values(e.topic+"-b", 0, 0, 10))
	o := ways(e)[way]
	o["failOnDataLoss"] = failOnDataLoss
	q := e.start(quick(o))
	e.reach(q, 20)
	return q
}

// last are cells of the only topic of a flow.
func last() []Cell {
	begin := func(e *env) (*stream.Query, []row) {
		e.create(1, nil, e.topic)
		e.produce(values(e.topic, 0, 0, 10))
		q := e.start(quick(options{"failOnDataLoss": "false"}))
		e.reach(q, 10)
		return q, e.truth(e.topic)
	}
	anew := func(name string, rows int) Cell {
		return Cell{Name: name, run: func(e *env) {
			q, want := begin(e)
			e.remove(e.topic)
			e.create(1, nil, e.topic)
			e.produce(values(e.topic, 0, 100, rows))
			e.reach(q, 10+rows)
			e.stop(q)
			e.exactly(append(want, e.truth(e.topic)...))
			e.noted("10 rows and the %d of the new topic", rows)
		}}
	}
	return []Cell{
		{Name: "the only topic is deleted while it is read, failOnDataLoss false", run: func(e *env) {
			q, want := begin(e)
			e.remove(e.topic)
			e.until("status says that the topic is waited for", func() bool {
				return q.IsActive() && strings.HasPrefix(q.Status().Message, "Waiting for ") && strings.Contains(q.Status().Message, e.topic)
			})
			e.create(1, nil, e.topic)
			e.produce(values(e.topic, 0, 100, 10))
			e.reach(q, 20)
			e.until("status says that nothing is waited for", func() bool { return q.Status().Waiting == "" })
			e.stop(q)
			e.exactly(append(want, e.truth(e.topic)...))
			e.noted("waits for it, and reads it from its start when it is made again: 10 and 10 rows")
		}},
		anew("the topic is made anew while it is read, shorter, failOnDataLoss false", 5),
		anew("the topic is made anew while it is read, longer, failOnDataLoss false", 30),
	}
}
