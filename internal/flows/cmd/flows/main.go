// Command flows runs random flows: `make flows SEEDS=10000`. It needs the program of benchmarks/duckdb, named by
// DELTAIC_DUCKDB. It ends with a table of what was drawn, and exits with 1 if a case differs or something was drawn too rarely.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"

	"github.com/deltaic/deltaic/internal/flows"
)

func main() {
	seeds := flag.Int("seeds", 200, "cases")
	first := flag.Uint64("first", 1, "seed of the first")
	jobs := flag.Int("jobs", 2, "cases at once")
	rows := flag.Int("rows", 100, "rows that a case must write to count; others are drawn beyond the number of cases")
	least := flag.Int("least", 0, "each thing must have been drawn so often; 0: seeds/50, at most 200")
	keep := flag.Bool("keep", false, "keep the folders of cases that differ")
	flag.Parse()
	if *least == 0 {
		*least = min(200, *seeds/50)
	}
	if err := run(*seeds, *first, *jobs, *rows, *least, *keep); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// total is what all cases have given so far.
type total struct {
	mu     sync.Mutex
	next   uint64
	cases  int // that count
	small  int // with too few rows
	failed int
	counts flows.Counts
	rows   int
}

func run(seeds int, first uint64, jobs, rows, least int, keep bool) error {
	program := os.Getenv("DELTAIC_DUCKDB")
	if program == "" {
		return fmt.Errorf("set DELTAIC_DUCKDB to the program of benchmarks/duckdb")
	}
	dir, err := os.MkdirTemp("", "deltaic-flows-")
	if err != nil {
		return err
	}
	if !keep {
		defer os.RemoveAll(dir)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	t := &total{next: first, counts: flows.Counts{}}
	var wait sync.WaitGroup
	failures := make(chan error, jobs)
	for range jobs {
		wait.Add(1)
		go func() {
			defer wait.Done()
			if err := worker(t, program, dir, seeds, rows, keep, interrupted); err != nil {
				failures <- err
			}
		}()
	}
	wait.Wait()
	close(failures)
	if err := <-failures; err != nil {
		return err
	}
	return t.report(least)
}

func worker(t *total, program, dir string, seeds, rows int, keep bool, stop <-chan os.Signal) error {
	duck, err := flows.OpenDuckDB(program)
	if err != nil {
		return err
	}
	defer duck.Close()
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		t.mu.Lock()
		seed, done := t.next, t.cases >= seeds || t.failed >= 10
		t.next++
		t.mu.Unlock()
		if done {
			return nil
		}
		folder, err := flows.Folder(dir, seed)
		if err != nil {
			return err
		}
		c, counts, err := flows.Run(seed, duck, folder)
		t.mu.Lock()
		switch {
		case err != nil:
			t.failed++
			fmt.Printf("seed %d: %v\n  again: go run ./internal/flows/cmd/flows -first %d -seeds 1 -rows 0 -jobs 1 -keep\n", seed, err, seed)
		case c.Rows < rows:
			t.small++
		default:
			t.cases++
			t.rows += c.Rows
			t.counts.Add(counts)
		}
		t.mu.Unlock()
		if err == nil || !keep {
			_ = os.RemoveAll(folder)
		} else {
			fmt.Println("  kept:", folder)
		}
	}
}

// report prints what was drawn.
func (t *total) report(least int) error {
	var names, rare []string
	for k, n := range t.counts {
		names = append(names, k)
		if n < least {
			rare = append(rare, k)
		}
	}
	for _, p := range flows.Phases {
		if t.counts["crash in "+p] == 0 {
			rare = append(rare, "crash in "+p)
		}
	}
	slices.Sort(names)
	for _, k := range names {
		fmt.Printf("%9d  %s\n", t.counts[k], k)
	}
	fmt.Printf("flows: %d cases, %d rows, %d more cases with too few rows, differences=%d\n", t.cases, t.rows, t.small, t.failed)
	if t.failed > 0 {
		return fmt.Errorf("%d cases differ", t.failed)
	}
	if len(rare) > 0 {
		slices.Sort(rare)
		return fmt.Errorf("drawn fewer than %d times: %v", least, rare)
	}
	return nil
}
