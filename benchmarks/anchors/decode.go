package anchors

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/benchmarks/nexmark"
)

// Bid is a bid of the benchmark as encoding/json decodes it.
type Bid struct {
	Auction  int64  `json:"auction"`
	Bidder   int64  `json:"bidder"`
	Price    int64  `json:"price"`
	Channel  string `json:"channel"`
	URL      string `json:"url"`
	DateTime string `json:"dateTime"`
	Extra    string `json:"extra"`
}

type event struct {
	Type    int             `json:"event_type"`
	Person  json.RawMessage `json:"person"`
	Auction json.RawMessage `json:"auction"`
	Bid     *Bid            `json:"bid"`
}

// Decode is the bytes for the encoding/json anchor.
type Decode struct {
	lines [][]byte
	bytes int64
}

// NewDecode makes about size bytes of events.
func NewDecode(size int64) (*Decode, error) {
	d := &Decode{}
	g, err := nexmark.New(nexmark.Options{Events: 1 << 40, Seed: 1})
	if err != nil {
		return nil, err
	}
	for k := uint64(0); d.bytes < size; k++ {
		line := g.AppendEvent(nil, k)
		d.lines = append(d.lines, line)
		d.bytes += int64(len(line)) + 1
	}
	return d, nil
}

// Run decodes every event into structs and returns events per CPU-second.
func (d *Decode) Run() (float64, error) {
	before := measure.Used()
	bids := 0
	for _, line := range d.lines {
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return 0, fmt.Errorf("bench: encoding/json: %w", err)
		}
		if e.Bid != nil {
			bids++
		}
	}
	cpu := measure.Used().CPU - before.CPU
	if bids == 0 {
		return 0, fmt.Errorf("bench: encoding/json found no bid")
	}
	return float64(len(d.lines)) / cpu, nil
}

// Copy copies 256 MiB sixteen times and returns bytes per CPU-second.
func Copy() float64 {
	const size, times = 256 << 20, 16
	from, to := bytes.Repeat([]byte{1}, size), make([]byte, size)
	copy(to, from) // pages are there
	before := measure.Used()
	for i := range times {
		from[i] = byte(i)
		copy(to, from)
	}
	return size * times / (measure.Used().CPU - before.CPU)
}
