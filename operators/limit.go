package operators

import (
	"math"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// Limit passes on the first n rows: of the stream, for ever, which is Spark's limit in append
// mode; or of each epoch, whose rows are a complete result. It runs in one task.
type Limit struct {
	Base
	n      int64
	each   bool
	table  *state.Table
	passed int64
	rows   [1]uint32
}

// NewLimit returns the operator that passes on the first n rows of the stream.
func NewLimit(n int64) (*Limit, error) { return newLimit(n, false) }

// NewLimitEach returns the operator that passes on the first n rows of each epoch.
func NewLimitEach(n int64) (*Limit, error) { return newLimit(n, true) }

func newLimit(n int64, each bool) (*Limit, error) {
	if n < 0 || n > math.MaxInt32 {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_LIMIT_LIKE_EXPRESSION",
			Message: "a limit must not be negative nor above 2147483647", Hint: "leave it out if all rows are wanted"}
	}
	return &Limit{n: n, each: each}, nil
}

// Open finds how many rows have passed.
func (l *Limit) Open(c *Context) (err error) {
	l.Context = c
	if l.each {
		return nil
	}
	if l.table, err = c.State.Table(state.Spec{Name: "limit", Keys: []state.Column{}, Values: []state.Column{{Name: "passed", Type: batch.BigIntType}}}); err != nil {
		return err
	}
	segment := l.table.Lookup(0)
	if segment == nil {
		return nil
	}
	return segment.Scan(func(rows []uint32) error {
		l.passed = int64(segment.Words(0).At(rows[0]))
		return nil
	})
}

// Process passes on what is left of the limit.
func (l *Limit) Process(in *batch.Batch, _ int, out Output) error {
	if err := insertsOnly(in, l.Context.Step, "limit"); err != nil {
		return err
	}
	left := l.n - l.passed
	if left <= 0 || in.Rows() == 0 {
		return nil
	}
	some := in.Retain()
	if int64(in.Rows()) > left {
		rows := make([]int32, left)
		for i := range rows {
			rows[i] = int32(in.Row(i))
		}
		some.Sel = rows
	}
	l.passed += int64(some.Rows())
	return out.Emit(some)
}

// Flush keeps the number of rows that have passed, or begins anew.
func (l *Limit) Flush(Output) error {
	if l.each {
		l.passed = 0
		return nil
	}
	if l.passed == 0 {
		return nil
	}
	segment := l.table.Segment(0)
	if err := segment.Upsert(nil, nil, 1, batch.Hash(nil, 1, nil), l.rows[:], nil); err != nil {
		return err
	}
	if w := segment.Words(0); w.At(l.rows[0]) != uint64(l.passed) {
		w.Set(l.rows[0], uint64(l.passed))
		segment.Touch(l.rows[:])
	}
	return nil
}
