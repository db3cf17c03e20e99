package relay

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Options are the settings of a run. The zero value of a field means its default.
type Options struct {
	Brokers     []string      // default: an embedded broker in a process of its own
	Rate        int           // rows a second; default 10 000
	Duration    time.Duration // of sending; default 10 s
	Warmup      time.Duration // rows sent before are not counted; default 2 s
	Rounds      int           // of flow, bare loop, bare loop, flow; default 2
	Partitions  int           // of both topics; default 4
	Parallelism int           // shares of the sink; default 1
	Guarantee   string        // AtLeastOnce, the default, or ExactlyOnce
	Shape       string        // Stateless, the default, Count or Join
	Payload     string        // Bids, the default, or Lines
	Epoch       time.Duration // interval of epochs; default: back to back where rows wait for them, else that of the engine
	Backlog     int           // rows of each run that tells the throughput, with ExactlyOnce; default 1 000 000: several epochs
	Dir         string        // a folder for checkpoints; default the folder for temporary files
	Profile     string        // file for a profile of processor time of the first run; "": none
}

// What rows go through.
const (
	Stateless = "stateless" // decoded and encoded again
	Count     = "count"     // by key, in update mode
	Join      = "join"      // with a table of 10 000 rows

	AtLeastOnce = "at-least-once"
	ExactlyOnce = "exactly-once"

	Bids  = "bids"  // of Nexmark, as JSON
	Lines = "lines" // of a log, 1200 bytes each
)

// Check says what is wrong with the settings.
func (o *Options) Check() error {
	for _, c := range []struct {
		name  string
		value *string
		known []string
	}{
		{"guarantee", &o.Guarantee, []string{AtLeastOnce, ExactlyOnce}},
		{"shape", &o.Shape, []string{Stateless, Count, Join}},
		{"payload", &o.Payload, []string{Bids, Lines}},
	} {
		if *c.value == "" {
			*c.value = c.known[0]
		}
		if !slices.Contains(c.known, *c.value) {
			return fmt.Errorf("%s is %q; it is one of %s", c.name, *c.value, strings.Join(c.known, ", "))
		}
	}
	return nil
}

func (o *Options) defaults() error {
	for value, least := range map[*int]int{&o.Rate: 10_000, &o.Rounds: 2, &o.Partitions: 4, &o.Parallelism: 1, &o.Backlog: 1_000_000} {
		if *value <= 0 {
			*value = least
		}
	}
	if o.Duration <= 0 {
		o.Duration = 10 * time.Second
	}
	if o.Warmup <= 0 {
		o.Warmup = 2 * time.Second
	}
	return o.Check()
}
