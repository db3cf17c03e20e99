package connectortest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

// Target is a sink and how to look at it from outside.
type Target struct {
	Sink connectors.Sink
	// Count returns the rows that can be seen.
	Count func() int64
	// Content returns the values of column n (see [SinkSchema]) of the rows that
	// can be seen, in any order; nil if the sink cannot say.
	Content func() []int64
	// Reopen returns the sink as a new process would find it; nil if its
	// output does not outlive the process.
	Reopen func(t *testing.T) Target
}

// SinkSchema is the schema of the rows that the kit writes.
var SinkSchema = batch.NewSchema(
	batch.Field{Name: "n", Type: batch.BigIntType},
	batch.Field{Name: "name", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "amount", Type: batch.DoubleType, Nullable: true},
)

// SinkFactory makes an empty sink with its way of looking at it. The kit closes it.
type SinkFactory func(t *testing.T) Target

// Sink runs the contract of sinks in append mode.
func Sink(t *testing.T, newSink SinkFactory) {
	t.Helper()
	k := &sinkKit{newSink}
	t.Run("nothing is seen before commit", k.invisible)
	t.Run("a repeated commit changes nothing", k.repeat)
	t.Run("abort leaves nothing", k.abort)
	t.Run("two shares make one epoch", k.shares)
	t.Run("empty epochs", k.empty)
	t.Run("finish runs beside the next epoch's writes", k.beside)
	t.Run("selections and lent buffers", k.borrowed)
	t.Run("a new attempt goes on", k.attempts)
}

type sinkKit struct{ newSink SinkFactory }

const sinkIncarnation = "0198f6a0-0000-7000-8000-000000000001"

// attempt is one attempt at a sink: its shares and what it committed.
type attempt struct {
	t       *testing.T
	target  Target
	number  int64
	writers []connectors.Writer
	pool    *batch.Pool
}

func (k *sinkKit) begin(t *testing.T, target Target, number int64, shares int) *attempt {
	t.Helper()
	a := &attempt{t: t, target: target, number: number, pool: batch.NewPool()}
	ctx := within(t)
	if err := target.Sink.Bind(ctx, SinkSchema, connectors.Append); err != nil {
		t.Fatalf("Bind: %v", err)
	}
	for i := range shares {
		w, err := target.Sink.Writer(ctx, connectors.Share{
			Flow: "kit", Incarnation: sinkIncarnation, Attempt: number, Index: i, Count: shares, Pool: a.pool,
		})
		if err != nil {
			t.Fatalf("Writer: %v", err)
		}
		a.writers = append(a.writers, w)
	}
	return a
}

