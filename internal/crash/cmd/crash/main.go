// Command crash is the crash harness: it stops the world at every enumerated
// point, explores seeds of the simulator, kills the real binary under load, and
// judges what was committed each time. It ends with a table of what fired and exits
// with 1 if a row was lost or doubled, if anything else was found, or if a
// named point never fired.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"github.com/deltaic/deltaic/internal/crash/kill"
	"github.com/deltaic/deltaic/internal/sim"
)

type options struct {
	seeds, buckets, kills, least, first int
	seed                                int64
	shape                               string
	point, death                        int
	bucket                              bool
}

func main() {
	var o options
	flag.IntVar(&o.seeds, "seeds", 200, "how many seeds to explore")
	flag.IntVar(&o.buckets, "buckets", 0, "how many seeds to explore with all objects in a bucket")
	flag.BoolVar(&o.bucket, "bucket", false, "with -seed: replay it with all objects in a bucket")
	flag.IntVar(&o.first, "first", 1, "the first of them")
	flag.IntVar(&o.kills, "kills", 20, "how often to kill the real binary")
	flag.IntVar(&o.least, "least", 1, "how often to stop at each named point with each way to stop; 0: at every operation; -1: not at all")
	flag.Int64Var(&o.seed, "seed", -1, "replay this seed and print what happens")
	flag.StringVar(&o.shape, "shape", "", "with -seed and -point: replay a stop in this flow: single, dedup or three")
	flag.IntVar(&o.point, "point", 0, "number of the durable operation to stop at")
	flag.IntVar(&o.death, "death", 0, "way to stop, as the failure's line has it")
	flag.Parse()
	debug.SetGCPercent(400) // worlds are small and short: collecting them as they grow takes a third of the time
	if o.seed >= 0 {
		os.Exit(replay(o))
	}
	os.Exit(run(o))
}

// replay shows one run in full.
func replay(o options) int {
	print := func(s string) { fmt.Println(s) }
	var r *sim.Result
	if o.shape != "" {
		r = sim.Stop(uint64(o.seed), sim.Shape(o.shape), o.point, sim.Deaths[o.death], print)
	} else if o.bucket {
		r = sim.ExploreBucket(uint64(o.seed), print)
	} else {
		r = sim.Explore(uint64(o.seed), print)
	}
	if r.Problem == "" {
		fmt.Println("nothing found")
		return 0
	}
	fmt.Println(r.Problem)
	return 1
}

func run(o options) int {
	var points, seeds, buckets sim.Sweep
	began := time.Now()
	if o.least >= 0 {
		for i, shape := range sim.Shapes {
			sim.Points(uint64(i+1), shape, o.least, len(sim.Deaths), &points)
		}
	}
	took := time.Since(began)
	fired := map[string]int{}
	began = time.Now()
	sim.Seeds(uint64(o.first), o.seeds, &seeds, fired)
	explored := time.Since(began)
	began = time.Now()
	sim.BucketSeeds(uint64(o.first), o.buckets, &buckets, fired)
	filled := time.Since(began)
	var kills kill.Report
	if o.kills > 0 {
		kills = kill.Run(o.kills, uint64(o.first))
	}
	silent := table(&points, fired, o)
	failures := slices.Concat(points.Failures, seeds.Failures, buckets.Failures, kills.Failures)
	for _, f := range failures {
		fmt.Printf("FAILED go run ./internal/crash/cmd/crash %s\n  %s\n", f.Replay, f.Problem)
	}
	fmt.Printf("stops %d in %s, seeds %d in %s, in a bucket %d in %s, kills %d (%d between first ack and last roll-forward, %d of them undecided)\n",
		points.Runs, took.Round(time.Second), seeds.Runs, explored.Round(time.Second), buckets.Runs, filled.Round(time.Second), kills.Kills, kills.Aimed, kills.Undecided)
	lost, doubled := points.Lost+seeds.Lost+buckets.Lost+kills.Lost, points.Doubled+seeds.Doubled+buckets.Doubled+kills.Doubled
	fmt.Printf("lost=%d doubled=%d failures=%d silent=%d\n", lost, doubled, len(failures), silent)
	if lost+doubled+len(failures)+silent > 0 {
		return 1
	}
	return 0
}

// table prints what fired how often, and returns how many named points fired
// less often than they must.
func table(points *sim.Sweep, fired map[string]int, o options) (silent int) {
	if o.least >= 0 {
		fmt.Printf("%-34s %8s %8s\n", "point", "killed", "cut")
		for _, name := range sim.Named {
			kills, cuts := 0, 0
			for d, n := range points.Fired[name] {
				if d.Power {
					cuts += n
				} else {
					kills += n
				}
			}
			note := ""
			if kills+cuts < sim.LeastFired {
				note, silent = "  FIRED TOO RARELY", silent+1
			}
			fmt.Printf("%-34s %8d %8d%s\n", name, kills, cuts, note)
		}
	}
	fmt.Printf("%-34s %8s\n", "in seeds", "times")
	names := make([]string, 0, len(fired))
	for name := range fired {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Printf("%-34s %8d\n", name, fired[name])
	}
	must := []string(nil)
	if o.seeds >= sim.LeastSeeds {
		must = append(must, sim.Faults...)
	}
	if o.buckets >= sim.LeastSeeds {
		must = append(must, sim.BucketFaults...)
	}
	for _, name := range must {
		if fired[name] == 0 {
			silent++
			fmt.Printf("%-34s %8d  NEVER FIRED\n", name, 0)
		}
	}
	return silent
}
