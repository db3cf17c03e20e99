package operators_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/operatortest"
)

// bid is a row of the tests of Top: auction and price may be null.
type bid struct {
	auction, price *int64
	at             int64
	text           string
	kind           batch.RowKind
}

var bids = batch.NewSchema(
	batch.Field{Name: "auction", Type: batch.BigIntType, Nullable: true},
	batch.Field{Name: "price", Type: batch.BigIntType, Nullable: true},
	batch.Field{Name: "at", Type: batch.TimestampType},
	batch.Field{Name: "text", Type: batch.StringType})

func bidRows(pool *batch.Pool, rows []bid) *batch.Batch {
	auction, price := batch.NewBuilder(batch.BigIntType, pool), batch.NewBuilder(batch.BigIntType, pool)
	at, text := batch.NewBuilder(batch.TimestampType, pool), batch.NewBuilder(batch.StringType, pool)
	var kinds []batch.RowKind
	for _, r := range rows {
		optional(auction, r.auction)
		optional(price, r.price)
		at.Int64(r.at)
		text.String(r.text)
		kinds = append(kinds, r.kind)
	}
	b := batch.NewBatch(bids, len(rows), auction.Finish(), price.Finish(), at.Finish(), text.Finish())
	if slices.ContainsFunc(kinds, func(k batch.RowKind) bool { return k != batch.Insert }) {
		b.Kinds = kinds
	}
	return b
}

func optional(b *batch.Builder, v *int64) {
	if v == nil {
		b.Null()
	} else {
		b.Int64(*v)
	}
}

func drawBid(t *rapid.T, i int) bid {
	value := func(name string, most int64) *int64 {
		if v := rapid.Int64Range(-1, most).Draw(t, name); v >= 0 {
			return &v
		}
		return nil
	}
	return bid{auction: value("auction", 2), price: value("price", 4), at: rapid.Int64Range(0, 8).Draw(t, "at"), text: fmt.Sprint("bid", i)}
}

// drawBids returns rows, of which some take earlier ones back if changes is set.
func drawBids(t *rapid.T, changes bool) []bid {
	var rows, there []bid
	for i := range rapid.IntRange(1, 24).Draw(t, "rows") {
		if changes && len(there) > 0 && rapid.IntRange(0, 2).Draw(t, "retracts") == 0 {
			k := rapid.IntRange(0, len(there)-1).Draw(t, "which")
			b := there[k]
			there = slices.Delete(there, k, k+1)
			b.kind = rapid.SampledFrom([]batch.RowKind{batch.UpdateBefore, batch.Delete}).Draw(t, "kind")
			rows = append(rows, b)
			continue
		}
		b := drawBid(t, i)
		b.kind = batch.Insert
		if changes {
			b.kind = rapid.SampledFrom([]batch.RowKind{batch.Insert, batch.UpdateAfter}).Draw(t, "kind")
		}
		there = append(there, b)
		rows = append(rows, b)
	}
	return rows
}

func compareOptional(a, b *int64) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Compare(*a, *b)
}

func show(v *int64) string {
	if v == nil {
		return "null"
	}
	return fmt.Sprint(*v)
}

func (b bid) json(rank int, rank64 bool) string {
	t := batch.AppendTimestamp(nil, b.at, 'T')
	s := fmt.Sprintf(`{"auction":%s,"price":%s,"at":"%sZ","text":"%s"`, show(b.auction), show(b.price), t, b.text)
	if rank64 {
		s += fmt.Sprintf(`,"rank":%d`, rank)
	}
	return s + "}"
}

// modelTop returns the rows with rank at most n of each group: of rows that are in
// order of arrival.
func modelTop(rows []bid, group func(bid) string, n int, ties, laterWins, rank bool) []string {
	groups := map[string][]bid{}
	for _, r := range rows {
		if r.kind == batch.UpdateBefore || r.kind == batch.Delete {
			g := groups[group(r)]
			k := slices.IndexFunc(g, func(o bid) bool { return o.text == r.text })
			groups[group(r)] = slices.Delete(g, k, k+1)
			continue
		}
		groups[group(r)] = append(groups[group(r)], r)
	}
	var out []string
	for _, g := range groups {
		if laterWins {
			slices.Reverse(g)
		}
		slices.SortStableFunc(g, func(a, b bid) int { return -compareOptional(a.price, b.price) })
		for i := range g {
			at := i + 1
			if ties {
				at = 1 + slices.IndexFunc(g, func(o bid) bool { return compareOptional(o.price, g[i].price) == 0 })
			}
			if at <= n {
				out = append(out, g[i].json(at, rank))
			}
		}
	}
	return out
}

func byPrice(t testing.TB) []operators.SortKey {
	price, err := expr.Bind("price", bids, expr.NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	return []operators.SortKey{{By: price, Order: batch.Descending}}
}

func prefixed(prefix string, rows []string, suffix string) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = prefix + r + suffix
	}
	return out
}

