package nexmark

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"time"
)

// Constants of the benchmark.
const (
	BaseTime       = 1436918400000 // event time of event 0, milliseconds since 1970: 2015-07-15
	WatermarkDelay = 4000          // milliseconds by which the benchmark's watermark trails

	firstID       = 1000 // of persons and of auctions
	firstCategory = 10
	runLength     = 50 // ids that hold 1 person, 3 auctions and 46 bids
	poolSize      = 1 << 20
	coldChannels  = 10000
	special       = 1 << 62 // stream ids from here on are not events
	expiryAhead   = 100 * runLength / 3
)

var (
	firstNames  = [...]string{"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"}
	lastNames   = [...]string{"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"}
	cities      = [...]string{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"}
	states      = [...]string{"AZ", "CA", "ID", "OR", "WA", "WY"}
	hotChannels = [...]string{"Google", "Facebook", "Baidu", "Apple"}
)

// Options says which run to make. The zero value of a field means its default.
type Options struct {
	Events     uint64  // rows, without the duplicates
	TPS        float64 // events per second of event time; default 10 000
	Seed       uint64  // 0 is a seed like any other; the benchmark's is 1
	OutOfOrder uint64  // size of the groups in which events are out of order; default 1: none are
	HotAuction uint64  // one bid in so many is on any auction, the others on the hot one of their hundred; default 2; 1: all are on any
	Number     bool    // begin each record with "n", the row's number
	Duplicates float64 // share of rows behind which an earlier row is repeated, 0..1
	Broken     float64 // share of rows that are damaged, 0..1
	Late       float64 // share of the other rows that are behind the watermark, 0..1
	Disorder   float64 // share of what is left whose event time is moved back by less than the watermark's delay, 0..1
	Partitions int     // default 1
}

func (o Options) withDefaults() (Options, error) {
	if o.TPS == 0 {
		o.TPS = 10000
	}
	if o.OutOfOrder == 0 {
		o.OutOfOrder = 1
	}
	if o.HotAuction == 0 {
		o.HotAuction = 2
	}
	if o.Partitions == 0 {
		o.Partitions = 1
	}
	var problems []error
	for _, share := range []struct {
		name  string
		value float64
	}{{"duplicates", o.Duplicates}, {"broken", o.Broken}, {"late", o.Late}, {"disorder", o.Disorder}} {
		if !(share.value >= 0 && share.value <= 1) {
			problems = append(problems, fmt.Errorf("%s is %v, it must lie in 0..1", share.name, share.value))
		}
	}
	if !(o.TPS > 0 && o.TPS <= 1e9) {
		problems = append(problems, fmt.Errorf("tps is %v, it must lie above 0 and not above 1e9", o.TPS))
	}
	if o.Partitions < 0 {
		problems = append(problems, fmt.Errorf("partitions is %d, it must be at least 1", o.Partitions))
	}
	if o.OutOfOrder > 1<<32 || o.Events > 1<<53 {
		problems = append(problems, errors.New("events is limited to 2^53 and out-of-order to 2^32"))
	}
	return o, errors.Join(problems...)
}

// Generator makes the events of one run. It is not safe for use by several
// goroutines; [Generator.Clone] is cheap.
type Generator struct {
	o       Options
	delay   float64 // microseconds of event time from one event to the next
	pool    []byte
	hotURL  [len(hotChannels)]string
	coldURL []string // url of each cold channel
	cold    []string // its name
	seconds timeText
}

// New returns the generator of a run.
func New(o Options) (*Generator, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("nexmark: %w", err)
	}
	g := &Generator{o: o, delay: 1e6 / o.TPS, pool: make([]byte, 0, poolSize)}
	r := newStream(o.Seed, special+20000)
	for len(g.pool) < poolSize {
		for d, i := r.draw(), 0; i < 8; d, i = d>>8, i+1 {
			g.pool = append(g.pool, 'a'+byte(d&255*26>>8))
		}
	}
	for j := range hotChannels {
		r := newStream(o.Seed, special+coldChannels+uint64(j))
		g.hotURL[j] = string(appendURL(nil, &r))
	}
	g.coldURL, g.cold = make([]string, coldChannels), make([]string, coldChannels)
	for i := range uint32(coldChannels) {
		g.cold[i] = "channel-" + strconv.Itoa(int(i))
		r := newStream(o.Seed, special+uint64(i))
		url := appendURL(nil, &r)
		if r.below(10) > 0 {
			url = append(url, "&channel_id="...)
			id := int32(bits.Reverse32(i))
			if id < 0 {
				id = -id // the least int32 stays negative, as in Java
			}
			url = strconv.AppendInt(url, int64(id), 10)
		}
		g.coldURL[i] = string(url)
	}
	return g, nil
}

// Clone returns a generator of the same run for use by another goroutine.
func (g *Generator) Clone() *Generator {
	c := *g
	return &c
}

func appendURL(dst []byte, r *stream) []byte {
	dst = append(dst, "https://www.nexmark.com/"...)
	for range 3 {
		dst = append(r.appendString(dst, 5, '_'), '/')
	}
	return append(dst, "item.htm?query=1"...)
}

// ID returns the id of event number k: k itself, or another of its group when events are out of order.
func (g *Generator) ID(k uint64) uint64 {
	group := g.o.OutOfOrder
	if group == 1 {
		return k
	}
	return k/group*group + k*953%group
}

// time returns the event time of id e in milliseconds since 1970.
func (g *Generator) time(e uint64) int64 {
	return BaseTime + int64(float64(e)*g.delay)/1000
}

// EventTime returns the event time of event number k in milliseconds since
// 1970, before any lateness.
func (g *Generator) EventTime(k uint64) int64 { return g.time(g.ID(k)) }

// timeText remembers the text of the last second rendered.
type timeText struct {
	second int64
	text   [20]byte // "2015-07-15 00:00:00."
}

func (t *timeText) append(dst []byte, ms int64) []byte {
	second := ms / 1000
	if second != t.second || t.text[0] == 0 {
		t.second = second
		time.Unix(second, 0).UTC().AppendFormat(t.text[:0], "2006-01-02 15:04:05.")
	}
	ms -= second * 1000
	dst = append(dst, t.text[:]...)
	return append(dst, '0'+byte(ms/100), '0'+byte(ms/10%10), '0'+byte(ms%10))
}
