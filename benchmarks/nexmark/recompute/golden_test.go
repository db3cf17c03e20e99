package recompute

import (
	"maps"
	"reflect"
	"testing"

	"github.com/deltaic/deltaic/benchmarks/nexmark"
)

// golden is set S: 100,000 events of seed 1, 1,000 a second.
var golden = map[string]Result{
	"q0":  {"rows": 92000, "sum_auction": 363709578, "sum_bidder": 172097625, "sum_price": 661958553683, "len_extra": 6213768},
	"q1":  {"rows": 92000, "sum_price": "601058366744.164"},
	"q2":  {"rows": 373, "sum_auction": 1498509, "sum_price": 2885017400},
	"q5":  {"rows": 54, "windows": 54, "sum_num": 43639, "sum_auction": 212000},
	"q10": {"rows_by_partition": map[string]int64{"00:00": 55200, "00:01": 36800}},
	"q11": {"rows": 2892, "bidders": 1919, "max_count": 3559, "sum_start_mod": 424258604, "sum_end_mod": 501660791},
	"q12": {"rows": 7574, "sum_count": 92000},
	"q13": {"rows": 92000, "len_value": 368000},
	"q14": {"rows": 26022, "sum_c": 68313, "sum_price": "329293794646.384"},
	"q15": {"bids": 92000, "bids_rank1": 30741, "bids_rank2": 30693, "bids_rank3": 30566,
		"bidders": 1919, "bidders_rank1": 1750, "bidders_rank2": 1742, "bidders_rank3": 1740,
		"auctions": 5992, "auctions_rank1": 5518, "auctions_rank2": 5526, "auctions_rank3": 5499},
	"q16": {"rows": 9917, "sum_rank1_bids": 30741, "sum_bidders": 48481, "sum_bidders_rank1": 17885, "sum_bidders_rank2": 17897, "sum_bidders_rank3": 17805,
		"sum_auctions": 60466, "sum_auctions_rank1": 22140, "sum_auctions_rank2": 22106, "sum_auctions_rank3": 21940},
	"q17": {"rows": 5992, "sum_min": 548636568, "sum_max": 211636254006, "sum_avg": 42409787476, "sum_sum": 661958553683},
	"q18": {"rows": 28212, "sum_auction": 113978609, "sum_bidder": 48840586, "sum_price": 203510631347},
	"q19": {"rows": 43903, "sum_auction": 174148003, "sum_price": 375425995386, "sum_rank": 198406},
	"q21": {"rows": 87434, "len_channel_id": 440187, "distinct_channel_id": 5670},
	"q22": {"rows": 92000, "distinct_dir1": 9255, "len_dirs": 977637},
}

// plain returns the result with ints as int64, so that literals compare.
func plain(r Result) Result {
	out := maps.Clone(r)
	for k, v := range out {
		if n, ok := v.(int); ok {
			out[k] = int64(n)
		}
	}
	return out
}

func TestGoldenSums(t *testing.T) {
	all, err := All(Queries, nexmark.Options{Events: 100_000, TPS: 1000, Seed: 1}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range Queries {
		if want := plain(golden[name]); !reflect.DeepEqual(all[i].Result, want) || all[i].Late != 0 {
			t.Errorf("%s: got %v, want %v", name, all[i], want)
		}
	}
}

// Rows behind the watermark change nothing but that they are counted; rows that are only out of order count.
func TestLateRowsAreLeftOut(t *testing.T) {
	events := nexmark.Options{Events: 20_000, TPS: 1000, Seed: 1}
	all := func() []Outcome {
		out, err := All([]string{"q5", "q11", "q12", "q17"}, events, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	plain := all()
	events.Disorder = 0.2
	disordered := all()
	events.Late = 0.05
	late := all()
	for i := range plain {
		if disordered[i].Late != 0 {
			t.Errorf("%d: %d rows within the bound are late", i, disordered[i].Late)
		}
	}
	if a, b := disordered[2].Result["sum_count"], late[2].Result["sum_count"].(int64)+late[2].Late; a != b || plain[2].Result["sum_count"] != a {
		t.Errorf("%v rows in time, %v with those that were late", a, b)
	}
	if late[1].Late < 800 || late[1].Late < late[2].Late || late[1].Late < late[0].Late || late[2].Late == 0 || late[3].Late != 0 {
		t.Errorf("%d, %d, %d and %d rows are late", late[0].Late, late[1].Late, late[2].Late, late[3].Late)
	}
}

// Windows that the last watermark has not passed are open.
func TestWithoutEndOfInput(t *testing.T) {
	got, err := Run("q5", nexmark.Options{Events: 100_000, TPS: 1000, Seed: 1}, Options{NoEnd: true})
	want := Result{"rows": int64(48), "windows": int64(48), "sum_num": int64(38839), "sum_auction": int64(171900)}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v: %v", got, want, err)
	}
}

func TestUnknownQuery(t *testing.T) {
	if _, err := Run("q3", nexmark.Options{Events: 1}, Options{}); err == nil {
		t.Fatal("q3 joins streams, which is not known here")
	}
}
