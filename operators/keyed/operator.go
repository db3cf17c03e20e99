package keyed

import (
	"context"
	"math"
	"math/bits"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/typed"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// New returns the operator of one task that runs the processor over rows of this schema.
func New[K, I, O any](s *batch.Schema, o Options, p Processor[K, I, O]) (operators.Operator, error) {
	return newOperator(s, o, p)
}

func newOperator[K, I, O any](s *batch.Schema, o Options, p Processor[K, I, O]) (*operator[K, I, O], error) {
	if len(o.Keys) == 0 {
		return nil, supervision.New(supervision.Fatal, "INTERNAL_ERROR", "keyed processing needs a key")
	}
	keys := &batch.Schema{}
	op := &operator[K, I, O]{o: o, schema: s, processor: p, late: operators.NewLateness()}
	for _, k := range o.Keys {
		keys.Fields = append(keys.Fields, s.Fields[k])
		op.h.keys = append(op.h.keys, state.Column{Name: s.Fields[k].Name, Type: s.Fields[k].Type})
	}
	var err error
	if op.keys, err = typed.NewDecoder[K](keys); err != nil {
		return nil, err
	}
	if op.rows, err = typed.NewDecoder[I](s); err != nil {
		return nil, err
	}
	_, err = typed.SchemaOf[O]()
	return op, err
}

// operator runs a processor.
type operator[K, I, O any] struct {
	operators.Base
	o         Options
	schema    *batch.Schema
	processor Processor[K, I, O]
	prepare   func(ctx context.Context) error // the initial state, nil for none
	h         Handle
	timers    [2]*timers
	call      Call[O]
	late      operators.Lateness
	encoder   *typed.Encoder[O]
	swept     int64

	keys    *typed.Decoder[K]
	rows    *typed.Decoder[I]
	values  []I
	groups  groups
	one     []K
	over    []int64
	columns []*batch.Column
}

// Open opens the timers, and what the processor keeps.
func (o *operator[K, I, O]) Open(c *operators.Context) (err error) {
	o.Context = c
	o.h.state, o.h.epoch = c.State, c.Epoch
	o.h.key = key{sel: make([]int32, 1), pool: c.Pool}
	for clock, name := range []string{EventTime: "event", ProcessingTime: "processing"} {
		if o.timers[clock], err = newTimers(&o.h, name); err != nil {
			return err
		}
	}
	if o.encoder, err = typed.NewEncoder[O](c.Pool); err != nil {
		return err
	}
	o.call = Call[O]{h: &o.h, timers: &o.timers, out: o.encoder, late: &o.late.Watermark}
	o.swept = math.MinInt64
	return o.guard("opening the states of", nil, func() error { return o.processor.Init(&o.h) })
}

// guard runs the author's code: its error, its panic and what went wrong within a state are one.
func (o *operator[K, I, O]) guard(doing string, row func() []byte, f func() error) (err error) {
	text := func() []byte {
		if row == nil {
			return []byte("any")
		}
		return row()
	}
	defer func() {
		if p := recover(); p != nil {
			err = failed(o.Context.Step, doing, text(), p)
		}
	}()
	err = f()
	if o.h.err != nil {
		return o.h.err
	}
	if err != nil {
		return failed(o.Context.Step, doing, text(), err)
	}
	return nil
}

// shown is the key at work as text.
func (o *operator[K, I, O]) shown() []byte {
	b := &batch.Batch{Schema: &batch.Schema{}, Columns: o.h.key.alone(), N: 1}
	for _, k := range o.h.keys {
		b.Schema.Fields = append(b.Schema.Fields, batch.Field{Name: k.Name, Type: k.Type})
	}
	return batch.AppendRowJSON(nil, b, 0)
}

// Process gives each key its rows.
func (o *operator[K, I, O]) Process(in *batch.Batch, _ int, out operators.Output) error {
	if in.Kinds != nil && slices.ContainsFunc(in.Kinds, func(k batch.RowKind) bool { return k != batch.Insert }) {
		return supervision.New(supervision.Fatal, "STREAMING_ROW_KIND_UNSUPPORTED", "keyed processing was given a row that updates or deletes")
	}
	alive := *in
	if o.o.Time >= 0 {
		o.over = operators.RowTimes(in.Columns[o.o.Time], o.over)
		for i, t := range o.over {
			if t != math.MaxInt64 {
				o.over[i] = t + 1
			}
		}
		sel, err := o.late.Split(in, o.over, out)
		if err != nil {
			return err
		}
		alive.Sel = sel
	}
	if alive.Rows() == 0 {
		return nil
	}
	o.columns = o.columns[:0]
	for _, k := range o.o.Keys {
		o.columns = append(o.columns, in.Columns[k])
	}
	o.h.key.begin(o.columns, in.N)
	defer o.h.key.end()
	o.groups.of(&alive, &o.h.key)
	for _, s := range o.h.states {
		s.fetch(o.groups.first)
	}
	o.values = o.rows.Decode(&alive, o.values)
	firsts := batch.Batch{Columns: o.columns, N: in.N, Sel: o.groups.first}
	o.one = o.keys.Decode(&firsts, o.one)
	var rows []I
	for g, k := range o.one {
		rows = rows[:0]
		for at := o.groups.head[g]; at != 0; at = o.groups.next[at-1] {
			rows = append(rows, o.values[at-1])
		}
		o.h.key.at(int(o.groups.first[g]))
		if err := o.guard("on rows of", o.shown, func() error { return o.processor.Input(k, rows, &o.call) }); err != nil {
			return err
		}
	}
	return o.emit(out)
}

// emitRows is how many rows are emitted at a time.
const emitRows = 4096

// emit passes on what was emitted; in output mode update it waits for the flush.
func (o *operator[K, I, O]) emit(out operators.Output) error {
	if o.o.Updates || o.encoder.Len() == 0 {
		return nil
	}
	return o.cut(out, operators.PortFinal)
}

func (o *operator[K, I, O]) cut(out operators.Output, port int) error {
	all := o.encoder.Finish()
	defer all.Release()
	for from := 0; from < all.N; from += emitRows {
		piece := all.Slice(o.Context.Pool, from, min(all.N, from+emitRows))
		if port == operators.PortChanges {
			piece.Kinds = slices.Repeat([]batch.RowKind{batch.UpdateAfter}, piece.N)
		}
		if err := out.EmitTo(port, piece); err != nil {
			return err
		}
	}
	return nil
}

// fire calls the processor for the timers that are due.
func (o *operator[K, I, O]) fire(clock Clock, limit int64, out operators.Output) error {
	err := o.timers[clock].fire(limit, func(at int64) error {
		alone := o.h.key.alone()
		o.one = o.keys.Decode(&batch.Batch{Columns: alone, N: 1}, o.one)
		t := Timer{clock, timeOf(at)}
		if mutant.On(mutant.TimerLost) && mutant.Late(o.Context.Epoch.Number) {
			return nil
		}
		return o.guard("on a timer of", o.shown, func() error { return o.processor.Timer(o.one[0], t, &o.call) })
	})
	if err != nil {
		return err
	}
	return o.emit(out)
}

// Advance fires the timers that the watermark has reached.
func (o *operator[K, I, O]) Advance(watermark int64, out operators.Output) error {
	o.late.Watermark = watermark
	return o.fire(EventTime, watermark, out)
}

// sweepEvery is how often what has expired is looked for, microseconds of processing time. It is gone for its processor
// the moment it expires.
const sweepEvery = 60_000_000

// Flush fires the timers that processing time has reached, and passes on updates.
func (o *operator[K, I, O]) Flush(out operators.Output) error {
	if err := o.fire(ProcessingTime, max(o.Context.Epoch.Next, o.Context.Epoch.Now), out); err != nil {
		return err
	}
	if now := o.Context.Epoch.Now; o.swept == math.MinInt64 || now-o.swept >= sweepEvery {
		o.swept = now
		for _, s := range o.h.states {
			s.sweep(now)
		}
		if o.h.err != nil {
			return o.h.err
		}
	}
	if !o.o.Updates || o.encoder.Len() == 0 {
		return nil
	}
	return o.cut(out, operators.PortChanges)
}

// NextDue returns the earliest processing-time timer.
func (o *operator[K, I, O]) NextDue() (int64, bool) { return o.timers[ProcessingTime].next() }

// Close ends the processor.
func (o *operator[K, I, O]) Close() error {
	o.encoder.Release()
	return o.processor.Close()
}

// groups are the rows of a batch by key, in order: keys in the order of their first rows.
type groups struct {
	first      []int32 // by group: its first physical row
	head, tail []int32 // by group: its first and last row, by place among those that count, plus one
	next       []int32 // by place: the next row of the group, plus one, 0 for none
	slots      []int32 // by lower bits of the hash: a group plus one
}

func (g *groups) of(in *batch.Batch, k *key) {
	n := in.Rows()
	size := 1 << bits.Len(uint(2*n))
	g.slots = slices.Grow(g.slots[:0], size)[:size]
	clear(g.slots)
	g.next = slices.Grow(g.next[:0], n)[:n]
	clear(g.next)
	g.first, g.head, g.tail = g.first[:0], g.head[:0], g.tail[:0]
	for i := range n {
		row := in.Row(i)
		at := int(k.hashes[row]) & (size - 1)
		for g.slots[at] != 0 && !k.same(int(g.first[g.slots[at]-1]), row) {
			at = (at + 1) & (size - 1)
		}
		if group := g.slots[at]; group != 0 {
			g.next[g.tail[group-1]-1] = int32(i) + 1
			g.tail[group-1] = int32(i) + 1
			continue
		}
		g.first, g.head, g.tail = append(g.first, int32(row)), append(g.head, int32(i)+1), append(g.tail, int32(i)+1)
		g.slots[at] = int32(len(g.first))
	}
}
