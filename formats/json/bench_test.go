package json

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/deltaic/deltaic/batch"
)

func field(name string, t batch.Type) batch.Field {
	return batch.Field{Name: name, Type: t, Nullable: true}
}

// flatType and flatLines are the 230-byte event of the design's measurements.
var flatType = batch.StructType(
	field("event_id", batch.StringType), field("user_id", batch.BigIntType), field("session", batch.StringType),
	field("event_type", batch.StringType), field("amount", batch.DoubleType), field("country", batch.StringType),
	field("url", batch.StringType), field("ts", batch.BigIntType))

func flatLines(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"event_id":"%016x%016x","user_id":%d,"session":"s-%012d","event_type":"%s","amount":%d.%02d,"country":"%s","url":"https://shop.example.org/items/%06d?ref=mail","ts":%d}`+"\n",
			r.Uint64(), r.Uint64(), r.IntN(10_000_000), r.IntN(1e12), []string{"click", "view", "purchase"}[r.IntN(3)],
			r.IntN(1000), r.IntN(100), []string{"DE", "FR", "US", "JP"}[r.IntN(4)], r.IntN(1e6), 1700000000000+int64(i)*7)
	}
	return b.Bytes()
}

var (
	personType = batch.StructType(field("id", batch.BigIntType), field("name", batch.StringType),
		field("emailAddress", batch.StringType), field("creditCard", batch.StringType), field("city", batch.StringType),
		field("state", batch.StringType), field("dateTime", batch.TimestampType), field("extra", batch.StringType))
	auctionType = batch.StructType(field("id", batch.BigIntType), field("itemName", batch.StringType),
		field("description", batch.StringType), field("initialBid", batch.BigIntType), field("reserve", batch.BigIntType),
		field("dateTime", batch.TimestampType), field("expires", batch.TimestampType), field("seller", batch.BigIntType),
		field("category", batch.BigIntType), field("extra", batch.StringType))
	bidType = batch.StructType(field("auction", batch.BigIntType), field("bidder", batch.BigIntType),
		field("price", batch.BigIntType), field("channel", batch.StringType), field("url", batch.StringType),
		field("dateTime", batch.TimestampType), field("extra", batch.StringType))
	nexmarkType = batch.StructType(field("event_type", batch.IntType), field("person", personType),
		field("auction", auctionType), field("bid", bidType))
)

func nexmarkLines(n int) []byte {
	r := rand.New(rand.NewPCG(3, 4))
	text := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = 'a' + byte(r.IntN(26))
		}
		return string(b)
	}
	var b bytes.Buffer
	for i := range n {
		at := fmt.Sprintf("2015-07-15 00:%02d:%02d.%03d", i/60000%60, i/1000%60, i%1000)
		switch k := i % 50; {
		case k == 0:
			fmt.Fprintf(&b, `{"event_type":0,"person":{"id":%d,"name":"Peter Walton","emailAddress":"%s@%s.com","creditCard":"4429 0752 1464 3215","city":"Los Angeles","state":"WY","dateTime":"%s","extra":"%s"},"auction":null,"bid":null}`+"\n",
				1000+i, text(7), text(5), at, text(60+r.IntN(40)))
		case k < 4:
			fmt.Fprintf(&b, `{"event_type":1,"person":null,"auction":{"id":%d,"itemName":"%s","description":"%s","initialBid":%d,"reserve":%d,"dateTime":"%s","expires":"%s","seller":%d,"category":%d,"extra":"%s"},"bid":null}`+"\n",
				1000+i, text(12), text(60), r.IntN(1e5), r.IntN(1e6), at, at, 1000+r.IntN(1000), 10+r.IntN(5), text(100))
		default:
			fmt.Fprintf(&b, `{"event_type":2,"person":null,"auction":null,"bid":{"auction":%d,"bidder":%d,"price":%d,"channel":"%s","url":"https://www.nexmark.com/%s/%s/%s/item.htm?query=1&channel_id=%d","dateTime":"%s","extra":"%s"}}`+"\n",
				1000+r.IntN(1e5), 1000+r.IntN(1e5), r.IntN(1e8), []string{"Google", "Facebook", "Baidu", "Apple", "channel-1234"}[r.IntN(5)],
				text(5), text(5), text(4), r.IntN(1e9), at, text(32+r.IntN(25)))
		}
	}
	return b.Bytes()
}

func benchmarkLines(b *testing.B, t batch.Type, data []byte) {
	records := bytes.Count(data, []byte("\n"))
	d, err := NewDecoder(t, Options{})
	if err != nil {
		b.Fatal(err)
	}
	pool := batch.NewPool()
	to := batch.NewBuilder(t, pool)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	cpu := cpuTime()
	for b.Loop() {
		if n, err := d.DecodeLines(data, to); n != records || err != nil {
			b.Fatal(n, err)
		}
		c := to.Finish()
		if c.Nulls() != 0 {
			b.Fatal("null rows")
		}
		c.Release()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(records), "ns/record")
	b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N)/float64(records), "cpu-ns/record")
	b.ReportMetric(float64(len(data))/float64(records), "B/record")
}

func benchmarkStandard[T any](b *testing.B, data []byte) {
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	b.SetBytes(int64(len(data)))
	cpu := cpuTime()
	for b.Loop() {
		for _, line := range lines {
			var v T
			if err := stdjson.Unmarshal(line, &v); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(lines)), "ns/record")
	b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N)/float64(len(lines)), "cpu-ns/record")
}

// benchmarkRecords decodes the lines by column or one by one.
func benchmarkRecords(b *testing.B, t batch.Type, data []byte, column bool) {
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	texts := batch.NewBuilder(batch.BinaryType, nil)
	for _, line := range lines {
		texts.Bytes(line)
	}
	in := texts.Finish()
	d := decoder(b, t, Options{})
	to := batch.NewBuilder(t, batch.NewPool())
	b.SetBytes(int64(len(data)))
	cpu := cpuTime()
	for b.Loop() {
		if column {
			d.DecodeColumn(in, nil, to, func(_ int, err *Error) { b.Fatal(err) })
		} else {
			for _, line := range lines {
				if err := d.Decode(line, to); err != nil {
					b.Fatal(err)
				}
			}
		}
		to.Finish().Release()
	}
	b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N)/float64(len(lines)), "cpu-ns/record")
}

type flatEvent struct {
	EventID string `json:"event_id"`
	UserID  int64  `json:"user_id"`
	Session string
	Type    string `json:"event_type"`
	Amount  float64
	Country string
	URL     string
	TS      int64
}

type nexmarkEvent struct {
	Type   int `json:"event_type"`
	Person *struct {
		ID                                                           int64
		Name, EmailAddress, CreditCard, City, State, DateTime, Extra string
	}
	Auction *struct {
		ID, InitialBid, Reserve, Seller, Category       int64
		ItemName, Description, DateTime, Expires, Extra string
	}
	Bid *struct {
		Auction, Bidder, Price        int64
		Channel, URL, DateTime, Extra string
	}
}

func BenchmarkFlat(b *testing.B) {
	data := flatLines(4096)
	b.Run("columns", func(b *testing.B) { benchmarkLines(b, flatType, data) })
	b.Run("from_json", func(b *testing.B) { benchmarkRecords(b, flatType, data, true) })
	b.Run("one by one", func(b *testing.B) { benchmarkRecords(b, flatType, data, false) })
	b.Run("standard", func(b *testing.B) { benchmarkStandard[flatEvent](b, data) })
}

func BenchmarkNexmark(b *testing.B) {
	data := nexmarkLines(4096)
	b.Run("columns", func(b *testing.B) { benchmarkLines(b, nexmarkType, data) })
	b.Run("bids only", func(b *testing.B) { benchmarkLines(b, batch.StructType(field("bid", bidType)), data) })
	b.Run("from_json", func(b *testing.B) { benchmarkRecords(b, nexmarkType, data, true) })
	b.Run("one by one", func(b *testing.B) { benchmarkRecords(b, nexmarkType, data, false) })
	b.Run("standard", func(b *testing.B) { benchmarkStandard[nexmarkEvent](b, data) })
}
