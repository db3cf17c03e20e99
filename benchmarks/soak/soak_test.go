package soak

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestThePlanTellsRecordsApart: a record that comes twice holds the row of a good one before it in its partition, a good one is
// its row as JSON, and a broken one is none.
func TestThePlanTellsRecordsApart(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := plan{partitions: rapid.Int64Range(1, 8).Draw(r, "partitions"), rate: 1000}
		n := rapid.Int64Range(0, 1<<40).Draw(r, "n")
		k, row := p.of(n)
		if k == twice {
			before, same := p.of(row.n)
			if before != good || same != row || row.n >= n || row.n%p.partitions != n%p.partitions {
				r.Fatalf("record %d is said to be %d again, which is %v %+v", n, row.n, before, same)
			}
		}
		var said struct {
			N, K, Amount int64
			At           time.Time
		}
		err := json.Unmarshal(p.value(n), &said)
		if k != broken && (err != nil || said.N != row.n || said.K != row.k || said.Amount != row.amount || said.At.UnixMilli() != row.at) {
			r.Fatalf("record %d is %s, want %+v: %v", n, p.value(n), row, err)
		}
		if k == broken && err == nil {
			r.Fatalf("record %d is not broken: %s", n, p.value(n))
		}
	})
}

// TestWhatGrowsIsNotFlat: growth beyond the noise is told, and noise or what shrinks is not.
func TestWhatGrowsIsNotFlat(t *testing.T) {
	var at, noise, grows, shrinks []float64
	for i := range 100 {
		x := float64(i*7919%100) / 10 // 0 to 10, without an order
		at, noise = append(at, float64(i)), append(noise, 1000+x)
		grows, shrinks = append(grows, 1000+x+float64(i)), append(shrinks, 1000+x-float64(i))
	}
	if d := driftOf(at, noise); !d.Flat {
		t.Errorf("noise: %+v", d)
	}
	if d := driftOf(at, grows); d.Flat || d.Grew < 80 || d.Grew > 120 {
		t.Errorf("what grows by 99: %+v", d)
	}
	if d := driftOf(at, shrinks); !d.Flat || d.Grew > -80 {
		t.Errorf("what shrinks by 99: %+v", d)
	}
}
