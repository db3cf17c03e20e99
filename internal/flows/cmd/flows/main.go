// Command flows runs random flows: `make flows SEEDS=10000`. It needs the program of benchmarks/duckdb, named by
// DELTAIC_DUCKDB. It ends with a table of what was drawn, and exits with 1 if a case differs or something was drawn too rarely.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sync/errgroup"

	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/internal/flows"
)

func main() {
	var o options
	flag.IntVar(&o.seeds, "seeds", 200, "cases, one a seed")
	flag.Uint64Var(&o.first, "first", 1, "the first seed: a long run may be made in pieces")
	flag.IntVar(&o.jobs, "jobs", 4, "cases at once")
	flag.IntVar(&o.rows, "rows", 100, "rows that a case must write; a seed draws again until it does")
	flag.IntVar(&o.least, "least", -1, "how often each thing must have been drawn; -1: 200 for 10,000 seeds, less for fewer")
	flag.StringVar(&o.book, "book", "", "a file that keeps what was drawn, so that the pieces of a long run add up: a run adds its seeds to it and reports of all")
	flag.IntVar(&o.differences, "differences", 10, "cases that differ after which the run gives up")
	flag.BoolVar(&o.keep, "keep", false, "keep the folders of cases that differ")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type options struct {
	seeds, jobs, rows, least, differences int
	first                                 uint64
	book                                  string
	keep                                  bool
}

func run(o options) error {
	program := os.Getenv("DELTAIC_DUCKDB")
	if program == "" {
		return fmt.Errorf("set DELTAIC_DUCKDB to the program of benchmarks/duckdb")
	}
	b, err := openBook(o.book)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "deltaic-flows-")
	if err != nil {
		return err
	}
	if !o.keep {
		defer os.RemoveAll(dir)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	seeds := make(chan uint64)
	workers, ctx := errgroup.WithContext(ctx)
	workers.Go(func() error {
		defer close(seeds)
		for seed := o.first; seed < o.first+uint64(o.seeds); seed++ {
			if b.has(seed) {
				continue
			}
			select {
			case seeds <- seed:
			case <-ctx.Done():
				return nil
			}
		}
		return nil
	})
	for range o.jobs {
		workers.Go(func() error { return work(b, program, dir, seeds, o) })
	}
	return errors.Join(workers.Wait(), b.save(), b.report(o.least))
}

// work runs cases until there are no more seeds, or too many differ.
func work(b *book, program, dir string, seeds <-chan uint64, o options) error {
	duck, err := anchors.OpenSession(program)
	if err != nil {
		return err
	}
	defer duck.Close()
	for seed := range seeds {
		folder, err := flows.Folder(dir, seed)
		if err != nil {
			return err
		}
		c, counts, err := flows.Run(seed, duck, folder, o.rows)
		if err != nil {
			fmt.Printf("seed %d: %v\n  again: go run ./internal/flows/cmd/flows -first %d -seeds 1 -rows %d -keep\n", seed, err, seed, o.rows)
			if o.keep {
				fmt.Println("  kept:", folder)
			}
			if b.differs(seed) >= o.differences {
				return fmt.Errorf("given up")
			}
			continue
		}
		if err := errors.Join(b.add(c, counts), os.RemoveAll(folder)); err != nil {
			return err
		}
	}
	return nil
}
