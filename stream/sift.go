package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// Sifted are the rows of a replay that cannot go back.
type Sifted struct {
	Rows  []int64 // their offsets in Replay.Rows, ascending by batch
	First string  // why the first of them cannot
}

// Sift reads the rows of a replay, repairs them, and tells which of them can be neither read back nor repaired: they are to be left out, so that
// they wait on as they are for a better repair. A run that meets one fails, and marks nothing. Rows that do not belong where they would
// go, because the step is given other columns now or rows that do not change any more, are an error of class QUARANTINE_NOT_REPLAYABLE. Nothing is written. now is the
// time that the repair sees.
func (f *Flow) Sift(ctx context.Context, r Replay, now time.Time) (Sifted, error) {
	c := *f
	c.replay = nil
	g, err := c.Build()
	if err != nil {
		return Sifted{}, err
	}
	c.replay = &r
	made := c.replayer(g)
	if err = made.places(); err == nil {
		_, err = made.run()
	}
	if err != nil {
		return Sifted{}, err
	}
	s := &sifter{flow: &c, now: now.UnixMicro()}
	for _, e := range made.entries {
		if err := s.way(ctx, e, r.Rows); err != nil {
			return Sifted{}, err
		}
	}
	return s.Sifted, nil
}

// sifter is the output of steps that are tried: what they reject is noted.
type sifter struct {
	Sifted
	flow  *Flow
	entry entry
	now   int64              // for the repair
	next  operators.Operator // nil: nothing comes behind
}

// way tries one way into the flow with all rows; it takes its own.
func (s *sifter) way(ctx context.Context, e entry, rows connectors.Source) error {
	s.entry, s.next = e, nil
	context := &operators.Context{Step: e.name, Pool: batch.NewPool(), Epoch: &operators.Epoch{Now: s.now}}
	read := e.read.Operator()
	if err := read.Open(context); err != nil {
		return err
	}
	defer read.Close()
	if e.repair != nil {
		repair := e.repair.Operator()
		if err := repair.Open(context); err != nil {
			return err
		}
		defer repair.Close()
		s.next = repair
	}
	at, err := rows.Start(ctx, nil)
	if err != nil {
		return err
	}
	reader, err := rows.Open(ctx, at, connectors.OpenOptions{Pool: context.Pool})
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	for {
		f, err := reader.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		f.Batch.Origin.Split = make([]int32, f.Batch.N)
		err = read.Process(f.Batch, operators.PortFinal, s)
		f.Batch.Release()
		if err != nil {
			return err
		}
	}
}

// Emit goes on with the next step.
func (s *sifter) Emit(b *batch.Batch) error {
	defer b.Release()
	if s.next == nil {
		return nil
	}
	repair := s.next
	s.next = nil
	defer func() { s.next = repair }()
	return repair.Process(b, operators.PortFinal, s)
}

// EmitTo is Emit.
func (s *sifter) EmitTo(_ int, b *batch.Batch) error { return s.Emit(b) }

// Advance does nothing: these steps make no watermark.
func (s *sifter) Advance(int64) error { return nil }

// Late does nothing: these steps know no time.
func (s *sifter) Late(*batch.Batch, []int32, int64) error { return nil }

// Reject notes the rows.
func (s *sifter) Reject(in *batch.Batch, rows []operators.Rejected) error {
	for _, row := range rows {
		if row.Class == operators.ClassNotReplayable {
			return s.flow.unreplayable(fmt.Sprintf("step %q: row %s: %s", s.entry.name, s.id(in, row.Row), row.Message),
				"say with --with how the columns that are missing are made (\"*\" only leaves out what is too many), or leave the rows out with --where")
		}
		if s.First == "" {
			s.First = fmt.Sprintf("step %s: [%s] %s", s.entry.name, row.Class, row.Message)
		}
		s.Rows = append(s.Rows, in.Origin.Offset[row.Row])
	}
	return nil
}

// id names a row of the quarantine.
func (s *sifter) id(in *batch.Batch, row int32) string {
	if c := in.Columns[topology.QuarantineSchema.Index(topology.QuarantineKey)]; !c.IsNull(int(row)) {
		return string(c.Bytes(int(row)))
	}
	return "without an id"
}
