package actors

import (
	"context"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
	"github.com/deltaic/deltaic/topology"
)

// build makes the tasks of the attempt, restores their state and opens writers
// and readers.
func (a *attempt) build(ctx context.Context) error {
	plan := a.config.Plan
	now := a.config.Now().UnixMicro()                  // one for all tasks, as the barriers bring it later
	tasks := make([][]epochs.TaskID, len(plan.Stages)) // by stage
	for i := range plan.Stages {
		for share := range a.shares(plan, i) {
			id := epochs.TaskID(len(a.tasks))
			tasks[i] = append(tasks[i], id)
			name := plan.Stages[i].Name + "[" + strconv.Itoa(share) + "]"
			a.tasks = append(a.tasks, &Task{ID: id, Name: name, attempt: a.number(), pool: a.config.Pool,
				account: a.config.Account, epoch: &operators.Epoch{Number: a.epoch(), Now: now},
				edgeOut: map[int]int{}, acks: map[int64]*owed{},
				time: taskTime{watermark: noWatermark, greatest: plan.Graph.WatermarkPolicy == "max"}})
		}
	}
	a.nameSplits()
	a.connect(tasks)
	for i := range plan.Stages {
		for share, id := range tasks[i] {
			if err := a.furnish(ctx, &plan.Stages[i], a.tasks[id], share, len(tasks[i])); err != nil {
				return err
			}
		}
	}
	return a.openReaders(ctx)
}

// epoch returns the first epoch of the attempt.
func (a *attempt) epoch() int64 {
	if a.manifest == nil {
		return 1
	}
	return a.manifest.Epoch + 1
}

// shares returns how many tasks the stage has. Stages come before those that
// read them.
func (a *attempt) shares(plan *topology.Plan, stage int) int {
	s := &plan.Stages[stage]
	switch s.Role {
	case topology.RoleSource:
		return len(a.start[plan.Graph.Steps[s.Step].Name])
	case topology.RoleKeyed:
		if plan.Graph.ActorPerKeyGroup {
			return a.config.keyGroups()
		}
		return min(a.config.Parallelism, a.config.keyGroups())
	}
	senders, side := 0, true
	for _, e := range s.Inputs {
		senders += a.shares(plan, plan.Edges[e].From)
		side = side && plan.Edges[e].Side
	}
	if side {
		return min(1, senders) // few rows: one file an epoch is enough
	}
	return min(a.config.Parallelism, senders)
}

// nameSplits numbers the splits of all sources: the order of Batch.Origin.Split.
func (a *attempt) nameSplits() {
	for _, i := range a.config.Plan.Graph.Sources() {
		step := a.config.Plan.Graph.Steps[i]
		for _, split := range splitsOf(a.start[step.Name]) {
			n := splitName{source: step.Name, partition: -1, split: split}
			n.places, _ = step.Source.(connectors.Placing)
			if topic, partition, ok := strings.Cut(string(split), "/"); ok {
				partition, _, _ = strings.Cut(partition, "/") // what follows says which part of it
				if p, err := strconv.ParseInt(partition, 10, 32); err == nil {
					n.topic, n.partition = topic, int32(p)
				}
			}
			a.names = append(a.names, n)
		}
	}
}

// connect makes the channels of every edge.
func (a *attempt) connect(tasks [][]epochs.TaskID) {
	plan := a.config.Plan
	turn := make([]int, len(plan.Stages)) // next share of a sink
	for e, edge := range plan.Edges {
		to := tasks[edge.To]
		for _, from := range tasks[edge.From] {
			sender := a.tasks[from]
			out := output{kind: edge.Kind, keys: edge.Keys, clocked: edge.Clock != topology.NoClock, told: noWatermark}
			receivers := to
			if edge.Kind == topology.Hash {
				out.owner = topology.TaskOf(a.config.keyGroups(), len(to))
			} else {
				receivers = to[turn[edge.To]%len(to):][:1]
				turn[edge.To]++
			}
			for i, id := range receivers {
				r := a.tasks[id]
				out.targets = append(out.targets, target{to: id, channel: len(r.inputs), batches: creditBatches})
				r.inputs = append(r.inputs, input{from: from, output: len(sender.outputs), target: i, next: 1, watermark: noWatermark, clock: edge.Clock})
			}
			sender.edgeOut[e] = len(sender.outputs)
			sender.outputs = append(sender.outputs, out)
		}
	}
}

// furnish gives a task its operators, state, writer or split.
func (a *attempt) furnish(ctx context.Context, s *topology.Stage, t *Task, share, shares int) error {
	g := a.config.Plan.Graph
	if s.Role == topology.RoleSink {
		return a.openWriter(ctx, g.Steps[s.Step], t, share, shares)
	}
	lo, hi := topology.Range(a.config.keyGroups(), shares, share)
	if s.Role == topology.RoleKeyed {
		t.keyed = &keyedShare{objects: a.config.Objects}
		for _, n := range s.Nodes {
			if err := a.restore(ctx, g.Steps[n.Step], t.keyed, lo, hi); err != nil {
				return err
			}
		}
	}
	open := func(step *topology.Step) *operators.Context {
		c := &operators.Context{Step: step.Name, Pool: t.pool, KeyGroups: a.config.keyGroups(), Epoch: t.epoch}
		if t.keyed != nil {
			c.State, c.Lo, c.Hi = t.keyed.of(step.Name), lo, hi
		}
		return c
	}
	var err error
	t.chain, err = newChain(g, s, open, &rejects{pool: t.pool, splits: a.names, epoch: t.epoch, flow: g.Flow, prefix: a.entry.Incarnation[:min(8, len(a.entry.Incarnation))], task: int(t.ID)}, a.config.Now)
	if err != nil {
		return err
	}
	if t.keyed != nil {
		if err := t.keyed.unused(); err != nil {
			return err
		}
	}
	if t.readiness.needed = t.chain.prepares(); t.readiness.needed {
		if prepare := t.chain.prepare(t.epoch.Number); prepare != nil {
			if err := prepare(ctx); err != nil {
				return err
			}
		}
		t.readiness.ready = true
	}
	if s.Role == topology.RoleSource {
		a.assign(g.Steps[s.Step], s, t, share)
	}
	return nil
}

