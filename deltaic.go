// Package deltaic runs flows: streams come in, are processed with keyed state,
// and go out exactly once, first of all into Delta Lake tables.
//
// A flow is said with package stream and its connectors, and run with [Start],
// or by a whole service process with [node.Main]:
//
//	flow := stream.New("orders")
//	flow.From("orders", kafka.Source("orders", kafka.Brokers("localhost:9092"), kafka.StartAt(kafka.Earliest))).
//		Select("from_json(CAST(value AS STRING), 'id BIGINT, amount DOUBLE') AS o").
//		Select("o.*").
//		To("orders", delta.SinkAt("lake/orders", delta.SinkOptions{}), stream.Append)
//	query, err := deltaic.Start(ctx, flow, stream.AvailableNow())
//
// The caller stops the query or ends the context, and waits for
// query.AwaitTermination before the process ends. What the package does not do: it reads no
// configuration and serves no port; package node does.
package deltaic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/deltaic/deltaic/actors"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/node"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/location"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/persistence/image"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/topology"
	"github.com/google/uuid"
	"go.uber.org/zap"
)

// Main is the main of a program that runs flows: the commands of deltaic, with run, check
// and plan going to these flows unless a file is named. It does not return.
func Main(flows ...*stream.Flow) {
	os.Exit(node.Main(context.Background(), os.Args[1:], Env(flows...)))
}

// Env introduces this package to node.Main, for mains that bring commands of
// their own; other mains use [Main].
func Env(flows ...*stream.Flow) node.Env {
	return node.Env{Flows: flows, Check: check, Start: func(ctx context.Context, s node.Start) (*stream.Query, error) {
		if s.Logger != nil {
			ctx = WithLogger(ctx, s.Logger)
		}
		return start(ctx, s.Flow, s.OnEpoch, s.Options...)
	}}
}

type loggerKey struct{}

// WithLogger returns a context in which [Start] logs to l; without it nothing
// is logged.
func WithLogger(ctx context.Context, l *zap.Logger) context.Context {
	return context.WithValue(ctx, loggerKey{}, l)
}

// Start builds the flow and begins to run it. It returns once everything that can be
// checked without running has been: mistakes of the flow, a missing checkpoint location. The
// query ends when ctx ends; Stop ends it after a last epoch.
func Start(ctx context.Context, flow *stream.Flow, options ...stream.Option) (*stream.Query, error) {
	return start(ctx, flow, nil, options...)
}

// start is Start with an observer that is told of every epoch that is done.
func start(ctx context.Context, flow *stream.Flow, observe func(actors.Progress), options ...stream.Option) (*stream.Query, error) {
	g, err := flow.Build()
	if err != nil {
		return nil, err
	}
	var o stream.Options
	for _, set := range options {
		set(&o)
	}
	plan, err := topology.MakePlan(g)
	if err != nil {
		return nil, err
	}
	c, err := configure(ctx, plan, &o)
	if err != nil {
		return nil, err
	}
	if told := c.OnEpoch; observe != nil {
		c.OnEpoch = func(p actors.Progress) {
			if told != nil {
				told(p)
			}
			observe(p)
		}
	}
	h, err := actors.Start(ctx, *c)
	if err != nil {
		return nil, err
	}
	return stream.NewQuery(g, h), nil
}

// configure introduces the rooms to each other.
func configure(ctx context.Context, plan *topology.Plan, o *stream.Options) (*actors.Config, error) {
	account := batch.NewAccount("memory_limit", o.MemoryLimit)
	c := &actors.Config{Plan: plan, Trigger: trigger(o), Parallelism: o.Parallelism, Retain: o.Retain, RetainFor: o.RetainFor, BatchRows: o.BatchRows, Account: account, Pool: batch.NewPoolOf(account),
		Unique: uuid.NewString, Jitter: rand.Float64, Watch: 5 * time.Second}
	c.Settled = settled
	c.Logger, _ = ctx.Value(loggerKey{}).(*zap.Logger)
	if o.OnProgress != nil {
		c.OnEpoch = func(p actors.Progress) { o.OnProgress(p.Progress) }
	}
	if o.CheckpointLocation != "" {
		store, err := location.Open(o.CheckpointLocation)
		if err != nil {
			return nil, err
		}
		c.Objects = store
		c.Image = image.Local(filepath.Join(location.Here(o.CheckpointLocation), "image"), account, c.Logger)
	}
	return c, place(ctx, c, o)
}

