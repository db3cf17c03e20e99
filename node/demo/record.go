package demo

import (
	"bytes"
	"strconv"
	"time"
)

// Kind says what a record is meant to be.
type Kind uint8

// The kinds of records.
const (
	Good      Kind = iota // an order
	Duplicate             // an order that another record holds too, byte for byte
	Broken                // damaged: it must not decode
)

// String returns the kind's name.
func (k Kind) String() string { return [...]string{"good", "duplicate", "broken"}[k%3] }

// Record is what lies at an offset of the topic.
type Record struct {
	Key       []byte
	Value     []byte
	Timestamp int64 // milliseconds since 1970
	Kind      Kind
	// Origin is the record whose order this is: itself, but for a duplicate.
	Origin Place
	Order  Order  // zero if broken
	Damage string // how it is broken, "" if it is not
}

// Place is an offset of a partition.
type Place struct {
	Partition int32
	Offset    int64
}

// Order is a decoded order.
type Order struct {
	ID       string
	Customer int64
	Region   string
	Cents    int64 // the amount
	Currency string
	At       int64 // milliseconds since 1970
	Items    []Item
}

// Item is a line of an order.
type Item struct {
	SKU      string
	Quantity int64
	Cents    int64 // price of one
}

// Schema is the DDL that a flow decodes the orders' JSON with; a record that is broken fails to decode with it.
const Schema = "order_id STRING, customer BIGINT, region STRING, amount DECIMAL(12,2), currency STRING, at TIMESTAMP, " +
	"items ARRAY<STRUCT<sku: STRING, quantity: BIGINT, price: DECIMAL(12,2)>>"

// FlatSchema is Schema without the nested column.
const FlatSchema = "order_id STRING, customer BIGINT, region STRING, amount DECIMAL(12,2), currency STRING, at TIMESTAMP"

var (
	regions    = [...]string{"north", "east", "south", "west", "islands"}
	currencies = [...]string{"EUR", "EUR", "EUR", "CHF", "SEK"}
	goods      = [...]string{"lamp", "chair", "table", "shelf", "rug", "vase", "clock", "mirror", "stool", "bench", "mug", "plate"}
	damages    = [...]string{"half", "unclosed", "text", "amount", "customer", "at", "control", "number"}
)

const (
	duplicateReach = 400  // offsets a duplicate looks back
	disorder       = 2000 // milliseconds that an order in time is behind its record at most
	punctual       = 10   // the first offsets of a partition, before which no watermark is, are never late
)

// Window is the length of the windows of the table gold, in milliseconds.
const Window = 60_000

// random is SplitMix64.
type random uint64

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

func (r *random) draw() uint64 {
	*r += 0x9E3779B97F4A7C15
	return mix(uint64(*r))
}

func (r *random) below(n uint64) uint64 { return (r.draw() >> 32) * n >> 32 }

func (p Plan) stream(purpose uint64, partition int32, offset int64) random {
	return random(mix(p.Seed ^ mix(purpose<<32|uint64(uint32(partition))) ^ mix(uint64(offset)+0x6F7264657273)))
}

// kind returns what the record at the place is, without making it.
func (p Plan) kind(at Place) (Kind, Place, random) {
	r := p.stream(1, at.Partition, at.Offset)
	share := float64(r.draw()>>11) / (1 << 53)
	switch {
	case share < BrokenShare:
		return Broken, at, r
	case share >= BrokenShare+DuplicateShare || at.Offset == 0:
		return Good, at, r
	}
	of := Place{Partition: int32(r.below(uint64(p.Partitions))), Offset: at.Offset - 1 - int64(r.below(uint64(min(at.Offset, duplicateReach))))}
	// Only an order that was made for its own place is repeated, so a chain of duplicates cannot arise.
	for tries := 0; of.Offset >= 0 && tries < 100; tries++ {
		t := p.stream(1, of.Partition, of.Offset)
		if s := float64(t.draw()>>11) / (1 << 53); s >= BrokenShare+DuplicateShare {
			return Duplicate, of, r
		}
		of.Offset--
	}
	return Good, at, r
}

// Kind returns what kind of record lies at the offset, and whose order it holds.
func (p Plan) Kind(partition int32, offset int64) (Kind, Place) {
	k, origin, _ := p.kind(Place{partition, offset})
	return k, origin
}

