package rate

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/connectortest"
	"pgregory.net/rapid"
)

var began = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// The contract, over the first ten seconds.
func TestTheContractOfSources(t *testing.T) {
	connectortest.Source(t, func(t *testing.T) connectors.Source {
		var asked atomic.Bool
		s, err := New(Options{RowsPerSecond: 7, RampUpTime: 3 * time.Second, NumPartitions: 2, Now: func() time.Time {
			if asked.Swap(true) {
				return began.Add(10 * time.Second)
			}
			return began
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Start(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		asked.Store(false)
		return s
	})
}

// The ramp is Spark's: RateStreamProvider.valueAtSecond(n, 10, 2).
func TestTheRampIsSparks(t *testing.T) {
	for n, want := range map[int64]int64{0: 0, 1: 3, 2: 9, 3: 19, 4: 29} {
		if got := (pace{rows: 10, ramp: 2}).before(n); got != want {
			t.Errorf("%d rows in the first %d seconds, want %d", got, n, want)
		}
	}
}

// Rows come in order of their value, none later than the second that Spark names, and "by" counts
// exactly those whose time has come.
func TestRowsComeWhenTheirTimeHasCome(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := pace{rows: rapid.Int64Range(1, 5000).Draw(r, "rows"), ramp: rapid.Int64Range(0, 20).Draw(r, "ramp")}
		value := rapid.Int64Range(0, 200_000).Draw(r, "value")
		at := p.at(value)
		if value > 0 && p.at(value-1) > at {
			r.Fatalf("row %d comes at %d, the one before at %d", value, at, p.at(value-1))
		}
		if n := p.by(at); n <= value {
			r.Fatalf("row %d has come at %d, only %d rows are counted", value, at, n)
		}
		if n := p.by(at - 1); n > value {
			r.Fatalf("%d rows are counted before row %d comes", n, value)
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	for text, options := range map[string]map[string]string{
		"UNKNOWN_OPTION":         {"rowsPerMinute": "1"},
		"rowsPerSecond is \"0\"": {"rowsPerSecond": "0"},
		"rampUpTime is \"soon\"": {"rampUpTime": "soon"},
		"rowsPerSecond is -4":    {"rowsPerSecond": "-4"},
	} {
		_, err := Parse(options, time.ParseDuration)
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v: %v, want %s", options, err, text)
		}
	}
	s, err := Parse(map[string]string{"rowspersecond": "100", "rampUpTime": "5s", "numPartitions": "3"}, time.ParseDuration)
	if err != nil || s.Description() != "RateStreamV2[rowsPerSecond=100, rampUpTimeSeconds=5, numPartitions=3]" {
		t.Errorf("%v, %v", s, err)
	}
}

func TestThePartitionsOfAFlowAreFixed(t *testing.T) {
	two, _ := New(Options{NumPartitions: 2})
	at, err := two.Start(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	three, _ := New(Options{NumPartitions: 3})
	if _, err := three.Start(t.Context(), at); err == nil || !strings.Contains(err.Error(), "RATE_PARTITIONS_CHANGED") {
		t.Errorf("%v", err)
	}
	if _, err := two.Start(t.Context(), connectors.Positions{"rate/0": "[1,2,2]", "rate/1": "x"}); err == nil {
		t.Error("a position that is none was taken")
	}
}
