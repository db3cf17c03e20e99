// Package operatortest is the kit that every operator must pass: whatever the
// sizes of the batches, their selections, the number of tasks and the moments of
// checkpoints and restores, the rows that come out are the same as a bag.
//
// [Check] runs a [Kit]. State is kept by persistence over an object store in
// memory. The kit compares an operator with itself; that the one-batch result is right is
// the caller's test.
package operatortest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
)

// Kit is an operator with the rows to try it on.
type Kit struct {
	// New returns the operator of one task.
	New func() (operators.Operator, error)
	// Rows are the input. They are borrowed.
	Rows *batch.Batch
	// Keys are the columns by whose key group rows go to tasks; nil: any task takes any row.
	Keys []int
	// Seed chooses how the rows are cut.
	Seed uint64
	// Now is the epoch's current_timestamp.
	Now int64
	// Pool is the pool of Rows, which the operator uses too.
	Pool *batch.Pool
}

// groups is the number of key groups of the kit's jobs.
const groups = 32

// Check runs the operator over all rows in one batch and compares with one row
// at a time, random cuts, restores after every cut, and 2 and 7 tasks with restores at other
// numbers. It reports leaks of columns and of charged memory. It returns the rows of the
// one-batch run, as JSON, sorted; rejected rows begin with "rejected".
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
	want, err := k.run(plan{name: "one batch", cuts: []int{k.Rows.Rows()}, tasks: []int{1}})
	if err != nil {
		return nil, err
	}
	for _, p := range k.plans() {
		got, err := k.run(p)
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

// plan is one way to run: the job takes cuts[i] rows, then is checkpointed and
// started anew with tasks[i+1 mod len] tasks if restart is set.
type plan struct {
	name    string
	cuts    []int
	tasks   []int
	restart bool
}

func (p plan) String() string {
	return fmt.Sprintf("%s, cuts %v, tasks %v, restarts %v", p.name, p.cuts, p.tasks, p.restart)
}

func (k Kit) plans() []plan {
	random := rand.New(rand.NewPCG(k.Seed, 0))
	n := k.Rows.Rows()
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
		{name: "random cuts", cuts: cuts(), tasks: []int{1}},
		{name: "restored after each cut", cuts: cuts(), tasks: []int{1}, restart: true},
		{name: "restored after each row", cuts: ones, tasks: []int{1}, restart: true},
		{name: "two tasks", cuts: cuts(), tasks: []int{2}},
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

// run returns the bag of what comes out.
func (k Kit) run(p plan) ([]string, error) {
	j := &job{kit: k, objects: memory.New(memory.Options{}), account: batch.NewAccount("kit", 0),
		random: rand.New(rand.NewPCG(k.Seed, 1)), bag: &bag{}}
	if err := j.all(p); err != nil {
		return nil, fmt.Errorf("%s: %w", p, err)
	}
	slices.Sort(j.bag.rows)
	return j.bag.rows, nil
}

func (j *job) all(p plan) error {
	if err := j.start(p.tasks[0]); err != nil {
		return err
	}
	at := 0
	for i, cut := range p.cuts {
		if err := j.feed(at, at+cut); err != nil {
			return err
		}
		at += cut
		if !p.restart {
			continue
		}
		if err := j.checkpoint(); err != nil {
			return err
		}
		if err := j.stop(); err != nil {
			return err
		}
		if err := j.start(p.tasks[(i+1)%len(p.tasks)]); err != nil {
			return err
		}
	}
	return j.stop()
}

// job is some tasks of the operator with their state.
type job struct {
	kit     Kit
	objects *memory.Store
	account *batch.Account
	random  *rand.Rand
	bag     *bag
	tasks   []task
	files   []persistence.StateFile
	attempt int64
	epoch   operators.Epoch
	unique  int
}

type task struct {
	operator operators.Operator
	store    *persistence.Store
	lo, hi   int
}

func (j *job) start(tasks int) error {
	j.attempt++
	j.epoch.Now = j.kit.Now
	for i := range tasks {
		lo, hi := i*groups/tasks, (i+1)*groups/tasks
		store, err := persistence.NewStore(persistence.Options{Flow: "kit", Incarnation: "kit", Step: "step", Attempt: j.attempt,
			Groups: groups, Lo: lo, Hi: hi, Pool: j.kit.Pool, Account: j.account,
			Unique: func() string { j.unique++; return fmt.Sprint(j.unique) }})
		if err != nil {
			return err
		}
		if err := store.Restore(context.Background(), j.objects, j.files); err != nil {
			return err
		}
		operator, err := j.kit.New()
		if err != nil {
			return err
		}
		err = operator.Open(&operators.Context{Step: "step", Pool: j.kit.Pool, State: store, KeyGroups: groups, Epoch: &j.epoch})
		if err != nil {
			return err
		}
		j.tasks = append(j.tasks, task{operator, store, lo, hi})
	}
	return nil
}

func (j *job) stop() error {
	for _, t := range j.tasks {
		if err := t.operator.Close(); err != nil {
			return err
		}
		t.store.Close()
	}
	j.tasks = nil
	if used := j.account.Used(); used != 0 {
		return fmt.Errorf("stopped tasks leave %d bytes charged", used)
	}
	return nil
}

func (j *job) checkpoint() error {
	j.epoch.Number++
	var base []persistence.StateFile
	for _, t := range j.tasks {
		change := t.store.Checkpoint(j.epoch.Number)
		files, err := change.Write(context.Background(), j.objects)
		change.Release()
		if err != nil {
			return err
		}
		if b := t.store.BasePlan(j.files); b != nil {
			if base, err = b.Write(context.Background(), j.objects); err != nil {
				return err
			}
		}
		j.files = append(append(j.files, files...), base...)
		base = nil
	}
	j.files = persistence.Live(j.files)
	return nil
}

// feed gives rows from..to-1 of those that count to the tasks they belong to.
func (j *job) feed(from, to int) error {
	in := j.cut(from, to)
	defer in.Release()
	shares := j.route(in)
	for i, t := range j.tasks {
		if len(shares[i]) == 0 && len(j.tasks) > 1 {
			continue
		}
		share := in.Retain()
		if len(j.tasks) > 1 {
			share.Sel = shares[i]
		}
		err := t.operator.Process(share, 0, j.bag)
		share.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// cut returns the rows in one of the forms that a batch can have.
func (j *job) cut(from, to int) *batch.Batch {
	all := j.kit.Rows
	rows := []int32{}
	for i := from; i < to; i++ {
		rows = append(rows, int32(all.Row(i)))
	}
	if j.random.IntN(2) == 0 {
		return all.Gather(j.kit.Pool, rows)
	}
	some := all.Retain()
	some.Sel = rows
	return some
}

func (j *job) route(in *batch.Batch) [][]int32 {
	shares := make([][]int32, len(j.tasks))
	var keys []*batch.Column
	for _, k := range j.kit.Keys {
		keys = append(keys, in.Columns[k])
	}
	hashes := batch.Hash(keys, in.N, nil)
	for i := range in.Rows() {
		r := in.Row(i)
		to := j.random.IntN(len(j.tasks))
		if j.kit.Keys != nil {
			group := batch.KeyGroup(hashes[r], groups)
			to = slices.IndexFunc(j.tasks, func(t task) bool { return group >= t.lo && group < t.hi })
		}
		shares[to] = append(shares[to], int32(r))
	}
	return shares
}

// bag collects rows as text.
type bag struct{ rows []string }

// Emit takes the batch's rows.
func (b *bag) Emit(out *batch.Batch) error {
	defer out.Release()
	for i := range out.Rows() {
		r, kind := out.Row(i), batch.Insert
		if out.Kinds != nil {
			kind = out.Kinds[r]
		}
		b.rows = append(b.rows, fmt.Sprintf("%s %d", batch.AppendRowJSON(nil, out, r), kind))
	}
	return nil
}

// EmitTo takes rows of PortFinal as Emit does; of the other ports it notes the port.
func (b *bag) EmitTo(port int, out *batch.Batch) error {
	before := len(b.rows)
	if err := b.Emit(out); err != nil || port == operators.PortFinal {
		return err
	}
	for i := before; i < len(b.rows); i++ {
		b.rows[i] += fmt.Sprintf(" port %d", port)
	}
	return nil
}

// Advance takes a watermark, which is no row.
func (b *bag) Advance(int64) error { return nil }

// Late takes rows that came too late.
func (b *bag) Late(in *batch.Batch, rows []int32, _ int64) error {
	for _, r := range rows {
		b.rows = append(b.rows, fmt.Sprintf("late %s", batch.AppendRowJSON(nil, in, int(r))))
	}
	return nil
}

// Reject takes the rows with what they failed.
func (b *bag) Reject(in *batch.Batch, rows []operators.Rejected) error {
	for _, r := range rows {
		b.rows = append(b.rows, fmt.Sprintf("rejected %s: %s %s %s %q",
			batch.AppendRowJSON(nil, in, int(r.Row)), r.Rule, r.Class, r.Message, r.Raw))
	}
	return nil
}