// of returns the store of a step, nil if it has none.
func (k *keyedShare) of(step string) operators.State {
	for _, s := range k.stores {
		if s.step == step {
			return s.store
		}
	}
	return nil
}

func (a *attempt) restore(ctx context.Context, step *topology.Step, k *keyedShare, lo, hi int) error {
	if !step.Stateful {
		return nil
	}
	c := a.config
	if mutant.On(mutant.KeyGroupOffByOne) && c.Image == nil && lo > 0 && a.died() {
		lo++
	}
	store, err := persistence.NewStore(persistence.Options{Flow: c.Plan.Graph.Flow, Incarnation: a.entry.Incarnation, Step: step.Name,
		Attempt: a.number(), Groups: c.keyGroups(), Lo: lo, Hi: hi, Pool: c.Pool, Account: c.Account, Image: c.Image, Unique: c.Unique})
	if err != nil {
		return err
	}
	k.stores = append(k.stores, stepStore{step: step.Name, store: store})
	if a.manifest == nil {
		return nil
	}
	files := make([]persistence.StateFile, 0, len(a.manifest.State))
	for _, f := range a.manifest.State {
		if mutant.On(mutant.StateOfLastEpochLost) && c.Image == nil && a.died() && f.Epoch == a.manifest.Epoch && f.Kind == persistence.KindChange {
			continue
		}
		files = append(files, persistence.StateFile(f))
	}
	return store.Restore(ctx, c.Objects, files)
}

func (a *attempt) openWriter(ctx context.Context, step *topology.Step, t *Task, share, shares int) error {
	c := a.config
	attempt := a.number()
	w, err := step.Sink.Writer(ctx, connectors.Share{Flow: c.Plan.Graph.Flow, Incarnation: a.entry.Incarnation, Attempt: attempt,
		Index: share, Count: shares, Pool: c.Pool, Account: c.Account})
	if err != nil {
		return stepError(step.Name, err)
	}
	t.sink = &sinkShare{name: step.Name, writer: w}
	return nil
}

// assign makes the task the source task of its split.
func (a *attempt) assign(step *topology.Step, s *topology.Stage, t *Task, share int) {
	at := a.start[step.Name]
	split := splitsOf(at)[share]
	index := int32(0)
	for _, n := range a.config.Plan.Graph.Sources() {
		if other := a.config.Plan.Graph.Steps[n]; other != step {
			index += int32(len(a.start[other.Name]))
			continue
		}
		break
	}
	position := at[split]
	t.source = &sourceShare{name: step.Name, split: split, index: index + int32(share), source: step.Source, origins: s.Origins,
		position: position, began: position, bound: a.bounds[step.Name][split], limited: a.limited(step)}
	t.source.behind = mutant.On(mutant.SeekBehind) && a.died()
	clock := a.clock(step, split, t)
	a.splits = append(a.splits, SplitTask{Task: t.ID, Source: step.Name, Split: split, AtBound: t.source.done() && (!t.source.time.finite || t.source.time.ended), Clock: clock})
}

// died reports whether the attempt before this one ended without deciding an
// epoch. Only planted bugs ask.
func (a *attempt) died() bool { return a.manifest != nil && a.manifest.Attempt < a.number()-1 }

// limited reports whether the source bounds its epochs in this run.
func (a *attempt) limited(step *topology.Step) bool {
	l, ok := step.Source.(connectors.Limiter)
	return ok && l.Limited() && a.config.Trigger.Kind != TriggerOnce
}

func (a *attempt) openReaders(ctx context.Context) error {
	c := a.config
	for i := range c.Plan.Stages {
		s := &c.Plan.Stages[i]
		if s.Role != topology.RoleSource {
			continue
		}
		step := c.Plan.Graph.Steps[s.Step]
		at := a.start[step.Name]
		r, err := step.Source.Open(ctx, at, connectors.OpenOptions{Columns: s.Columns,
			Origins: s.Origins || c.Trigger.Bounded() || a.limited(step), Pool: c.Pool, Rows: c.BatchRows, Bytes: c.BatchBytes, Whole: !a.limited(step), Bounded: c.Trigger.Bounded()})
		if err != nil {
			return stepError(step.Name, err)
		}
		a.readers[step.Name] = r
	}
	return nil
}

// shape returns what the coordinator needs.
func (a *attempt) shape() epochs.Shape {
	s := epochs.Shape{Flow: a.config.Plan.Graph.Flow, Incarnation: a.entry.Incarnation, Attempt: a.number(), KeyGroups: a.config.keyGroups(),
		QueryID: a.entry.Incarnation, LedgerSink: a.config.LedgerSink, Versions: a.versions, Previous: a.manifest, Live: live, Start: a.start}
	for _, t := range a.tasks {
		s.Tasks = append(s.Tasks, t.ID)
	}
	s.Places = map[string]epochs.SinkRecord{}
	for _, i := range a.config.Plan.Graph.Sinks() {
		step := a.config.Plan.Graph.Steps[i]
		s.Sinks = append(s.Sinks, step.Name)
		place := epochs.SinkRecord{Kind: kindOf(step.Sink)}
		if l, ok := step.Sink.(connectors.Located); ok {
			place.Path, place.Table = l.Location()
		}
		s.Places[step.Name] = place
	}
	return s
}
