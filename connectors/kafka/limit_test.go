package kafka_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka"
)

// The total is exact, no split gets more than it has, none with data gets
// nothing while there is enough, and shares are proportional to within the one
// that each gets first.
func TestLimitIsProportionalAndExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.Int64Range(1, 1<<40).Draw(t, "most")
		if rapid.Bool().Draw(t, "small") {
			most = most%200 + 1
		}
		waiting := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(0, 100), rapid.Int64Range(0, 1<<50)), 1, 12).Draw(t, "waiting")
		in := kafka.Source("t", kafka.Brokers("localhost:1"), kafka.MaxOffsetsPerTrigger(most))
		from, end := connectors.Positions{}, connectors.Positions{}
		var total, with int64
		for i, n := range waiting {
			id := connectors.SplitID("t/" + strconv.Itoa(i))
			start := int64(i) * 1000
			from[id], end[id] = digits(start), digits(start+n)
			total += n
			if n > 0 {
				with++
			}
		}
		until := in.Limit(from, end)
		var given int64
		for i, n := range waiting {
			id := connectors.SplitID("t/" + strconv.Itoa(i))
			got := in.Behind(from[id], until[id])
			given += got
			if got > n {
				t.Fatalf("split %d gets %d of %d", i, got, n)
			}
			if n > 0 && got == 0 && most >= with {
				t.Fatalf("split %d gets nothing of %d although there are %d", i, n, most)
			}
			if total > most {
				ideal := float64(n) / float64(total) * float64(most)
				if d := float64(got) - ideal; d > float64(with)+1 || d < -float64(with)-1 {
					t.Fatalf("split %d gets %d, in proportion it is %.1f", i, got, ideal)
				}
			}
		}
		if given != min(total, most) {
			t.Fatalf("%d given out of %d, limit %d", given, total, most)
		}
	})
}

func digits(n int64) connectors.Position { return connectors.Position(strconv.FormatInt(n, 10)) }

// TestAnEpochGathers: with minOffsetsPerTrigger an epoch waits for so many rows or until the time is over, but the first one does not,
// nor one of a run that ends at what is there.
func TestAnEpochGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := kafka.Source("t", kafka.Brokers("localhost:1"), kafka.MinOffsetsPerTrigger(100), kafka.MaxTriggerDelay(time.Minute))
		at := connectors.Positions{"t/0": "0", "t/1": "0"}
		limit := func(waiting int64) int64 {
			until := in.Limit(at, connectors.Positions{"t/0": digits(waiting / 2), "t/1": digits(waiting - waiting/2)})
			return in.Behind("0", until["t/0"]) + in.Behind("0", until["t/1"])
		}
		for i, step := range []struct {
			wait          time.Duration
			waiting, want int64
		}{{0, 5, 5}, {0, 99, 0}, {time.Second, 99, 0}, {0, 100, 100}, {59 * time.Second, 3, 0}, {time.Second, 3, 3}, {59 * time.Second, 3, 0}, {0, 1000, 1000}} {
			time.Sleep(step.wait)
			if got := limit(step.waiting); got != step.want {
				t.Errorf("step %d: %d of %d rows, want %d", i, got, step.waiting, step.want)
			}
		}
		r, err := in.Open(t.Context(), connectors.Positions{}, connectors.OpenOptions{Bounded: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := limit(3); got != 3 {
			t.Errorf("%d of 3 rows in a run that ends at them", got)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestNoLimit(t *testing.T) {
	in := kafka.Source("t", kafka.Brokers("localhost:1"))
	if in.Limited() || in.Limit(connectors.Positions{"t/0": "0"}, connectors.Positions{"t/0": "9"}) != nil {
		t.Error("a source without maxOffsetsPerTrigger limits")
	}
}
