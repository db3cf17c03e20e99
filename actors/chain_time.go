package actors

import (
	"context"
	"math"

	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// noWatermark is the watermark of what has none yet, endOfInput that of what
// never gets a row again.
const (
	noWatermark = math.MinInt64
	endOfInput  = math.MaxInt64
)

// advance tells every operator of the task's watermark, each after the rows
// that those above it emitted at it, and then what reads the chain.
func (c *chain) advance(watermark int64) error {
	for _, e := range c.headEdges {
		c.staged = append(c.staged, staged{edge: e, watermark: watermark})
	}
	for _, n := range c.heads {
		if err := c.tell(n, watermark); err != nil {
			return err
		}
	}
	return nil
}

// tell brings a watermark to a node. One that makes its own takes only the end of the input.
func (c *chain) tell(n int, watermark int64) error {
	node := &c.nodes[n]
	if node.maker != nil {
		if watermark != endOfInput {
			return nil
		}
		return c.pass(n, watermark)
	}
	was := c.watch.turn(n, removing)
	err := node.op.Advance(watermark, node.output)
	c.watch.back(was)
	if err != nil {
		return stepError(node.name, err)
	}
	return c.pass(n, watermark)
}

// pass brings a node's watermark to what reads its final rows. Who reads its changes or its whole
// result is told in the flush, behind the rows that are emitted then: they may be of any time since the flush before.
func (c *chain) pass(n int, watermark int64) error {
	node := &c.nodes[n]
	node.told = max(node.told, watermark)
	return c.passTo(node.out[operators.PortFinal], watermark)
}

func (c *chain) passTo(to topology.Readers, watermark int64) error {
	for _, n := range to.Nodes {
		if err := c.tell(n, watermark); err != nil {
			return err
		}
	}
	for _, e := range to.Edges {
		c.staged = append(c.staged, staged{edge: e, watermark: watermark})
	}
	return nil
}

// Advance passes a maker's watermark on, if it has grown.
func (o *nodeOutput) Advance(watermark int64) error {
	if watermark <= o.c.nodes[o.node].told {
		return nil
	}
	return o.c.pass(o.node, watermark)
}

// share gives makers the watermark that all splits have come to, and passes it on.
func (c *chain) share(watermarks map[string]int64) error {
	for _, n := range c.makers {
		node := &c.nodes[n]
		maker, ok := node.maker.(operators.SharedMaker)
		watermark, some := watermarks[node.name]
		if !ok || !some || watermark == noWatermark {
			continue
		}
		maker.Share(watermark)
		if watermark > node.told {
			if err := c.pass(n, watermark); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush has every operator emit what it owes to the epoch, those above first.
func (c *chain) flush() error {
	for _, n := range c.heads {
		if err := c.flushFrom(n); err != nil {
			return err
		}
	}
	return nil
}

func (c *chain) flushFrom(n int) error {
	node := &c.nodes[n]
	was := c.watch.turn(n, updating)
	err := node.op.Flush(node.output)
	c.watch.back(was)
	if err != nil {
		return stepError(node.name, err)
	}
	for port := range node.out {
		if port != operators.PortFinal && node.told != noWatermark {
			if err := c.passTo(node.out[port], node.told); err != nil {
				return err
			}
		}
		for _, to := range node.out[port].Nodes {
			if err := c.flushFrom(to); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep notes what the watermarks are before a batch that may have to be undone.
func (c *chain) keep() {
	c.kept = c.kept[:0]
	for _, n := range c.makers {
		node := &c.nodes[n]
		node.look()
		c.kept = append(c.kept, node.maker.Watermark(), node.told)
	}
}

// undo takes the makers back to what was kept.
func (c *chain) undo() {
	for i, n := range c.makers {
		node := &c.nodes[n]
		node.maker.Restore(c.kept[2*i])
		node.told = c.kept[2*i+1]
		if timed, ok := node.maker.(operators.Timed); ok {
			timed.EventTimes()
		}
	}
}

// look takes over the event times that a maker has seen.
func (n *chainNode) look() {
	if timed, ok := n.maker.(operators.Timed); ok {
		n.times.Add(timed.EventTimes())
	}
}

// clocks returns what the makers have come to, for an ack, and begins to count
// event times anew.
func (c *chain) clocks() []epochs.Clock {
	var all []epochs.Clock
	for _, i := range c.makers {
		n := &c.nodes[i]
		n.look()
		all = append(all, epochs.Clock{Step: n.name, Watermark: n.maker.Watermark(), Rows: n.times.Rows, Min: n.times.Min, Max: n.times.Max, Mean: n.times.Mean})
		n.times = operators.EventTimes{}
	}
	return all
}

// watermark returns the least of the chain's makers; noWatermark before any row.
func (c *chain) watermark() int64 {
	least := int64(endOfInput)
	for _, n := range c.makers {
		least = min(least, c.nodes[n].maker.Watermark())
	}
	if len(c.makers) == 0 {
		return noWatermark
	}
	return least
}

// dropped returns the late rows of each step since the last ack.
func (c *chain) dropped() []epochs.StepRows {
	var all []epochs.StepRows
	for i := range c.nodes {
		if n := &c.nodes[i]; n.dropped > 0 {
			all = append(all, epochs.StepRows{Step: n.name, Rows: n.dropped})
			n.dropped = 0
		}
	}
	return all
}

// hot returns the hot keys that operators know of.
func (c *chain) hot() []epochs.StepKey {
	var all []epochs.StepKey
	for i := range c.nodes {
		if s, ok := c.nodes[i].op.(operators.Skewed); ok {
			for _, k := range s.HotKeys() {
				all = append(all, epochs.StepKey{Step: c.nodes[i].name, Key: k.Key[:min(len(k.Key), 200)], Share: k.Share})
			}
		}
	}
	return all
}

// due returns the earliest processing time at which an operator wants an epoch
// to close, 0 for none.
func (c *chain) due() int64 {
	earliest := int64(0)
	for i := range c.nodes {
		if w, ok := c.nodes[i].op.(operators.Waker); ok {
			if at, some := w.NextDue(); some && (earliest == 0 || at < earliest) {
				earliest = max(at, 1)
			}
		}
	}
	return earliest
}

// prepares reports whether an operator may want I/O before an epoch's first row.
func (c *chain) prepares() bool {
	for i := range c.nodes {
		if _, ok := c.nodes[i].op.(operators.Preparer); ok {
			return true
		}
	}
	return false
}

// prepare returns what the operators want done before the epoch's first row,
// nil for nothing.
func (c *chain) prepare(epoch int64) func(context.Context) error {
	var all []func(context.Context) error
	for i := range c.nodes {
		if p, ok := c.nodes[i].op.(operators.Preparer); ok {
			name := c.nodes[i].name
			if f := p.Prepare(epoch); f != nil {
				all = append(all, func(ctx context.Context) error { return stepError(name, f(ctx)) })
			}
		}
	}
	if all == nil {
		return nil
	}
	return func(ctx context.Context) error {
		for _, f := range all {
			if err := f(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}
