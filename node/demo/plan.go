package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Names and shares of the demo.
const (
	Flow           = "demo" // the flow's name
	DefaultTopic   = "orders"
	DefaultRate    = 1000
	Partitions     = 4
	DuplicateShare = 0.01
	BrokenShare    = 0.01
	LateShare      = 0.01 // of orders: their event time is behind the watermark

	planFile = "demo.json"
)

// Plan is what decides every record of a demo. It is kept in demo.json and
// never changes while the demo's data lives.
type Plan struct {
	Format     int    `json:"format"` // 2; in 1 no order was late
	Seed       uint64 `json:"seed"`
	Rate       int    `json:"rate"` // orders per second of event time, over all partitions
	Partitions int32  `json:"partitions"`
	Topic      string `json:"topic"`
	BaseTime   int64  `json:"base_time"` // event time of the first order, milliseconds since 1970
}

// NewPlan returns the plan of a fresh demo whose first order happens at baseTime
// (milliseconds since 1970).
func NewPlan(seed uint64, rate int, baseTime int64) Plan {
	return Plan{Format: 2, Seed: seed, Rate: rate, Partitions: Partitions, Topic: DefaultTopic, BaseTime: baseTime}
}

// check reports whatever makes the plan unusable.
func (p Plan) check() error {
	switch {
	case p.Format != 2:
		return fmt.Errorf("format is %d, this version knows 2: start the demo over with --reset", p.Format)
	case p.Rate < 1 || p.Rate > 10_000_000:
		return fmt.Errorf("rate is %d, it must lie in 1..10000000", p.Rate)
	case p.Partitions < 1 || p.Partitions > 1024:
		return fmt.Errorf("partitions is %d, it must lie in 1..1024", p.Partitions)
	case p.Topic == "" || strings.ContainsAny(p.Topic, "/\\"):
		return fmt.Errorf("topic is %q", p.Topic)
	}
	return nil
}

// Delay is the watermark's, in seconds: more than the disorder of orders and than an order that is repeated can
// be behind, so that a copy is never late when the order is not.
func (p Plan) Delay() int64 {
	return 10 + (duplicateReach*int64(p.Partitions)+int64(p.Rate)-1)/int64(p.Rate)
}

// KeptBytes is how much of each partition the broker must keep so that a flow
// may fall behind by two minutes at the given rate (records a second over all partitions).
func (p Plan) KeptBytes(rate int) int64 {
	const recordBytes, seconds = 400, 120
	return max(leastKept, int64(rate)/int64(p.Partitions)*recordBytes*seconds)
}

// LoadPlan reads dir/demo.json. Its error is os.ErrNotExist if there is no demo in dir.
func LoadPlan(dir string) (Plan, error) {
	var p Plan
	path := filepath.Join(dir, planFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return p, fmt.Errorf("reading the demo's plan: %w", err)
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	if err := p.check(); err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// Save makes dir/demo.json durable. A plan that is there already is kept; Save
// fails if it is another one.
func (p Plan) Save(dir string) error {
	if err := p.check(); err != nil {
		return fmt.Errorf("demo plan: %w", err)
	}
	old, err := LoadPlan(dir)
	switch {
	case err == nil && old == p:
		return nil
	case err == nil:
		return fmt.Errorf("%s holds a demo of another plan; start it over with --reset", dir)
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return writeDurably(filepath.Join(dir, planFile), append(text, '\n'))
}

// writeDurably puts a small file in place: whole or not at all, also after a power cut.
func writeDurably(path string, data []byte) error {
	temporary := path + ".new"
	f, err := os.Create(temporary)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
