package keyed_test

import (
	"testing"
	"time"

	"github.com/deltaic/deltaic/benchmarks/keyed"
)

var countAndSum = []string{"count(*) AS n", "sum(v) AS s"}

func player(t *testing.T, distribution string, keys int, limit int64) *keyed.Player {
	t.Helper()
	share, err := keyed.Open(t.Context(), keyed.Options{Dir: t.TempDir(), Aggregates: countAndSum, MemoryLimit: limit})
	if err != nil {
		t.Fatal(err)
	}
	draw, err := keyed.NewDraw(distribution, keys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := share.Close(); err != nil {
			t.Error(err)
		}
	})
	return keyed.NewPlayer(share, draw)
}

// TestTheStateIsWhatTheUpdatesComeTo: in memory and with most of the keys below it; an update that is left out is noticed.
func TestTheStateIsWhatTheUpdatesComeTo(t *testing.T) {
	for _, c := range []struct {
		distribution string
		limit        int64
	}{{keyed.Uniform, 0}, {keyed.Zipf, 6 << 20}} {
		p := player(t, c.distribution, 100_000, c.limit)
		for _, f := range []keyed.Phase{{Updates: 100_000, Epoch: 2 * time.Millisecond}, {Updates: 50_000, Epoch: 2 * time.Millisecond}, {Updates: 5_000, Rate: 100_000}} {
			cost, err := p.Play(f)
			if err != nil {
				t.Fatal(err)
			}
			if cost.Task <= 0 || f.Epoch > 0 && len(cost.Pauses) == 0 || f.Rate > 0 && len(cost.Applied) < 45 {
				t.Errorf("%+v cost %+v", f, cost)
			}
		}
		if faults, err := p.Verify(); err != nil || len(faults) > 0 {
			t.Errorf("%+v: %v, %v", c, faults, err)
		}
		if err := p.Share.Apply([]int64{keyed.Key(0)}, []int64{1}); err != nil {
			t.Fatal(err)
		}
		if faults, err := p.Verify(); err != nil || len(faults) < 2 {
			t.Errorf("an update that nobody counted was not noticed: %v, %v", faults, err)
		}
	}
}

// TestZipfFollowsItsLaw: the share of the hottest keys is that of the law.
func TestZipfFollowsItsLaw(t *testing.T) {
	const keys, draws = 1_000_000, 1_000_000
	d, err := keyed.NewDraw(keyed.Zipf, keys)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[uint64]int{}
	for i := range uint64(draws) {
		x := d.Index(i)
		if x >= keys {
			t.Fatalf("draw %d is key %d", i, x)
		}
		if x < 1000 {
			counts[x]++
		}
	}
	first, thousand := float64(counts[0])/draws, 0
	for _, n := range counts {
		thousand += n
	}
	if share := float64(thousand) / draws; first < 0.060 || first > 0.070 || share < 0.48 || share > 0.52 {
		t.Errorf("the hottest key has %v, the first thousand %v; about 0.065 and 0.50 are right", first, share)
	}
}

// TestMemoryStaysNearItsLimit: what a checkpoint copies counts before it is copied, and the rows of a fold count, so that keys of
// several times the memory never take more than half above the limit: an eighth for what a task may be over it, a fifth for the
// cache of the database below, which the first fold opens, and the blocks that the fold reads.
func TestMemoryStaysNearItsLimit(t *testing.T) {
	const limit = 24 << 20
	p := player(t, keyed.Uniform, 1_000_000, limit)
	if _, err := p.Play(keyed.Phase{Updates: 1_000_000, Epoch: time.Second}); err != nil {
		t.Fatal(err)
	}
	if keys, _ := p.Share.Keys(); keys != 1_000_000 {
		t.Errorf("%d keys", keys)
	}
	if peak := p.Share.Account.Peak(); peak > limit+limit/2+4<<20 {
		t.Errorf("%d bytes were charged at once, the limit is %d", peak, limit)
	}
}
