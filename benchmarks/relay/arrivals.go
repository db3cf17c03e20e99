package relay

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// arrivals takes what arrives in a topic, and says what of it is wrong.
type arrivals struct {
	load   *load
	at     []time.Time // by row; zero: it has not arrived
	sums   []uint32    // of values, by row
	left   int
	twice  int // rows, or counts that are no greater than the one before
	faults []string
	groups map[string]*group // where rows are counted
}

// group is what is counted together.
type group struct {
	rows []int32 // in the order in which they are sent
	seen int     // of them
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newArrivals returns the arrivals of so many rows, and the partition that each is to be sent to: rows of one group go to one, so that
// they are counted in order.
func newArrivals(l *load, rows, partitions int) (*arrivals, []int32) {
	a := &arrivals{load: l, at: make([]time.Time, rows), sums: make([]uint32, rows), left: rows, groups: map[string]*group{}}
	to := make([]int32, rows)
	var value []byte
	for n := range rows {
		to[n] = int32(n % partitions)
		if l.shape != Count {
			continue
		}
		value = l.value(value[:0], uint64(n))
		name := l.group(value)
		g := a.groups[string(name)]
		if g == nil {
			g = &group{}
			a.groups[string(name)] = g
		}
		g.rows = append(g.rows, int32(n))
		to[n] = int32(crc32.Checksum(name, castagnoli) % uint32(partitions))
	}
	return a, to
}

// quiet is how long nothing may arrive before the rest is given up.
const quiet = 30 * time.Second

// take takes records until every row has arrived.
func (a *arrivals) take(ctx context.Context, client *kgo.Client) error {
	for a.left > 0 && len(a.faults) == 0 {
		waiting, cancel := context.WithTimeout(ctx, quiet)
		fetches := client.PollFetches(waiting)
		cancel()
		now := time.Now()
		if err := fetches.Err(); errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			a.fault("%d rows have not arrived, and nothing did for %s", a.left, quiet)
			return nil
		} else if err != nil {
			return err
		}
		fetches.EachRecord(func(r *kgo.Record) { a.record(r, now) })
	}
	return nil
}

func (a *arrivals) fault(format string, args ...any) {
	if len(a.faults) < 5 {
		a.faults = append(a.faults, fmt.Sprintf(format, args...))
	}
}

func (a *arrivals) record(r *kgo.Record, now time.Time) {
	if a.load.shape == Count {
		a.count(r, now)
		return
	}
	n, err := strconv.Atoi(string(r.Key))
	if err != nil || n < 0 || n >= len(a.at) {
		a.fault("there is no row %q", r.Key)
		return
	}
	if !a.at[n].IsZero() {
		a.twice++
		return
	}
	a.at[n], a.sums[n] = now, crc32.Checksum(r.Value, castagnoli)
	a.left--
}

// count takes a count: all rows of the group up to it have arrived.
func (a *arrivals) count(r *kgo.Record, now time.Time) {
	g := a.groups[string(r.Key)]
	n, err := strconv.Atoi(string(r.Value))
	if g == nil || err != nil || n > len(g.rows) {
		a.fault("%q was counted %q times", r.Key, r.Value)
		return
	}
	if n <= g.seen {
		a.twice++
		return
	}
	for ; g.seen < n; g.seen++ {
		a.at[g.rows[g.seen]] = now
		a.left--
	}
}

// check compares the values that have arrived. bare: they are as they were sent.
func (a *arrivals) check(bare bool) {
	if a.load.shape == Count && !bare {
		return // the counts say it all
	}
	var value, want []byte
	for n := range a.at {
		if a.at[n].IsZero() {
			continue
		}
		value = a.load.value(value[:0], uint64(n))
		want = value
		if !bare {
			want = a.load.result(nil, value)
		}
		if crc32.Checksum(want, castagnoli) != a.sums[n] {
			a.fault("row %d has another value than %.200q", n, want)
		}
	}
}
