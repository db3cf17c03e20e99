package matrixtest

import (
	"crypto/rand"
	"time"
)

func quotas() []Cell {
	return []Cell{
		{Name: "maxOffsetsPerTrigger", run: func(e *env) {
			e.three()
			q := e.read(options{"maxOffsetsPerTrigger": "40"}, nil)
			epochs := q.RecentProgress()
			for _, p := range epochs {
				if p.NumInputRows > 40 {
					e.Errorf("an epoch has %d rows", p.NumInputRows)
				}
			}
			e.noted("150 rows in %d epochs of 40 at most", len(epochs))
		}},
		{Name: "minOffsetsPerTrigger and maxTriggerDelay", run: func(e *env) {
			e.create(1, nil, e.topic)
			e.produce(values(e.topic, 0, 0, 10))
			q := e.start(options{"minOffsetsPerTrigger": "100", "maxTriggerDelay": "1500ms"})
			e.reach(q, 10)
			began := time.Now()
			e.produce(values(e.topic, 0, 10, 5))
			e.reach(q, 15)
			waited := time.Since(began)
			e.produce(values(e.topic, 0, 15, 120))
			e.reach(q, 135)
			e.stop(q)
			e.same(nil)
			if waited > 20*time.Second {
				e.Errorf("five rows waited for %s", waited)
			}
			for _, p := range q.RecentProgress() {
				if n := p.NumInputRows; n != 0 && n != 10 && n != 5 && n < 100 {
					e.Errorf("an epoch has %d rows", n)
				}
			}
		}},
		{Name: "fetches of few bytes", run: func(e *env) {
			e.three()
			e.read(options{"kafka.fetch.max.bytes": "1024", "kafka.max.partition.fetch.bytes": "1024", "kafka.fetch.max.wait.ms": "20"}, nil)
		}},
		{Name: "minPartitions", run: func(e *env) {
			e.create(1, nil, e.topic)
			e.produce(values(e.topic, 0, 0, 20_000))
			q := e.start(options{"minPartitions": "4", "maxOffsetsPerTrigger": "2000"})
			e.reach(q, 4000)
			e.stop(q)
			e.end(e.read(options{"minPartitions": "3"}, nil))
		}},
		throttled("the broker throttles the client that kafka.group.id names", "kafka.group.id", "throttled"),
		throttled("the broker throttles the client that groupIdPrefix names", "groupIdPrefix", "prefixed"),
	}
}

// throttled is a cell of a client that may have less than it could.
func throttled(name, option, client string) Cell {
	return Cell{Name: name, run: func(e *env) {
		e.create(1, nil, e.topic)
		for range 6 {
			all := values(e.topic, 0, 0, 64)
			for _, r := range all {
				r.Value = make([]byte, 1024)
				_, _ = rand.Read(r.Value) // which no codec makes smaller
			}
			e.produce(all)
		}
		e.Throttle(e.T, client, 16<<10)
		began := time.Now()
		e.read(options{option: client, "kafka.max.partition.fetch.bytes": "65536"}, nil)
		if took := time.Since(began); took < 300*time.Millisecond {
			e.Errorf("the quota did not hold: %s", took)
		}
		e.noted("%s, as client %s", e.saw, client)
	}}
}