// Record returns what lies at the offset of the partition. It is a pure function of the plan.
func (p Plan) Record(partition int32, offset int64) Record {
	at := Place{partition, offset}
	kind, origin, r := p.kind(at)
	order := p.order(origin)
	record := Record{
		Key:       strconv.AppendInt(nil, order.Customer, 10),
		Value:     order.appendJSON(make([]byte, 0, 256)),
		Timestamp: p.time(at),
		Kind:      kind,
		Origin:    origin,
		Order:     order,
	}
	if kind == Broken {
		way := r.below(uint64(len(damages)))
		record.Damage, record.Order = damages[way], Order{}
		record.Value = damage(record.Value, record.Damage, order)
	}
	return record
}

// time returns when the record at the place is created.
func (p Plan) time(at Place) int64 {
	return p.BaseTime + (at.Offset*int64(p.Partitions)+int64(at.Partition))*1000/int64(p.Rate)
}

// orderID names the order that was made for a place.
func orderID(at Place) string {
	b := append(make([]byte, 0, 24), 'o', '-')
	b = append(strconv.AppendInt(b, int64(at.Partition), 10), '-')
	return string(strconv.AppendInt(b, at.Offset, 10))
}

// late says by how many milliseconds the order that was made for the place is moved back, if it is late: so far
// that its window is over whichever partition brings it.
func (p Plan) late(at Place) (int64, bool) {
	r := p.stream(3, at.Partition, at.Offset)
	if float64(r.draw()>>11)/(1<<53) >= LateShare || at.Offset < punctual {
		return 0, false
	}
	return p.Delay()*1000 + 2*Window + int64(r.below(Window)), true
}

// Late reports whether the order that was made for the place comes behind the watermark of every partition.
func (p Plan) Late(at Place) bool {
	_, late := p.late(at)
	return late
}

func (p Plan) order(at Place) Order {
	r := p.stream(2, at.Partition, at.Offset)
	o := Order{
		ID:       orderID(at),
		Customer: 1 + int64(r.below(10000)),
		Region:   regions[r.below(uint64(len(regions)))],
		Currency: currencies[r.below(uint64(len(currencies)))],
		At:       p.time(at) - int64(r.below(disorder)),
	}
	if by, late := p.late(at); late {
		o.At -= by
	}
	for range 1 + r.below(4) {
		item := Item{
			SKU:      goods[r.below(uint64(len(goods)))] + "-" + strconv.Itoa(int(100+r.below(900))),
			Quantity: 1 + int64(r.below(5)),
			Cents:    99 + int64(r.below(50000)),
		}
		o.Cents += item.Quantity * item.Cents
		o.Items = append(o.Items, item)
	}
	return o
}

func appendCents(b []byte, cents int64) []byte {
	b = append(strconv.AppendInt(b, cents/100, 10), '.')
	return append(b, '0'+byte(cents/10%10), '0'+byte(cents%10))
}

// appendJSON renders the order as it stands in the topic. No text in it needs escaping.
func (o Order) appendJSON(b []byte) []byte {
	b = append(append(b, `{"order_id":"`...), o.ID...)
	b = strconv.AppendInt(append(b, `","customer":`...), o.Customer, 10)
	b = append(append(b, `,"region":"`...), o.Region...)
	b = appendCents(append(b, `","amount":`...), o.Cents)
	b = append(append(b, `,"currency":"`...), o.Currency...)
	b = time.UnixMilli(o.At).UTC().AppendFormat(append(b, `","at":"`...), "2006-01-02T15:04:05.000Z")
	b = append(b, `","items":[`...)
	for i, item := range o.Items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `{"sku":"`...), item.SKU...)
		b = strconv.AppendInt(append(b, `","quantity":`...), item.Quantity, 10)
		b = append(appendCents(append(b, `,"price":`...), item.Cents), '}')
	}
	return append(b, "]}"...)
}

// damage breaks an order's JSON so that it decodes neither as JSON nor, where
// it still is JSON, by Schema.
func damage(value []byte, way string, o Order) []byte {
	switch way {
	case "half":
		return value[:len(value)/2]
	case "unclosed":
		return value[:len(value)-1]
	case "text":
		return []byte("order " + o.ID + " was lost in the post")
	case "amount":
		return replaceOnce(value, `"amount":`, `"amount":"a lot","was":`)
	case "customer":
		return replaceOnce(value, `"customer":`, `"customer":"somebody","was":`)
	case "at":
		return replaceOnce(value, `"at":"`, `"at":"yesterday","was":"`)
	case "control":
		value[2] = 1
		return value
	default:
		return strconv.AppendInt(value[:0], o.Customer, 10)
	}
}

func replaceOnce(value []byte, old, new string) []byte {
	return bytes.Replace(value, []byte(old), []byte(new), 1)
}