func (k *sinkKit) target(t *testing.T) Target {
	t.Helper()
	target := k.newSink(t)
	t.Cleanup(func() {
		if err := target.Sink.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	if target.Sink.Description() == "" {
		t.Error("Description is empty")
	}
	return target
}

// rows makes a batch of the numbers from..to-1.
func (a *attempt) rows(from, to int64) *batch.Batch {
	n, name, amount := batch.NewBuilder(batch.BigIntType, a.pool), batch.NewBuilder(batch.StringType, a.pool), batch.NewBuilder(batch.DoubleType, a.pool)
	for i := from; i < to; i++ {
		n.Int64(i)
		if i%5 == 0 {
			name.Null()
		} else {
			name.String(fmt.Sprint("name ", i))
		}
		amount.Float64(float64(i) / 4)
	}
	b := batch.NewBatch(SinkSchema, int(to-from), n.Finish(), name.Finish(), amount.Finish())
	for _, builder := range []*batch.Builder{n, name, amount} {
		builder.Release()
	}
	return b
}

func (a *attempt) write(share int, from, to int64) {
	a.t.Helper()
	b := a.rows(from, to)
	defer b.Release()
	if err := a.writers[share].Write(within(a.t), b); err != nil {
		a.t.Fatalf("Write: %v", err)
	}
}

func (a *attempt) seal(share int, epoch int64) connectors.Sealed {
	a.t.Helper()
	s, err := a.writers[share].Seal(epoch)
	if err != nil {
		a.t.Fatalf("Seal: %v", err)
	}
	return s
}

func finish(t *testing.T, sealed ...connectors.Sealed) (all []connectors.Prepared) {
	t.Helper()
	for _, s := range sealed {
		if s == nil {
			continue
		}
		p, err := s.Finish(within(t))
		if err != nil {
			t.Fatalf("Finish: %v", err)
		}
		all = append(all, p)
	}
	return all
}

func (a *attempt) commit(epoch int64, prepared ...connectors.Prepared) connectors.Committed {
	a.t.Helper()
	c, err := a.target.Sink.Commit(within(a.t), connectors.Commit{
		Flow: "kit", Incarnation: sinkIncarnation, Epoch: epoch, Attempt: a.number, QueryID: "kit", Time: 1_700_000_000_000_000, Prepared: prepared,
	})
	if err != nil {
		a.t.Fatalf("Commit of epoch %d: %v", epoch, err)
	}
	return c
}

// stored passes prepared output through JSON, as a manifest does, if the sink is durable.
func (a *attempt) stored(prepared []connectors.Prepared) []connectors.Prepared {
	a.t.Helper()
	if !a.target.Sink.Durable() {
		return prepared
	}
	text, err := json.Marshal(prepared)
	if err != nil {
		a.t.Fatalf("what was prepared is no JSON: %v", err)
	}
	var back []connectors.Prepared
	if err := json.Unmarshal(text, &back); err != nil {
		a.t.Fatal(err)
	}
	return back
}

// sees checks that exactly the numbers 0..rows-1 can be seen, each once.
func sees(t *testing.T, target Target, rows int64) {
	t.Helper()
	if n := target.Count(); n != rows {
		t.Errorf("%d rows can be seen, want %d", n, rows)
	}
	if target.Content == nil {
		return
	}
	got := target.Content()
	slices.Sort(got)
	for i, n := range got {
		if n != int64(i) {
			t.Errorf("the %d. number seen is %d", i, n)
			return
		}
	}
}

func (k *sinkKit) invisible(t *testing.T) {
	target := k.target(t)
	a := k.begin(t, target, 1, 1)
	sees(t, target, 0)
	a.write(0, 0, 100)
	sees(t, target, 0)
	s := a.seal(0, 0)
	sees(t, target, 0)
	p := finish(t, s)
	sees(t, target, 0)
	if len(p) != 1 || p[0].Rows != 100 {
		t.Errorf("prepared %+v, want 100 rows", p)
	}
	if c := a.commit(0, a.stored(p)...); c.Repeat {
		t.Error("the first commit is called a repeat")
	}
	sees(t, target, 100)
}

func (k *sinkKit) repeat(t *testing.T) {
	target := k.target(t)
	a := k.begin(t, target, 1, 1)
	var first []connectors.Prepared
	for epoch := range int64(3) {
		a.write(0, epoch*10, epoch*10+10)
		p := a.stored(finish(t, a.seal(0, epoch)))
		if epoch == 0 {
			first = p
		}
		a.commit(epoch, p...)
		if c := a.commit(epoch, p...); !c.Repeat {
			t.Errorf("the second commit of epoch %d is not called a repeat", epoch)
		}
		sees(t, target, epoch*10+10)
	}
	// An older one, which the engine never commits again, changes nothing either; it may be refused.
	_, _ = target.Sink.Commit(within(t), connectors.Commit{Flow: "kit", Incarnation: sinkIncarnation, Epoch: 0, Attempt: a.number, QueryID: "kit", Time: 1_700_000_000_000_000, Prepared: first})
	sees(t, target, 30)
}

func (k *sinkKit) abort(t *testing.T) {
	target := k.target(t)
	a := k.begin(t, target, 1, 1)
	a.write(0, 1000, 1100)
	a.writers[0].Abort()
	sees(t, target, 0)
	lost := k.begin(t, target, 2, 1)
	lost.write(0, 2000, 2100)
	finish(t, lost.seal(0, 0)) // prepared and never committed
	lost.writers[0].Abort()
	a = k.begin(t, target, 3, 1)
	a.write(0, 0, 50)
	a.commit(0, a.stored(finish(t, a.seal(0, 0)))...)
	sees(t, target, 50)
}

func (k *sinkKit) shares(t *testing.T) {
	target := k.target(t)
	a := k.begin(t, target, 1, 2)
	for epoch := range int64(3) {
		at := epoch * 30
		a.write(0, at, at+10)
		a.write(1, at+10, at+25)
		a.write(0, at+25, at+30)
		p := finish(t, a.seal(1, epoch), a.seal(0, epoch))
		sees(t, target, at)
		a.commit(epoch, a.stored(p)...)
		sees(t, target, at+30)
	}
}

func (k *sinkKit) empty(t *testing.T) {
	target := k.target(t)
	a := k.begin(t, target, 1, 2)
	p := finish(t, a.seal(0, 0), a.seal(1, 0))
	a.commit(0, a.stored(p)...)
	sees(t, target, 0)
	a.write(1, 0, 7) // one share has rows, the other none
	a.write(0, 7, 7)
	a.commit(1, a.stored(finish(t, a.seal(0, 1), a.seal(1, 1)))...)
	sees(t, target, 7)
	a.commit(2)
	sees(t, target, 7)
}

func (k *sinkKit) beside(t *testing.T) {
	target := k.target(t)
	a := k.begin(t, target, 1, 1)
	const epochs, each = 8, 200
	type result struct {
		p   connectors.Prepared
		err error
	}
	ready := make(chan result, 1)
	for epoch := range int64(epochs) {
		a.write(0, epoch*each, epoch*each+each/2)
		if epoch > 0 { // the previous epoch was being finished while this one was written
			r := <-ready
			if r.err != nil {
				t.Fatalf("Finish: %v", r.err)
			}
			a.commit(epoch-1, a.stored([]connectors.Prepared{r.p})...)
			sees(t, target, epoch*each)
		}
		a.write(0, epoch*each+each/2, epoch*each+each)
		sealed := a.seal(0, epoch)
		go func(ctx context.Context) {
			p, err := sealed.Finish(ctx)
			ready <- result{p, err}
		}(within(t))
	}
	r := <-ready
	if r.err != nil {
		t.Fatalf("Finish: %v", r.err)
	}
	a.commit(epochs-1, a.stored([]connectors.Prepared{r.p})...)
	sees(t, target, epochs*each)
}

// borrowed writes a batch of which only some rows count, and gives its buffers
// back before the epoch is sealed.
func (k *sinkKit) borrowed(t *testing.T) {
	target := k.target(t)
	a := k.begin(t, target, 1, 1)
	b := a.rows(-1, 21)
	for i := int32(1); i <= 20; i++ {
		b.Sel = append(b.Sel, i)
	}
	if err := a.writers[0].Write(within(t), b); err != nil {
		t.Fatal(err)
	}
	b.Release()
	for range 3 { // others get the same buffers
		a.rows(500, 522).Release()
	}
	a.commit(0, a.stored(finish(t, a.seal(0, 0)))...)
	sees(t, target, 20)
	if n := a.pool.Lent(); n != 0 {
		t.Errorf("%d columns were not released", n)
	}
}

func (k *sinkKit) attempts(t *testing.T) {
	target := k.target(t)
	a := k.begin(t, target, 1, 1)
	a.write(0, 0, 10)
	p := a.stored(finish(t, a.seal(0, 0)))
	a.commit(0, p...)
	a.write(0, 900, 910) // the attempt dies here
	if target.Reopen != nil {
		target = target.Reopen(t)
		sees(t, target, 10)
	} else {
		a.writers[0].Abort()
	}
	b := k.begin(t, target, 2, 3)
	if c := b.commit(0, p...); !c.Repeat {
		t.Error("rolling a decided epoch forward again is not called a repeat")
	}
	b.write(2, 10, 20)
	b.write(0, 20, 25)
	b.commit(1, b.stored(finish(t, b.seal(0, 1), b.seal(1, 1), b.seal(2, 1)))...)
	sees(t, target, 25)
}
