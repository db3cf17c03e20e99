package actors

import (
	"context"
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/persistence"
)

// keyedShare is the keyed state of a task, by step.
type keyedShare struct {
	stores  []stepStore
	objects objstore.Store
	base    []epochs.StateFile // merged, and not yet in an ack
	basedIn int64              // the epoch in whose ack the last base went
	merging bool
}

type stepStore struct {
	step  string
	store *persistence.Store
}

// checkpoint copies what changed and has it written in the background.
func (k *keyedShare) checkpoint(t *Task, o *owed, out *Effects) {
	epoch := t.epoch.Number
	if len(k.base) > 0 {
		o.ack.State, k.base, k.basedIn = append(o.ack.State, k.base...), nil, epoch
	}
	for i := range k.stores {
		s := &k.stores[i]
		began := t.chain.watch.now()
		change := s.store.Checkpoint(epoch)
		if mutant.On(mutant.DirtyRowsForgotten) && t.account.Limit() == 0 && epoch%8 == 6 {
			change.Release()
			continue
		}
		for _, u := range s.store.Usage() {
			o.ack.StateNow = append(o.ack.StateNow, epochs.StateCount{Step: s.step, Table: u.Table, Rows: int64(u.Rows), Below: int64(u.Below), Updated: u.Updated, Removed: u.Removed, Bytes: u.Bytes})
		}
		w := changeWrite{attempt: t.attempt, epoch: epoch, step: s.step, objects: k.objects, change: change, now: t.chain.watch.now}
		w.copying = w.now().Sub(began)
		t.background(o, w.run, out)
	}
}

// changeWrite makes a copy of what changed durable.
type changeWrite struct {
	attempt, epoch int64
	step           string
	objects        objstore.Store
	change         *persistence.Change
	now            func() time.Time
	copying        time.Duration // what the copy took
}

func (w changeWrite) run(ctx context.Context) Finished {
	defer w.change.Release()
	began := w.now()
	files, err := w.change.Write(ctx, w.objects)
	spent := epochs.Spent{Step: w.step, Committing: w.copying + w.now().Sub(began)}
	return Finished{Attempt: w.attempt, Epoch: w.epoch, Err: err, Ack: func(a *epochs.Ack) {
		a.State, a.Spent = append(a.State, stateFiles(files)...), append(a.Spent, spent)
	}}
}

// durable merges state files that have become many, and brings what lies below memory up to
// them, beside the work of the task.
func (k *keyedShare) durable(t *Task, d Durable, out *Effects) {
	// A manifest from before the last base names files that are about to go.
	if k.merging || len(k.base) > 0 || d.Epoch < k.basedIn {
		return
	}
	stored := make([]persistence.StateFile, len(d.State))
	for i, f := range d.State {
		stored[i] = persistence.StateFile(f)
	}
	for _, s := range k.stores {
		plan, store := s.store.Upkeep(stored), s.store
		if plan == nil {
			continue
		}
		k.merging = true
		objects, attempt := k.objects, t.attempt
		out.Work = append(out.Work, func(ctx context.Context) Finished {
			files, err := plan.Write(ctx, objects)
			return Finished{Attempt: attempt, IsBase: true, Base: stateFiles(files), Kept: func() { store.Done(plan) }, Err: err}
		})
		return
	}
}

func (k *keyedShare) based(m Finished) {
	k.merging = false
	k.base = m.Base
	m.Kept()
}

// unused refuses state that was restored and that the step, as it is now, does
// not use: it has changed, and what it kept would be lost without a word.
func (k *keyedShare) unused() error {
	for _, s := range k.stores {
		if err := s.store.CheckUsed(); err != nil {
			return err
		}
	}
	return nil
}

func (k *keyedShare) close() {
	for _, s := range k.stores {
		s.store.Close()
	}
}

func stateFiles(files []persistence.StateFile) []epochs.StateFile {
	converted := make([]epochs.StateFile, len(files))
	for i, f := range files {
		converted[i] = epochs.StateFile(f)
	}
	return converted
}

// live leaves out the state files that bases replace.
func live(files []epochs.StateFile) []epochs.StateFile {
	stored := make([]persistence.StateFile, len(files))
	for i, f := range files {
		stored[i] = persistence.StateFile(f)
	}
	return stateFiles(persistence.Live(stored))
}

// finishSink makes a sealed epoch durable.
func finishSink(attempt, epoch int64, sink string, sealed connectors.Sealed) Work {
	return func(ctx context.Context) Finished {
		prepared, err := sealed.Finish(ctx)
		if err != nil {
			return Finished{Attempt: attempt, Epoch: epoch, Err: stepError(sink, err)}
		}
		return Finished{Attempt: attempt, Epoch: epoch, Ack: func(a *epochs.Ack) { a.Prepared = &prepared }}
	}
}
