package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/deltaic/deltaic/internal/flows"
)

// book is what all cases have given so far, those of earlier runs too.
type book struct {
	mu   sync.Mutex
	file string
	done map[uint64]bool // seeds

	page
}

// page is the book as it lies in its file.
type page struct {
	Seeds  []uint64     `json:"seeds"`  // that were equal
	Failed []uint64     `json:"failed"` // that were not
	Again  int          `json:"again"`  // tries that wrote too few rows
	Rows   int          `json:"rows"`
	Least  int          `json:"least"` // rows of the case that wrote fewest
	Counts flows.Counts `json:"counts"`
}

// openBook reads a book, if there is one.
func openBook(file string) (*book, error) {
	b := &book{file: file, done: map[uint64]bool{}, page: page{Counts: flows.Counts{}}}
	if file == "" {
		return b, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &b.page); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, seed := range b.Seeds {
		b.done[seed] = true
	}
	b.Failed = nil // they are run again
	return b, nil
}

func (b *book) has(seed uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.done[seed]
}

// add notes a case that is equal. Now and then it saves the book, so that a run that is killed loses little.
func (b *book) add(c flows.Case, counts flows.Counts) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.Seeds) == 0 || c.Rows < b.Least {
		b.Least = c.Rows
	}
	b.Seeds, b.done[c.Seed] = append(b.Seeds, c.Seed), true
	b.Again, b.Rows = b.Again+c.Again, b.Rows+c.Rows
	b.Counts.Add(counts)
	if len(b.Seeds)%saveEvery == 0 {
		return b.save()
	}
	return nil
}

// differs notes a case that differs and returns how many do.
func (b *book) differs(seed uint64) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Failed = append(b.Failed, seed)
	return len(b.Failed)
}

const saveEvery = 250

// save writes the book to its file. Nobody else writes to the book meanwhile.
func (b *book) save() error {
	if b.file == "" {
		return nil
	}
	slices.Sort(b.Seeds)
	text, err := json.Marshal(b.page)
	if err != nil {
		return err
	}
	beside := b.file + ".new"
	return errors.Join(os.WriteFile(beside, text, 0o600), os.Rename(beside, b.file))
}

// full is for how many cases everything must have been drawn often times.
const full, often = 10_000, 200

// report prints what was drawn. It is an error if a case differs, and if something was drawn less than least times.
func (b *book) report(least int) error {
	if least < 0 {
		least = often * min(len(b.Seeds), full) / full / 2
		if len(b.Seeds) >= full {
			least = often
		}
	}
	var names, rare []string
	for _, must := range flows.Drawn() {
		b.Counts[must] += 0
	}
	for k, n := range b.Counts {
		names = append(names, k)
		if n < least {
			rare = append(rare, k)
		}
	}
	slices.Sort(names)
	slices.Sort(rare)
	for _, k := range names {
		fmt.Printf("%9d  %s\n", b.Counts[k], k)
	}
	fmt.Printf("flows: %d cases, %d rows, at least %d each, %d tries wrote fewer than they must, differences=%d\n", len(b.Seeds), b.Rows, b.Least, b.Again, len(b.Failed))
	if len(b.Failed) > 0 {
		return fmt.Errorf("%d cases differ: seeds %v", len(b.Failed), b.Failed)
	}
	if len(rare) > 0 {
		return fmt.Errorf("drawn fewer than %d times: %v", least, rare)
	}
	return nil
}
