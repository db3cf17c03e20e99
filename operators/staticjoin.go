package operators

import (
	"context"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/supervision"
)

// JoinType says which rows a join passes on.
type JoinType string

// The joins of a stream with a static table: those that need no memory of the stream. A right
// or full join would have to know which rows of the table no row of the stream will ever match.
const (
	InnerJoin JoinType = "inner"
	LeftJoin  JoinType = "left"
	SemiJoin  JoinType = "leftsemi"
	AntiJoin  JoinType = "leftanti"
)

// StaticJoin joins rows with a static table as it is in the epoch: the table's newest
// version is looked up before each epoch's first row. It keeps no state. Rows of
// the stream stay in order, except that rows of a left join that only a further condition
// leaves without a match come behind the others of their batch.
type StaticJoin struct {
	evaluation
	o      JoinPlan
	side   *StaticSide
	rows   *staticRows
	joined *batch.Schema // the stream's columns, then the table's
	match  []int32       // of each physical row: the first row of the table
	pairs  pairs
	hashes []uint64
}

// pairs are rows of the stream and rows of the table that belong together.
type pairs struct{ stream, table []int32 }

// joinRows bounds the rows of one batch that StaticJoin makes.
const joinRows = 8192

// NewStaticJoin returns the operator of one task. The side is shared by all tasks of the step.
func NewStaticJoin(side *StaticSide, plan *JoinPlan) *StaticJoin {
	return &StaticJoin{o: *plan, side: side, joined: plan.joined}
}

// Schema returns the columns of what is emitted.
func (j *StaticJoin) Schema() *batch.Schema { return j.o.Schema }

// Prepare looks up the newest version of the table for an epoch.
func (j *StaticJoin) Prepare(epoch int64) func(context.Context) error {
	return func(ctx context.Context) error {
		rows, err := j.side.at(ctx, epoch, j.Context.Pool)
		if err != nil {
			return err
		}
		j.side.done(j.rows)
		j.rows = rows
		return nil
	}
}

// Close gives the table back.
func (j *StaticJoin) Close() error {
	j.side.done(j.rows)
	j.rows = nil
	return nil
}

// Process emits the rows with what they match.
func (j *StaticJoin) Process(in *batch.Batch, _ int, out Output) error {
	if in.Rows() == 0 {
		return nil
	}
	if j.rows == nil {
		return supervision.New(supervision.Restart, "INTERNAL_ERROR", "step %s got rows before its static table", j.Context.Step)
	}
	j.begin()
	keys, err := expr.EvalAll(&j.expression, j.o.StreamKeys, in)
	if err != nil {
		return err
	}
	defer releaseAll(keys)
	if err := j.reject(in, out); err != nil {
		return err
	}
	alive := in.Retain()
	defer alive.Release()
	alive.Sel = j.survivors(in)
	j.hashes = batch.Hash(keys, in.N, j.hashes)
	several := j.firsts(alive, keys)
	if j.o.Residual != nil {
		return j.conditional(alive, keys, out)
	}
	switch {
	case j.o.Type == SemiJoin || j.o.Type == AntiJoin:
		return j.chosen(alive, func(r int) bool { return (j.match[r] != 0) == (j.o.Type == SemiJoin) }, out)
	case !several:
		return j.single(alive, out)
	}
	return j.all(alive, keys, out)
}

// firsts finds the first match of each row, and reports whether one has several.
func (j *StaticJoin) firsts(in *batch.Batch, keys []*batch.Column) (several bool) {
	j.match = slices.Grow(j.match[:0], in.N)[:in.N]
	clear(j.match)
	for i := range in.Rows() {
		r := in.Row(i)
		if anyNull(keys, r) {
			continue
		}
		h := j.hashes[r]
		j.match[r] = j.rows.find(j.rows.head(h), h, keys, r)
		if m := j.match[r]; m != 0 && !several {
			several = j.rows.find(j.rows.next[m-1], h, keys, r) != 0
		}
	}
	return several
}

// chosen passes on rows as they are.
func (j *StaticJoin) chosen(in *batch.Batch, keep func(row int) bool, out Output) error {
	pool := j.Context.Pool
	bits := batch.Bitmap(pool.Words(batch.BitmapWords(in.N)))
	defer pool.PutWords(bits)
	for i := range in.Rows() {
		if r := in.Row(i); keep(r) {
			bits.Set(r)
		}
	}
	return emitRows(pool, in, bits, out)
}

// single emits rows that match at most one: the stream's columns go on as they are.
func (j *StaticJoin) single(in *batch.Batch, out Output) error {
	wide := in.Retain()
	wide.Schema = j.joined
	for i := range j.match {
		j.match[i]-- // now the row, -1 for none
	}
	kept := batch.Bitmap(j.Context.Pool.Words(batch.BitmapWords(in.N)))
	defer j.Context.Pool.PutWords(kept)
	for i := range in.Rows() {
		if r := in.Row(i); j.match[r] >= 0 || j.o.Type == LeftJoin {
			kept.Set(r)
		}
	}
	if kept.Count(in.N) < wide.Rows() {
		wide.Sel = kept.Rows(in.N, make([]int32, 0, in.N))
	}
	if wide.Rows() == 0 {
		wide.Release()
		return nil
	}
	if wide.Rows()*sparse < wide.N { // as emitRows, so that the table's columns are gathered for few
		few := wide.Gather(j.Context.Pool, wide.Sel)
		matches := j.Context.Pool.Rows(len(wide.Sel))
		for _, r := range wide.Sel {
			matches = append(matches, j.match[r])
		}
		defer j.Context.Pool.PutRows(matches)
		wide.Release()
		return j.emit(few, matches, out)
	}
	return j.emit(wide, j.match, out)
}