func trigger(o *stream.Options) actors.Trigger {
	kinds := map[stream.TriggerKind]actors.TriggerKind{stream.DefaultTrigger: actors.TriggerDefault, stream.ProcessingTimeTrigger: actors.TriggerProcessingTime,
		stream.AvailableNowTrigger: actors.TriggerAvailableNow, stream.OnceTrigger: actors.TriggerOnce,
		stream.ContinuousTrigger: actors.TriggerContinuous, stream.ManualTrigger: actors.TriggerManual}
	t := actors.Trigger{Kind: kinds[o.Trigger.Kind], Interval: o.Trigger.Interval}
	if t.Kind == actors.TriggerAvailableNow {
		t.Interval = o.EpochInterval
	}
	return t
}

// place chooses the ledger: fixed at the flow's first start, and noted in the
// checkpoint location if there is one.
func place(ctx context.Context, c *actors.Config, o *stream.Options) error {
	g := c.Plan.Graph
	durable, table, name := sinks(g)
	if c.Objects == nil && durable == 0 {
		// Nothing of this flow outlives the process, so nothing of its ledger need.
		c.Objects = memory.New(memory.Options{Name: g.Flow})
		c.Ledger = delta.NewLedger(memory.New(memory.Options{Name: g.Flow + "/ledger"}), g.Flow, delta.Options{})
		return nil
	}
	if c.Objects == nil && g.Stateful() {
		return missing(g.Flow, "keeps keyed state", o)
	}
	inTable, err := chooseTable(ctx, c, o, table)
	if err != nil {
		return err
	}
	if inTable {
		ledger, err := table.Ledger(ctx, g.Flow)
		if err != nil {
			return err
		}
		c.Ledger, c.LedgerSink = ledger, name
		if c.Objects == nil {
			t, _, err := table.Open(ctx)
			if err != nil {
				return err
			}
			c.Objects, c.Prefix = t.Store(), "_deltaic/"
		}
		return nil
	}
	if c.Objects == nil {
		return missing(g.Flow, "writes to more than one table, or to one that was there before, or by key", o)
	}
	store, err := location.Open(location.Join(o.CheckpointLocation, "ledger"))
	if err != nil {
		return err
	}
	c.Ledger = delta.NewLedger(store, g.Flow, delta.Options{})
	return nil
}

// sinks counts the durable sinks and returns the only one's table, if it is
// the only one and Delta.
func sinks(g *topology.Graph) (durable int, table *delta.Sink, name string) {
	for _, i := range g.Sinks() {
		if !g.Steps[i].Sink.Durable() {
			continue
		}
		durable++
		table, _ = g.Steps[i].Sink.(*delta.Sink)
		name = g.Steps[i].Name
	}
	if durable != 1 || len(g.Sinks()) != 1 || g.Steps[g.Sinks()[0]].Mode == connectors.Update {
		return durable, nil, "" // a sink that upserts computes its files after the epoch is decided
	}
	return durable, table, name
}

// check says what Start would refuse before anything runs. It writes nothing.
func check(ctx context.Context, s node.Start) error {
	g, err := s.Flow.Build()
	if err != nil {
		return err
	}
	var o stream.Options
	for _, set := range s.Options {
		set(&o)
	}
	c := &actors.Config{}
	durable, table, _ := sinks(g)
	if o.CheckpointLocation != "" {
		if c.Objects, err = location.Open(o.CheckpointLocation); err != nil {
			return err
		}
	} else if durable == 0 {
		return nil
	} else if g.Stateful() {
		return missing(g.Flow, "keeps keyed state", &o)
	}
	inTable, _, err := decideTable(ctx, c, g, &o, table)
	if err == nil && !inTable && c.Objects == nil {
		err = missing(g.Flow, "writes to more than one table, or to one that was there before, or by key", &o)
	}
	return err
}

// identity is the file "flow.json" of a checkpoint location.
type identity struct {
	Format int    `json:"format"`
	Flow   string `json:"flow"`
	Ledger string `json:"ledger"` // "table" or "beside"
	Table  string `json:"table,omitempty"`
}

const identityFile = "flow.json"

