package checkpoint

import (
	"context"
	"io"
	"runtime/debug"
	"time"

	"github.com/deltaic/deltaic/benchmarks/keyed"
	"github.com/deltaic/deltaic/benchmarks/measure"
)

// aggregates are what is kept by key: two words.
var aggregates = []string{"count(*) AS n", "sum(v) AS s"}

// Settings say what a worker does.
type Settings struct {
	keyed.Place
	Keys     int           `json:"keys"`
	Rate     float64       `json:"rate"`
	Epoch    time.Duration `json:"epoch"`
	Stretch  time.Duration `json:"stretch"`
	Rounds   int           `json:"rounds"`
	Compared bool          `json:"compared"` // with stretches without epochs, and as fast as it goes
}

// Result is what a worker says.
type Result struct {
	With      []keyed.Cost `json:"with"`
	Without   []keyed.Cost `json:"without"`
	Fast      []keyed.Cost `json:"fast"`
	FastAlone []keyed.Cost `json:"fast_alone"`
	Keys      int          `json:"keys"`
	Charged   int64        `json:"charged"`  // bytes that the state is charged
	Resident  int64        `json:"resident"` // bytes of the process, when the keys had been loaded, less those before
	Faults    []string     `json:"faults"`
}

// Worker reads settings from in, plays the load and writes the result to out.
func Worker(ctx context.Context, in io.Reader, out io.Writer) error {
	return keyed.Work(in, out, func(s Settings) (*Result, error) { return run(ctx, s) })
}

func run(ctx context.Context, s Settings) (*Result, error) {
	share, err := keyed.Open(ctx, keyed.Options{Dir: s.Dir, Aggregates: aggregates, Anchor: true})
	if err != nil {
		return nil, err
	}
	defer share.Close()
	draw, err := keyed.NewDraw(keyed.Uniform, s.Keys)
	if err != nil {
		return nil, err
	}
	p, r := keyed.NewPlayer(share, draw), &Result{}
	debug.FreeOSMemory()
	empty := measure.Resident()
	if _, err := p.Play(keyed.Phase{Updates: uint64(s.Keys), Epoch: s.Epoch}); err != nil {
		return nil, err
	}
	debug.FreeOSMemory()
	r.Keys, r.Charged = share.Keys()
	r.Resident = measure.Resident() - empty
	if err := r.stretches(p, s); err != nil {
		return nil, err
	}
	r.Faults, err = p.Verify()
	return r, err
}

// stretches plays those with epochs and those without in turn.
func (r *Result) stretches(p *keyed.Player, s Settings) error {
	play := func(into *[]keyed.Cost, rate float64, epoch time.Duration) error {
		c, err := p.Play(keyed.Phase{Lasts: s.Stretch, Rate: rate, Epoch: epoch})
		*into = append(*into, c)
		return err
	}
	with := func() error { return play(&r.With, s.Rate, s.Epoch) }
	without := func() error { return play(&r.Without, s.Rate, 0) }
	fast := func() error { return play(&r.Fast, 0, s.Epoch) }
	alone := func() error { return play(&r.FastAlone, 0, 0) }
	for range s.Rounds {
		order := []func() error{with, without, without, with, fast, alone, alone, fast}
		if !s.Compared {
			order = []func() error{with, with}
		}
		for _, step := range order {
			if err := step(); err != nil {
				return err
			}
		}
	}
	return nil
}