// The best rows of each group, by all ports, equal a model, whatever comes and is taken back.
func TestTopEqualsAModel(t *testing.T) {
	by := byPrice(t)
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		o := operators.TopOptions{By: by, N: rapid.IntRange(1, 4).Draw(rt, "n"), Ties: rapid.Bool().Draw(rt, "ties"), Window: -1,
			LaterWins: rapid.Bool().Draw(rt, "later wins"), Updating: rapid.Bool().Draw(rt, "updating"), Spare: rapid.IntRange(0, 3).Draw(rt, "spare")}
		o.Keys = rapid.SampledFrom([][]int{{}, {0}, {2, 0}}).Draw(rt, "keys")
		if rapid.Bool().Draw(rt, "rank") {
			o.Rank = "rank"
		}
		rows := drawBids(rt, o.Updating)
		in := bidRows(pool, rows)
		out := operatortest.Check(t, operatortest.Kit{Rows: in, Keys: o.Keys, Pool: pool, Seed: rapid.Uint64().Draw(rt, "seed"),
			Ports: []int{operators.PortChanges, operators.PortComplete},
			New:   func() (operators.Operator, error) { return operators.NewTop(bids, o) }})
		in.Release()
		group := func(b bid) string {
			key := ""
			for _, k := range o.Keys {
				key += map[int]string{0: show(b.auction), 2: fmt.Sprint(b.at)}[k] + "|"
			}
			return key
		}
		model := modelTop(rows, group, o.N, o.Ties, o.LaterWins, o.Rank != "")
		want := append(prefixed("changed ", model, ""), prefixed("complete ", model, " 0")...)
		slices.Sort(want)
		if !slices.Equal(out, want) {
			rt.Fatalf("got  %v\nwant %v", out, want)
		}
	})
}

// Groups that an event time ends come out once, when the watermark has passed them; what comes for them later is late.
func TestTopOfEndedGroupsIsFinal(t *testing.T) {
	by := byPrice(t)
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		rows := drawBids(rt, false)
		in := bidRows(pool, rows)
		delay := rapid.Int64Range(0, 3).Draw(rt, "delay")
		o := operators.TopOptions{By: by, N: 2, Ties: rapid.Bool().Draw(rt, "ties"), Keys: []int{0, 2}, Window: 1}
		ports := rapid.SampledFrom([][]int{{0}, {0, 1}, {0, 2}, {0, 1, 2}}).Draw(rt, "ports")
		out := operatortest.Check(t, operatortest.Kit{Rows: in, Keys: o.Keys, Pool: pool, Seed: rapid.Uint64().Draw(rt, "seed"),
			Time: &operatortest.EventTime{Column: 2, Delay: delay}, Ports: ports,
			New: func() (operators.Operator, error) { return operators.NewTop(bids, o) }})
		in.Release()
		watermark, kept, want := int64(math.MinInt64), []bid{}, []string{}
		for _, r := range rows {
			if r.at < watermark {
				want = append(want, "late "+r.json(0, false))
				continue
			}
			watermark = max(watermark, r.at-delay)
			kept = append(kept, r)
		}
		model := modelTop(kept, func(b bid) string { return show(b.auction) + fmt.Sprint("|", b.at) }, 2, o.Ties, false, false)
		want = append(want, prefixed("", model, " 0")...)
		if slices.Contains(ports, operators.PortChanges) {
			want = append(want, prefixed("changed ", model, "")...)
		}
		if slices.Contains(ports, operators.PortComplete) {
			want = append(want, prefixed("complete ", model, " 0")...)
		}
		slices.Sort(want)
		if !slices.Equal(out, want) {
			rt.Fatalf("got  %v\nwant %v", out, want)
		}
	})
}

// The newest row of each key stays, and of equally new ones the last.
func TestKeepLatestEqualsAModel(t *testing.T) {
	at, err := expr.Bind("price", bids, expr.NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		rows := drawBids(rt, false)
		in := bidRows(pool, rows)
		out := operatortest.Check(t, operatortest.Kit{Rows: in, Keys: []int{0}, Pool: pool, Seed: rapid.Uint64().Draw(rt, "seed"),
			Ports: []int{operators.PortChanges},
			New: func() (operators.Operator, error) {
				return operators.NewKeepLatest(bids, []operators.SortKey{{By: at, Order: batch.Ascending}}, false, 0)
			}})
		in.Release()
		want := prefixed("changed ", modelTop(rows, func(b bid) string { return show(b.auction) }, 1, false, true, false), "")
		slices.Sort(want)
		if !slices.Equal(out, want) {
			rt.Fatalf("got  %v\nwant %v", out, want)
		}
	})
}
