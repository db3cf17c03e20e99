package kafka

import (
	"math"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/batch"
)

// What is held for paused parts is bound for all of them together, also where records have neither key nor value, and charged.
func TestPausedPartsHoldUpToOneBound(t *testing.T) {
	const bound, header = 1 << 20, 1000
	account := batch.NewAccount("test", 0)
	r := &reader{in: Source("t", Brokers("none:1")), aside: aside{bound: bound, account: account}}
	var parts []*split
	for i := range int32(4) {
		parts = append(parts, &split{part: part{partition{"t", 0}, i, 4, 0, stripeOffsets}, until: math.MaxInt64, paused: i > 0, feed: &feed{}})
	}
	for i := range int64(20_000) {
		record := &kgo.Record{Offset: i}
		if i%2 == 0 {
			record.Headers = []kgo.RecordHeader{{Key: "h", Value: make([]byte, header)}}
		}
		s := parts[i/stripeOffsets%4]
		s.hold([]*kgo.Record{record}, &r.aside)
	}
	held, memory := 0, 0
	for _, s := range parts[1:] {
		held += len(s.held)
		for _, record := range s.held {
			memory += 100
			for _, h := range record.Headers {
				memory += len(h.Value)
			}
		}
		if !s.lags {
			t.Errorf("part %d lags not, with %d records", s.of, len(s.held))
		}
	}
	if held == 0 || memory > bound || r.aside.bytes < bound || r.aside.bytes > bound+4*2*header {
		t.Errorf("%d records of at least %d bytes are held, %d are counted, the bound is %d", held, memory, r.aside.bytes, bound)
	}
	if account.Used() != r.aside.bytes {
		t.Errorf("%d bytes are charged of %d", account.Used(), r.aside.bytes)
	}
	if n := len(parts[0].held); parts[0].lags || n < 20_000/4 {
		t.Errorf("the part that is not paused lags with %d records", n)
	}
	for _, s := range parts[1:] {
		r.gave(s, s.bytes)
	}
	if account.Used() != 0 || r.aside.bytes != 0 {
		t.Errorf("%d bytes stay charged", account.Used())
	}
}

// A part whose memory account is at its limit holds nothing more while it is paused.
func TestPausedPartsHoldNothingWhereMemoryIsShort(t *testing.T) {
	account := batch.NewAccount("test", 100)
	account.Charge(100)
	s := &split{part: part{partition{"t", 0}, 0, 2, 0, stripeOffsets}, until: math.MaxInt64, paused: true}
	s.hold([]*kgo.Record{{Offset: 0}}, &aside{bound: defaultAside, account: account})
	if !s.lags || len(s.held) > 0 {
		t.Errorf("%d records are held", len(s.held))
	}
}
