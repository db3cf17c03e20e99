package soak

import (
	"fmt"
	"strings"
	"time"
)

// plan says which record lies where: record n of the topic is at offset n/partitions of partition n%partitions.
type plan struct {
	partitions int64
	rate       int64 // rows a second of event time
}

// base is the event time of the first row, milliseconds.
var base = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

const (
	keys   = 97 // of the sums
	hot    = 7  // the key of every second row
	window = 60_000
	schema = "n BIGINT, k BIGINT, amount BIGINT, at TIMESTAMP"
	delay  = 10 * time.Second
)

// kind is what a record is.
type kind uint8

const (
	good kind = iota
	twice
	broken
)

// row is what a good record says.
type row struct{ n, k, amount, at int64 }

// of returns what record n is, and the row that it holds unless it is broken: of a record that comes twice the earlier one.
func (p plan) of(n int64) (kind, row) {
	switch {
	case n%100 == 41:
		return broken, p.row(n)
	case n%100 == 77 && n >= 10*p.partitions:
		return twice, p.row(n - 10*p.partitions) // the same partition, so which of the two is first is fixed
	}
	return good, p.row(n)
}

func (p plan) row(n int64) row {
	k := int64(hot)
	if n/p.partitions%2 == 0 {
		k = n * 31 % keys
	}
	return row{n: n, k: k, amount: n * 7919 % 10_007, at: base + n*1000/p.rate}
}

// value is the text of record n.
func (p plan) value(n int64) []byte {
	kind, r := p.of(n)
	text := fmt.Sprintf(`{"n":%d,"k":%d,"amount":%d,"at":"%s"}`, r.n, r.k, r.amount, time.UnixMilli(r.at).UTC().Format("2006-01-02T15:04:05.000Z"))
	if kind == broken {
		text = damages[n/100%int64(len(damages))](text)
	}
	return []byte(text)
}

var damages = []func(string) string{
	func(s string) string { return s[:len(s)/2] },
	func(s string) string { return "oops " + s },
	func(s string) string { return strings.Replace(s, `"amount":`, `"amount":"much",x`, 1) },
	func(s string) string { return strings.Replace(s, `"n":`, `"n":99999999999999999999`, 1) },
	func(s string) string { return strings.Replace(s, "2026-01-", "2026-99-", 1) },
}
