package sim

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// Sweep is what a sweep over the points of a flow found.
type Sweep struct {
	Fired    map[string]map[Death]int // by point and way to stop
	Runs     int
	Lost     int
	Doubled  int
	Failures []Failure
}

// Failure is a run that went wrong, with how to see it again.
type Failure struct {
	Replay  string
	Problem string
}

// Points stops the world at the points of the flow: each named point at least
// `least` times with each of so many ways to stop (another choice of them at each point),
// or at every operation if least is 0. Operations are taken evenly over the run.
func Points(seed uint64, shape Shape, least, ways int, into *Sweep) {
	ops, reference := Reference(seed, shape)
	if reference.Problem != "" {
		into.Failures = append(into.Failures, Failure{fmt.Sprintf("the run without faults of %s, seed %d", shape, seed), reference.Problem})
		return
	}
	at := map[string][]int{}
	for _, o := range ops {
		at[o.Point()] = append(at[o.Point()], o.N)
	}
	type job struct {
		n     int
		point string
		death Death
	}
	var jobs []job
	names := make([]string, 0, len(at))
	for name := range at {
		names = append(names, name)
	}
	slices.Sort(names)
	for k, name := range names {
		all := at[name]
		for i, d := range Deaths {
			if (i+k)%len(Deaths) >= ways {
				continue
			}
			take := len(all)
			if least > 0 {
				take = min(take, least)
			}
			for k := range take {
				jobs = append(jobs, job{all[(k*len(all)/take+i*len(all)/take/len(Deaths))%len(all)], name, d})
			}
		}
	}
	var mu sync.Mutex
	if into.Fired == nil {
		into.Fired = map[string]map[Death]int{}
	}
	each(len(jobs), func(i int) {
		j := jobs[i]
		r := Stop(seed, shape, j.n, j.death, nil)
		mu.Lock()
		defer mu.Unlock()
		into.Runs++
		name := string(shape) + " " + j.point
		if into.Fired[name] == nil {
			into.Fired[name] = map[Death]int{}
		}
		into.Fired[name][j.death] += r.Fired["point "+j.point]
		into.add(r, fmt.Sprintf("-shape %s -seed %d -point %d -death %d", shape, seed, j.n, slices.Index(Deaths, j.death)))
	})
}

// Seeds explores so many seeds from the first on and counts what fired.
func Seeds(first uint64, n int, into *Sweep, fired map[string]int) {
	seeds(first, n, Explore, "-seed %d", into, fired)
}

// BucketSeeds is Seeds in worlds whose objects lie in a bucket.
func BucketSeeds(first uint64, n int, into *Sweep, fired map[string]int) {
	seeds(first, n, ExploreBucket, "-bucket -seed %d", into, fired)
}

func seeds(first uint64, n int, explore func(uint64, func(string)) *Result, replay string, into *Sweep, fired map[string]int) {
	var mu sync.Mutex
	each(n, func(i int) {
		r := explore(first+uint64(i), nil)
		mu.Lock()
		defer mu.Unlock()
		into.Runs++
		for k, v := range r.Fired {
			fired[k] += v
		}
		into.add(r, fmt.Sprintf(replay, r.Seed))
	})
}

// Hunt explores seeds until one finds something, and returns the least such
// seed of those that ran with what it found; 0 if none of n does.
func Hunt(first uint64, n int) (found uint64, problem string) {
	var mu sync.Mutex
	each(n, func(i int) {
		mu.Lock()
		skip := found > 0
		mu.Unlock()
		if skip {
			return
		}
		r := Explore(first+uint64(i), nil)
		mu.Lock()
		defer mu.Unlock()
		if r.Problem != "" && (found == 0 || r.Seed < found) {
			found, problem = r.Seed, r.Problem
		}
	})
	return found, problem
}

// add counts a run.
func (s *Sweep) add(r *Result, replay string) {
	if r.Verdict != nil {
		s.Lost += r.Verdict.Lost
		s.Doubled += r.Verdict.Doubled
	}
	if r.Problem != "" {
		s.Failures = append(s.Failures, Failure{replay, r.Problem})
	}
}

// each calls f for 0..n-1 on as many goroutines as there are processors; every
// world has one of its own.
func each(n int, f func(int)) {
	next := make(chan int)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := range next {
				f(i)
			}
		}()
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
}
