package recover

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

// counter is a source of one split whose row v is the number v. The first rows are there at once, those behind them come so
// many a second from when it is opened on.
type counter struct {
	first int64
	rate  float64
}

var numbers = batch.NewSchema(batch.Field{Name: "value", Type: batch.BigIntType})

const split = connectors.SplitID("numbers/0")

func positionOf(n int64) connectors.Position { return connectors.Position(strconv.FormatInt(n, 10)) }

func numberOf(p connectors.Position) int64 {
	n, err := strconv.ParseInt(string(p), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (c *counter) Schema() *batch.Schema { return numbers }
func (c *counter) Description() string   { return "numbers" }
func (c *counter) Close() error          { return nil }

func (c *counter) Start(_ context.Context, known connectors.Positions) (connectors.Positions, error) {
	if p, ok := known[split]; ok {
		return connectors.Positions{split: p}, nil
	}
	return connectors.Positions{split: positionOf(0)}, nil
}

func (c *counter) End(context.Context, []connectors.SplitID) (connectors.Positions, error) {
	return connectors.Positions{split: positionOf(c.first)}, nil
}

func (c *counter) Behind(at, end connectors.Position) int64 { return numberOf(end) - numberOf(at) }

func (c *counter) Before(f connectors.Fetch, until connectors.Position) int {
	return f.Batch.N - int(numberOf(f.After)-numberOf(until))
}

func (c *counter) Offsets(p connectors.Positions) json.RawMessage {
	return json.RawMessage(strconv.AppendInt(nil, numberOf(p[split]), 10))
}

func (c *counter) Open(_ context.Context, at connectors.Positions, o connectors.OpenOptions) (connectors.Reader, error) {
	return &reader{counter: c, pool: o.Pool, from: numberOf(at[split]), next: numberOf(at[split]), opened: time.Now(), wake: make(chan struct{}, 1)}, nil
}
