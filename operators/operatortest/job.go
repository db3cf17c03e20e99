package operatortest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
)

// run returns the bag of what comes out.
func (k Kit) run(p plan, order []int) ([]string, error) {
	j := &job{kit: k, objects: memory.New(memory.Options{}), account: batch.NewAccount("kit", 0),
		random: rand.New(rand.NewPCG(k.Seed, 1)), bag: newBag(), order: order, told: math.MinInt64}
	for _, in := range k.inputs() {
		j.inputs = append(j.inputs, newFeed(in))
	}
	if err := j.all(p); err != nil {
		return nil, fmt.Errorf("%s: %w", p, err)
	}
	return j.bag.result(), nil
}

func (j *job) all(p plan) error {
	if err := j.start(p.tasks[0]); err != nil {
		return err
	}
	at := 0
	for i, cut := range p.cuts {
		if err := j.feed(j.order[at : at+cut]); err != nil {
			return err
		}
		at += cut
		if err := j.advance(j.watermark()); err != nil {
			return err
		}
		if p.restart {
			if err := j.restart(p.tasks[(i+1)%len(p.tasks)]); err != nil {
				return err
			}
		} else if p.flush && j.random.IntN(2) == 0 {
			if err := j.barrier(); err != nil {
				return err
			}
		}
	}
	if !j.kit.Endless {
		if err := j.advance(math.MaxInt64); err != nil {
			return err
		}
	}
	if err := j.barrier(); err != nil {
		return err
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
	order   []int
	inputs  []*feed
	told    int64 // the watermark
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
	j.epoch.Now, j.epoch.Next = j.kit.Now, j.kit.Now
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
		context := &operators.Context{Step: "step", Pool: j.kit.Pool, State: store, KeyGroups: groups, Lo: lo, Hi: hi, Epoch: &j.epoch}
		for _, p := range j.kit.Ports {
			context.Wanted[p] = true
		}
		if j.kit.Ports == nil {
			context.Wanted[operators.PortFinal] = true
		}
		if err := operator.Open(context); err != nil {
			return err
		}
		if err := store.CheckUsed(); err != nil {
			return err
		}
		j.tasks = append(j.tasks, task{operator, store, lo, hi})
	}
	if err := j.prepare(); err != nil || j.told == math.MinInt64 {
		return err
	}
	return j.tell()
}

// prepare does what the tasks need before an epoch's first row.
func (j *job) prepare() error {
	for _, t := range j.tasks {
		p, is := t.operator.(operators.Preparer)
		if !is {
			continue
		}
		if work := p.Prepare(j.epoch.Number + 1); work != nil {
			if err := work(context.Background()); err != nil {
				return err
			}
		}
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

// advance tells the tasks a watermark that has moved.
func (j *job) advance(watermark int64) error {
	if watermark <= j.told {
		return nil
	}
	j.told = watermark
	return j.tell()
}

func (j *job) tell() error {
	for _, t := range j.tasks {
		if err := t.operator.Advance(j.told, j.bag); err != nil {
			return err
		}
	}
	return nil
}

// barrier closes an epoch.
func (j *job) barrier() error {
	j.bag.begin()
	for _, t := range j.tasks {
		if err := t.operator.Flush(j.bag); err != nil {
			return err
		}
	}
	if err := j.bag.end(); err != nil {
		return err
	}
	j.epoch.Number++
	return j.prepare()
}

// restart closes an epoch and begins anew from its checkpoint.
func (j *job) restart(tasks int) error {
	if err := j.barrier(); err != nil {
		return err
	}
	var made []persistence.StateFile
	for _, t := range j.tasks {
		change := t.store.Checkpoint(j.epoch.Number)
		files, err := change.Write(context.Background(), j.objects)
		change.Release()
		if err != nil {
			return err
		}
		made = append(made, files...)
		if b := t.store.Upkeep(j.files); b != nil {
			if files, err = b.Write(context.Background(), j.objects); err != nil {
				return err
			}
			made = append(made, files...)
		}
	}
	j.files = persistence.Live(append(j.files, made...))
	if err := j.stop(); err != nil {
		return err
	}
	return j.start(tasks)
}

// feed gives the next rows of each input, in order, to the tasks they belong to.
func (j *job) feed(order []int) error {
	for len(order) > 0 {
		n := 1
		for n < len(order) && order[n] == order[0] {
			n++
		}
		if err := j.give(order[0], n); err != nil {
			return err
		}
		order = order[n:]
	}
	return nil
}

func (j *job) give(input, n int) error {
	f := j.inputs[input]
	in := f.cut(n, j.random, j.kit.Pool)
	defer in.Release()
	shares := j.route(f, in)
	for i, t := range j.tasks {
		if len(shares[i]) == 0 && len(j.tasks) > 1 {
			continue
		}
		share := in.Retain()
		if len(j.tasks) > 1 {
			share.Sel = shares[i]
		}
		err := t.operator.Process(share, input, j.bag)
		share.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (j *job) route(f *feed, in *batch.Batch) [][]int32 {
	shares := make([][]int32, len(j.tasks))
	var keys []*batch.Column
	for _, k := range f.Keys {
		keys = append(keys, in.Columns[k])
	}
	hashes := batch.Hash(keys, in.N, nil)
	for i := range in.Rows() {
		r, group := in.Row(i), 0
		if len(keys) > 0 {
			group = batch.KeyGroup(hashes[r], groups)
		}
		to := j.random.IntN(len(j.tasks))
		if f.Keys != nil {
			to = slices.IndexFunc(j.tasks, func(t task) bool { return group >= t.lo && group < t.hi })
		}
		shares[to] = append(shares[to], int32(r))
	}
	return shares
}

// watermark returns the least of the inputs.
func (j *job) watermark() int64 {
	least, any := int64(math.MaxInt64), false
	for _, f := range j.inputs {
		if f.Time != nil {
			least, any = min(least, f.watermark), true
		}
	}
	if !any {
		return math.MinInt64
	}
	return least
}