// emit passes on rows, which it takes over, each with the row of the table that it matches, -1 for null.
func (j *StaticJoin) emit(rows *batch.Batch, matches []int32, out Output) error {
	defer rows.Release()
	made := *rows
	made.Schema, made.Columns = j.o.Schema, make([]*batch.Column, 0, len(j.o.Output))
	for _, c := range j.o.Output {
		if c < j.o.stream {
			made.Columns = append(made.Columns, rows.Columns[c].Retain())
		} else {
			made.Columns = append(made.Columns, gatherOuter(j.Context.Pool, j.rows.rows.Columns[c-j.o.stream], matches))
		}
	}
	return out.Emit(&made)
}

// all emits every pair.
func (j *StaticJoin) all(in *batch.Batch, keys []*batch.Column, out Output) error {
	return j.eachPair(in, keys, j.o.Type == LeftJoin, func() error {
		return j.emit(in.Gather(j.Context.Pool, j.pairs.stream), j.pairs.table, out)
	})
}

// eachPair calls f with the pairs of the batch, a bounded number at a time. Rows without a match are paired with -1
// if they are wanted.
func (j *StaticJoin) eachPair(in *batch.Batch, keys []*batch.Column, unmatched bool, f func() error) error {
	p := &j.pairs
	p.stream, p.table = p.stream[:0], p.table[:0]
	add := func(r, match int32) error {
		p.stream, p.table = append(p.stream, r), append(p.table, match)
		if len(p.stream) < joinRows {
			return nil
		}
		err := f()
		p.stream, p.table = p.stream[:0], p.table[:0]
		return err
	}
	for i := range in.Rows() {
		r := in.Row(i)
		if j.match[r] == 0 && unmatched {
			if err := add(int32(r), -1); err != nil {
				return err
			}
		}
		for at := j.match[r]; at != 0; at = j.rows.find(j.rows.next[at-1], j.hashes[r], keys, r) {
			if err := add(int32(r), at-1); err != nil {
				return err
			}
		}
	}
	if len(p.stream) == 0 {
		return nil
	}
	return f()
}

// conditional joins where a pair must also satisfy a condition.
func (j *StaticJoin) conditional(in *batch.Batch, keys []*batch.Column, out Output) error {
	pool := j.Context.Pool
	matched := batch.Bitmap(pool.Words(batch.BitmapWords(in.N)))
	defer pool.PutWords(matched)
	err := j.eachPair(in, keys, false, func() error {
		rows, matches, err := j.satisfied(in, out)
		if err != nil {
			return err
		}
		for _, r := range rows {
			matched.Set(int(r))
		}
		if len(rows) == 0 || j.o.Type == SemiJoin || j.o.Type == AntiJoin {
			return nil
		}
		return j.emit(in.Gather(pool, rows), matches, out)
	})
	if err != nil {
		return err
	}
	switch j.o.Type {
	case SemiJoin:
		return j.chosen(in, matched.Get, out)
	case AntiJoin:
		return j.chosen(in, func(r int) bool { return !matched.Get(r) }, out)
	case InnerJoin:
		return nil
	}
	alone := pool.Rows(in.N)
	defer func() { pool.PutRows(alone) }()
	for i := range in.Rows() {
		if r := in.Row(i); !matched.Get(r) {
			alone = append(alone, int32(r))
		}
	}
	if len(alone) == 0 {
		return nil
	}
	return j.emit(in.Gather(pool, alone), slices.Repeat([]int32{-1}, len(alone)), out)
}

// satisfied returns the pairs that satisfy the condition. A pair for which it fails rejects its row.
func (j *StaticJoin) satisfied(in *batch.Batch, out Output) (rows, matches []int32, err error) {
	pool := j.Context.Pool
	wide := in.Gather(pool, j.pairs.stream)
	defer func() { wide.Release() }()
	wide.Schema = j.joined
	for _, c := range j.rows.rows.Columns {
		wide.Columns = append(wide.Columns, batch.Gather(pool, c, j.pairs.table))
	}
	j.begin()
	verdict, err := j.o.Residual.Eval(&j.expression, wide)
	if err != nil {
		return nil, nil, err
	}
	keep := batch.Bitmap(pool.Words(batch.BitmapWords(wide.N)))
	defer pool.PutWords(keep)
	isTrue(verdict, wide, keep)
	verdict.Release()
	if err := j.reject(wide, out); err != nil {
		return nil, nil, err
	}
	for _, r := range j.expression.Rejected {
		keep.Clear(int(r.Row))
	}
	for i := range wide.N {
		if keep.Get(i) {
			rows, matches = append(rows, j.pairs.stream[i]), append(matches, j.pairs.table[i])
		}
	}
	return rows, matches, nil
}

// valid refuses joins that need memory of the stream.
func (t JoinType) valid() error {
	switch t {
	case InnerJoin, LeftJoin, SemiJoin, AntiJoin:
		return nil
	}
	return &supervision.Failure{Kind: supervision.Fatal, Class: "STREAM_STATIC_JOIN_UNSUPPORTED",
		Message: fmt.Sprintf("a stream cannot be joined with a static table by a %s join: which rows of the table match no row is known only when the stream has ended", t),
		Hint:    "use an inner, left, leftsemi or leftanti join with the stream on the left"}
}
