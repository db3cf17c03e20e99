package rates

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deltaic/deltaic/benchmarks/nexmark"
	"github.com/deltaic/deltaic/benchmarks/nexmark/recompute"
)

// Options are the settings of a run. The zero value of a field means its default.
type Options struct {
	Cases       []string // default those of the suite
	Events      uint64   // of Nexmark; default 1,000,000
	TPS         float64  // of Nexmark; default 10,000
	Seed        uint64
	Rounds      int           // of all cases forwards and backwards; default 2
	Parallelism int           // default 1
	Epoch       time.Duration // default 1s
	Hop         Hop           // the rows of the hops, for the suite of windows
}

func (o *Options) defaults(cases []string) {
	if len(o.Cases) == 0 {
		o.Cases = cases
	}
	if o.Events == 0 {
		o.Events = 1_000_000
	}
	if o.TPS == 0 {
		o.TPS = 10_000
	}
	if o.Rounds <= 0 {
		o.Rounds = 2
	}
	if o.Epoch <= 0 {
		o.Epoch = time.Second
	}
	o.Parallelism = max(o.Parallelism, 1)
	o.Hop.defaults()
}

// check refuses a case that is neither special to the suite nor a query.
func (o *Options) check(special []string) error {
	for _, c := range o.Cases {
		if !slices.Contains(special, c) && !slices.Contains(recompute.Queries, c) {
			return fmt.Errorf("there is no case %q; there are %s", c, strings.Join(slices.Concat(special, recompute.Queries), ", "))
		}
	}
	return nil
}

func (o *Options) events() nexmark.Options {
	return nexmark.Options{Events: o.Events, TPS: o.TPS, Seed: o.Seed}
}
