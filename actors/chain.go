package actors

import (
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/topology"
)

// chain is the fused steps of one task. Batches flow through it by function
// calls; what leaves it is staged until the whole input batch has gone
// through, so that a batch that fails half-way has had no effect outside.
type chain struct {
	nodes     []chainNode
	heads     []int
	headEdges []int
	staged    []staged
	rejects   *rejects
	rejectsTo int   // the edge to the quarantine, once a row was rejected
	rejected  int64 // rows handed to the quarantine since the last ack
	stateless bool
	makers    []int   // nodes that make a watermark
	observing []int   // nodes that tell something of the epoch's rows
	kept      []int64 // what they had before the batch in work
	watch     stopwatch
}

type chainNode struct {
	name         string
	op           operators.Operator
	maker        operators.WatermarkMaker // nil if it makes none
	out          [operators.Ports]topology.Readers
	reject, late int // edges, -1 for none
	output       *nodeOutput
	told         int64 // the watermark passed on last
	dropped      int64 // late rows since the last ack
	times        operators.EventTimes
}

// staged is a batch on its way to an edge, or a watermark if there is none.
type staged struct {
	edge      int
	batch     *batch.Batch
	watermark int64
}

// process sends one batch through the chain. The batch is borrowed.
func (c *chain) process(in *batch.Batch) error {
	c.stageRaw(in)
	for _, n := range c.heads {
		if err := c.head(n, in); err != nil {
			return err
		}
	}
	return nil
}

// stageRaw stages the batch for the edges that read the source itself.
func (c *chain) stageRaw(in *batch.Batch) {
	for _, e := range c.headEdges {
		c.staged = append(c.staged, staged{edge: e, batch: in.Retain()})
	}
}

// head sends the batch through one of the branches that begin at the source.
// A panic is a failure.
func (c *chain) head(n int, in *batch.Batch) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &supervision.Failure{Kind: supervision.Restart, Class: "PANIC",
				Message: fmt.Sprintf("a step panicked: %v", p), Cause: fmt.Errorf("%s", debug.Stack())}
		}
	}()
	return c.enter(n, in)
}

// enter has a node process the batch.
func (c *chain) enter(n int, in *batch.Batch) error {
	was := c.watch.turn(n, updating)
	err := c.nodes[n].op.Process(in, 0, c.nodes[n].output)
	c.watch.back(was)
	return stepError(c.nodes[n].name, err)
}

// run processes the batch and leaves its output staged. A batch that makes a
// stateless chain fail is replayed row by row with its output withheld: the rows that fail
// alone are poison and go to the quarantine. A stateful chain may have
// changed state already, so its failure aborts the attempt, and so does one that may pass: it is not the rows'.
func (c *chain) run(in *batch.Batch) error {
	c.keep()
	c.remember()
	rejected, waiting := c.rejected, c.rejects.waiting()
	err := c.process(in)
	if err == nil || !c.stateless {
		return err
	}
	if kind := supervision.KindOf(outage(err)); kind == supervision.Fatal || kind == supervision.Transient || kind == supervision.Outage {
		return err
	}
	c.drop()
	c.undo()
	c.forget()
	c.rejects.forget(waiting)
	c.rejected = rejected
	sel := in.Sel
	defer func() { in.Sel = sel }()
	for i := range in.Rows() {
		row := i
		if sel != nil {
			row = int(sel[i])
		}
		in.Sel = []int32{int32(row)}
		if err := c.replay(in, int32(row)); err != nil {
			return err
		}
		in.Sel = sel
	}
	return nil
}

// replay processes one row alone. A branch in which it fails gives up what it
// made of the row; the others keep theirs.
func (c *chain) replay(in *batch.Batch, row int32) error {
	c.stageRaw(in)
	for _, n := range c.heads {
		c.remember()
		before, waiting, rejected := len(c.staged), c.rejects.waiting(), c.rejected
		failed := c.head(n, in)
		if failed == nil {
			continue
		}
		c.giveUp(before)
		c.rejects.forget(waiting)
		c.rejected = rejected
		c.forget()
		if err := c.poison(in, row, failed); err != nil {
			return err
		}
	}
	return nil
}

// poison hands one row that failed alone to the quarantine.
func (c *chain) poison(in *batch.Batch, row int32, cause error) error {
	edge := c.rejectEdge()
	if c.rejects == nil || edge < 0 {
		return c.origin(in, row, cause)
	}
	c.stageRejects(edge, "", in, []operators.Rejected{{Row: row, Rule: "process", Class: classOf(cause), Message: short(cause)}})
	return nil
}

func (c *chain) rejectEdge() int {
	for _, n := range c.nodes {
		if n.reject >= 0 {
			return n.reject
		}
	}
	return -1
}

// giveUp drops the rows staged since there were so many. Watermarks stay: the
// row that failed has passed what made them.
func (c *chain) giveUp(since int) {
	rest := c.staged[:since]
	for _, s := range c.staged[since:] {
		if s.batch == nil {
			rest = append(rest, s)
		} else {
			s.batch.Release()
		}
	}
	c.staged = rest
}

