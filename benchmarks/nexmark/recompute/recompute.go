package recompute

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/deltaic/deltaic/benchmarks/nexmark"
)

// Bid is a bid as the generator writes it.
type Bid struct {
	Auction int64  `json:"auction"`
	Bidder  int64  `json:"bidder"`
	Price   int64  `json:"price"` // cents
	Channel string `json:"channel"`
	URL     string `json:"url"`
	Text    string `json:"dateTime"` // "2015-07-15 00:00:00.000"
	Extra   string `json:"extra"`

	Time   int64 `json:"-"` // milliseconds since 1970
	Behind int64 `json:"-"` // the watermark of its partition before it
}

// Result is the check columns of a query: whole numbers, or text for decimals.
type Result map[string]any

// query takes bids in their order and says what it holds in the end. Of windows it holds those
// that the watermark (milliseconds) has passed.
type query interface {
	bid(*Bid)
	result(watermark int64) Result
}

// Queries are the names that Run knows.
var Queries = []string{"q0", "q1", "q2", "q5", "q10", "q11", "q12", "q13", "q14", "q15", "q16", "q17", "q18", "q19", "q21", "q22"}

// late counts the bids that come behind the watermark of their partition, in queries that leave them out.
type late struct{ rows int64 }

func (l *late) lateRows() int64 { return l.rows }

func newQuery(name string) (query, error) {
	switch name {
	case "q0", "q1", "q2", "q14":
		return &prices{name: name}, nil
	case "q5":
		return &hottest{counts: map[int64]map[int64]int64{}}, nil
	case "q10":
		return &minutes{rows: map[string]int64{}}, nil
	case "q11":
		return &sessions{times: map[int64][]int64{}}, nil
	case "q12":
		return &tumbles{counts: map[[2]int64]int64{}}, nil
	case "q13":
		return &lookup{}, nil
	case "q15", "q16":
		return &distincts{channels: name == "q16", groups: map[string]*distinct{}}, nil
	case "q17":
		return &statistics{groups: map[string]*statistic{}}, nil
	case "q18":
		return &newest{rows: map[[2]int64]Bid{}}, nil
	case "q19":
		return &highest{prices: map[int64][]int64{}}, nil
	case "q21":
		return &channels{distinct: map[string]bool{}}, nil
	case "q22":
		return &segments{first: map[string]bool{}}, nil
	}
	return nil, fmt.Errorf("recompute: there is no query %q; there are %v", name, Queries)
}

// Options say how the run ended.
type Options struct {
	// NoEnd leaves windows open that the watermark of the last rows has not passed; else the end of the input
	// closes all of them.
	NoEnd bool
}

// Outcome is what a query holds in the end, and how many bids came behind the watermark.
type Outcome struct {
	Result Result
	Late   int64
}

// Run generates the events and returns what the query holds when all are processed.
func Run(name string, events nexmark.Options, o Options) (Result, error) {
	all, err := All([]string{name}, events, o)
	if err != nil {
		return nil, err
	}
	return all[0].Result, nil
}

// All is Run for several queries over the same events.
func All(names []string, events nexmark.Options, o Options) ([]Outcome, error) {
	queries, out := make([]query, len(names)), make([]Outcome, len(names))
	for i, name := range names {
		var err error
		if queries[i], err = newQuery(name); err != nil {
			return nil, err
		}
	}
	marks := make([]int64, max(events.Partitions, 1)) // watermark by partition
	for i := range marks {
		marks[i] = math.MinInt64
	}
	err := eachBid(events, func(partition int, b *Bid) {
		b.Behind = marks[partition]
		for _, q := range queries {
			q.bid(b)
		}
		marks[partition] = max(marks[partition], b.Time-nexmark.WatermarkDelay)
	})
	if err != nil {
		return nil, err
	}
	watermark := int64(math.MaxInt64)
	if o.NoEnd {
		watermark = slices.Min(marks)
	}
	for i, q := range queries {
		out[i].Result = q.result(watermark)
		if l, leaves := q.(interface{ lateRows() int64 }); leaves {
			out[i].Late = l.lateRows()
		}
	}
	return out, nil
}

// eachBid decodes the bids that are not broken.
func eachBid(events nexmark.Options, each func(partition int, b *Bid)) error {
	var event struct {
		Bid *Bid `json:"bid"`
	}
	_, err := nexmark.GenerateRows(events, func(row nexmark.Row, record []byte) error {
		if row.Kind == nexmark.Broken {
			return nil
		}
		event.Bid = nil
		if err := json.Unmarshal(record, &event); err != nil || event.Bid == nil {
			return err
		}
		at, err := time.Parse("2006-01-02 15:04:05.000", event.Bid.Text)
		if err != nil {
			return err
		}
		event.Bid.Time = at.UnixMilli()
		each(row.Partition, event.Bid)
		return nil
	})
	return err
}

// floorTo returns t rounded down to a multiple of step.
func floorTo(t, step int64) int64 {
	r := t % step
	if r < 0 {
		r += step
	}
	return t - r
}

// decimal renders thousandths as decimal text with three digits.
func decimal(thousandths int64) string {
	return fmt.Sprintf("%d.%03d", thousandths/1000, thousandths%1000)
}
