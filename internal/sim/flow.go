package sim

import (
	"context"
	"path"
	"slices"
	"time"

	"github.com/deltaic/deltaic/actors"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/internal/crash/judge"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/topology"
)

// Shape is which flow a world runs.
type Shape string

// The flows.
const (
	Single Shape = "single" // stateless, one table that is its own ledger and checkpoint
	Dedup  Shape = "dedup"  // dropDuplicates, one table with the ledger, state in a checkpoint location
	Three  Shape = "three"  // partitioned bronze, silver without duplicates, quarantine; ledger beside
	Timed  Shape = "timed"  // windows that are over, the same windows kept up to date, late rows; ledger beside

	Spans    Shape = "spans"    // sliding windows, sessions, timers, late rows
	Idle     Shape = "idle"     // as timed; a split that is quiet holds nobody up
	Furthest Shape = "furthest" // as timed; the split that is furthest ahead makes the watermark
)

// Shapes lists the flows that are stopped at every point. They have all kinds of durable operations there are; with
// Explored, which is more, seeds are run.
var (
	Shapes   = []Shape{Single, Dedup, Three, Timed}
	Explored = append(slices.Clone(Shapes), Spans, Idle, Furthest)
)

// overTime reports whether the rows of the flow have event times.
func (s Shape) overTime() bool { return slices.Contains([]Shape{Timed, Spans, Idle, Furthest}, s) }

const (
	root     = "/data"
	flowName = "sim"
)

// setting is what a process is started with.
type setting struct {
	shape       Shape
	parallelism int
	wide        bool // an actor per key group
	trigger     actors.Trigger
	limit       int64
	rows        int // a batch holds at most
	interval    string
}

// stores makes the objects of a folder of the disk as the process sees it.
type stores func(folder string) objstore.Store

// outside is what a process is given of the world.
type outside struct {
	stores stores
	broker *Broker
	table  delta.Options
	unique func() string
	now    func() time.Time
	sleep  func(context.Context, time.Duration) error
	jitter func() float64
}

func lake(name string) string { return path.Join(root, "lake", name) }

// configure makes a process's configuration, as the front door does.
func configure(ctx context.Context, s setting, o outside) (*actors.Config, error) {
	sink := func(name string, partition ...string) *delta.Sink {
		return delta.NewSink(o.stores(lake(name)), delta.SinkOptions{PartitionBy: partition, Table: o.table,
			Properties: map[string]string{"delta.checkpointInterval": s.interval}})
	}
	flow := stream.New(flowName).KeyGroups(16)
	if s.wide {
		flow.ActorPerKeyGroup()
	}
	if s.shape == Three {
		flow.Quarantine(sink("quarantine"))
	}
	if s.shape.overTime() {
		return timed(flow, s, o)
	}
	rows := flow.From("in", &source{broker: o.broker, limit: s.limit}).
		Select("from_json(value, 'n BIGINT, p STRING') AS o", "partition", "offset").Select("o.*", "partition", "offset")
	var table *delta.Sink
	switch s.shape {
	case Single:
		table = sink("bronze")
		rows.To("bronze", table, stream.Append)
	case Dedup:
		table = sink("silver")
		rows.Select("n").DropDuplicates("n").To("silver", table, stream.Append)
	case Three:
		rows.To("bronze", sink("bronze", "p"), stream.Append)
		rows.Select("n").DropDuplicates("n").To("silver", sink("silver"), stream.Append)
	}
	g, err := flow.Build()
	if err != nil {
		return nil, err
	}
	plan, err := topology.MakePlan(g)
	if err != nil {
		return nil, err
	}
	c := s.config(plan, o)
	if table == nil {
		beside(c, o)
		return c, nil
	}
	ledger, err := table.Ledger(ctx, flowName)
	if err != nil {
		return nil, err
	}
	c.Ledger, c.LedgerSink = ledger, g.Steps[g.Sinks()[0]].Name
	if s.shape == Single {
		t, _, err := table.Open(ctx)
		if err != nil {
			return nil, err
		}
		c.Objects, c.Prefix = t.Store(), "_deltaic/"
		return c, nil
	}
	c.Objects = o.stores(path.Join(root, "checkpoint"))
	return c, nil
}

// beside puts the ledger into the checkpoint location.
func beside(c *actors.Config, o outside) {
	c.Objects = o.stores(path.Join(root, "checkpoint"))
	c.Ledger = delta.NewLedger(o.stores(path.Join(root, "checkpoint", "ledger")), flowName, o.table)
}

func (s setting) config(plan *topology.Plan, o outside) *actors.Config {
	account := batch.NewAccount("sim", 0)
	c := &actors.Config{Plan: plan, Trigger: s.trigger, Parallelism: s.parallelism, Retain: 2, BatchRows: s.rows, Account: account, Pool: batch.NewPoolOf(account),
		Unique: o.unique, Now: o.now, Sleep: o.sleep, Jitter: o.jitter}
	c.Complete(2)
	return c
}

// judged is what the judge must look at.
func judged(s Shape, folder string, b *Broker) judge.Case {
	c := judge.Case{Root: folder, Flow: flowName, Model: b.Model}
	switch s {
	case Single:
		c.Bronze, c.Ledger, c.Objects = "lake/bronze", "lake/bronze", "lake/bronze"
	case Dedup:
		c.Silver, c.Ledger, c.Objects = "lake/silver", "lake/silver", "checkpoint"
	case Three:
		c.Bronze, c.Silver, c.Quarantine = "lake/bronze", "lake/silver", "lake/quarantine"
		c.Ledger, c.Objects = "checkpoint/ledger", "checkpoint"
	case Spans:
		c.Hops, c.Sessions, c.Alarms, c.Late = "lake/hops", "lake/sessions", "lake/alarms", "lake/late"
		c.Ledger, c.Objects = "checkpoint/ledger", "checkpoint"
	default:
		c.Windows, c.Current, c.Late = "lake/windows", "lake/current", "lake/late"
		c.Ledger, c.Objects = "checkpoint/ledger", "checkpoint"
		c.Idle, c.Furthest = s == Idle, s == Furthest
	}
	return c
}

var _ connectors.Source = (*source)(nil)
