package recompute

import (
	"fmt"
	"slices"
	"time"
)

func day(b *Bid) string { return time.UnixMilli(b.Time).UTC().Format(time.DateOnly) }

// rank returns which third of the prices a bid is in.
func rank(price int64) int {
	switch {
	case price < 10_000:
		return 0
	case price < 1_000_000:
		return 1
	}
	return 2
}

// distincts is q15, by day, and q16, by channel and day.
type distincts struct {
	channels bool
	groups   map[string]*distinct
}

type distinct struct {
	bids              int64
	ranks             [3]int64
	bidders, auctions map[int64]int // which ranks have seen the value, as bits
}

func (q *distincts) bid(b *Bid) {
	key := day(b)
	if q.channels {
		key = b.Channel + "|" + key
	}
	g := q.groups[key]
	if g == nil {
		g = &distinct{bidders: map[int64]int{}, auctions: map[int64]int{}}
		q.groups[key] = g
	}
	r := rank(b.Price)
	g.bids++
	g.ranks[r]++
	g.bidders[b.Bidder] |= 1 << r
	g.auctions[b.Auction] |= 1 << r
}

func (q *distincts) result(int64) Result {
	var bids, ranks [4]int64 // all, and by rank
	var bidders, auctions [4]int64
	for _, g := range q.groups {
		bids[0] += g.bids
		for r, n := range g.ranks {
			ranks[r+1] += n
		}
		for values, sums := range map[*map[int64]int]*[4]int64{&g.bidders: &bidders, &g.auctions: &auctions} {
			for _, seen := range *values {
				sums[0]++
				for r := range 3 {
					sums[r+1] += int64(seen >> r & 1)
				}
			}
		}
	}
	out := Result{}
	prefix := ""
	if q.channels {
		prefix = "sum_"
		out["rows"], out["sum_rank1_bids"] = int64(len(q.groups)), ranks[1]
	} else {
		out["bids"] = bids[0]
		for r := 1; r <= 3; r++ {
			out[fmt.Sprintf("bids_rank%d", r)] = ranks[r]
		}
	}
	out[prefix+"bidders"], out[prefix+"auctions"] = bidders[0], auctions[0]
	for r := 1; r <= 3; r++ {
		out[fmt.Sprintf("%sbidders_rank%d", prefix, r)] = bidders[r]
		out[fmt.Sprintf("%sauctions_rank%d", prefix, r)] = auctions[r]
	}
	return out
}

// statistics is q17, by auction and day.
type statistics struct{ groups map[string]*statistic }

type statistic struct{ n, least, most, sum int64 }

func (q *statistics) bid(b *Bid) {
	key := fmt.Sprint(b.Auction, day(b))
	g := q.groups[key]
	if g == nil {
		g = &statistic{least: b.Price, most: b.Price}
		q.groups[key] = g
	}
	g.n++
	g.least, g.most, g.sum = min(g.least, b.Price), max(g.most, b.Price), g.sum+b.Price
}

func (q *statistics) result(int64) Result {
	var least, most, average, sum int64
	for _, g := range q.groups {
		least, most, average, sum = least+g.least, most+g.most, average+g.sum/g.n, sum+g.sum
	}
	return Result{"rows": int64(len(q.groups)), "sum_min": least, "sum_max": most, "sum_avg": average, "sum_sum": sum}
}

// newest is q18: the last bid of each bidder on each auction; of equal times the later arrival.
type newest struct{ rows map[[2]int64]Bid }

func (q *newest) bid(b *Bid) {
	key := [2]int64{b.Bidder, b.Auction}
	if old, there := q.rows[key]; !there || b.Time >= old.Time {
		q.rows[key] = Bid{Auction: b.Auction, Bidder: b.Bidder, Price: b.Price, Time: b.Time}
	}
}

func (q *newest) result(int64) Result {
	var auction, bidder, price int64
	for _, b := range q.rows {
		auction, bidder, price = auction+b.Auction, bidder+b.Bidder, price+b.Price
	}
	return Result{"rows": int64(len(q.rows)), "sum_auction": auction, "sum_bidder": bidder, "sum_price": price}
}

// highest is q19: the ten highest bids on each auction. Which of equal prices is kept changes no sum.
type highest struct{ prices map[int64][]int64 }

const kept = 10

func (q *highest) bid(b *Bid) {
	top := q.prices[b.Auction]
	at, _ := slices.BinarySearchFunc(top, b.Price, func(have, price int64) int {
		if have >= price {
			return -1
		}
		return 1
	})
	if at == kept {
		return
	}
	top = slices.Insert(top, at, b.Price)
	q.prices[b.Auction] = top[:min(len(top), kept)]
}

func (q *highest) result(int64) Result {
	var rows, auction, price, ranks int64
	for of, top := range q.prices {
		for i, p := range top {
			rows, auction, price, ranks = rows+1, auction+of, price+p, ranks+int64(i)+1
		}
	}
	return Result{"rows": rows, "sum_auction": auction, "sum_price": price, "sum_rank": ranks}
}
