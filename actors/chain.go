package actors

import (
	"errors"
	"fmt"
	"runtime/debug"

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
	rejected  int64 // rows handed to the quarantine since the last ack
	stateless bool
}

type chainNode struct {
	name   string
	op     operators.Operator
	to     []int
	edges  []int
	reject int
}

// staged is a batch on its way to an edge.
type staged struct {
	edge  int
	batch *batch.Batch
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
	return stepError(c.nodes[n].name, c.nodes[n].op.Process(in, 0, nodeOutput{c, n}))
}

// run processes the batch and leaves its output staged. A batch that makes a
// stateless chain fail is replayed row by row with its output withheld: the rows that fail
// alone are poison and go to the quarantine. A stateful chain may have
// changed state already, so its failure aborts the attempt.
func (c *chain) run(in *batch.Batch) error {
	err := c.process(in)
	if err == nil || !c.stateless || supervision.KindOf(err) == supervision.Fatal {
		return err
	}
	c.drop()
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
		before := len(c.staged)
		failed := c.head(n, in)
		if failed == nil {
			continue
		}
		for _, s := range c.staged[before:] {
			s.batch.Release()
		}
		c.staged = c.staged[:before]
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

// drop releases what is staged.
func (c *chain) drop() {
	for _, s := range c.staged {
		s.batch.Release()
	}
	c.staged = c.staged[:0]
}

// advance tells every operator of the watermark, in order of the flow.
func (c *chain) advance(watermark int64) error {
	for i := range c.nodes {
		if err := c.nodes[i].op.Advance(watermark, nodeOutput{c, i}); err != nil {
			return stepError(c.nodes[i].name, err)
		}
	}
	return nil
}

func (c *chain) close() {
	c.drop()
	for i := range c.nodes {
		c.nodes[i].op.Close()
	}
}

// nodeOutput is where a node's operator emits to.
type nodeOutput struct {
	c    *chain
	node int
}

// Emit passes the batch to every reader of the node.
func (o nodeOutput) Emit(b *batch.Batch) error {
	n := &o.c.nodes[o.node]
	if b.Rows() == 0 {
		b.Release()
		return nil
	}
	for _, to := range n.to {
		if err := o.c.nodes[to].op.Process(b, 0, nodeOutput{o.c, to}); err != nil {
			b.Release()
			return stepError(o.c.nodes[to].name, err)
		}
	}
	for i, e := range n.edges {
		if i < len(n.edges)-1 {
			o.c.staged = append(o.c.staged, staged{edge: e, batch: b.Retain()})
		} else {
			o.c.staged = append(o.c.staged, staged{edge: e, batch: b})
			return nil
		}
	}
	b.Release()
	return nil
}

// EmitTo passes the batch to the readers of a port; only PortFinal has some.
func (o nodeOutput) EmitTo(port int, b *batch.Batch) error {
	if port != operators.PortFinal {
		b.Release()
		return nil
	}
	return o.Emit(b)
}

// Advance passes a watermark on.
func (o nodeOutput) Advance(int64) error { return nil }

// Late counts late rows.
func (o nodeOutput) Late(*batch.Batch, []int32, int64) error { return nil }

// Reject sends the rows to the quarantine, or fails naming the first.
func (o nodeOutput) Reject(in *batch.Batch, rows []operators.Rejected) error {
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
	c.staged = append(c.staged, staged{edge: edge, batch: c.rejects.batch(step, in, rows)})
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
func newChain(g *topology.Graph, s *topology.Stage, open func(step *topology.Step) *operators.Context, r *rejects) (*chain, error) {
	c := &chain{heads: s.Heads, headEdges: s.HeadEdges, rejects: r, stateless: true}
	for _, n := range s.Nodes {
		step := g.Steps[n.Step]
		op := step.Operator()
		if err := op.Open(open(step)); err != nil {
			return nil, stepError(step.Name, err)
		}
		c.stateless = c.stateless && !step.Stateful
		c.nodes = append(c.nodes, chainNode{name: step.Name, op: op, to: n.To, edges: n.Edges, reject: n.Reject})
	}
	return c, nil
}
