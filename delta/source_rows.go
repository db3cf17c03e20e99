package delta

import (
	"context"
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/supervision"
)

// sourceRows makes batches of a stream of pieces. It is not changed once it is made.
type sourceRows struct {
	s          *Source
	t          *Table // with the pool of the stream
	o          connectors.OpenOptions
	mode       sourceMode
	rows, feed *scan
	places     []int // of the scans' columns in the batches given

	spanNames  []string // of the columns that are read for spans: those wanted, and the event time if it is none of them
	limits     parquet.Limits
	timeAt     int // of the event time in it
	spanSchema *batch.Schema
}

func (s *Source) rowsFor(o connectors.OpenOptions) (*sourceRows, error) {
	s.mu.Lock()
	r := &sourceRows{s: s, o: o, mode: s.mode()}
	s.mu.Unlock()
	with := s.table.o
	with.Pool = o.Pool
	r.t = &Table{log: &log.Log{Store: s.table.Store(), Limits: with.Limits, Pool: o.Pool}, o: with}
	names := []string{}
	for i, f := range s.read.Schema.Fields {
		if r.wanted(i) {
			names, r.places = append(names, f.Name), append(r.places, i)
		}
	}
	var err error
	limits := parquet.Limits{BatchRows: o.Rows}
	if r.rows, r.feed, err = r.t.changeScans(s.read, ScanOptions{Columns: names, Where: s.before(), Limits: limits}); err != nil {
		return nil, err
	}
	return r, r.order(names, limits)
}

func (r *sourceRows) wanted(i int) bool {
	return r.o.Columns == nil || i < len(r.o.Columns) && r.o.Columns[i]
}

// none returns a batch without rows.
func (r *sourceRows) none() *batch.Batch {
	return &batch.Batch{Schema: r.s.schema, Columns: make([]*batch.Column, len(r.s.schema.Fields))}
}

// read gives the rows of a piece from a row of its file on, until give returns false.
func (r *sourceRows) read(ctx context.Context, c *sourceCommit, version int64, p *sourcePiece, from int64, give func(sourceFound) bool) bool {
	if p.span != nil {
		return r.readSpan(ctx, c, version, p, from, give)
	}
	if p.net != nil {
		return r.readNet(ctx, c, version, p, give)
	}
	return r.t.readPiece(ctx, r.rows, r.feed, &p.piece, from, func(rows pieceRows, err error) bool {
		if err != nil {
			return give(sourceFound{err: err})
		}
		behind := rows.first + int64(rows.b.N)
		b, sel, err := r.make(rows.b, c, version, p)
		if err != nil {
			return give(sourceFound{err: err})
		}
		if b.N == 0 {
			b.Release()
			return true
		}
		return give(sourceFound{b: b, row: behind, file: p.add.Path, first: rows.first, sel: sel})
	})
}

// make turns a batch of a scan, which it takes over, into one of the stream. It returns which of the rows are in it, nil for all.
func (r *sourceRows) make(b *batch.Batch, c *sourceCommit, version int64, p *sourcePiece) (*batch.Batch, []int32, error) {
	out := &batch.Batch{Schema: r.s.schema, Columns: make([]*batch.Column, len(r.s.schema.Fields)), N: b.N, Sel: b.Sel}
	for i, at := range r.places {
		out.Columns[at] = b.Columns[i]
	}
	var types *batch.Column
	if p.kind == pieceFeed {
		types = b.Columns[len(r.places)]
	}
	var err error
	switch {
	case r.mode == modeFeed:
		r.tell(out, c, version, p, types)
	case p.kind == pieceFeed:
		err = kindsOf(out, types, p.only)
		types.Release()
	case p.kind == pieceDelete:
		out.Kinds = make([]batch.RowKind, out.N)
		for i := range out.Kinds {
			out.Kinds[i] = batch.Delete
		}
	}
	if err != nil || out.Sel == nil {
		return out, nil, err
	}
	dense, sel := out.Gather(r.o.Pool, out.Sel), out.Sel
	out.Release()
	return dense, sel, nil
}

// tell adds the columns of a change feed that are wanted.
func (r *sourceRows) tell(out *batch.Batch, c *sourceCommit, version int64, p *sourcePiece, types *batch.Column) {
	at := len(r.s.read.Schema.Fields)
	if types == nil {
		types = batch.NewConst(r.o.Pool, batch.StringType, []byte(p.kind.changeType()), out.N)
	}
	numbers := [2]int64{version, c.time * 1000}
	for i, f := range changeFields {
		switch {
		case i == 0 && r.wanted(at):
			out.Columns[at] = types
		case i == 0:
			types.Release()
		case r.wanted(at + i):
			col := r.o.Pool.NewColumn(f.Type, out.N)
			for row := range col.I64 {
				col.I64[row] = numbers[i-1]
			}
			out.Columns[at+i] = col
		}
	}
}

// changeKinds are the kinds of rows by the type of their change.
var changeKinds = map[string]batch.RowKind{"insert": batch.Insert, "update_preimage": batch.UpdateBefore, "update_postimage": batch.UpdateAfter, "delete": batch.Delete}

// kindsOf gives rows the kinds that a change file says, and selects those that are wanted now.
func kindsOf(out *batch.Batch, types *batch.Column, only sidesOf) error {
	out.Kinds = make([]batch.RowKind, out.N)
	sel := make([]int32, 0, out.N)
	for i := range out.N {
		kind, known := changeKinds[string(types.Bytes(i))]
		if !known || types.IsNull(i) {
			return &supervision.Failure{Kind: supervision.Fatal, Class: "DELTAIC_CHANGE_TYPE_UNKNOWN",
				Message: fmt.Sprintf("a change file says %q of a row; insert, update_preimage, update_postimage and delete are known", types.Bytes(i)),
				Hint:    "set readChangeFeed to read the rows with what the files say"}
		}
		out.Kinds[i] = kind
		if gone := kind == batch.UpdateBefore || kind == batch.Delete; only == allRows || gone == (only == takenBack) {
			sel = append(sel, int32(i))
		}
	}
	out.Sel = sel
	return nil
}
