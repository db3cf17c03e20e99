package operators_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/operatortest"
)

// minute makes times lie in several of the buckets in which keys are forgotten.
const minute = 60_000_000

// sighting is a row of the tests of deduplication; its time may be null.
type sighting struct {
	key, at *int64
	n       int
}

var sightings = batch.NewSchema(
	batch.Field{Name: "key", Type: batch.BigIntType, Nullable: true},
	batch.Field{Name: "at", Type: batch.TimestampType, Nullable: true},
	batch.Field{Name: "n", Type: batch.IntType})

func (s sighting) json() string {
	at := "null"
	if s.at != nil {
		at = fmt.Sprintf(`"%sZ"`, batch.AppendTimestamp(nil, *s.at, 'T'))
	}
	return fmt.Sprintf(`{"key":%s,"at":%s,"n":%d}`, show(s.key), at, s.n)
}

func drawSightings(t *rapid.T, pool *batch.Pool, nullTimes bool) ([]sighting, *batch.Batch) {
	key, at, n := batch.NewBuilder(batch.BigIntType, pool), batch.NewBuilder(batch.TimestampType, pool), batch.NewBuilder(batch.IntType, pool)
	var rows []sighting
	for i := range rapid.IntRange(1, 24).Draw(t, "rows") {
		s := sighting{n: i}
		if v := rapid.Int64Range(-1, 2).Draw(t, "key"); v >= 0 {
			s.key = &v
		}
		if v := rapid.Int64Range(-1, 12).Draw(t, "at"); v >= 0 || !nullTimes {
			v = (v - 4) * minute / 2
			s.at = &v
		}
		optional(key, s.key)
		optional(at, s.at)
		n.Int32(int32(i))
		rows = append(rows, s)
	}
	return rows, batch.NewBatch(sightings, len(rows), key.Finish(), at.Finish(), n.Finish())
}

// judge applies the late rule: it calls f for the rows in time and returns the late ones as text.
func judge(rows []sighting, delay int64, f func(sighting)) (late []string) {
	watermark := int64(math.MinInt64)
	for _, r := range rows {
		if r.at != nil && *r.at < watermark {
			late = append(late, "late "+r.json())
			continue
		}
		if r.at != nil {
			watermark = max(watermark, *r.at-delay)
		}
		f(r)
	}
	return late
}

func TestDropDuplicateEventsEqualsAModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		rows, in := drawSightings(rt, pool, true)
		delay := rapid.Int64Range(0, 6).Draw(rt, "delay") * minute / 2
		keys := rapid.SampledFrom([][]int{{0, 1}, {1, 0}, {1}}).Draw(rt, "keys")
		out := operatortest.Check(t, operatortest.Kit{Rows: in, Keys: keys, Pool: pool, Seed: rapid.Uint64().Draw(rt, "seed"),
			Time: &operatortest.EventTime{Column: 1, Delay: delay},
			New:  func() (operators.Operator, error) { return operators.NewDropDuplicateEvents(sightings, 1, keys...) }})
		in.Release()
		seen, want := map[string]bool{}, []string{}
		late := judge(rows, delay, func(r sighting) {
			key := show(r.at)
			if len(keys) == 2 {
				key += "|" + show(r.key)
			}
			if !seen[key] {
				want = append(want, r.json()+" 0")
			}
			seen[key] = true
		})
		want = append(want, late...)
		slices.Sort(want)
		if !slices.Equal(out, want) {
			rt.Fatalf("got  %v\nwant %v", out, want)
		}
	})
}

func TestDropDuplicatesWithinEqualsAModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		rows, in := drawSightings(rt, pool, false)
		delay := rapid.Int64Range(0, 6).Draw(rt, "delay") * minute / 2
		out := operatortest.Check(t, operatortest.Kit{Rows: in, Keys: []int{0}, Pool: pool, Seed: rapid.Uint64().Draw(rt, "seed"),
			Time: &operatortest.EventTime{Column: 1, Delay: delay},
			New:  func() (operators.Operator, error) { return operators.NewDropDuplicatesWithin(sightings, 1, delay, 0) }})
		in.Release()
		expires, want := map[string]int64{}, []string{}
		late := judge(rows, delay, func(r sighting) {
			until, known := expires[show(r.key)]
			if known && *r.at < until {
				return
			}
			expires[show(r.key)] = *r.at + delay
			want = append(want, r.json()+" 0")
		})
		want = append(want, late...)
		slices.Sort(want)
		if !slices.Equal(out, want) {
			rt.Fatalf("got  %v\nwant %v", out, want)
		}
	})
}

func TestLimitPassesOnTheFirstRows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		rows, in := drawSightings(rt, pool, true)
		n := rapid.Int64Range(0, 50).Draw(rt, "n")
		out := operatortest.Check(t, operatortest.Kit{Rows: in, Keys: []int{}, Pool: pool, Seed: rapid.Uint64().Draw(rt, "seed"),
			New: func() (operators.Operator, error) { return operators.NewLimit(n) }})
		in.Release()
		want := []string{}
		for _, r := range rows[:min(int(n), len(rows))] {
			want = append(want, r.json()+" 0")
		}
		slices.Sort(want)
		if !slices.Equal(out, want) {
			rt.Fatalf("got  %v\nwant %v", out, want)
		}
	})
}
