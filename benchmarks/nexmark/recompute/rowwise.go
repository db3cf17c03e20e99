package recompute

import (
	"regexp"
	"strings"
	"time"
)

// prices is the queries that look at rows alone and sum their numbers: q0, q1, q2 and q14.
type prices struct {
	name                                    string
	rows, auction, bidder, price, extra, cs int64
	converted                               int64 // thousandths: 0.908 times cents
}

func (q *prices) bid(b *Bid) {
	switch q.name {
	case "q2":
		if b.Auction%123 != 0 {
			return
		}
	case "q14":
		if b.Price < 1101322 || b.Price > 55066079 {
			return
		}
		q.cs += int64(strings.Count(b.Extra, "c"))
	}
	q.rows++
	q.auction += b.Auction
	q.bidder += b.Bidder
	q.price += b.Price
	q.extra += int64(len(b.Extra))
	q.converted += b.Price * 908
}

func (q *prices) result(int64) Result {
	switch q.name {
	case "q1":
		return Result{"rows": q.rows, "sum_price": decimal(q.converted)}
	case "q2":
		return Result{"rows": q.rows, "sum_auction": q.auction, "sum_price": q.price}
	case "q14":
		return Result{"rows": q.rows, "sum_c": q.cs, "sum_price": decimal(q.converted)}
	}
	return Result{"rows": q.rows, "sum_auction": q.auction, "sum_bidder": q.bidder, "sum_price": q.price, "len_extra": q.extra}
}

// minutes counts the rows of each partition of q10.
type minutes struct{ rows map[string]int64 }

func (q *minutes) bid(b *Bid) { q.rows[time.UnixMilli(b.Time).UTC().Format("15:04")]++ }

func (q *minutes) result(int64) Result { return Result{"rows_by_partition": q.rows} }

// lookup is q13: every key of the table of 10,000 rows exists, and its value is its digits.
type lookup struct{ rows, value int64 }

func (q *lookup) bid(b *Bid) {
	q.rows++
	n := b.Auction % 10000
	q.value++
	for ; n >= 10; n /= 10 {
		q.value++
	}
}

func (q *lookup) result(int64) Result { return Result{"rows": q.rows, "len_value": q.value} }

// channels is q21.
type channels struct {
	rows, length int64
	distinct     map[string]bool
}

var channelID = regexp.MustCompile(`(?:&|^)channel_id=([^&]*)`)

func (q *channels) bid(b *Bid) {
	id, known := map[string]string{"apple": "0", "google": "1", "facebook": "2", "baidu": "3"}[strings.ToLower(b.Channel)]
	if !known {
		m := channelID.FindStringSubmatch(b.URL)
		if m == nil {
			return
		}
		id = m[1]
	}
	q.rows++
	q.length += int64(len(id))
	q.distinct[id] = true
}

func (q *channels) result(int64) Result {
	return Result{"rows": q.rows, "len_channel_id": q.length, "distinct_channel_id": int64(len(q.distinct))}
}

// segments is q22.
type segments struct {
	rows, length int64
	first        map[string]bool
}

func (q *segments) bid(b *Bid) {
	parts := strings.Split(b.URL, "/")
	q.rows++
	q.first[strings.Clone(parts[3])] = true
	q.length += int64(len(parts[3]) + len(parts[4]) + len(parts[5]))
}

func (q *segments) result(int64) Result {
	return Result{"rows": q.rows, "distinct_dir1": int64(len(q.first)), "len_dirs": q.length}
}
