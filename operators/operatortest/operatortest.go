// Package operatortest is the kit that every operator must pass: whatever the
// sizes of the batches, their selections, the number of tasks and the moments of
// barriers, checkpoints and restores, what comes out is the same as a bag.
//
// [Check] runs a [Kit]. State is kept by persistence over an object store in
// memory. The kit compares an operator with itself; that the one-batch result is right is
// the caller's test.
//
// Event time is told as the engine does: rows carry the watermark that they came behind, and
// after each cut the operator is told how far the watermark is. Of the port of changes the kit keeps
// the table that they make, and refuses what retracts a row that is not in it, what changes
// nothing, and what comes outside of a flush. Of the port of complete results it keeps the last.
package operatortest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
)

// Kit is an operator with the rows to try it on.
type Kit struct {
	// New returns the operator of one task.
	New func() (operators.Operator, error)
	// Rows are the input. They are borrowed.
	Rows *batch.Batch
	// Keys are the columns by whose key group rows go to tasks; nil: any task takes any
	// row; none, but not nil: one task takes all.
	Keys []int
	// Time is the event time of Rows; nil: there is no watermark.
	Time *EventTime
	// More are further inputs, numbered from 1. Their rows come between those of Rows, in an order that
	// the seed chooses and that is the same however the rows are cut.
	More []Input
	// Endless inputs do not end: the last watermark is that of the rows, not math.MaxInt64.
	Endless bool
	// Ports are those that somebody reads; nil: PortFinal.
	Ports []int
	// Seed chooses how the rows are cut.
	Seed uint64
	// Now is the epoch's current_timestamp.
	Now int64
	// Pool is the pool of Rows, which the operator uses too.
	Pool *batch.Pool
}

// Input is a further input of an operator.
type Input struct {
	Rows *batch.Batch
	Keys []int
	Time *EventTime
}

// EventTime says which column, a timestamp, makes the watermark, and how far it stays behind.
type EventTime struct {
	Column int
	Delay  int64 // microseconds
}

// groups is the number of key groups of the kit's jobs.
const groups = 32

// Check runs the operator over all rows in one batch and compares with one row
// at a time, random cuts, restores after every cut, and 2 and 7 tasks with restores at other
// numbers. It reports leaks of columns and of charged memory. It returns what comes out of the
// one-batch run, sorted, each row as JSON with its kind as a number. Rejected rows begin with
// "rejected", late ones with "late", those of the table that the changes make with "changed",
// and those of the last complete result with "complete".
func Check(t testing.TB, k Kit) []string {
	t.Helper()
	want, err := k.check()
	if err != nil {
		t.Fatalf("seed %d: %v", k.Seed, err)
	}
	return want
}

func (k Kit) check() ([]string, error) {
	lent := k.Pool.Lent()
	order := k.sequence()
	want, err := k.run(plan{name: "one batch", cuts: []int{len(order)}, tasks: []int{1}}, order)
	if err != nil {
		return nil, err
	}
	for _, p := range k.plans(len(order)) {
		got, err := k.run(p, order)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(got, want) {
			return nil, fmt.Errorf("%s: %s", p, difference(got, want))
		}
	}
	if now := k.Pool.Lent(); now != lent {
		return nil, fmt.Errorf("%d columns leaked", now-lent)
	}
	return want, nil
}

func (k Kit) inputs() []Input {
	return append([]Input{{Rows: k.Rows, Keys: k.Keys, Time: k.Time}}, k.More...)
}

// sequence returns from which input each row comes.
func (k Kit) sequence() []int {
	var order []int
	for i, in := range k.inputs() {
		order = append(order, slices.Repeat([]int{i}, in.Rows.Rows())...)
	}
	rand.New(rand.NewPCG(k.Seed, 2)).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// plan is one way to run: the job takes cuts[i] rows, then is checkpointed and
// started anew with tasks[i+1 mod len] tasks if restart is set.
type plan struct {
	name    string
	cuts    []int
	tasks   []int
	restart bool
	flush   bool // barriers between some cuts though nothing restarts
}

func (p plan) String() string {
	return fmt.Sprintf("%s, cuts %v, tasks %v, restarts %v", p.name, p.cuts, p.tasks, p.restart)
}

func (k Kit) plans(n int) []plan {
	random := rand.New(rand.NewPCG(k.Seed, 0))
	ones := slices.Repeat([]int{1}, n)
	cuts := func() []int {
		var c []int
		for left := n; left > 0; {
			take := 1 + random.IntN(min(left, 1+n/3))
			c, left = append(c, take), left-take
		}
		return c
	}
	return []plan{
		{name: "row by row", cuts: ones, tasks: []int{1}},
		{name: "barriers between rows", cuts: ones, tasks: []int{1}, flush: true},
		{name: "random cuts", cuts: cuts(), tasks: []int{1}, flush: true},
		{name: "restored after each cut", cuts: cuts(), tasks: []int{1}, restart: true},
		{name: "restored after each row", cuts: ones, tasks: []int{1}, restart: true},
		{name: "two tasks", cuts: cuts(), tasks: []int{2}, flush: true},
		{name: "seven tasks", cuts: cuts(), tasks: []int{7}, restart: true},
		{name: "rescaled", cuts: cuts(), tasks: []int{1, 7, 2, groups}, restart: true},
	}
}

func difference(got, want []string) string {
	count := map[string]int{}
	for _, w := range want {
		count[w]++
	}
	for _, g := range got {
		count[g]--
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%d rows, want %d:", len(got), len(want))
	for _, w := range append(slices.Clone(want), got...) {
		if c := count[w]; c != 0 {
			fmt.Fprintf(&s, "\n  %+d %s", -c, w)
			count[w] = 0
		}
	}
	return s.String()
}