// drop releases what is staged.
func (c *chain) drop() {
	for _, s := range c.staged {
		if s.batch != nil {
			s.batch.Release()
		}
	}
	c.staged = c.staged[:0]
}

func (c *chain) close() {
	c.drop()
	c.rejects.close()
	for i := range c.nodes {
		c.nodes[i].op.Close()
	}
}

// nodeOutput is where a node's operator emits to.
type nodeOutput struct {
	c    *chain
	node int
}

// Emit passes the batch to every reader of the node's final rows.
func (o *nodeOutput) Emit(b *batch.Batch) error { return o.EmitTo(operators.PortFinal, b) }

// EmitTo passes the batch to every reader of the port.
func (o *nodeOutput) EmitTo(port int, b *batch.Batch) error {
	c := o.c
	readers := &c.nodes[o.node].out[port]
	if b.Rows() == 0 {
		b.Release()
		return nil
	}
	for _, to := range readers.Nodes {
		if err := c.enter(to, b); err != nil {
			b.Release()
			return err
		}
	}
	for i, e := range readers.Edges {
		if i < len(readers.Edges)-1 {
			c.staged = append(c.staged, staged{edge: e, batch: b.Retain()})
		} else {
			c.staged = append(c.staged, staged{edge: e, batch: b})
			return nil
		}
	}
	b.Release()
	return nil
}

// Late counts rows that came too late, and keeps them if the flow asks for it.
func (o *nodeOutput) Late(in *batch.Batch, rows []int32, watermark int64) error {
	if len(rows) == 0 {
		return nil
	}
	n := &o.c.nodes[o.node]
	n.dropped += int64(len(rows))
	if mutant.On(mutant.LateRowsForgotten) && o.c.rejects.epoch.Number%4 == 3 {
		return nil
	}
	if n.late >= 0 && o.c.rejects != nil {
		o.c.staged = append(o.c.staged, staged{edge: n.late, batch: o.c.rejects.late(n.name, in, rows, watermark)})
	}
	return nil
}

// Reject sends the rows to the quarantine, or fails naming the first.
func (o *nodeOutput) Reject(in *batch.Batch, rows []operators.Rejected) error {
	if len(rows) == 0 {
		return nil
	}
	n := &o.c.nodes[o.node]
	if n.reject < 0 || o.c.rejects == nil {
		r := rows[0]
		return o.c.origin(in, r.Row, &supervision.Failure{Kind: supervision.Poison, Class: r.Class, Step: n.name, Message: r.Message,
			Hint: "correct the row, use a try_ form, or give the flow a quarantine"})
	}
	o.c.stageRejects(n.reject, n.name, in, rows)
	return nil
}

func (c *chain) stageRejects(edge int, step string, in *batch.Batch, rows []operators.Rejected) {
	if mutant.On(mutant.QuarantineDropped) && c.rejects.epoch.Number%4 == 0 {
		return
	}
	c.rejected += int64(len(rows))
	c.rejects.hold(step, in, rows)
	c.rejectsTo = edge // the stage has one
}

// stageHeld stages the rejected rows that wait, if they are many or all is set.
func (c *chain) stageHeld(all bool) {
	if b := c.rejects.take(all); b != nil {
		c.staged = append(c.staged, staged{edge: c.rejectsTo, batch: b})
	}
}

// origin adds to a row's failure where the row came from.
func (c *chain) origin(in *batch.Batch, row int32, err error) error {
	f := &supervision.Failure{Class: classOf(err), Message: short(err), Cause: err}
	var known *supervision.Failure
	if errors.As(err, &known) {
		named := *known
		f = &named
	}
	f.Kind = supervision.Fatal
	if c.rejects != nil {
		c.rejects.locate(f, in, row)
	}
	return f
}

// newChain makes the operators of one task of the stage.
func newChain(g *topology.Graph, s *topology.Stage, open func(step *topology.Step) *operators.Context, r *rejects, now func() time.Time) (*chain, error) {
	c := &chain{heads: s.Heads, headEdges: s.HeadEdges, rejects: r, stateless: true, makers: s.Makers, watch: newStopwatch(now, len(s.Nodes))}
	for i, n := range s.Nodes {
		step := g.Steps[n.Step]
		op := step.Operator()
		context := open(step)
		for port, readers := range n.Out {
			context.Wanted[port] = len(readers.Nodes)+len(readers.Edges) > 0
		}
		if r != nil {
			context.Place = r.placeOf
		}
		if err := op.Open(context); err != nil {
			return nil, stepError(step.Name, err)
		}
		if _, tells := op.(operators.Observing); tells && step.Observe != nil {
			c.observing = append(c.observing, i)
		}
		c.stateless = c.stateless && !step.Stateful
		node := chainNode{name: step.Name, op: op, out: n.Out, reject: n.Reject, late: n.Late, output: &nodeOutput{c, i}, told: math.MinInt64}
		if step.Watermark != nil {
			node.maker, _ = op.(operators.WatermarkMaker)
		}
		c.nodes = append(c.nodes, node)
		c.watch.on = !c.stateless
	}
	return c, nil
}
