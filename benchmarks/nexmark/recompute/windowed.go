package recompute

import "slices"

// hottest is q5: the auctions with the most bids in each hop of 10 s every 2 s.
type hottest struct {
	late
	counts map[int64]map[int64]int64
}

func (q *hottest) bid(b *Bid) {
	newest, counted := floorTo(b.Time, 2000), false
	for start := newest; start > newest-10000; start -= 2000 {
		if closed(start+10000, b.Behind) {
			continue
		}
		counted = true
		if q.counts[start] == nil {
			q.counts[start] = map[int64]int64{}
		}
		q.counts[start][b.Auction]++
	}
	if !counted {
		q.rows++
	}
}

func (q *hottest) result(watermark int64) Result {
	var rows, windows, num, auctions int64
	for start, counts := range q.counts {
		if !closed(start+10000, watermark) {
			continue
		}
		most := int64(0)
		for _, n := range counts {
			most = max(most, n)
		}
		windows++
		for auction, n := range counts {
			if n == most {
				rows, num, auctions = rows+1, num+n, auctions+auction
			}
		}
	}
	return Result{"rows": rows, "windows": windows, "sum_num": num, "sum_auction": auctions}
}

// closed reports whether the benchmark's watermark has passed the last millisecond
// of a window that ends there.
func closed(end, watermark int64) bool { return end-1 <= watermark }

// sessions is q11: the bids of each bidder between pauses of more than 10 s.
type sessions struct {
	late
	times map[int64][]int64
}

const (
	sessionGap = 10000
	modulus    = 1000003
)

func (q *sessions) bid(b *Bid) {
	if b.Time <= b.Behind {
		q.rows++
		return
	}
	q.times[b.Bidder] = append(q.times[b.Bidder], b.Time)
}

func (q *sessions) result(watermark int64) Result {
	var rows, most, starts, ends int64
	bidders := map[int64]bool{}
	for bidder, times := range q.times {
		slices.Sort(times)
		for first := 0; first < len(times); {
			last := first
			for last+1 < len(times) && times[last+1]-times[last] <= sessionGap {
				last++
			}
			if end := times[last] + sessionGap; closed(end, watermark) {
				rows++
				bidders[bidder] = true
				most = max(most, int64(last-first+1))
				starts += times[first] % modulus
				ends += end % modulus
			}
			first = last + 1
		}
	}
	return Result{"rows": rows, "bidders": int64(len(bidders)), "max_count": most, "sum_start_mod": starts, "sum_end_mod": ends}
}

// tumbles is q12 on event time: the bids of each bidder in each 10 s.
type tumbles struct {
	late
	counts map[[2]int64]int64
}

func (q *tumbles) bid(b *Bid) {
	start := floorTo(b.Time, 10000)
	if closed(start+10000, b.Behind) {
		q.rows++
		return
	}
	q.counts[[2]int64{start, b.Bidder}]++
}

func (q *tumbles) result(watermark int64) Result {
	var rows, sum int64
	for key, n := range q.counts {
		if closed(key[0]+10000, watermark) {
			rows, sum = rows+1, sum+n
		}
	}
	return Result{"rows": rows, "sum_count": sum}
}