// chooseTable reports whether the ledger is in the flow's only table.
func chooseTable(ctx context.Context, c *actors.Config, o *stream.Options, table *delta.Sink) (bool, error) {
	inTable, known, err := decideTable(ctx, c, c.Plan.Graph, o, table)
	if err != nil || known {
		return inTable, err
	}
	return inTable, writeIdentity(ctx, c, c.Plan.Graph.Flow, inTable, table)
}

// decideTable is chooseTable without noting the choice; known says that it was noted before.
func decideTable(ctx context.Context, c *actors.Config, g *topology.Graph, o *stream.Options, table *delta.Sink) (inTable, noted bool, err error) {
	known, err := readIdentity(ctx, c, g.Flow)
	if err != nil {
		return false, false, err
	}
	if known != nil {
		if o.Ledger != stream.LedgerByDefault && string(o.Ledger) != known.Ledger {
			return false, true, supervision.New(supervision.Fatal, "LEDGER_IS_FIXED", "flow %s has had its ledger %q since its first start; it cannot be moved to %q", g.Flow, known.Ledger, o.Ledger)
		}
		if known.Ledger == "table" && table == nil {
			return false, true, supervision.New(supervision.Fatal, "LEDGER_IS_FIXED", "flow %s has its ledger in the table %s, and does not write to that table alone any more", g.Flow, known.Table)
		}
		return known.Ledger == "table", true, nil
	}
	can := false
	if table != nil && o.Ledger != stream.LedgerBeside {
		if can, err = table.CanHoldLedger(ctx, g.Flow); err != nil {
			return false, false, err
		}
	}
	if o.Ledger == stream.LedgerInTable && !can {
		return false, false, supervision.New(supervision.Fatal, "LEDGER_NOT_POSSIBLE", "flow %s asks for its ledger in the table, which works only for a table that the flow makes and is the only sink of; use ledger: beside and a checkpointLocation", g.Flow)
	}
	return can, false, nil
}

func readIdentity(ctx context.Context, c *actors.Config, flow string) (*identity, error) {
	if c.Objects == nil {
		return nil, nil
	}
	data, err := c.Objects.Get(ctx, identityFile, 1<<20)
	if errors.Is(err, objstore.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var known identity
	where := c.Objects.URI() + "/" + identityFile
	if err := json.Unmarshal(data, &known); err != nil {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "CHECKPOINT_CORRUPT", Path: where, Message: "the file is not readable", Cause: err}
	}
	if known.Format > epochs.Format {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "FORMAT_TOO_NEW", Path: where,
			Message: fmt.Sprintf("the checkpoint location has format %d; this build knows formats up to %d", known.Format, epochs.Format), Hint: "use the version of deltaic that wrote it, or a later one"}
	}
	if known.Flow != flow {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "CHECKPOINT_OF_ANOTHER_FLOW", Path: where,
			Message: fmt.Sprintf("the checkpoint location belongs to flow %q, not to %q", known.Flow, flow), Hint: "give each flow a checkpointLocation of its own"}
	}
	return &known, nil
}

func writeIdentity(ctx context.Context, c *actors.Config, flow string, inTable bool, table *delta.Sink) error {
	if c.Objects == nil {
		return nil
	}
	i := identity{Format: epochs.Format, Flow: flow, Ledger: "beside"}
	if inTable {
		i.Ledger, i.Table = "table", table.Description()
	}
	data, err := json.Marshal(i)
	if err != nil {
		return err
	}
	err = c.Objects.PutIfAbsent(ctx, identityFile, data)
	if errors.Is(err, objstore.ErrExists) {
		return nil // the same start, once before
	}
	return err
}

func missing(flow, why string, o *stream.Options) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: "CHECKPOINT_LOCATION_MISSING", Flow: flow,
		Message: fmt.Sprintf("flow %s %s and has no checkpoint location", flow, why),
		Hint:    fmt.Sprintf("add checkpointLocation: ./state/%s (in Go: stream.CheckpointLocation(%q))", flow, "./state/"+flow)}
}

// settled reports whether the table at the path has the flow's epoch.
func settled(ctx context.Context, path, flow, incarnation string, epoch int64) (bool, error) {
	t, exists, err := delta.SinkAt(path, delta.SinkOptions{}).Open(ctx)
	if err != nil || !exists {
		return false, err
	}
	head, err := t.Head(ctx)
	if err != nil {
		return false, err
	}
	return head.Txns[delta.AppID(flow, incarnation)].Version >= epoch, nil
}
