package expressions

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
)

const batchRows = 4096 // what a busy source delivers

// draw makes the values of a row: each is a function of seed, row and the number of the draw.
type draw struct {
	state uint64
}

func (d *draw) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below draws a number from 0 to n-1.
func (d *draw) below(n int) int { return int(d.next() >> 33 % uint64(n)) }

func (d *draw) of(l []string) string { return l[d.below(len(l))] }

// absent says of one value in fifty that it is null.
func (d *draw) absent() bool { return d.below(50) == 0 }

var (
	first  = []string{"Maria", "Ada", "Jürgen", "Zoë", "Thomas", "Sarah", "Wei", "Olu", "Katarzyna", "John", "Ann", "Peter", "Lucy", "Samuel", "Hannah", "Michael", "Eve", "David", "Laura", "Mary Ann"}
	last   = []string{"Smith", "Lovelace", "García", "Jones", "Brown", "Miller", "Davis", "Wilson", "Anderson", "Taylor", "Moore", "Jackson", "White", "Harris", "Clark", "Lewis"}
	cities = []string{"New York", "Berlin", "San Francisco", "London", "Rio de Janeiro", "Tokyo", "Los Angeles", "Paris", "São Paulo", "Oslo"}
	paths  = []string{"item", "cart", "checkout", "search", "account", "help", "item", "item"}
	agents = []string{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile/15E148",
		"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "SomeCrawler/1.0 (crawler; contact@example.org)"}
	hosts  = []string{"example.com", "mail.example.org", "shop.example.co.uk", "localhost"}
	labels = []string{"sale", "new", "used", "gift", "bulk", "eco", "import", "vintage"}
	colors = []string{"red", "green", "blue", "black", "white"}
)

// table is what the expressions of one kind read: a schema and how a row is drawn.
type table struct {
	schema *batch.Schema
	row    func(d *draw, b []*batch.Builder)
}

func columns(of ...batch.Field) *batch.Schema {
	fields := append([]batch.Field{{Name: "n", Type: batch.BigIntType}}, of...)
	for i := range fields[1:] {
		fields[i+1].Nullable = true
	}
	return batch.NewSchema(fields...)
}

func text(name string) batch.Field { return batch.Field{Name: name, Type: batch.StringType} }

var address = batch.StructType(batch.Field{Name: "city", Type: batch.StringType, Nullable: true}, batch.Field{Name: "zip", Type: batch.StringType, Nullable: true})

// tables returns the table of each kind of case. The builders of a row begin behind the number of the row.
func tables() map[string]table {
	amount := batch.DecimalType(15, 2) // as TPC-H has them
	return map[string]table{
		"integer": {columns(batch.Field{Name: "id", Type: batch.BigIntType}, batch.Field{Name: "quantity", Type: batch.IntType}, batch.Field{Name: "price", Type: batch.DecimalType(12, 2)},
			batch.Field{Name: "extendedprice", Type: amount}, batch.Field{Name: "discount", Type: amount}, batch.Field{Name: "tax", Type: amount}), numbers},
		"string": {columns(text("name"), text("city"), text("url")), texts},
		"date":   {columns(batch.Field{Name: "seen", Type: batch.TimestampType}, batch.Field{Name: "day", Type: batch.DateType}), times},
		"regex":  {columns(text("phone"), text("url"), text("agent"), text("email")), patterns},
		"nested": {columns(batch.Field{Name: "scores", Type: batch.ArrayType(batch.IntType, true)}, batch.Field{Name: "tags", Type: batch.ArrayType(batch.StringType, true)},
			batch.Field{Name: "attributes", Type: batch.MapType(batch.StringType, batch.StringType, true)},
			batch.Field{Name: "customer", Type: batch.StructType(batch.Field{Name: "name", Type: batch.StringType, Nullable: true}, batch.Field{Name: "address", Type: address, Nullable: true})}), nests},
	}
}

// put appends a value, or null now and then.
func put(d *draw, b *batch.Builder, value func()) {
	if d.absent() {
		b.Null()
		return
	}
	value()
}

func numbers(d *draw, b []*batch.Builder) {
	put(d, b[0], func() { b[0].Int64(int64(d.next() >> 24)) })
	put(d, b[1], func() { b[1].Int32(int32(d.below(101))) })
	put(d, b[2], func() { b[2].Decimal(batch.Int128From(int64(d.below(10_000_000)) - 100_000)) })
	put(d, b[3], func() { b[3].Decimal(batch.Int128From(int64(d.below(10_500_000)) + 90_000)) })
	put(d, b[4], func() { b[4].Decimal(batch.Int128From(int64(d.below(11)))) })
	put(d, b[5], func() { b[5].Decimal(batch.Int128From(int64(d.below(9)))) })
}

func texts(d *draw, b []*batch.Builder) {
	put(d, b[0], func() {
		name := d.of(first) + " " + d.of(last)
		switch d.below(4) {
		case 0:
			name = "  " + name
		case 1:
			name += " "
		}
		b[0].String(name)
	})
	put(d, b[1], func() { b[1].String(d.of(cities)) })
	put(d, b[2], func() {
		url := fmt.Sprintf("https://www.example.com/%s/%d/%s.html", d.of(paths), d.below(1_000_000), d.of(colors))
		if d.below(3) == 0 {
			url += fmt.Sprintf("?ref=%d", d.below(100))
		}
		b[2].String(url)
	})
}

func times(d *draw, b []*batch.Builder) {
	const year = 365 * 86_400 * 1_000_000
	var at int64
	put(d, b[0], func() {
		at = 1_735_689_600_000_000 + int64(d.next()%(2*year)) // in 2025 and 2026
		b[0].Int64(at)
	})
	put(d, b[1], func() { b[1].Int32(int32(at/86_400_000_000) - int32(d.below(30))) })
}

func patterns(d *draw, b []*batch.Builder) {
	put(d, b[0], func() {
		b[0].String(fmt.Sprintf("+%d (%03d) %03d-%04d", 1+d.below(90), d.below(1000), d.below(1000), d.below(10000)))
	})
	put(d, b[1], func() { // as Nexmark's bids have them
		url := fmt.Sprintf("https://www.nexmark.com/%x/%x/item.htm?query=1", d.below(1<<20), d.below(1<<20))
		if d.below(10) > 0 {
			url += fmt.Sprintf("&channel_id=%d", d.next()>>33)
		}
		b[1].String(url)
	})
	put(d, b[2], func() { b[2].String(d.of(agents)) })
	put(d, b[3], func() {
		b[3].String(fmt.Sprintf("%s.%d@%s", []string{"maria", "ada_l", "Thomas", "wei", "olu.k", "john smith"}[d.below(6)], d.below(10000), d.of(hosts)))
	})
}

func nests(d *draw, b []*batch.Builder) {
	put(d, b[0], func() {
		for range d.below(9) {
			b[0].Kids[0].Int32(int32(d.below(100)))
		}
		b[0].List()
	})
	put(d, b[1], func() {
		for range d.below(6) {
			b[1].Kids[0].String(d.of(labels))
		}
		b[1].List()
	})
	put(d, b[2], func() {
		for k, key := range []string{"size", "color", "brand", "weight"} {
			if d.below(3) > 0 {
				b[2].Kids[0].String(key)
				b[2].Kids[1].String([]string{"XL", d.of(colors), "Acme", "12 kg"}[k])
			}
		}
		b[2].List()
	})
	c := b[3]
	put(d, c, func() {
		c.Kids[0].String(d.of(first))
		put(d, c.Kids[1], func() {
			c.Kids[1].Kids[0].String(d.of(cities))
			c.Kids[1].Kids[1].String(fmt.Sprint(10000 + d.below(90000)))
			c.Kids[1].Struct()
		})
		c.Struct()
	})
}

// batches draws the rows of a table.
func (t table) batches(seed uint64, rows int) []*batch.Batch {
	var out []*batch.Batch
	b := make([]*batch.Builder, len(t.schema.Fields))
	for i, f := range t.schema.Fields {
		b[i] = batch.NewBuilder(f.Type, nil)
	}
	for next := 0; next < rows; next += batchRows {
		n := min(batchRows, rows-next)
		for i := next; i < next+n; i++ {
			d := draw{state: seed<<40 ^ uint64(i)<<8}
			d.state = d.next()
			b[0].Int64(int64(i))
			t.row(&d, b[1:])
		}
		made := make([]*batch.Column, len(b))
		for i := range b {
			made[i] = b[i].Finish()
		}
		out = append(out, batch.NewBatch(t.schema, n, made...))
	}
	return out
}
